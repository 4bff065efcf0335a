"""The private mailbox of one actor."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from pykka.messages import (
    _ActorStop,  # pyright: ignore[reportPrivateUsage] - how Pykka's refs ask for a stop
)

from actors.kernel.errors import ActorGoneError, MailboxFullError
from actors.kernel.futures import ReplyFuture
from actors.kernel.system import ActorGone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pykka._envelope import Envelope


class Mailbox:
    """A bounded queue with one reader that outlives each incarnation of it.

    `put` never waits: a full mailbox raises `MailboxFullError`, so a sender
    learns at once that the actor is too slow. A stop is kept apart from the
    mail: it is never refused and is seen before anything that waits. That a watched
    actor is gone is never refused either, because it is said only once. Any thread
    may put; only the reader takes. Threads that put at the same moment may pass the
    bound by one message each.
    """

    def __init__(self, name: str, capacity: float = 1000) -> None:
        self.name = name
        self.capacity = capacity
        self._waiting: deque[Envelope[Any]] = deque()
        self._stops: deque[Envelope[Any]] = deque()
        self._wake: Callable[[], object] | None = None
        self._gone: str = ""
        self._taken = 0
        self.urgent = False
        """Somebody waits for an answer; set by `put`, cleared by a reader that cares."""

    def put(self, envelope: Envelope[Any], /) -> None:
        """Add an envelope without waiting.

        Raises:
            MailboxFullError: `capacity` messages wait already.
            ActorGoneError: the actor ended for good.

        """
        if isinstance(envelope.message, _ActorStop):
            self._stops.append(envelope)
            if self._gone:
                self.answer_stops()
        elif len(self._waiting) >= self.capacity and not isinstance(envelope.message, ActorGone):
            raise MailboxFullError(
                f"{self.name}: {self.capacity:g} messages wait already; "
                f"refused {short(envelope.message)}"
            )
        else:
            self._waiting.append(envelope)
            if envelope.reply_to is not None:
                self.urgent = True
            if self._gone:
                self._take_back(envelope)
        self.ring()

    def _take_back(self, envelope: Envelope[Any]) -> None:
        # Looked for after the append, because a thread may put while `close` runs: either
        # `close` still saw the message, or it is here and nobody would ever look again.
        try:
            self._waiting.remove(envelope)
        except ValueError:
            return
        raise self._gone_error()

    def _gone_error(self) -> ActorGoneError:
        return ActorGoneError(f"{self.name} is gone ({self._gone})")

    def ring(self) -> None:
        """Wake the reader, if there is one."""
        wake = self._wake
        if wake is not None:
            wake()

    def attach(self, wake: Callable[[], object] | None) -> None:
        """Name what `put` calls to wake the reader; the incarnation that reads sets it."""
        self._wake = wake

    @property
    def stop_asked(self) -> bool:
        """Whether somebody asked the actor to stop."""
        return bool(self._stops)

    def answer_stops(self) -> None:
        """Tell all who asked for the stop that it has happened; it is over with."""
        for envelope in _drained(self._stops):
            if envelope.reply_to is not None:
                envelope.reply_to.set(None)

    @property
    def position(self) -> int:
        """How many messages were taken so far, in all incarnations."""
        return self._taken

    def get(self) -> Envelope[Any]:
        """Take the next envelope without waiting."""
        envelope = self._waiting.popleft()
        self._taken += 1
        return envelope

    def peek(self, at_most: int) -> tuple[Envelope[Any], ...]:
        """Look at the next envelopes and leave them where they are."""
        # By index: an iterator breaks when a thread puts meanwhile.
        return tuple(self._waiting[i] for i in range(min(at_most, len(self._waiting))))

    def empty(self) -> bool:
        """Tell whether nothing waits."""
        return not self._waiting

    def depth(self) -> int:
        """Count the messages that wait."""
        return len(self._waiting)

    def close(self, why: str) -> tuple[Envelope[Any], ...]:
        """Refuse everything from now on; return what waited, for the dead letters."""
        self._gone = why
        left = tuple(_drained(self._waiting))
        for envelope in left:
            fail(envelope, self._gone_error())
        self.answer_stops()
        return left


def _drained(queue: deque[Envelope[Any]]) -> Iterator[Envelope[Any]]:
    # One by one: a thread may add or take back meanwhile.
    while True:
        try:
            yield queue.popleft()
        except IndexError:
            return


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
