"""Actors that block: the same rules, in a thread of their own."""

from __future__ import annotations

import abc
import contextlib
import heapq
import itertools
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pykka
import structlog
import trio
from typing_extensions import override

from actors.kernel import incarnation
from actors.kernel.bells import ThreadBell
from actors.kernel.exits import Crashed, ExitReason, Killed, Stopped
from actors.kernel.futures import ReplyFuture
from actors.kernel.mailbox import is_abandoned
from actors.kernel.redaction import plain_attributes
from actors.kernel.turn import ReplySlot, Turns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.kernel.addresses import Address
    from actors.kernel.mailbox import Mailbox
    from actors.kernel.messages import Reply

M = TypeVar("M")

log = structlog.get_logger(__name__)

KILL_GRACE_S = 1.0
"""How long a killed thread may take to notice, before it is reported as stuck."""


class BlockingActor(pykka.ThreadingActor, abc.ABC, Generic[M]):
    """An actor whose hooks may block, because they run in a thread of its own.

    A thread can't be killed. One that overruns its shutdown time is reported as
    stuck with its stack, abandoned by name, and ends with the process.
    """

    use_daemon_thread = True

    finishes_mail = False
    """Whether a stop lets everything that waits be handled first, within `shutdown_s`."""

    def __init__(self) -> None:
        self._incarnation = incarnation.current()
        super().__init__()
        self._turns = Turns(self._incarnation)
        self._bell = ThreadBell(self._incarnation.cell.mailbox)
        self._timers: list[tuple[float, int, M]] = []
        self._timer_ids = itertools.count()
        self._kill_switch = trio.CancelScope()
        self._killed_because = "its supervisor ended"
        self._quit = False
        self._fault: BaseException | None = None
        self._exit: ExitReason | None = None
        self._done = trio.Event()
        self._thread = threading.Thread(target=self._live, name=self.name, daemon=True)
        self._taking = threading.Lock()
        """Held while a turn begins or ends, so that giving the thread up falls between turns."""
        self._given_up = False
        self.held = contextlib.ExitStack()
        """What is entered here is closed when the incarnation ends, however it ends."""

    def pre_start(self) -> None:
        """Prepare state before the first message; a start is done once this returns."""

    @abc.abstractmethod
    @override
    def on_receive(self, message: M) -> Reply[Any] | None:
        """Handle one message."""

    def post_stop(self) -> None:
        """Say goodbye; after a clean stop only."""

    @property
    def name(self) -> str:
        """The name in addresses, whichever incarnation this is."""
        return self._incarnation.cell.name

    @property
    def address(self) -> Address[M]:
        """The actor's own address, valid for the next incarnation too."""
        return self._incarnation.directory.address(self.name)

    def after(self, seconds: float, message: M) -> None:
        """Tell `message` to self in `seconds`; forgotten when the incarnation ends."""
        entry = (time.monotonic() + seconds, next(self._timer_ids), message)
        heapq.heappush(self._timers, entry)

    def watch(self, name: str) -> None:
        """Receive one `ActorGone` when the actor of this name is gone for good."""
        life = self._incarnation
        life.home.call(lambda: life.directory.watch(self.name, name))

    def in_hand(self) -> object | None:
        """Return the message that is being handled, null between turns."""
        return self._turns.message

    def shown_state(self) -> Mapping[str, object]:
        """Name what operators may see of this actor: figures and names, no secret, no content.

        Called in the Trio thread at any time, also in the middle of a turn. An actor that
        overrides this says more than its plain public attributes, and answers for all of it.
        """
        return plain_attributes(self)

    def answer_later(self) -> ReplySlot:
        """Keep the request in hand open; `on_receive` then returns None."""
        return self._turns.answer_later()

    @override
    @staticmethod
    def _create_actor_inbox() -> Mailbox:
        return incarnation.current().cell.mailbox

    @override
    @staticmethod
    def _create_future() -> ReplyFuture[Any]:
        return ReplyFuture()

    @override
    def _start_actor_loop(self) -> None:
        self._incarnation.cell.mailbox.attach(self._bell)
        lens = self._incarnation.cell.lens
        if lens is not None:
            # Before `adopt`: the thread may have its first turn sooner.
            lens.stand_before(self)
        try:
            self._thread.start()
        except RuntimeError:  # the machine has no thread left for us
            pykka.ActorRegistry.unregister(self.actor_ref)
            raise
        self._incarnation.adopt(self, type(self).__name__)
        self._incarnation.crew.start_soon(self._guard, self.name)

    def kill(self, why: str) -> None:
        """End without `post_stop` as soon as the thread looks up; for the supervisor."""
        self._killed_because = why
        self._quit = True
        self._bell.insist()
        self._kill_switch.cancel(why)

    def crash(self, error: BaseException) -> None:
        """End as if `error` had escaped a hook; for drills."""
        self._fault = error
        self._bell.insist()

    async def _guard(self) -> None:
        """Own the thread: wait for its end, and when cancelled make sure of it."""
        try:
            with self._kill_switch:
                await self._done.wait()
        finally:
            self._quit = True
            self._bell.insist()
            with trio.CancelScope(shield=True), trio.move_on_after(KILL_GRACE_S):
                await self._done.wait()
            with self._taking:
                self._given_up = self._exit is None
                self._finish(self._exit or self._give_up())

    def _give_up(self) -> Killed:
        """Report the stuck thread; from here on it takes no mail and ends no turn."""
        # The documented way to see another thread's stack has an underscore.
        frames = sys._current_frames()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        frame = frames.get(self._thread.ident or 0)
        stack = traceback.extract_stack(frame) if frame else traceback.StackSummary()
        log.error("a thread is stuck", actor=self.name, stack="".join(stack.format()))
        where = f" at {stack[-1].filename}:{stack[-1].lineno}" if stack else ""
        return Killed(f"{self._killed_because}; its thread is stuck{where}")

    def _finish(self, reason: ExitReason) -> None:
        self._turns.abandon(reason)
        pykka.ActorRegistry.unregister(self.actor_ref)
        self.actor_stopped.set()
        self._incarnation.over(reason)

    def _live(self) -> None:
        home = self._incarnation.home
        try:
            with self.held:
                self.pre_start()
                home.call(self._incarnation.settled)
                self._serve()
                if not self._quit:
                    self.post_stop()
            self._exit = Killed(self._killed_because) if self._quit else Stopped()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it ends this one life only
            self._exit = Crashed(error)
        home.call(self._done.set)

    def _going_on(self, mailbox: Mailbox) -> bool:
        if self._fault is not None:
            raise self._fault
        return not (self._quit or mailbox.stop_asked)

    def _has_work(self, mailbox: Mailbox) -> bool:
        finishing = self.finishes_mail and not mailbox.empty()
        return self._going_on(mailbox) or (finishing and not self._quit)

    def _serve(self) -> None:
        mailbox = self._incarnation.cell.mailbox
        while self._has_work(mailbox):
            self._ring_timers()
            if mailbox.empty():
                self._bell.wait(self._next_timer_s())
                continue
            with self._taking:
                self._still_ours()
                envelope = mailbox.get()
                if is_abandoned(envelope):
                    continue
                self._turns.begin(envelope)
            reply = self.on_receive(envelope.message)
            with self._taking:
                self._still_ours()
                self._turns.finish(reply)

    def _still_ours(self) -> None:
        if self._given_up:
            raise _GivenUpError(f"{self.name} came back after its thread was given up")

    def _ring_timers(self) -> None:
        while self._timers and self._timers[0][0] <= time.monotonic():
            self.address.tell(heapq.heappop(self._timers)[2])

    def _next_timer_s(self) -> float | None:
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None


@dataclass(frozen=True, slots=True)
class Delivery(Generic[M]):
    """One message of a batch."""

    position: int
    """Counts 1, 2, 3 … in this mailbox, over all incarnations."""

    message: M
    reply_to: ReplySlot | None


@dataclass(frozen=True, slots=True)
class Batch(Generic[M]):
    """Messages that are handled together or not at all, in the order they came."""

    first_position: int
    deliveries: tuple[Delivery[M], ...]


class BatchActor(BlockingActor[M]):
    """A blocking actor that handles its mail in batches, each all or nothing.

    A batch stays in the mailbox until `on_batch` returns, so a crash loses none
    of it: the next incarnation gets the same messages at the same positions, one
    by one. `on_batch` must therefore recognise positions that it has already
    dealt with. A message in hand at two crashes is quarantined as a dead letter.
    A stop lets everything that waits be handled first.
    """

    finishes_mail = True
    _tried = 0
    """The last position of the batch in hand; 0 if there is none."""

    batch_size = 1000
    batch_wait_s = 0.05
    """A batch closes this long after its first message, or at once when somebody asks."""

    @abc.abstractmethod
    def on_batch(self, batch: Batch[M]) -> None:
        """Handle a batch."""

    @override
    def on_receive(self, message: M) -> Reply[Any] | None:
        raise TypeError(f"{self.name} handles batches; {message!r} came alone")

    @override
    def _serve(self) -> None:
        mailbox = self._incarnation.cell.mailbox
        while self._has_work(mailbox):
            self._ring_timers()
            if mailbox.empty():
                self._bell.wait(self._next_timer_s())
                continue
            if mailbox.position >= self._incarnation.cell.tried_until:
                self._bell.wait_for_batch(self.batch_size, self.batch_wait_s)
            self._handle_batch(mailbox)

    def _handle_batch(self, mailbox: Mailbox) -> None:
        first = mailbox.position + 1
        retrying = first <= self._incarnation.cell.tried_until
        letters = mailbox.peek(1 if retrying else self.batch_size)
        self._tried = first + len(letters) - 1
        wanted = [not is_abandoned(each) for each in letters]
        deliveries = tuple(
            Delivery(position, each.message, ReplySlot(each, _nothing) if each.reply_to else None)
            for position, each in enumerate(letters, start=first)
            if wanted[position - first]
        )
        try:
            if deliveries:
                self.on_batch(Batch(first, deliveries))
            self._going_on(mailbox)  # a drill strikes here: done, and not yet taken out
        except BaseException as error:
            with self._taking:
                self._still_ours()
                self._incarnation.last_in_hand = self.in_hand()
                self._put_back(Crashed(error))
            raise
        with self._taking:
            self._still_ours()
            self._tried = 0
            for is_wanted in wanted:
                envelope = mailbox.get()
                if is_wanted:
                    self._turns.begin(envelope)
                    self._turns.finish(None)

    @override
    def in_hand(self) -> object | None:
        letters = self._incarnation.cell.mailbox.peek(1) if self._tried else ()
        return letters[0].message if letters else None

    def _put_back(self, reason: ExitReason) -> None:
        """Leave the batch to the next incarnation; a message that failed alone is quarantined."""
        cell = self._incarnation.cell
        twice = self._tried <= cell.tried_until
        cell.tried_until = max(cell.tried_until, self._tried)
        self._tried = 0
        # A drill is nobody's message's fault.
        if twice and not (isinstance(reason, Crashed) and reason.error is self._fault):
            why = f"quarantined, because it was in hand twice: {reason}"
            self._turns.bury(cell.mailbox.get(), reason, why)

    @override
    def _give_up(self) -> Killed:
        reason = super()._give_up()
        if self._tried:
            self._put_back(reason)
        return reason


def _nothing(_slot: ReplySlot) -> None:
    """Forget nothing: who is owed an answer from a batch is seen when it is taken out."""


class _GivenUpError(Exception):
    """Ends a thread that was stuck and came back."""
