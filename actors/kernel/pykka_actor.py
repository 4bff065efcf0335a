"""A Pykka actor on Trio: plain Pykka classes, with sync or async hooks, carried by the kernel."""

from __future__ import annotations

import contextlib
import inspect
import logging
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import pykka
import trio
from typing_extensions import override

from actors.kernel.actor import Actor
from actors.kernel.causes import as_group
from actors.kernel.mailbox import Mailbox
from actors.kernel.messages import Reply
from actors.kernel.pykka_futures import AnswerFuture
from actors.kernel.pykka_inbox import (
    Inbox,
    Seat,
    claim_place,
    current_host,
    current_seat,
    host_for,
    running_hosts,
    take_seat,
)
from actors.kernel.pykka_refs import TrioRef

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from actors.kernel.incarnation import Incarnation
    from actors.kernel.turn import ReplySlot

log = logging.getLogger("pykka")


class TrioActor(pykka.Actor):
    """What `pykka.ThreadingActor` is, on Trio: inherit from it and start it on a `TrioHost`.

    Every hook, and every method that a proxy calls, may be a plain function or
    `async def`. Plain ones run in the Trio thread and must not block, unless
    `may_block` is set. An error that escapes ends the actor, also on an ask,
    except for `expected_errors`.
    """

    may_block: ClassVar[bool] = False
    """Run plain hooks and methods in worker threads, one at a time, so that they may block."""

    expected_errors: ClassVar[tuple[type[Exception], ...]] = ()
    """What an ask may be answered with without ending the actor; as Pykka: `(Exception,)`."""

    mailbox_capacity: ClassVar[float] = float("inf")
    """How many messages may wait before senders are refused; read when the actor starts."""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        super().__init__()
        self._seat = take_seat(type(self))
        if self._seat is not None:
            self.actor_inbox = self._seat.inbox
            self._seat.inbox.ended = self.actor_stopped
        self._carrier: Carrier | None = None
        self._actor_ref = TrioRef(self)

    @override
    @classmethod
    def start(  # pyright: ignore[reportIncompatibleMethodOverride] - it is the same Self
        cls, *args: Any, **kwargs: Any
    ) -> pykka.ActorRef[Self]:
        """Start on the host that this is called in, or on the only one that runs.

        In the spec of a supervisor's child it starts where the supervisor runs.

        Raises:
            UnsupervisedError: there is no such host.
            HostStoppedError: the host starts nobody any more.

        """
        life = claim_place()
        seat = _place(life, cls) if life else host_for(cls).seat(cls, cls.mailbox_capacity)
        token = current_seat.set(seat)
        try:
            return super().start(*args, **kwargs)
        except BaseException as error:
            seat.give_up(error)
            raise
        finally:
            current_seat.reset(token)

    @override
    @staticmethod
    def _create_actor_inbox() -> Inbox:
        # Replaced at once where the actor has a seat; without one nobody ever reads it.
        return Inbox(Mailbox("an actor that was not started"), lambda _message, _why: None)

    @override
    @staticmethod
    def _create_future() -> AnswerFuture[Any]:
        return AnswerFuture()

    @property
    def _body(self) -> Carrier:
        """The kernel's actor around this one: `spawn`, `after`, `watch`, `address`, `held`."""
        if self._carrier is None:
            raise RuntimeError(f"{self} does not run yet; use _body from on_start on")
        return self._carrier

    @override
    def _start_actor_loop(self) -> None:
        seat, self._seat = self._seat, None
        assert seat is not None, "start() makes a seat before it builds the actor"
        try:
            seat.begin(self)
        except BaseException:
            discard(self)
            raise


def discard(guest: TrioActor) -> None:
    """End an actor that never ran, as if it had stopped."""
    _leave(guest)
    cast("Inbox", guest.actor_inbox).shut()


def _leave(guest: TrioActor) -> None:
    """Be dead to everyone from now on; what is on its way is answered at the very end."""
    pykka.ActorRegistry.unregister(guest.actor_ref)
    guest.actor_stopped.set()


def _place(life: Incarnation, actor_class: type[TrioActor]) -> Seat:
    """Seat an actor where a supervisor wants it."""
    cell = life.cell
    inbox = Inbox(cell.mailbox, partial(life.directory.bury, cell.name))

    return Seat(actor_class, inbox, carry, lambda _error: None)


def carry(guest: TrioActor) -> pykka.ActorRef[Any]:
    """Let a built actor run in the incarnation that is current; return its ref."""
    Carrier(guest).begin()
    return guest.actor_ref


class Carrier(Actor[Any]):
    """The kernel's actor inside of which one hosted actor lives.

    Kept apart from it, so that a plain Pykka class finds no names of ours among its own.
    """

    finishes_mail = True

    def __init__(self, guest: TrioActor) -> None:
        super().__init__()
        self._guest = guest
        # One ref for both: what the kernel ends is what the registry knows.
        self._actor_ref = guest.actor_ref
        self.actor_stopped = guest.actor_stopped
        self._host = running_hosts.get(self._incarnation.directory)

    def begin(self) -> None:
        """Start carrying, in the incarnation that is current."""
        self._guest._carrier = self  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - two halves of one
        self._start_actor_loop()
        # The status page names the class that people know.
        self._incarnation.cell.kind = type(self._guest).__name__

    @override
    async def pre_start(self) -> None:
        with self._failing():
            await self._call(self._guest.on_start)

    @override
    async def post_stop(self) -> None:
        _leave(self._guest)
        log.debug("Stopped %s", self._guest)
        with self._failing():
            await self._call(self._guest.on_stop)

    @override
    async def on_receive(self, message: Any) -> None:
        slot = self.answer_later()
        try:
            # Pykka's own way to hand over a message: proxies' calls are told from mail here.
            value = await self._call(self._guest._handle_receive, message)  # noqa: SLF001
        except BaseException as error:
            if _is_cancellation(error):
                raise
            await self._failed(error, slot)
        else:
            slot.send(Reply(value))

    async def _failed(self, error: BaseException, slot: ReplySlot) -> None:
        guest = self._guest
        expected = slot.asker is not None and isinstance(error, guest.expected_errors)
        # Who asks by a ref gets the error itself, as with Pykka; by an address, how it ended.
        by_ref = isinstance(slot.asker, AnswerFuture) and isinstance(error, Exception)
        returned = expected or by_ref
        if not expected:
            _leave(guest)
        if returned:
            log.info("Exception returned from %s to caller:", guest, exc_info=error)
            slot.fail(error)
        else:
            log.error("Unhandled exception in %s:", guest, exc_info=error)
        if not expected:
            # Its error is logged, and the first one is what ended the actor.
            with contextlib.suppress(Exception), self._failing():
                await self._call(guest.on_failure, type(error), error, error.__traceback__)
            raise error

    @contextlib.contextmanager
    def _failing(self) -> Generator[None]:
        """Log what a hook raises; it ends the actor."""
        try:
            yield
        except BaseException as error:
            if not _is_cancellation(error):
                log.exception("Unhandled exception in %s:", self._guest)
                _leave(self._guest)
            raise

    async def _call(self, hook: Callable[..., Any], *args: object) -> Any:
        here = current_host.set(self._host)
        try:
            if self._guest.may_block and not inspect.iscoroutinefunction(hook):
                result = await self._call_in_thread(partial(hook, *args))
            else:
                result = hook(*args)
            # Only what `async def` made: any other awaitable, such as a future, is a reply.
            return await result if inspect.iscoroutine(result) else result
        finally:
            current_host.reset(here)

    async def _call_in_thread(self, hook: Callable[[], object]) -> object:
        try:
            # A slot of its own: actors that block must not starve each other.
            return await trio.to_thread.run_sync(
                hook,
                abandon_on_cancel=True,
                limiter=trio.CapacityLimiter(1),
                thread_name=self.name,
            )
        except trio.Cancelled:
            log.warning("%s was killed while its thread was busy; the thread is left", self.name)
            raise


def _is_cancellation(error: BaseException) -> bool:
    """Tell whether an error is nothing but cancellations, as a kill makes them."""
    group = as_group(error)
    if group is not None:
        return group.split(trio.Cancelled)[1] is None
    return isinstance(error, trio.Cancelled)
