"""What the analyst understands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from actors.kernel.messages import Request
from storage.rows import CrashCard


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceTotal:
    """Time in voice of one member, open stays included up to now."""

    user_id: int
    known_s: float
    """At least this long."""

    unknown_s: float
    """It may be longer by up to this."""

    sessions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberStats:
    """The answer to `/stats me`."""

    voice: VoiceTotal
    rank: int | None
    """From 1, among members with voice time; null with none."""

    messages: int
    top_channels: tuple[tuple[int, float], ...]
    """(channel_id, known seconds), longest first, at most 3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatsOfMember(Request[MemberStats]):
    """One member's figures in one guild since a time."""

    guild_id: int
    user_id: int
    since_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TopVoice(Request[tuple[VoiceTotal, ...]]):
    """The members with most voice time in one guild since a time, longest first."""

    guild_id: int
    since_utc: datetime
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentLine:
    """One of the newest facts, for people to watch."""

    guild_id: int
    user_id: int
    channel_id: int
    event: str
    """`connect`, `disconnect`, `move` or `message`."""

    origin: str
    at_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFigures:
    """How much the ledger holds."""

    activity_rows: int
    sessions_closed: int
    sessions_open: int
    messages: int
    outages: int
    voice_s: float
    """All known voice time, open stays included."""

    last_batch_id: int
    recent: tuple[RecentLine, ...]
    """Newest first, at most 12."""


@dataclass(frozen=True, slots=True)
class LedgerReport(Request[LedgerFigures]):
    """Ask for figures of the whole ledger; status and the demo send this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashCards(Request[tuple[CrashCard, ...]]):
    """Ask for crash cards, newest first; the console and `/status` send this."""

    card: str | None = None
    """The id of the only one that is wanted."""

    limit: int = 50


AnalystMessage: TypeAlias = StatsOfMember | TopVoice | LedgerReport | CrashCards
