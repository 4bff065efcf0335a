"""What a crew and the actors that it works for say to each other.

Plain numbers: in Python 3.11 looking up a member of an `Enum` takes as long as handling a message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    import contextlib

    import trio
    from trio.lowlevel import Abort, RaiseCancelT, Task

    from actors.kernel.cell import Cell
    from actors.kernel.exits import ExitReason

Pass: TypeAlias = Literal[0, 1, 2, 3]

IDLE: Final = 0
"""It is asleep until mail comes."""

MORE: Final = 1
"""Its time is up, and there is more to do."""

SUSPENDED: Final = 2
"""One of its hooks waits for something, in the task that it runs in."""

OVER: Final = 3
"""Its life is over."""


class Worker(Protocol):
    """A task of a crew, as the actor sees it that runs in it."""

    scope: trio.CancelScope
    beside: trio.Nursery
    held: contextlib.AsyncExitStack
    task: Task
    until: float


class Member(Protocol):
    """An actor, as its crew sees it."""

    needs_task: bool
    """It can't go on without a task of its own."""

    @property
    def name(self) -> str:
        """The name in addresses."""
        ...

    def wake(self) -> None:
        """Have a turn soon, if this actor is asleep."""

    def go_on_in(self, worker: Worker) -> Pass:
        """Have one turn, in the task of `worker`; raises only if that task is its own."""
        ...

    def leave(self, passed: Pass) -> None:
        """Go on without the worker: asleep, queued, or over."""

    def take_task(self, worker: Worker, passed: Pass) -> None:
        """Have the task of `worker` for oneself."""

    def can_do_without(self, worker: Worker) -> bool:
        """Give the task back, if nothing is open in it."""
        ...

    async def finish_hook(self) -> None:
        """Go on with the hook that waits, in the task that it began in, to its end."""

    def stay_awake(self, raise_cancel: RaiseCancelT, /) -> Abort:
        """Note that the rest was cancelled."""
        ...

    def end(self, error: BaseException | None, *, finished: bool) -> None:
        """End, and whoever lives below first."""

    async def end_in_passing(self) -> None:
        """End because nobody is left to work."""


class Life(Protocol):
    """An incarnation, as the place sees it where it is lived."""

    cell: Cell

    def kill(self, why: str) -> None:
        """End the life at once."""

    def report(self, reason: ExitReason) -> None:
        """Note the end and tell the supervisor."""
