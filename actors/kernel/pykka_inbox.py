"""What the refs of one hosted actor put mail in, and where its next one is built."""

from __future__ import annotations

import threading
from collections import deque
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pykka
from pykka._envelope import Envelope
from pykka.messages import (
    _ActorStop,  # pyright: ignore[reportPrivateUsage] - how Pykka's refs ask for a stop
)
from typing_extensions import override

from actors.kernel import incarnation
from actors.kernel.errors import ActorError, ActorGoneError, UnsupervisedError
from actors.kernel.futures import ReplyFuture
from actors.kernel.mailbox import fail, is_abandoned

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.kernel.mailbox import Mailbox

A = TypeVar("A", bound=pykka.Actor)


class _StopHeard(ReplyFuture[None]):
    """Asks for a stop like a ref does, to hear when the incarnation has ended."""

    def __init__(self, then: Callable[[], object]) -> None:
        super().__init__()
        self._then = then

    @override
    def set(self, value: None = None) -> None:
        self._then()


class Inbox:
    """The way into a mailbox for one incarnation, with Pykka's rules for a stop.

    What is put before a stop is handled first; what is put after it is answered
    with `ActorGoneError` once the incarnation has ended. Never is a request left
    without an answer: each put falls before or after `shut`, by a lock.
    """

    def __init__(self, mailbox: Mailbox, bury: Callable[[object, str], None]) -> None:
        self._mailbox = mailbox
        self._bury = bury
        # Reentrant, because a signal handler may tell while this very thread puts.
        self._putting = threading.RLock()
        self._late: deque[Envelope[Any]] = deque()
        self._stopping = False
        self._shut = False
        self.ended: threading.Event | None = None
        """Set when the actor is dead: from then on a stop would ask the next incarnation."""

    def put(self, envelope: Envelope[Any], /) -> None:
        """Add an envelope without waiting; a request that is refused is answered with why.

        Raises:
            MailboxFullError: a told message found the mailbox full.
            ActorGoneError: a told message found the actor gone.

        """
        try:
            with self._putting:
                self._admit(envelope)
        except ActorError as error:
            if envelope.reply_to is None:
                raise
            fail(envelope, error)

    def _admit(self, envelope: Envelope[Any]) -> None:
        if self._shut:
            raise self._gone()
        if isinstance(envelope.message, _ActorStop):
            self._admit_stop()
        elif self._stopping:
            self._late.append(envelope)
            return
        self._mailbox.put(envelope)

    def _admit_stop(self) -> None:
        if self.ended is not None and self.ended.is_set():
            raise self._gone()
        if not self._stopping:
            self._stopping = True
            self._mailbox.put(Envelope(_ActorStop(), reply_to=_StopHeard(self.shut)))

    def _gone(self) -> ActorGoneError:
        return ActorGoneError(f"{self._mailbox.name} stopped before it handled the message")

    def ask_stop(self) -> None:
        """Ask for a stop and return at once; nothing happens if the actor is gone."""
        with self._putting:
            if not self._shut:
                self._admit_stop()

    def shut(self) -> None:
        """Refuse everything from now on, and answer what came after the stop."""
        with self._putting:
            self._shut = True
            late, self._late = self._late, deque()
        for envelope in late:
            fail(envelope, self._gone())
            if not is_abandoned(envelope):
                self._bury(envelope.message, "it came after the stop")

    def get(self) -> Envelope[Any]:
        """Take the next envelope without waiting; for the actor alone."""
        return self._mailbox.get()

    def empty(self) -> bool:
        """Tell whether nothing waits."""
        return self._mailbox.empty()


@dataclass(slots=True)
class Seat:
    """Where the hosted actor that is being built will live."""

    actor_class: type[pykka.Actor]
    inbox: Inbox
    begin: Callable[[Any], object]
    """Given the finished actor, starts its loop."""

    give_up: Callable[[BaseException], None]
    """Called with the error if the actor can't be built."""

    taken: bool = False


class Host(Protocol):
    """What runs hosted actors."""

    def seat(self, actor_class: type[pykka.Actor], capacity: float) -> Seat:
        """Make room for one more actor, with so many messages in its mailbox at most."""
        ...


current_seat: ContextVar[Seat | None] = ContextVar("current_seat", default=None)
current_host: ContextVar[Host | None] = ContextVar("current_host", default=None)
"""The host whose actor's hook runs here."""

running_hosts: dict[object, Host] = {}
"""Every host that runs in this process, by its directory."""

_claimed: ContextVar[incarnation.Incarnation | None] = ContextVar("_claimed", default=None)


def take_seat(actor_class: type[pykka.Actor]) -> Seat | None:
    """Return the seat that was made for the actor that is being built, once."""
    seat = current_seat.get()
    # An actor may build others in its constructor, and before it is built itself.
    if seat is None or seat.taken or seat.actor_class is not actor_class:
        return None
    seat.taken = True
    return seat


def claim_place() -> incarnation.Incarnation | None:
    """Claim the place that a supervisor has made in this context, once; null if there is none."""
    try:
        life = incarnation.current()
    except UnsupervisedError:
        return None
    if _claimed.get() is life:
        return None  # an actor that is being built starts another one
    _claimed.set(life)
    return life


def host_for(actor_class: type[pykka.Actor]) -> Host:
    """Find where a start without a named host belongs.

    Raises:
        UnsupervisedError: no host runs, or several do and none is ours.

    """
    host = current_host.get()
    if host is not None:
        return host
    running = tuple(running_hosts.values())
    if len(running) == 1:
        return running[0]
    found = "no TrioHost runs" if not running else f"{len(running)} TrioHosts run"
    raise UnsupervisedError(
        f"{found}, so {actor_class.__name__}.start() knows none to start on; "
        f"open one and call host.start({actor_class.__name__}, ...)"
    )
