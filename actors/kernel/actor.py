"""One actor: a Pykka actor without a thread, and without a task while none of its hooks waits."""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Generic, Self, TypeAlias, TypeVar

import trio
from typing_extensions import override

from actors.kernel import incarnation
from actors.kernel.crew import Brood
from actors.kernel.futures import ReplyFuture
from actors.kernel.living import Living
from actors.kernel.messages import Reply
from actors.kernel.pykka_face import register

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import pykka

    from actors.kernel.addresses import Address
    from actors.kernel.mailbox import Mailbox
    from actors.kernel.turn import ReplySlot

M = TypeVar("M")

Handled: TypeAlias = Coroutine[Any, Any, Reply[Any] | None] | Reply[Any] | None
"""What `on_receive` returns: `async def` if it may wait, plain `def` if it never does."""


class Actor(Living, Generic[M]):
    """Private state behind a mailbox, one message at a time.

    An exception that escapes any hook, or work beside the mailbox, ends this
    incarnation; the supervisor starts the next one, which knows nothing of this
    one's state and finds the mailbox as it was left.

    A hook may be `async def`, or plain `def` if it never waits. What an actor
    enters in `held` and what it spawns keeps a Trio task for it; all others have
    one only while a hook waits.
    """

    supervises = False
    """Whether it has children; supervisors say so."""

    __slots__ = ()

    @override
    def pre_start(self) -> Coroutine[Any, Any, None] | None:
        """Prepare state before the first message; a start is done once this returns."""

    @abc.abstractmethod
    @override
    def on_receive(self, message: M) -> Handled:
        """Handle one message."""

    @override
    def post_stop(self) -> Coroutine[Any, Any, None] | None:
        """Say goodbye; after a clean stop only."""

    @property
    def address(self) -> Address[M]:
        """The actor's own address, valid for the next incarnation too."""
        return self._incarnation.directory.address(self.name)

    @property
    def held(self) -> contextlib.AsyncExitStack:
        """What is entered here is closed when the incarnation ends, however it ends."""
        if self._held is None:
            self._held = contextlib.AsyncExitStack()
            if self._has_task and self._worker is not None:
                self._worker.held.push_async_exit(self._held)
            self._claim_task()
        return self._held

    @property
    def brood(self) -> Brood:
        """The place for the lives below this actor; for supervisors."""
        if self._brood is None:
            self._brood = Brood(self._incarnation.crew)
        return self._brood

    def spawn(self, work: Callable[..., Awaitable[object]], *args: object) -> None:
        """Run `work` beside the mailbox; if it raises, the actor crashes."""
        self.begin_beside(work, *args)

    def after(self, seconds: float, message: M) -> trio.CancelScope:
        """Tell `message` to self in `seconds`; cancel the scope to call it off."""
        timer = trio.CancelScope()
        self.spawn(self._tell_later, timer, seconds, message)
        return timer

    def watch(self, name: str) -> None:
        """Receive one `ActorGone` when the actor of this name is gone for good."""
        self._incarnation.directory.watch(self.name, name)

    def answer_later(self) -> ReplySlot:
        """Keep the request in hand open; `on_receive` then returns None."""
        return self._turns.answer_later()

    async def _tell_later(self, timer: trio.CancelScope, seconds: float, message: M) -> None:
        with timer:
            await trio.sleep(seconds)
            self.address.tell(message)

    # What Pykka calls.

    @classmethod
    @override
    def start(  # pyright: ignore[reportIncompatibleMethodOverride] - the same, for a generic class
        cls, *arguments: Any, **named: Any
    ) -> pykka.ActorRef[Self]:
        """Make an actor and begin its life, in the place that a supervisor has for it.

        Raises:
            UnsupervisedError: nobody supervises the actor.

        """
        actor = cls(*arguments, **named)
        register(actor._actor_ref)
        actor._start_actor_loop()
        return actor._actor_ref

    @override
    @staticmethod
    def _create_actor_inbox() -> Mailbox:
        return incarnation.current().cell.mailbox

    @override
    @staticmethod
    def _create_future() -> ReplyFuture[Any]:
        return ReplyFuture()
