"""What a guild actor understands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from actors.kernel.messages import Request
from storage.rows import VoiceFlags


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceChanged:
    """Discord sent a voice state; the gateway sends this for each, repeats too."""

    user_id: int
    is_bot: bool
    channel_id: int | None
    """Null when the member left voice."""

    flags: VoiceFlags
    at_utc: datetime
    """When the frame was read."""

    earliest_utc: datetime
    """Earlier than `at_utc` for what a resumed session replays, and while frames may be old."""


@dataclass(frozen=True, slots=True)
class Occupant:
    """One member in one voice channel."""

    user_id: int
    is_bot: bool
    channel_id: int
    flags: VoiceFlags


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceSnapshot:
    """Who is in voice now; the gateway sends this on each ready and guild_create."""

    occupants: tuple[Occupant, ...]
    at_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSeen:
    """A member wrote; the gateway sends this."""

    user_id: int
    is_bot: bool
    channel_id: int
    message_id: int
    length: int
    at_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """All that Discord sent before `at_utc` has been told.

    The gateway sends this each second in which it read a frame; a quiet link is asked for
    one every 5 s. While frames may be old the time stands still.
    """

    at_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SightLost:
    """The gateway lost Discord and could not resume: until the next snapshot we are blind."""

    since_utc: datetime
    """When the last frame was read."""

    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GuildReport:
    """What a guild actor holds in memory."""

    in_voice: tuple[Occupant, ...]
    blind: bool
    repeats_within_1s: int
    """The alarm figure: events that said what we knew already."""


@dataclass(frozen=True, slots=True)
class HowIsTheGuild(Request[GuildReport]):
    """Ask for the state that statistics and drills look at."""


GuildMessage: TypeAlias = (
    VoiceChanged | VoiceSnapshot | MessageSeen | Tick | SightLost | HowIsTheGuild
)
