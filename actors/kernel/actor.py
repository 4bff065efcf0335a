"""One actor: a Pykka actor whose loop is a Trio task."""

from __future__ import annotations

import abc
import contextlib
import math
import time
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pykka
import trio
from typing_extensions import override

from actors.kernel import incarnation
from actors.kernel.bells import TaskBell
from actors.kernel.exits import Crashed, ExitReason, Killed, Stopped
from actors.kernel.futures import ReplyFuture
from actors.kernel.incarnation import as_group, root_cause
from actors.kernel.mailbox import is_abandoned
from actors.kernel.redaction import plain_attributes
from actors.kernel.turn import ReplySlot, Turns

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from actors.kernel.addresses import Address
    from actors.kernel.mailbox import Mailbox
    from actors.kernel.messages import Reply

M = TypeVar("M")

TURNS_PER_PASS = 64
"""Messages handled before other Trio tasks get their turn."""

SLICE_S = 0.001
"""Seconds after which they get it in any case; both measured on a flooded mailbox."""


class Actor(pykka.Actor, abc.ABC, Generic[M]):
    """Private state behind a mailbox, one message at a time.

    An exception that escapes any hook, or work beside the mailbox, ends this
    incarnation; the supervisor starts the next one, which knows nothing of this
    one's state and finds the mailbox as it was left.
    """

    finishes_mail = False
    """Whether a stop lets everything that waits be handled first, within `shutdown_s`."""

    supervises = False
    """Whether it has children; supervisors say so."""

    def __init__(self) -> None:
        self._incarnation = incarnation.current()
        super().__init__()
        self._turns = Turns(self._incarnation)
        self._beside: trio.Nursery | None = None
        self._kill_switch = trio.CancelScope()
        self._killed_because = "its supervisor ended"
        self._fault: BaseException | None = None
        self._ending = False
        self.held = contextlib.AsyncExitStack()
        """What is entered here is closed when the incarnation ends, however it ends."""

    async def pre_start(self) -> None:
        """Prepare state before the first message; a start is done once this returns."""

    @abc.abstractmethod
    @override
    async def on_receive(self, message: M) -> Reply[Any] | None:
        """Handle one message."""

    async def post_stop(self) -> None:
        """Say goodbye; after a clean stop only."""

    @property
    def name(self) -> str:
        """The name in addresses, whichever incarnation this is."""
        return self._incarnation.cell.name

    @property
    def address(self) -> Address[M]:
        """The actor's own address, valid for the next incarnation too."""
        return self._incarnation.directory.address(self.name)

    def spawn(self, work: Callable[..., Awaitable[object]], *args: object) -> None:
        """Run `work` beside the mailbox; if it raises, the actor crashes."""
        self._nursery.start_soon(work, *args, name=f"{self.name}: {work!r}")

    def after(self, seconds: float, message: M) -> trio.CancelScope:
        """Tell `message` to self in `seconds`; cancel the scope to call it off."""
        timer = trio.CancelScope()
        self._nursery.start_soon(self._tell_later, timer, seconds, message)
        return timer

    def watch(self, name: str) -> None:
        """Receive one `ActorGone` when the actor of this name is gone for good."""
        self._incarnation.directory.watch(self.name, name)

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

    async def _tell_later(self, timer: trio.CancelScope, seconds: float, message: M) -> None:
        with timer:
            await trio.sleep(seconds)
            self.address.tell(message)

    @property
    def _nursery(self) -> trio.Nursery:
        if self._beside is None:
            raise RuntimeError(f"{self.name}: only a running actor has work beside its mailbox")
        return self._beside

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
        self._incarnation.nursery.start_soon(self._live, name=self.name)

    def kill(self, why: str) -> None:
        """End at once, without `post_stop`; for the supervisor."""
        self._killed_because = why
        self._ending = True
        self._kill_switch.cancel(why)

    def crash(self, error: BaseException) -> None:
        """End as if `error` had escaped a hook; for drills."""
        self._fault = error
        self._ending = True
        self._kill_switch.cancel(str(error))

    async def _live(self) -> None:
        # Cancelled and every other BaseException end here: at most this one life.
        reason: ExitReason | None = None
        try:
            with self._kill_switch:
                await self._run_hooks()
                reason = Stopped()
        except BaseException as error:
            reason = self._judge(error)
            if reason is None:
                raise
        finally:
            self._finish(reason or Killed(self._killed_because))

    def _judge(self, error: BaseException) -> ExitReason | None:
        """Name the reason; None for a cancellation from outside, which must go on."""
        _, own = _split_cancelled(error)
        if own is not None:
            return Crashed(root_cause(own))
        if trio.current_effective_deadline() == -math.inf:
            return None
        return Crashed(root_cause(error))

    async def _run_hooks(self) -> None:
        finished = False
        async with self.held, trio.open_nursery() as self._beside:
            await self.pre_start()
            self._incarnation.settled()
            await self._serve()
            await self.post_stop()
            finished = True
            self._beside.cancel_scope.cancel("the actor stopped")
        if not finished:
            raise RuntimeError(f"{self.name}: something in it cancelled all of its work")

    def _finish(self, reason: ExitReason) -> None:
        if self._fault is not None:
            reason = Crashed(self._fault)
        elif self._kill_switch.cancel_called:
            reason = Killed(self._killed_because)
        self._turns.abandon(reason)
        pykka.ActorRegistry.unregister(self.actor_ref)
        self.actor_stopped.set()
        self._incarnation.over(reason)

    async def _serve(self) -> None:
        mailbox = self._incarnation.cell.mailbox
        bell = TaskBell(self._incarnation.home)
        mailbox.attach(bell.ring)
        since, turns = time.perf_counter(), 0
        while not mailbox.stop_asked or (self.finishes_mail and not mailbox.empty()):
            if mailbox.empty():
                await bell.wait(mailbox)
                since, turns = time.perf_counter(), 0
                continue
            await self._handle_next(mailbox)
            turns += 1
            # A handler that swallowed its cancellation does not get the next message.
            if self._ending or turns >= TURNS_PER_PASS or time.perf_counter() - since > SLICE_S:
                await trio.lowlevel.checkpoint()
                since, turns = time.perf_counter(), 0

    async def _handle_next(self, mailbox: Mailbox) -> None:
        envelope = mailbox.get()
        if is_abandoned(envelope):
            return
        self._turns.begin(envelope)
        self._turns.finish(await self.on_receive(envelope.message))


def _split_cancelled(
    error: BaseException,
) -> tuple[BaseException | None, BaseException | None]:
    """Part an error into its cancellations and everything else."""
    group = as_group(error)
    if group is not None:
        return group.split(trio.Cancelled)
    return (error, None) if isinstance(error, trio.Cancelled) else (None, error)
