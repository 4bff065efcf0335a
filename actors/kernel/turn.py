"""The turn: one message in hand, and what is still owed to its asker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pykka._envelope import Envelope

from actors.kernel.errors import ActorCrashedError, ActorGoneError, NoReplyError
from actors.kernel.exits import Crashed
from actors.kernel.futures import ReplyFuture
from actors.kernel.mailbox import enveloped, fail, short

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.kernel.exits import ExitReason
    from actors.kernel.incarnation import Incarnation
    from actors.kernel.messages import Reply


class _Nothing:
    """What is in hand between two messages; false, unlike a message `None`."""

    def __bool__(self) -> bool:
        return False


NOTHING = _Nothing()


class ReplySlot:
    """The answer to one request, to be sent later and once."""

    __slots__ = ("_envelope", "_paid")

    def __init__(self, envelope: Envelope[Any], paid: Callable[[ReplySlot], None]) -> None:
        self._envelope, self._paid = envelope, paid

    @property
    def asker(self) -> object:
        """What the answer goes to; null if the message was told."""
        return self._envelope.reply_to

    def send(self, reply: Reply[Any]) -> None:
        """Answer; from any thread. A second answer is ignored."""
        self._paid(self)
        if self._envelope.reply_to is not None:
            self._envelope.reply_to.set(reply.value)

    def fail(self, error: BaseException) -> None:
        """Give the asker an error in place of the answer."""
        self._paid(self)
        fail(self._envelope, error)


class Turns:
    """What one incarnation has in hand and whom it owes an answer."""

    __slots__ = ("_incarnation", "_owed", "at_once", "in_hand", "later")

    def __init__(self, incarnation: Incarnation) -> None:
        self._incarnation = incarnation
        self.in_hand: Any = NOTHING
        """An envelope, or the bare message of a tell."""
        self._owed: set[ReplySlot] | None = None
        self.later = False
        """The answer to it comes later."""
        self.at_once = False
        """It is a request that is handled in the task of its asker."""

    def begin(self, message: object) -> None:
        """Take a message, or the envelope it came in, in hand."""
        self.in_hand, self.later = message, False

    @property
    def message(self) -> object | None:
        """The message in hand, null between turns."""
        return None if self.in_hand is NOTHING else enveloped(self.in_hand).message

    def answer_later(self) -> ReplySlot:
        """Owe the answer to the message in hand.

        Raises:
            RuntimeError: called outside `on_receive`.

        """
        if self.in_hand is NOTHING:
            raise RuntimeError("answer_later() belongs in on_receive, before the first answer")
        self.later = True
        if self._owed is None:
            self._owed = set()
        if self.at_once:
            self.promise()
        slot = ReplySlot(self.keep(), self._owed.discard)
        self._owed.add(slot)
        return slot

    def keep(self) -> Envelope[Any]:
        """Return the envelope of the message in hand; it outlasts the call of its handler."""
        self.in_hand = envelope = enveloped(self.in_hand)
        return envelope

    def promise(self) -> ReplyFuture[Any]:
        """Return where the answer to the message in hand is waited for, after all."""
        envelope = self.keep()
        future = envelope.reply_to
        if not isinstance(future, ReplyFuture):
            future = envelope.reply_to = ReplyFuture()
        return future

    def finish(self, reply: Reply[Any] | None) -> None:
        """Answer the message in hand and count it as handled."""
        is_told = not isinstance(self.in_hand, Envelope)
        envelope: Any = self.in_hand
        self.in_hand = NOTHING
        cell = self._incarnation.cell
        cell.handled += 1
        if is_told or envelope.reply_to is None:
            return
        if reply is not None:
            envelope.reply_to.set(reply.value)
        elif not self.later:
            fail(envelope, NoReplyError(f"{cell.name} did not answer {short(envelope.message)}"))

    def abandon(self, reason: ExitReason) -> None:
        """The incarnation is over: bury the message in hand, tell all who wait."""
        if self.in_hand is not NOTHING:
            envelope, self.in_hand = self.keep(), NOTHING
            self._incarnation.last_in_hand = envelope.message
            self.bury(envelope, reason, f"in hand when {reason}")
        # A copy: a thread may pay what it owes meanwhile, and then this is the second answer.
        for slot in tuple(self._owed or ()):
            slot.fail(ActorGoneError(f"{self._incarnation.cell.name} {reason} before it answered"))

    def bury(self, envelope: Envelope[Any], reason: ExitReason, why: str) -> None:
        """Make a message that ended so a dead letter, and tell its asker."""
        name = self._incarnation.cell.name
        self._incarnation.directory.bury(name, envelope.message, why)
        if envelope.reply_to is not None:
            fail(envelope, _ended(name, envelope, reason))


def _ended(name: str, envelope: Envelope[Any], reason: ExitReason) -> Exception:
    if not isinstance(reason, Crashed):
        return ActorGoneError(f"{name} {reason}, with {short(envelope.message)} in hand")
    crashed = ActorCrashedError(f"{name} crashed on {short(envelope.message)}")
    crashed.__cause__ = reason.error
    return crashed
