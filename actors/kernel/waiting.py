"""Waiting on Trio without a cancel scope, which would cost more than the message it waits for."""

from __future__ import annotations

import heapq
import itertools
import math
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

import trio
from trio.lowlevel import Abort, current_task, reschedule, wait_task_rescheduled

from actors.kernel.crossing import Home

if TYPE_CHECKING:
    from trio.lowlevel import RaiseCancelT, Task

    class Settling(Protocol):
        """What somebody waits for."""

        @property
        def settled(self) -> bool:
            """Whether it is there."""
            ...


class Patience:
    """Sees to it that a loop of quick work in one task lets the others have their turn.

    That is after 64 times or 1 ms, and it looks at the clock less often than it is asked.
    """

    __slots__ = ("_times", "_until")

    def __init__(self) -> None:
        self._times = 0
        self._until = 0.0

    def is_over(self) -> bool:
        """Count one time; true if the others' turn has come."""
        self._times = times = self._times + 1
        if times in _LOOKS:
            now = perf_counter()
            if times == 1:
                self._until = now + 0.001
            elif now > self._until or times >= _AT_MOST:
                self._times = 0
                return True
        return False


_AT_MOST = 64
_LOOKS = frozenset({1, 2, 4, *range(8, _AT_MOST + 1, 8)})


class Parked:
    """One task that waits to be woken, from any thread, at most once."""

    __slots__ = ("_home", "_task")

    def __init__(self) -> None:
        self._task: Task | None = current_task()
        self._home = Home()

    def wake(self) -> None:
        """Wake the task; nothing happens if it was woken or cancelled before."""
        if self._task is not None:
            self._home.call(self.wake_here)

    def wake_here(self) -> None:
        """Do so in the Trio thread."""
        task, self._task = self._task, None
        if task is not None:
            reschedule(task)

    async def wait(self) -> None:
        """Wait for it."""
        await wait_task_rescheduled(self._forget)

    def _forget(self, _raise_cancel: RaiseCancelT) -> Abort:
        self._task = None
        return Abort.SUCCEEDED


class Alarm:
    """Wakes whoever waits too long: one task and one deadline for all of a Trio run."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, Settling, Parked]] = []
        self._numbers = itertools.count()
        self._keep_up_to = 64
        self._scope = trio.CancelScope()

    def set(self, within: float, awaited: Settling, parked: Parked) -> None:
        """Wake `parked` in so many seconds, unless `awaited` is settled by then."""
        at = trio.current_time() + within
        heapq.heappush(self._entries, (at, next(self._numbers), awaited, parked))
        if at < self._scope.deadline:  # noqa: PLR1730 - Trio sorts anew with each assignment
            self._scope.deadline = at
        if len(self._entries) > self._keep_up_to:
            self._forget_settled()

    def _forget_settled(self) -> None:
        self._entries = [entry for entry in self._entries if not entry[2].settled]
        heapq.heapify(self._entries)
        # Twice what is left: each entry is looked at a bounded number of times.
        self._keep_up_to = max(64, 2 * len(self._entries))

    async def run(self) -> None:
        """Ring, for as long as the Trio run goes on."""
        while True:
            with self._scope:
                await trio.sleep_forever()
            now = trio.current_time()
            while self._entries and (self._entries[0][0] <= now or self._entries[0][2].settled):
                _, _, awaited, parked = heapq.heappop(self._entries)
                if not awaited.settled:
                    parked.wake_here()
            earliest = self._entries[0][0] if self._entries else math.inf
            self._scope = trio.CancelScope(deadline=earliest)


_alarms: trio.lowlevel.RunVar[Alarm] = trio.lowlevel.RunVar("_alarms")


def alarm() -> Alarm:
    """Return the alarm of this Trio run, which is made with its first use."""
    try:
        return _alarms.get()
    except LookupError:
        made = Alarm()
        _alarms.set(made)
        trio.lowlevel.spawn_system_task(made.run)
        return made
