"""The crew: a run queue, and the few Trio tasks that work through it.

An actor has no task. When mail comes, its turn is queued; one worker leads and calls the
handlers, one after the other, with no pass of Trio's scheduler between them. A handler that
waits for something keeps the worker that it began on, because its cancel scopes were entered
in that task: the worker follows this actor, another one leads, and once the actor is idle and
has nothing open it needs no task again.

One crew serves a whole tree. It runs in the nursery that the root was started in, and is over
before the root counts as gone.
"""

from __future__ import annotations

import contextlib
import types
from collections import deque
from threading import get_ident
from time import perf_counter
from typing import TYPE_CHECKING, Any

import trio
from trio.lowlevel import Abort, current_task, reschedule, wait_task_rescheduled

from actors.kernel.causes import from_outside
from actors.kernel.crossing import Home
from actors.kernel.exits import Killed
from actors.kernel.passing import MORE, OVER, SUSPENDED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator
    from contextvars import Context

    from trio.lowlevel import RaiseCancelT, Task

    from actors.kernel.exits import ExitReason
    from actors.kernel.passing import Life, Member, Pass

SLICE_S = 0.001
"""Seconds after which other Trio tasks have their turn; measured on a flooded mailbox."""

LOOK_EVERY = 8
"""Turns between two looks at the clock, after the first few; a look costs as much as a turn."""

SPARE_WORKERS = 16
"""How many tasks are kept for the next handlers that wait."""


class Crew:
    """The run queue of one tree and its workers. For the Trio thread, except `call_in`."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.home = Home()
        self.thread = get_ident()
        self.queue: deque[Member] = deque()
        """Who has something to do and no task to do it in."""
        self.leading = True
        """A worker leads, or will at once; until the crew runs, there is nobody to appoint."""
        self.parked: list[Worker] = []
        self.nursery = nursery
        self._end: ExitReason | None = None
        self._inside: trio.Nursery | None = None
        self._early: list[tuple[Callable[..., Awaitable[object]], str]] = []
        self._called: deque[Member] = deque()
        self._calling = False
        self._done = trio.Event()
        self._closing = False

    @property
    def crew(self) -> Crew:
        """Itself: the root of a tree lives with its crew, all others below a supervisor."""
        return self

    def add(self, life: Life) -> None:
        """Start to work for the root of a tree."""
        self.nursery.start_soon(self._run, life, name=f"crew of {life.cell.name}")

    def close(
        self,
        life: Life,  # noqa: ARG002 - there is only one
        reason: ExitReason,
    ) -> None:
        """Go home: the root has ended, and so have all below it."""
        self._end = reason
        self._done.set()

    def start_soon(self, work: Callable[..., Awaitable[object]], name: str) -> None:
        """Run a task that ends with the crew."""
        if self._inside is None:
            self._early.append((work, name))
        else:
            self._inside.start_soon(work, name=name)

    def enqueue(self, actor: Member) -> None:
        """Queue an actor that has something to do."""
        self.queue.append(actor)
        if not self.leading:
            self.appoint()

    def hand_over(self) -> None:
        """Lead no more; somebody else does if there is anything to do."""
        self.leading = False
        if self.queue:
            self.appoint()

    def appoint(self) -> None:
        """Let somebody lead, unless it is time to go home."""
        if self._closing:
            return
        self.leading = True
        if self.parked:
            reschedule(self.parked.pop().task)
        else:
            self.start_soon(Worker(self).work, "worker")

    def call_in(self, actor: Member) -> None:
        """Wake an actor from another thread; many calls cross over together."""
        self._called.append(actor)
        if not self._calling:
            self._calling = True
            self.home.call(self._take_calls)

    def _take_calls(self) -> None:
        # Before any is taken: whoever still reads True has appended already, so it is seen here.
        self._calling = False
        while self._called:
            self._called.popleft().wake()

    async def _run(self, root: Life) -> None:
        try:
            async with trio.open_nursery() as self._inside:
                for work, name in self._early:
                    self.start_soon(work, name)
                self.appoint()
                try:
                    await self._done.wait()
                finally:
                    self._closing = True
                self._inside.cancel_scope.cancel("the root has ended")
        finally:
            # Cancelled from outside: nobody is left to work, but each life still has its end.
            root.kill("its supervisor ended")
            while self.queue:
                await self.queue.popleft().end_in_passing()
            root.report(self._end or Killed("its supervisor ended"))


class Worker:
    """One task of a crew: it leads, or follows one actor, or is parked."""

    def __init__(self, crew: Crew) -> None:
        self.crew = crew
        self.scope = trio.CancelScope()
        """Cancelled to kill the actor that is followed."""
        self.beside: trio.Nursery
        """For the work beside the mailbox of that actor."""
        self.held: contextlib.AsyncExitStack
        self.task: Task
        self.until = 0.0
        """When others have their turn, on the clock of `perf_counter`."""
        self._actor: Member | None = None

    async def work(self) -> None:
        """Work until there are spares enough, or an actor ends that was followed."""
        self.task = current_task()
        error: BaseException | None = None
        finished = False
        try:
            with self.scope:
                async with (
                    contextlib.AsyncExitStack() as self.held,
                    trio.open_nursery() as self.beside,
                ):
                    await self._lead_and_follow()
                    finished = True
                    self.beside.cancel_scope.cancel("the actor stopped")
        except BaseException as raised:
            error = raised
            if self._actor is None or from_outside(raised):
                raise
        finally:
            if self._actor is not None:
                self._actor.end(error, finished=finished)

    async def _lead_and_follow(self) -> None:
        crew = self.crew
        while True:
            actor, passed = await self._lead()
            self._bind(actor, passed)
            crew.hand_over()
            if not await self._follow(actor, passed):
                return
            self._actor = None
            if len(crew.parked) >= SPARE_WORKERS:
                return
            if crew.leading:
                await self._park()
            crew.leading = True

    async def _lead(self) -> tuple[Member, Pass]:
        """Let all have their turn, until one needs this task for itself."""
        crew, queue = self.crew, self.crew.queue
        self.until, turns = perf_counter() + SLICE_S, 0
        while True:
            while queue:
                actor = queue.popleft()
                passed = actor.go_on_in(self)
                if actor.needs_task:
                    return actor, passed
                actor.leave(passed)
                turns += 1
                if (turns <= LOOK_EVERY or not turns % LOOK_EVERY) and perf_counter() > self.until:
                    await trio.lowlevel.checkpoint()
                    self.until, turns = perf_counter() + SLICE_S, 0
            crew.leading = False
            await self._park()
            self.until, turns = perf_counter() + SLICE_S, 0

    def _bind(self, actor: Member, passed: Pass) -> None:
        self._actor = actor
        self.task.name = actor.name
        actor.take_task(self, passed)

    async def _follow(self, actor: Member, passed: Pass) -> bool:
        """Be the task of one actor; true once it needs none, false once its life is over."""
        while passed != OVER:
            if passed == SUSPENDED:
                await actor.finish_hook()
            elif passed == MORE:
                await trio.lowlevel.checkpoint()
            elif actor.can_do_without(self):
                self.task.name = "worker"
                return True
            else:
                await wait_task_rescheduled(actor.stay_awake)
            self.until = perf_counter() + SLICE_S
            passed = actor.go_on_in(self)
        return False

    async def _park(self) -> None:
        self.crew.parked.append(self)
        await wait_task_rescheduled(self._unpark)

    def _unpark(self, _raise_cancel: RaiseCancelT) -> Abort:
        self.crew.parked.remove(self)
        return Abort.SUCCEEDED


class Brood:
    """The lives below one supervisor; they end with it, and before it counts as gone."""

    def __init__(self, crew: Crew) -> None:
        self.crew = crew
        self.nursery = crew.nursery
        self._lives: set[Life] = set()
        self._then: Callable[[], object] | None = None

    def add(self, life: Life) -> None:
        """Take in a life that begins."""
        self._lives.add(life)

    def close(self, life: Life, reason: ExitReason) -> None:
        """Report a life that is over, and forget it."""
        life.report(reason)
        self._lives.discard(life)
        if self._then is not None and not self._lives:
            self._then()

    def end(self, then: Callable[[], object]) -> None:
        """Kill all, and call `then` once the last is gone."""
        self._then = then
        if not self._lives:
            then()
        for life in tuple(self._lives):
            life.kill("its supervisor ended")


UNBEGUN = object()
"""Stands for what a hook waits for that has not begun."""


class Hook:
    """A hook that waits for something: its coroutine, and what it waits for."""

    __slots__ = ("_context", "_coroutine", "_trap", "then")

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, Any],
        trap: object,
        context: Context,
        then: Callable[[Any], object],
    ) -> None:
        self._coroutine, self._trap, self._context = coroutine, trap, context
        self.then = then

    def drop(self) -> None:
        """Let go of it; one that has not begun would otherwise complain."""
        self._coroutine.close()

    @types.coroutine
    def finish(self) -> Generator[Any, Any, Any]:
        """Go on with it in this task, to its end; return what it returned."""
        coroutine, context, trap = self._coroutine, self._context, self._trap
        step: Callable[[Any], Any] = coroutine.send
        sent: Any = None
        while True:
            if trap is not UNBEGUN:
                try:
                    step, sent = coroutine.send, (yield trap)
                except BaseException as error:  # noqa: BLE001 - Trio throws into the hook through us
                    step, sent = coroutine.throw, error
            try:
                trap = context.run(step, sent)
            except StopIteration as end:
                return end.value
