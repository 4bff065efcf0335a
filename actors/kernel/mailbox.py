"""The private mailbox of one actor."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from pykka._envelope import Envelope
from pykka.messages import (
    _ActorStop,  # pyright: ignore[reportPrivateUsage] - how Pykka's refs ask for a stop
)

from actors.kernel.errors import ActorGoneError, MailboxFullError
from actors.kernel.futures import ReplyFuture
from actors.kernel.system import ActorGone

if TYPE_CHECKING:
    from collections.abc import Iterator


class Reader(Protocol):
    """Who takes the mail of one box."""

    def ring(self) -> None:
        """Wake up; from any thread."""


class ReaderAtOnce(Reader, Protocol):
    """One whose handler never waits."""

    def answer_at_once(self, request: Any) -> Any:
        """Handle a request in the task of its asker; return the reply, or a future for it."""


class Mailbox:
    """A bounded queue with one reader that outlives each incarnation of it.

    `put` never waits: a full mailbox raises `MailboxFullError`, so a sender
    learns at once that the actor is too slow. A stop is kept apart from the
    mail: it is never refused and is seen before anything that waits. That a watched
    actor is gone is never refused either, because it is said only once. Any thread
    may put; only the reader takes. Threads that put at the same moment may pass the
    bound by one message each.

    What is told waits as it is, and only what somebody asked waits in an envelope
    with the answer's address: a third of the cost of a tell was its envelope.
    """

    __slots__ = (
        "__weakref__",
        "_suspended",
        "asleep",
        "at_once",
        "capacity",
        "gone",
        "halted",
        "name",
        "reader",
        "stops",
        "taken",
        "urgent",
        "waiting",
    )

    def __init__(self, name: str, capacity: float = 1000) -> None:
        self.name = name
        self.capacity = capacity
        self.waiting: deque[Any] = deque()
        """Bare messages, and envelopes; only the reader takes."""
        self.stops: list[Envelope[Any]] = []
        self.reader: Reader | None = None
        """Who takes, in the incarnation that runs now."""
        self.gone: str = ""
        """Why nothing is taken any more; empty while the actor may still run."""
        self.asleep = False
        """Somebody must see to it when something comes: the reader sleeps, or is gone."""
        self.at_once = False
        """The reader may be asked at once while it is asleep, because its handler never waits."""
        self._suspended = self.halted = False
        """What waits is left alone: it is suspended, or the reader is about to end."""
        self.taken = 0
        """How many messages were taken so far, in all incarnations."""
        self.urgent = False
        """Somebody waits for an answer; set by `put`, cleared by a reader that cares."""

    def tell(self, message: object, /) -> None:
        """Add a bare message without waiting.

        Raises:
            MailboxFullError: `capacity` messages wait already.
            ActorGoneError: the actor ended for good.

        """
        waiting = self.waiting
        if len(waiting) >= self.capacity:
            self._refuse(message)
        waiting.append(message)
        if self.asleep:
            if self.gone:
                self._take_back(message)
            self.ring()

    def put(self, envelope: Envelope[Any], /) -> None:
        """Add an envelope without waiting; raises as `tell` does."""
        if isinstance(envelope.message, _ActorStop):
            self.stops.append(envelope)
            # Whoever finishes its mail before it stops must find it.
            self.suspended = False
            if self.gone:
                self.answer_stops()
            if self.asleep:
                self.ring()
            return
        # Before it can be seen: a reader that gathers a batch must not miss it.
        if envelope.reply_to is not None:
            self.urgent = True
        self.tell(envelope)

    def _refuse(self, message: object) -> None:
        refused = enveloped(message).message
        if isinstance(refused, ActorGone):
            return
        raise MailboxFullError(
            f"{self.name}: {self.capacity:g} messages wait already; refused {short(refused)}"
        )

    def _take_back(self, message: object) -> None:
        # Looked for after the append, because a thread may put while `close` runs: either
        # `close` still saw the message, or it is here and nobody would ever look again.
        try:
            self.waiting.remove(message)
        except ValueError:
            return
        raise self._gone_error()

    def _gone_error(self) -> ActorGoneError:
        return ActorGoneError(f"{self.name} is gone ({self.gone})")

    def ring(self) -> None:
        """Wake the reader, if there is one."""
        if self.reader is not None:
            self.reader.ring()

    def attach(self, reader: Reader | None) -> None:
        """Name the reader, to be rung while it is `asleep`; the incarnation that reads does so."""
        self.reader, self.at_once, self.halted = reader, False, self._suspended
        self.asleep = reader is not None

    @property
    def suspended(self) -> bool:
        """Whether what waits is left alone until it is resumed; a stop resumes it."""
        return self._suspended

    @suspended.setter
    def suspended(self, suspended: bool) -> None:
        if suspended != self._suspended:
            self._suspended = self.halted = suspended

    @property
    def stop_asked(self) -> bool:
        """Whether somebody asked the actor to stop."""
        return bool(self.stops)

    def answer_stops(self) -> None:
        """Tell all who asked for the stop that it has happened; it is over with."""
        if not self.stops:
            return
        for envelope in _drained(self.stops):
            if envelope.reply_to is not None:
                envelope.reply_to.set(None)

    @property
    def position(self) -> int:
        """How many messages were taken so far, in all incarnations."""
        return self.taken

    def get(self) -> Envelope[Any]:
        """Take the next envelope without waiting."""
        message = self.waiting.popleft()
        self.taken += 1
        return enveloped(message)

    def peek(self, at_most: int) -> tuple[Envelope[Any], ...]:
        """Look at the next envelopes and leave them where they are."""
        # By index: an iterator breaks when a thread puts meanwhile.
        return tuple(enveloped(self.waiting[i]) for i in range(min(at_most, len(self.waiting))))

    def empty(self) -> bool:
        """Tell whether there is nothing to take: nothing waits, or it is suspended."""
        return not self.waiting or self._suspended

    def depth(self) -> int:
        """Count the messages that wait."""
        return len(self.waiting)

    def close(self, why: str) -> tuple[Envelope[Any], ...]:
        """Refuse everything from now on; return what waited, for the dead letters."""
        self.gone, self.asleep = why, True
        left = tuple(enveloped(each) for each in _drained(self.waiting))
        for envelope in left:
            fail(envelope, self._gone_error())
        self.answer_stops()
        return left


def _drained(queue: deque[Any] | list[Any]) -> Iterator[Any]:
    # One by one: a thread may add or take back meanwhile.
    take = queue.popleft if isinstance(queue, deque) else partial(queue.pop, 0)
    while True:
        try:
            yield take()
        except IndexError:
            return


def enveloped(message: Any) -> Envelope[Any]:
    """Put a message that waits into an envelope, unless it has one."""
    if not isinstance(message, Envelope):
        return Envelope(message)
    return message  # pyright: ignore[reportUnknownVariableType] - whatever it holds


def fail(envelope: Envelope[Any], error: BaseException) -> None:
    """Give `error` to whoever waits for the answer to `envelope`."""
    if envelope.reply_to is not None:
        envelope.reply_to.set_exception((type(error), error, error.__traceback__))


def is_abandoned(envelope: Envelope[Any]) -> bool:
    """Tell whether the asker gave up, so that handling would be work for nobody."""
    return isinstance(envelope.reply_to, ReplyFuture) and envelope.reply_to.abandoned


def short(message: object, limit: int = 120) -> str:
    """Show a message in one line of at most `limit` characters.

    >>> short("a" * 200, limit=10)
    "'aaaaaaaa…"
    """
    text = repr(message).replace("\n", " ")
    return text if len(text) <= limit else text[: limit - 1] + "…"
