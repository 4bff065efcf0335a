"""Drills: harm done on purpose to one actor, and how long the tree takes to be whole again.

Whatever a drill puts in the way is taken away again however the drill ends.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import trio
from pykka._envelope import Envelope

from actors.kernel.errors import MailboxFullError
from actors.kernel.futures import ReplyFuture
from actors.kernel.lens import lens_of
from actors.kernel.system import ChildState, Notice

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from actors.kernel.addresses import Address, Directory
    from actors.kernel.cell import Cell
    from actors.kernel.incarnation import Incarnation
    from actors.kernel.messages import Request

LOOK_S = 0.002
"""How often it is looked whether the tree is whole; times are as exact as that."""

ASK_EVERY_S = 0.002
ASK_ON_S = 0.5
"""The bystander is asked for so long after the tree is whole: a short drill has few moments."""

ASK_WITHIN_S = 1.0

FLOOD_SLICE = 1000
REFUSALS_WANTED = 100
"""Messages that a full mailbox must refuse before a flood counts as one."""


class DrillMail(Notice):
    """A message of a drill; lost, it is no dead letter."""


class DrillImpossibleError(Exception):
    """The drill makes no sense on this actor; the text says why and what to do."""


@dataclass(slots=True)
class Bystander:
    """Asks an actor that the drill should not touch, again and again."""

    address: Address[Any]
    request: Request[Any]
    took_s: list[float] = field(default_factory=list[float])
    unanswered: int = 0

    async def ask_on(self) -> None:
        """Go on until cancelled."""
        while True:
            began = time.perf_counter()
            try:
                await self.address.ask(self.request, within=ASK_WITHIN_S)
            except Exception:  # noqa: BLE001 - whatever it is, it is what the drill wants to know
                self.unanswered += 1
            else:
                self.took_s.append(time.perf_counter() - began)
            await trio.sleep(ASK_EVERY_S)

    def report(self) -> dict[str, Any]:
        """Say how many asks were answered, and how soon."""
        ordered = sorted(self.took_s)
        return {
            "name": self.address.name,
            "answered": len(ordered),
            "unanswered": self.unanswered,
            "p50_ms": percentile_ms(ordered, 0.5),
            "p99_ms": percentile_ms(ordered, 0.99),
        }


def percentile_ms(ordered: list[float], share: float) -> float | None:
    """Return the time in ms that `share` of all stayed within; null if there are none.

    >>> percentile_ms([0.001, 0.002, 0.003, 0.004], 0.5), percentile_ms([], 0.5)
    (2.0, None)
    """
    if not ordered:
        return None
    place = max(0, math.ceil(share * len(ordered)) - 1)
    return round(ordered[place] * 1000, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What an operator wants to see."""

    what: str
    limit_s: float
    """The drill has failed if the tree is not whole after so long."""

    for_s: float
    """How long `slow` goes on."""

    each_s: float
    """How much `slow` adds to each turn."""


class Drill:
    """One drill on one actor."""

    def __init__(self, directory: Directory, cell: Cell, order: Order) -> None:
        self._directory, self._cell, self._order = directory, cell, order
        self._whole = [each.name for each in directory.cells() if _runs(each)]
        self.figures: dict[str, Any] = {}
        """What this kind of drill measures beside the rest."""

    def check(self) -> None:
        """See whether the drill can be.

        Raises:
            DrillImpossibleError: it makes no sense on this actor, or not now.

        """
        cell, what = self._cell, self._order.what
        if cell.incarnation is None or not _runs(cell):
            raise DrillImpossibleError(f"{cell.name} does not run now; try again")
        if cell.mailbox.suspended:
            raise DrillImpossibleError(f"{cell.name} is suspended; resume it first")
        if cell.lens is not None and cell.lens.obstacle is not None:
            raise DrillImpossibleError(f"a drill on {cell.name} is going on already")
        if what == "hang" and math.isinf(cell.turn_s):
            raise DrillImpossibleError(
                f"{cell.name} has no limit for a turn (turn_s), so nothing would heal a "
                "hang; choose an actor that has one, or another drill"
            )
        if what == "flood" and math.isinf(cell.mailbox.capacity):
            raise DrillImpossibleError(
                f"{cell.name} is a supervisor, whose mailbox has no bound; "
                "flood one of its children"
            )

    async def run(self) -> float | None:
        """Do the harm, wait until it is healed; return how long that took, null if it is not."""
        kinds: dict[str, Callable[[], Awaitable[float]]] = {
            "kill": self._kill,
            "hang": self._hang,
            "flood": self._flood,
            "slow": self._slow,
        }
        with trio.move_on_after(self._order.limit_s):
            return await kinds[self._order.what]()
        return None

    async def _kill(self) -> float:
        life = self._cell.incarnation
        began = trio.current_time()
        self._directory.crash(self._cell.name, "drill")
        await self._until_whole(life)
        return trio.current_time() - began

    async def _hang(self) -> float:
        life, hang = self._cell.incarnation, Hang()
        with self._in_the_way(hang):
            try:
                self._bait(life)
                await hang.struck()
                began = trio.current_time()
                await self._until_whole(life)
            finally:
                hang.let_go()
        return trio.current_time() - began

    async def _slow(self) -> float:
        slow, depth = Slow(self._order.each_s), self._cell.mailbox.depth()
        deepest = depth
        with self._in_the_way(slow):
            with trio.move_on_after(self._order.for_s):
                while True:
                    deepest = max(deepest, self._cell.mailbox.depth())
                    await trio.sleep(LOOK_S)
        began = trio.current_time()
        await self._until_drained(depth)
        await self._until_whole(None)
        self.figures = {"turns_slowed": slow.turns, "most_waiting": deepest}
        return trio.current_time() - began

    async def _flood(self) -> float:
        box = self._cell.mailbox
        depth, life = box.depth(), self._cell.incarnation
        box.suspended = True  # else it would be emptied while it is filled
        try:
            began = trio.current_time()
            accepted, refused = await self._fill()
            filled_s = trio.current_time() - began
        finally:
            if self._cell.incarnation is life:
                box.suspended = False
                box.ring()
        began = trio.current_time()
        await self._until_drained(depth)
        await self._until_whole(None)
        self.figures = {
            "accepted": accepted,
            "refused": refused,
            "filled_ms": round(filled_s * 1000, 1),
        }
        return trio.current_time() - began

    async def _fill(self) -> tuple[int, int]:
        """Put messages that nobody handles until the mailbox refuses enough of them."""
        nobody: ReplyFuture[None] = ReplyFuture()
        nobody.abandoned = True  # so that the reader drops them, whichever life it is of
        accepted = refused = 0
        while refused < REFUSALS_WANTED:
            for _ in range(FLOOD_SLICE):
                try:
                    self._cell.mailbox.put(Envelope(DrillMail(), reply_to=nobody))
                    accepted += 1
                except MailboxFullError:
                    refused += 1
                if refused >= REFUSALS_WANTED:
                    break
            await trio.lowlevel.checkpoint()
        return accepted, refused

    def _bait(self, life: Incarnation | None) -> None:
        """Give the actor something to do; a batch would have to hand it to its handler."""
        if life is not None and not hasattr(life.body, "on_batch"):
            self._cell.mailbox.put(Envelope(DrillMail(), reply_to=Bait(life)))

    @contextlib.contextmanager
    def _in_the_way(self, obstacle: Hang | Slow) -> Generator[None]:
        lens_of(self._cell).obstacle = obstacle
        try:
            yield
        finally:
            if self._cell.lens is not None:
                self._cell.lens.obstacle = None

    async def _until_whole(self, before: Incarnation | None) -> None:
        """Wait until the actor is in another life than `before` and everybody runs."""
        while True:
            if self._cell.incarnation is not before and _runs(self._cell) and self._all_run():
                return
            await trio.sleep(LOOK_S)

    def _all_run(self) -> bool:
        cells = (self._directory.find(name) for name in self._whole)
        return all(cell is not None and _runs(cell) for cell in cells)

    async def _until_drained(self, depth: int) -> None:
        while self._cell.mailbox.depth() > depth:  # noqa: ASYNC110 - a mailbox tells nobody
            await trio.sleep(LOOK_S)


def _runs(cell: Cell) -> bool:
    return cell.state is ChildState.RUNNING


class Bait(ReplyFuture[None]):
    """Is waited for by nobody as soon as the life that it is meant for is over.

    So no later life handles a message that it does not know.
    """

    def __init__(self, life: Incarnation) -> None:
        self._life = life
        super().__init__()

    @property
    def abandoned(self) -> bool:
        """Whether the message is to be dropped; asked at the moment it is taken."""
        return self._life.reason is not None

    @abandoned.setter
    def abandoned(self, _value: bool) -> None: ...


class Hang:
    """Keeps one turn from ending."""

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._struck = trio.Event()
        self._let_go = trio.Event()
        self._let_go_thread = threading.Event()
        self._once = False

    async def struck(self) -> None:
        """Wait until a turn hangs."""
        await self._struck.wait()

    def let_go(self) -> None:
        """Let the turn go on, if it still hangs."""
        self._let_go.set()
        self._let_go_thread.set()

    async def in_task(self, message: object) -> bool:
        """Hang in a task, which a kill cancels."""
        if not self._once:
            self._once = True
            self._struck.set()
            await self._let_go.wait()
        return isinstance(message, DrillMail)

    def in_thread(self, message: object) -> bool:
        """Hang in a thread, which nothing ends."""
        if not self._once:
            self._once = True
            self._token.run_sync_soon(self._struck.set)
            self._let_go_thread.wait()
        return isinstance(message, DrillMail)


class Slow:
    """Makes each turn take longer."""

    def __init__(self, each_s: float) -> None:
        self._each_s = each_s
        self.turns = 0

    async def in_task(self, message: object) -> bool:  # noqa: ARG002 - all turns are slowed
        """Wait in a task."""
        self.turns += 1
        await trio.sleep(self._each_s)
        return False

    def in_thread(self, message: object) -> bool:  # noqa: ARG002 - all turns are slowed
        """Wait in a thread."""
        self.turns += 1
        time.sleep(self._each_s)
        return False
