"""Looking into actors while they work, as OTP's `sys` does: see, trace, suspend and resume.

Everything here is for the Trio thread.
"""

from __future__ import annotations

import itertools
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import trio

from actors.kernel.crossing import Home
from actors.kernel.lens import lens_of
from actors.kernel.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.kernel.addresses import Directory
    from actors.kernel.cell import Cell
    from actors.kernel.system import ActorReport

WAITING_SHOWN = 1000
"""Messages that are looked at to say of what kinds they are."""

TRACED_AT_ONCE = 500
"""Turns that wait to be read; where more come, the oldest are left out and counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How long the turns of one kind of actor took, from samples."""

    samples: int
    p50_s: float
    p99_s: float
    worst_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorView:
    """Everything that an operator may know of one actor."""

    report: ActorReport
    capacity: float
    in_hand: str
    """The message that is being handled, redacted; empty between turns."""

    waiting: Mapping[str, int]
    """What waits, by type."""

    shown_state: Mapping[str, object]
    """What the actor shows of itself; empty while it does not run."""

    times: Times | None
    """Of all actors of its kind; null before the first sample."""

    turn_s: float
    """After so many seconds in one turn it is killed and started again; infinite for never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn that was traced."""

    at_utc_s: float
    """When it ended, as Unix time in seconds."""

    message: str
    """Redacted; of a batch its first message and how many more."""

    took_s: float
    error: str
    """Its type, empty if the turn ended well."""


def view(directory: Directory, cell: Cell) -> ActorView:
    """Look at one actor."""
    life = cell.incarnation
    body = None if life is None else life.body
    in_hand = None if body is None else body.in_hand()
    mail = cell.mailbox.peek(WAITING_SHOWN)
    return ActorView(
        report=cell.report(),
        capacity=cell.mailbox.capacity,
        in_hand="" if in_hand is None else redacted(in_hand),
        waiting=dict(Counter(type(each.message).__name__ for each in mail).most_common()),
        shown_state={} if body is None else _state_of(body),
        times=times_of(directory, cell.kind),
        turn_s=cell.turn_s,
    )


def times_of(directory: Directory, kind: str) -> Times | None:
    """Say how long the turns of one kind of actor take; null before the first sample."""
    times = directory.meter.times.get(kind)
    if times is None:
        return None
    return Times(
        samples=times.count,
        p50_s=times.quantile_s(0.5),
        p99_s=times.quantile_s(0.99),
        worst_s=times.worst_s,
    )


def _state_of(body: Any) -> Mapping[str, object]:
    try:
        return dict(body.shown_state())
    except Exception as error:  # noqa: BLE001 - to look at an actor must never end it
        return {"could not be read": type(error).__name__}


def suspend(cell: Cell) -> None:
    """Let mail wait from the next turn on, until `resume`, a stop or the end of this life."""
    cell.mailbox.suspended = True


def resume(cell: Cell) -> None:
    """Let the actor go on with its mail."""
    cell.mailbox.suspended = False
    cell.mailbox.ring()


class Trace:
    """The turns of one actor as they end, across restarts; made by entering the block.

    The buffer is bounded: what nobody reads in time is left out, and `missed` counts it.
    """

    def __init__(self, cell: Cell, clock: Any, at_most: int = TRACED_AT_ONCE) -> None:
        self._cell = cell
        self._clock = clock
        self._home = Home()
        self._turns: deque[Turn] = deque()
        self._at_most = at_most
        self._came = trio.Event()
        self._noted = itertools.count(1)
        self._total = 0
        self._read = 0

    def __enter__(self) -> Self:
        lens_of(self._cell).add(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if self._cell.lens is not None:
            self._cell.lens.remove(self._note)

    def _note(self, message: object, took_s: float, error: BaseException | None) -> None:
        # In the actor's thread; from here on only what is redacted is kept.
        turn = Turn(
            at_utc_s=self._clock(),
            message=_shown(message),
            took_s=took_s,
            error="" if error is None else type(error).__name__,
        )
        self._turns.append(turn)
        self._total = next(self._noted)
        while len(self._turns) > self._at_most:
            self._turns.popleft()
        self._home.call(self._came.set)

    @property
    def missed(self) -> int:
        """How many turns were left out, because nobody read them in time."""
        return self._total - self._read - len(self._turns)

    async def next(self) -> tuple[Turn, ...]:
        """Wait for turns and take all there are, oldest first."""
        await self._came.wait()
        self._came = trio.Event()
        taken: list[Turn] = []
        while self._turns:
            taken.append(self._turns.popleft())
        self._read += len(taken)
        return tuple(taken)


def _shown(message: object) -> str:
    deliveries: tuple[Any, ...] | None = getattr(message, "deliveries", None)
    if deliveries is None:
        return redacted(message)
    first = redacted(deliveries[0].message)
    return first if len(deliveries) == 1 else f"{first} and {len(deliveries) - 1} more"
