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
import trio
from typing_extensions import override

from actors.kernel import incarnation
from actors.kernel.exits import Crashed, ExitReason, Killed, Stopped
from actors.kernel.futures import ReplyFuture
from actors.kernel.incarnation import one_line
from actors.kernel.mailbox import is_abandoned
from actors.kernel.turn import ReplySlot, Turns

if TYPE_CHECKING:
    from actors.kernel.addresses import Address
    from actors.kernel.mailbox import Mailbox
    from actors.kernel.messages import Reply

M = TypeVar("M")

KILL_GRACE_S = 1.0
"""How long a killed thread may take to notice, before it is reported as stuck."""


class BlockingActor(pykka.ThreadingActor, abc.ABC, Generic[M]):
    """An actor whose hooks may block, because they run in a thread of its own.

    A thread can't be killed. One that overruns its shutdown time is reported as
    stuck with its stack, abandoned by name, and ends with the process.
    """

    use_daemon_thread = True

    def __init__(self) -> None:
        self._incarnation = incarnation.current()
        super().__init__()
        self._turns = Turns(self._incarnation)
        self._bell = _ThreadBell(self._incarnation.cell.mailbox)
        self._timers: list[tuple[float, int, M]] = []
        self._timer_ids = itertools.count()
        self._kill_switch = trio.CancelScope()
        self._killed_because = "its supervisor ended"
        self._quit = False
        self._fault: BaseException | None = None
        self._exit: ExitReason | None = None
        self._done = trio.Event()
        self._thread: threading.Thread | None = None
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
        self._incarnation.adopt(self, type(self).__name__)
        self._incarnation.cell.mailbox.attach(self._bell.ring)
        self._thread = threading.Thread(target=self._live, name=self.name, daemon=True)
        self._thread.start()
        self._incarnation.nursery.start_soon(self._guard, name=self.name)

    def kill(self, why: str) -> None:
        """End without `post_stop` as soon as the thread looks up; for the supervisor."""
        self._killed_because = why
        self._kill_switch.cancel(why)

    def crash(self, error: BaseException) -> None:
        """End as if `error` had escaped a hook; for drills."""
        self._fault = error
        self._bell.ring_always()

    async def _guard(self) -> None:
        """Own the thread: wait for its end, and when cancelled make sure of it."""
        try:
            with self._kill_switch:
                await self._done.wait()
        finally:
            self._quit = True
            self._bell.ring_always()
            with trio.CancelScope(shield=True), trio.move_on_after(KILL_GRACE_S):
                await self._done.wait()
            self._finish(self._exit or Killed(f"{self._killed_because}; {self._stuck()}"))

    def _stuck(self) -> str:
        thread = self._thread
        # The documented way to see another thread's stack has an underscore.
        frames = sys._current_frames()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        frame = frames.get(thread.ident or 0) if thread else None
        where = traceback.extract_stack(frame)[-1] if frame else None
        return f"its thread is stuck at {where.filename}:{where.lineno}" if where else "stuck"

    def _finish(self, reason: ExitReason) -> None:
        if isinstance(reason, Crashed):
            self._incarnation.cell.last_error = one_line(reason.error)
        self._turns.abandon(reason)
        pykka.ActorRegistry.unregister(self.actor_ref)
        self.actor_stopped.set()
        if isinstance(reason, Stopped):
            self._incarnation.cell.mailbox.answer_stops()
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

    def _serve(self) -> None:
        mailbox = self._incarnation.cell.mailbox
        while self._going_on(mailbox):
            self._ring_timers()
            if mailbox.empty():
                self._bell.wait(self._next_timer_s())
                continue
            envelope = mailbox.get()
            if not is_abandoned(envelope):
                self._turns.begin(envelope)
                self._turns.finish(self.on_receive(envelope.message))

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
        while self._going_on(mailbox) or not (self._quit or mailbox.empty()):
            self._ring_timers()
            if mailbox.empty():
                self._bell.wait(self._next_timer_s())
                continue
            if mailbox.position >= self._incarnation.cell.tried_until:
                self._bell.wait_for_batch(self.batch_size, self.batch_wait_s)
            self._handle_batch(mailbox)

    def _handle_batch(self, mailbox: Mailbox) -> None:
        cell = self._incarnation.cell
        first = mailbox.position + 1
        letters = mailbox.peek(1 if first <= cell.tried_until else self.batch_size)
        last = first + len(letters) - 1
        answered: list[ReplySlot] = []
        deliveries = tuple(
            Delivery(
                first + i, each.message, ReplySlot(each, answered.append) if each.reply_to else None
            )
            for i, each in enumerate(letters)
            if not is_abandoned(each)
        )
        try:
            self.on_batch(Batch(first, deliveries))
            self._going_on(mailbox)  # a drill strikes here: done, and not yet taken out
        except BaseException as error:
            if last <= cell.tried_until:
                self._turns.begin(mailbox.get())
                self._turns.abandon(Crashed(error))
            cell.tried_until = max(cell.tried_until, last)
            raise
        for _ in letters:
            self._turns.begin(mailbox.get())
            self._turns.finish(None)


class _ThreadBell:
    """Wakes the thread that reads a mailbox."""

    __slots__ = ("_enough", "_mailbox", "_rung")

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._rung = threading.Event()
        self._enough = 1

    def ring(self) -> None:
        # While a batch gathers, only what closes it is worth waking a thread for.
        box = self._mailbox
        if self._enough == 1 or box.urgent or box.stop_asked or box.depth() >= self._enough:
            self._rung.set()

    def ring_always(self) -> None:
        self._rung.set()

    def wait(self, timeout: float | None) -> None:
        self._rung.clear()
        # Cleared first, then checked: what came in between is seen here.
        if self._mailbox.empty() and not self._mailbox.stop_asked:
            self._rung.wait(timeout)

    def wait_for_batch(self, size: int, seconds: float) -> None:
        self._enough = size
        self._rung.clear()
        box = self._mailbox
        if not (box.urgent or box.stop_asked or box.depth() >= size):
            self._rung.wait(seconds)
        self._enough = 1
        box.urgent = False
