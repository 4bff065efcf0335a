"""The turn: one message in hand, and what is still owed to its asker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.kernel.errors import ActorCrashedError, ActorGoneError, NoReplyError
from actors.kernel.exits import Crashed
from actors.kernel.mailbox import fail, short

if TYPE_CHECKING:
    from collections.abc import Callable

    from pykka._envelope import Envelope

    from actors.kernel.exits import ExitReason
    from actors.kernel.incarnation import Incarnation
    from actors.kernel.messages import Reply


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

    def __init__(self, incarnation: Incarnation) -> None:
        self._incarnation = incarnation
        self._in_hand: Envelope[Any] | None = None
        self._owed: set[ReplySlot] = set()
        self._later = False

    def begin(self, envelope: Envelope[Any]) -> None:
        """Take a message in hand."""
        self._in_hand, self._later = envelope, False

    @property
    def message(self) -> object | None:
        """The message in hand, null between turns."""
        envelope = self._in_hand
        return None if envelope is None else envelope.message

    def answer_later(self) -> ReplySlot:
        """Owe the answer to the message in hand.

        Raises:
            RuntimeError: called outside `on_receive`.

        """
        if self._in_hand is None:
            raise RuntimeError("answer_later() belongs in on_receive, before the first answer")
        self._later = True
        slot = ReplySlot(self._in_hand, self._owed.discard)
        self._owed.add(slot)
        return slot

    def finish(self, reply: Reply[Any] | None) -> None:
        """Answer the message in hand and count it as handled."""
        envelope, self._in_hand = self._in_hand, None
        cell = self._incarnation.cell
        cell.handled += 1
        if envelope is None or envelope.reply_to is None:
            return
        if reply is not None:
            envelope.reply_to.set(reply.value)
        elif not self._later:
            fail(envelope, NoReplyError(f"{cell.name} did not answer {short(envelope.message)}"))

    def abandon(self, reason: ExitReason) -> None:
        """The incarnation is over: bury the message in hand, tell all who wait."""
        if self._in_hand is not None:
            envelope, self._in_hand = self._in_hand, None
            self._incarnation.last_in_hand = envelope.message
            self.bury(envelope, reason, f"in hand when {reason}")
        # A copy: a thread may pay what it owes meanwhile, and then this is the second answer.
        for slot in tuple(self._owed):
            slot.fail(ActorGoneError(f"{self._incarnation.cell.name} {reason} before it answered"))

    def bury(self, envelope: Envelope[Any], reason: ExitReason, why: str) -> None:
        """Make a message that ended so a dead letter, and tell its asker."""
        name = self._incarnation.cell.name
        self._incarnation.directory.bury(name, envelope.message, why)
        fail(envelope, _ended(name, envelope, reason))


def _ended(name: str, envelope: Envelope[Any], reason: ExitReason) -> Exception:
    if not isinstance(reason, Crashed):
        return ActorGoneError(f"{name} {reason}, with {short(envelope.message)} in hand")
    crashed = ActorCrashedError(f"{name} crashed on {short(envelope.message)}")
    crashed.__cause__ = reason.error
    return crashed
