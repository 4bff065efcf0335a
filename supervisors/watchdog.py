"""The watchdog: finds whatever blocks the Trio thread, where everybody lives."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, assert_never

import structlog
import trio
from typing_extensions import override

from actors.kernel.actor import Actor
from actors.kernel.messages import Reply, Request
from actors.kernel.redaction import redacted
from actors.kernel.sampling import Sampler, TurnWatch
from supervisors.stalls import BEAT_S, Lookout, Stall

if TYPE_CHECKING:
    from actors.kernel.incarnation import Incarnation

LOOK_S = 0.5
"""How often hung turns are looked for, and how long the times of one actor are taken."""

SAY_AGAIN_S = 60.0
"""A place that blocks again is logged again only after so long."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Responsiveness:
    """How soon the Trio thread took its turns since the watchdog started."""

    worst_ms: float
    """The longest time that something of ours blocked it, in milliseconds."""

    stalls: int
    """How often it was blocked for longer than the limit."""

    last_stack: str
    """Where, the last time: a line with the place, then the whole stack; empty if never."""

    samples: int
    """Turns that were measured, about a hundred a second."""

    pauses: int
    """How often the machine, not the bot, stood still for longer than the limit."""


@dataclass(frozen=True, slots=True)
class HowResponsive(Request[Responsiveness]):
    """Ask how well the Trio thread keeps up; the console sends this."""


WatchdogMessage: TypeAlias = HowResponsive


class WatchdogActor(Actor[WatchdogMessage]):
    """Watches the Trio thread from a thread of its own, which ends with each incarnation.

    It also ends turns that take longer than their actor's `turn_s`, by a kill.

    State: the figures since this incarnation started; a crash loses them.
    """

    def __init__(self, limit_s: float = 0.05) -> None:
        super().__init__()
        self._limit_s = limit_s
        self._lookout = Lookout(limit_s)
        self._stalls = 0
        self._last = ""
        self._said: dict[str, float] = {}

    @override
    async def pre_start(self) -> None:
        self._lookout.start()
        self.held.callback(self._lookout.end)
        self.spawn(self._beat)
        self.spawn(self._look)

    @override
    async def on_receive(self, message: WatchdogMessage) -> Reply[Any] | None:
        match message:
            case HowResponsive():
                return message.reply(
                    Responsiveness(
                        worst_ms=round(self._lookout.worst_s * 1000, 1),
                        stalls=self._stalls,
                        last_stack=self._last,
                        samples=self._lookout.samples,
                        pauses=self._lookout.pauses,
                    )
                )
            case _:
                assert_never(message)

    async def _look(self) -> None:
        """Sample how long turns take, and have whoever hangs in one killed."""
        directory = self._incarnation.directory
        sampler, watch = Sampler(directory), TurnWatch(directory)
        with contextlib.ExitStack() as looking:
            looking.callback(sampler.end)
            while True:
                sampler.move_on()
                for life, message in await watch.overdue():
                    _end_turn(life, message)
                await trio.sleep(LOOK_S)

    async def _beat(self) -> None:
        while True:
            self._lookout.beat()
            while self._lookout.found:
                self._note(self._lookout.found.popleft())
            await trio.sleep(BEAT_S)

    def _note(self, stall: Stall) -> None:
        self._stalls += 1
        self._last = f"{stall.place}\n{stall.stack}"
        now = trio.current_time()
        if now - self._said.get(stall.place, -SAY_AGAIN_S) >= SAY_AGAIN_S:
            self._said[stall.place] = now
            log.warning(
                "the Trio thread was blocked",
                blocked_ms=round(stall.blocked_s * 1000),
                limit_ms=round(self._limit_s * 1000),
                place=stall.place,
                stack=stall.stack,
            )


def _end_turn(life: Incarnation, message: object) -> None:
    limit_s, shown = life.cell.turn_s, redacted(message)
    log.error("a turn does not end", actor=life.cell.name, limit_s=limit_s, in_hand=shown)
    life.kill(f"its turn took longer than {limit_s:g} s, with {type(message).__name__} in hand")
