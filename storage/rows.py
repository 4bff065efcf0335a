"""Rows of the activity ledger, as the actors make them and the tables hold them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


class VoiceFlags(enum.IntFlag):
    """What a member's voice state says beside the channel."""

    NONE = 0
    SELF_MUTE = 1
    SELF_DEAF = 2
    MUTE = 4
    """By a moderator."""
    DEAF = 8
    """By a moderator."""
    STREAM = 16
    VIDEO = 32
    SUPPRESS = 64
    """In the audience of a stage."""


class Event(enum.Enum):
    """A fact about one member and one voice channel."""

    CONNECT = "connect"
    DISCONNECT = "disconnect"


class Origin(enum.Enum):
    """How we know a fact."""

    GATEWAY = "gateway"
    """Discord told us when it happened."""

    SNAPSHOT = "snapshot"
    """We looked after being blind; the time is only known by its bounds."""

    SHUTDOWN = "shutdown"
    """We stopped watching on purpose."""

    OUTAGE = "outage"
    """They left at some time while we were blind."""

    IMPORT = "import"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityRow:
    """One fact of `user_activity`. All times are aware and in UTC."""

    guild_id: int
    user_id: int
    channel_id: int
    event: Event
    at_utc: datetime
    """When we learned it; where Discord told us at once, also when it happened."""

    earliest_utc: datetime
    """It did not happen before this; equal to `at_utc` where Discord told us at once."""

    latest_utc: datetime
    origin: Origin
    move_id: UUID | None = None
    """Shared by the two rows of a move."""

    flags: VoiceFlags = VoiceFlags.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    """One message that was seen; never its text."""

    guild_id: int
    user_id: int
    channel_id: int
    message_id: int
    at_utc: datetime
    length: int
    """In characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageRow:
    """A time in which we were blind for one guild."""

    guild_id: int
    from_utc: datetime
    """All before this was seen."""

    to_utc: datetime
    """The snapshot that ended it."""

    cause: str
    """Such as `gateway closed with 4000`, `killed`, `shutdown`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """A stay in a voice channel that has not ended as far as the ledger knows."""

    user_id: int
    channel_id: int
    since_utc: datetime


class CardState(enum.Enum):
    """What is to be done about crashes of one kind."""

    OPEN = "open"
    FIXED = "fixed"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashRow:
    """Equal crashes that were seen since the last row about them."""

    card: str
    """Five letters that equal crashes share."""

    headline: str
    """Type and first line of the error, without ids."""

    stack: str
    kind: str
    """The class of the actor."""

    actor: str
    """Its name."""

    in_hand: str
    """The message that it was handling, redacted; empty if none."""

    version: str
    """Of the program."""

    count: int
    first_utc: datetime
    last_utc: datetime
    born: CardState = CardState.OPEN
    """The state of the card if this is the first that is known of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an operator says of a card."""

    card: str
    state: CardState
    version: str
    """The version that fixes it, where it is fixed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashCard:
    """All equal crashes, as `crash_card` holds them."""

    card: str
    state: CardState
    count: int
    first_utc: datetime
    last_utc: datetime
    headline: str
    kinds: tuple[str, ...]
    last_actor: str
    last_in_hand: str
    last_version: str
    stack: str
    fixed_in: str | None
    """The version that was said to fix it; stays when it comes back."""

    reopened_utc: datetime | None
    """When it came back after that; null if it did not."""
