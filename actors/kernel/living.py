"""How an actor lives: woken, given turns and tasks, brought to its end.

`Actor` is what people inherit from; this is what their hooks stand on.
"""

from __future__ import annotations

import abc
import contextvars
import inspect
from threading import get_ident
from time import perf_counter
from types import CoroutineType
from typing import TYPE_CHECKING, Any, ClassVar, cast

import pykka
import trio
from pykka._envelope import Envelope
from typing_extensions import override

from actors.kernel import incarnation
from actors.kernel.causes import from_outside, root_cause, split_cancelled
from actors.kernel.crew import UNBEGUN, Brood, Hook
from actors.kernel.exits import Crashed, ExitReason, Killed, Stopped
from actors.kernel.mailbox import is_abandoned
from actors.kernel.messages import Reply
from actors.kernel.passing import IDLE, MORE, OVER, SUSPENDED, Pass
from actors.kernel.pykka_face import LateEvent, new_urn, unregister
from actors.kernel.redaction import plain_attributes
from actors.kernel.turn import NOTHING, Turns

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    from trio.lowlevel import Abort, RaiseCancelT

    from actors.kernel.mailbox import Mailbox
    from actors.kernel.passing import Worker

CHUNKS = tuple(range(n) for n in (1, 1, 2, 4, *[8] * 7))
"""An actor handles 64 messages at most before others get their turn; after each of these chunks
it looks whether the time is up, because a look costs half as much as a quick handler."""


class Living(pykka.Actor, abc.ABC):
    """One life: a mailbox to serve, in the task of whoever works, until it is over."""

    finishes_mail = False
    """Whether a stop lets everything that waits be handled first, within `shutdown_s`."""

    _answers_at_once: ClassVar[bool] = False
    _starts_at_once: ClassVar[bool] = False

    __slots__ = (
        "_box", "_brood", "_clean", "_context", "_crew", "_ending", "_fault", "_has_task", "_held",
        "_hook", "_incarnation", "_killed_because", "_over", "_serving", "_spawned", "_turns",
        "_worker", "needs_task",
    )  # fmt: skip
    _box: Mailbox
    _brood: Brood | None
    _held: contextlib.AsyncExitStack | None
    _fault: BaseException | None
    _worker: Worker | None
    """Who runs a hook now, or whose task this actor has for itself."""
    _hook: Hook | None
    """The hook that waits for something."""
    _spawned: list[tuple[Callable[..., Awaitable[object]], tuple[object, ...]]] | None
    """Work that begins once there is a task."""
    _serving: bool
    """`pre_start` has returned, no hook waits, and no end is near: mail is handled."""
    _clean: bool
    """`post_stop` has returned."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Look once at which hooks may wait."""
        super().__init_subclass__(**options)
        cls._answers_at_once = not inspect.iscoroutinefunction(cls.on_receive)
        cls._starts_at_once = not inspect.iscoroutinefunction(cls.pre_start)

    def __init__(self) -> None:  # pyright: ignore[reportMissingSuperCall] - see pykka_face
        life = self._incarnation = incarnation.current()
        self.actor_urn = new_urn()
        self.actor_inbox = self._box = life.cell.mailbox
        self.actor_stopped = LateEvent()
        self._actor_ref = pykka.ActorRef(self)
        self._turns = Turns(life)
        self._worker = self._hook = self._held = self._spawned = self._brood = self._fault = None
        self._has_task = self.needs_task = False
        self._serving = self._clean = self._ending = self._over = False
        self._killed_because = "its supervisor ended"
        self._crew = life.crew

    @abc.abstractmethod
    def pre_start(self) -> Coroutine[Any, Any, None] | None:
        """Prepare state before the first message; a start is done once this returns."""

    @abc.abstractmethod
    def post_stop(self) -> Coroutine[Any, Any, None] | None:
        """Say goodbye; after a clean stop only."""

    @property
    def name(self) -> str:
        """The name in addresses, whichever incarnation this is."""
        return self._incarnation.cell.name

    def in_hand(self) -> object | None:
        """Return the message that is being handled, null between turns."""
        return self._turns.message

    def shown_state(self) -> Mapping[str, object]:
        """Name what operators may see of this actor: figures and names, no secret, no content.

        Called in the Trio thread at any time, also in the middle of a turn. An actor that
        overrides this says more than its plain public attributes, and answers for all of it.
        """
        return plain_attributes(self)

    def begin_beside(self, work: Callable[..., Awaitable[object]], *args: object) -> None:
        """Run `work` beside the mailbox: at once where this has a task, else once it has."""
        if self._over:
            raise RuntimeError(f"{self.name}: only a running actor has work beside its mailbox")
        if self._worker is not None:
            self._nursery.start_soon(work, *args, name=f"{self.name}: {work!r}")
            return
        if self._spawned is None:
            self._spawned = []
        self._spawned.append((work, args))
        self._claim_task()

    @property
    def _nursery(self) -> trio.Nursery:
        if self._worker is None:
            raise RuntimeError(f"{self.name}: only a running actor has work beside its mailbox")
        self._claim_task()
        return self._worker.beside

    def _claim_task(self) -> None:
        """Have a task from now on: the one of the worker that runs this, or a new one soon."""
        self.needs_task = True
        self.wake()

    @override
    def _start_actor_loop(self) -> None:
        life = self._incarnation
        life.adopt(self, type(self).__name__)
        self._context = contextvars.copy_context()
        self._box.attach(self)
        self._box.asleep = False
        if self._starts_at_once:
            self._start_at_once()
        else:
            self._crew.enqueue(self)

    def _start_at_once(self) -> None:
        try:
            self._context.run(lambda: self._put_off(self.pre_start(), self._settled))
        except BaseException as error:  # noqa: BLE001 - whatever it is, it ends this one life only
            self._crash_with(error)
        box = self._box
        box.asleep = True
        if box.waiting or box.stops or self.needs_task or self._ending:
            self.wake()

    # What an incarnation does to its body.

    def kill(self, why: str) -> None:
        """End at once, without `post_stop`; for the supervisor."""
        self._killed_because = why
        self._end_soon(why)

    def crash(self, error: BaseException) -> None:
        """End as if `error` had escaped a hook; for drills."""
        self._fault = error
        self._end_soon(str(error))

    def _end_soon(self, why: str) -> None:
        if self._over:
            return
        self._end_here()
        if self._has_task and self._worker is not None:
            self._worker.scope.cancel(why)
        else:
            self.wake()

    # How mail reaches a worker.

    def ring(self) -> None:
        """Wake up, because mail came to an actor that is asleep; from any thread."""
        crew = self._crew
        if get_ident() == crew.thread:
            self.wake()
        else:
            crew.call_in(self)

    def wake(self) -> None:
        """Have a turn soon, if this actor is asleep. In the Trio thread."""
        box = self._box
        # A call from a thread may come when the box has another reader already, or none.
        if not box.asleep or box.reader is not self:
            return
        box.asleep = False
        if self._has_task and self._worker is not None:
            trio.lowlevel.reschedule(self._worker.task)
            return
        crew = self._crew
        crew.queue.append(self)
        if not crew.leading:
            crew.appoint()

    def stay_awake(self, _raise_cancel: RaiseCancelT) -> Abort:
        """Note that the rest was cancelled."""
        self._box.asleep = False
        return trio.lowlevel.Abort.SUCCEEDED

    def leave(self, passed: Pass) -> None:
        """Go on without the worker: asleep, queued, or over."""
        self._worker = None
        if passed == MORE:
            self._crew.enqueue(self)
        elif passed == OVER:
            self.end(None, finished=self._clean)

    def take_task(self, worker: Worker, passed: Pass) -> None:
        """Have the task of `worker` for oneself."""
        self._worker, self._has_task = worker, True
        if self._held is not None:
            worker.held.push_async_exit(self._held)
        works, self._spawned = self._spawned or [], None
        for work, args in works:
            self.begin_beside(work, *args)
        # What is over already may close what it held in peace, unless it was killed.
        if self._ending and (passed == SUSPENDED or self._fault is None):
            worker.scope.cancel(self._killed_because)

    def can_do_without(self, worker: Worker) -> bool:
        """Give the task back, if nothing is open in it."""
        beside = worker.beside
        if self._held is not None or beside.child_tasks or beside.cancel_scope.cancel_called:
            return False
        self._worker, self._has_task, self.needs_task = None, False, False
        return True

    # The life itself, as far as each turn takes it.

    def go_on_in(self, worker: Worker) -> Pass:
        """Have one turn, in the task of `worker`; raises only if that task is its own."""
        self._worker = worker
        try:
            return self._context.run(self._go_on, worker)
        except BaseException as error:
            if self._has_task:
                raise
            self._crash_with(error)
            return OVER

    def _go_on(self, worker: Worker) -> Pass:  # noqa: C901, PLR0911 - in one call, because it is made for each message
        if not self._serving:
            if self._hook is not None:
                return SUSPENDED
            if self._ending or self._clean:
                return OVER
            if self._waits(self.pre_start(), self._settled):
                return SUSPENDED
        box = self._box
        if box.waiting and not box.halted and not (box.stops and not self.finishes_mail):
            if self._handle_mail(box, worker.until):
                return SUSPENDED
            if self._ending:
                return OVER
        if box.stops:
            return self._stop_in_turn(box)
        if box.waiting and not box.halted:
            return MORE
        # Asleep first, then checked again: a thread may have put in between.
        box.asleep = True
        if (box.waiting and not box.halted) or box.stops:
            box.asleep = False
            return MORE
        return IDLE

    def _stop_in_turn(self, box: Mailbox) -> Pass:
        if self.finishes_mail and box.waiting:
            return MORE
        self._serving = False
        return SUSPENDED if self._waits(self.post_stop(), self._said_goodbye) else OVER

    def _settled(self, _nothing: None) -> None:
        self._serving = True
        self._incarnation.settled()
        self._box.at_once = self._answers_at_once

    def _said_goodbye(self, _nothing: None) -> None:
        self._clean, self._serving = True, False

    def _waits(self, result: Any, then: Callable[[Any], object]) -> bool:
        """Let a hook that may wait come as far as it can, and do `then` once it is through."""
        if isinstance(result, CoroutineType):
            begun = cast("Coroutine[Any, Any, Any]", result)
            try:
                trap: object = begun.send(None)
            except StopIteration as end:
                result = end.value
            else:
                self._wait_in(Hook(begun, trap, self._context, then))
                return True
        then(result)
        return False

    def _put_off(self, result: Any, then: Callable[[Any], object]) -> None:
        """Do the same outside of a worker, which alone may begin what may wait."""
        if isinstance(result, CoroutineType):
            self._wait_in(Hook(cast("Any", result), UNBEGUN, self._context, then))
        else:
            then(result)

    def _wait_in(self, hook: Hook) -> None:
        if self._turns.in_hand is not NOTHING:
            self._turns.keep()
        self._hook, self.needs_task, self._serving = hook, True, False

    async def finish_hook(self) -> None:
        """Go on with the hook that waits, in the task that it began in, to its end."""
        hook = self._hook
        assert hook is not None
        result = await hook.finish()
        self._hook, self._serving = None, not self._ending
        hook.then(result)

    def _handle_mail(self, box: Mailbox, until: float) -> bool:
        """Handle what waits, for one pass at most; true if a handler waits for something."""
        turns, waiting, handle, handled = self._turns, box.waiting, self.on_receive, 0
        stops = () if self.finishes_mail else box.stops
        take = waiting.popleft
        try:
            for chunk in CHUNKS:
                for _ in chunk:
                    message = take()
                    turns.in_hand = message
                    if type(message) is not Envelope:
                        result = handle(message)
                        if result is None:
                            handled += 1
                        elif self._waits(result, turns.finish):
                            return True
                    else:
                        asked = cast("Any", message)
                        if not is_abandoned(asked):
                            turns.later = False
                            if self._waits(handle(asked.message), turns.finish):
                                return True
                    if not waiting or stops or box.halted:
                        turns.in_hand = NOTHING
                        return False
                if perf_counter() > until:
                    break
            turns.in_hand = NOTHING
        finally:
            self._incarnation.cell.handled += handled
        return False

    def answer_at_once(self, request: object) -> Any:
        """Handle a request in the task of its asker; return the reply, or a future for it."""
        turns, box = self._turns, self._box
        box.asleep = False
        turns.in_hand, turns.later, turns.at_once = request, False, True
        try:
            result: Any = self._context.run(self.on_receive, request)
            if type(result) is Reply:
                turns.in_hand = NOTHING
                self._incarnation.cell.handled += 1
                return result  # pyright: ignore[reportUnknownVariableType] - whatever it answers
            future = turns.promise()
            self._put_off(result, turns.finish)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it ends this one life only
            future = turns.promise()
            self._crash_with(error)
        finally:
            turns.at_once = False
            box.asleep = True
            if box.waiting or box.stops or not self._serving or self.needs_task:
                self.wake()
        return future

    def _crash_with(self, error: BaseException) -> None:
        # What ended it first counts.
        if not self._ending:
            self._fault = root_cause(error)
            self._end_here()

    def _end_here(self) -> None:
        self._ending, self._serving = True, False
        self._box.halted = True

    # The end.

    def end(self, error: BaseException | None, *, finished: bool) -> None:
        """End, and whoever lives below first; called by the worker that was the last."""
        self._over = True
        if self._hook is not None:
            self._hook.drop()
            self._hook = None
        reason = self._reason(error, finished=finished)
        if self._brood is None:
            self._finish(reason)
        else:
            self._brood.end(lambda: self._finish(reason))

    async def end_in_passing(self) -> None:
        """End because nobody is left to work."""
        if self._held is not None:
            await self._held.aclose()
        self.end(None, finished=False)

    def _reason(self, error: BaseException | None, *, finished: bool) -> ExitReason:
        if self._fault is not None:
            return Crashed(self._fault)
        if self._ending:
            return Killed(self._killed_because)
        if error is not None:
            if from_outside(error):
                return Killed(self._killed_because)
            return Crashed(root_cause(split_cancelled(error)[1] or error))
        if finished:
            return Stopped()
        return Crashed(RuntimeError(f"{self.name}: something in it cancelled all of its work"))

    def _finish(self, reason: ExitReason) -> None:
        self._turns.abandon(reason)
        unregister(self._actor_ref)
        self.actor_stopped.set()
        self._incarnation.over(reason)
