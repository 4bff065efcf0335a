"""What the recorder understands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from actors.kernel.messages import Request
from actors.kernel.system import SupervisionEvent
from storage.rows import ActivityRow, CrashRow, MessageRow, OpenSession, OutageRow, Verdict


@dataclass(frozen=True, slots=True)
class RecordActivity:
    """Facts that belong together: written in one transaction or not at all.

    A guild actor sends this. The guild has been seen until the latest of its rows, each taken
    at its earliest possible time, and the end of its outage.
    """

    rows: tuple[ActivityRow, ...]
    outage: OutageRow | None = None
    """The blind interval that came before the rows; it may stand without any."""


@dataclass(frozen=True, slots=True)
class RecordMessage:
    """A message was seen; a guild actor sends this."""

    row: MessageRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """All that a guild saw before `at_utc` was told to the recorder before this."""

    guild_id: int
    at_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseGuild:
    """A guild actor stopped cleanly: it recorded the end of each stay and saw all until `at_utc`.

    It sends this last, after its rows with origin `shutdown`, also when nobody was in voice.
    Any later row or watermark of the guild takes it back.
    """

    guild_id: int
    at_utc: datetime


@dataclass(frozen=True, slots=True)
class RecordSupervision:
    """A supervisor saw or did something; the event log sends this."""

    event: SupervisionEvent


@dataclass(frozen=True, slots=True)
class RecordCrash:
    """Equal crashes were seen; the crash log sends this."""

    row: CrashRow


@dataclass(frozen=True, slots=True)
class JudgeCrash(Request[int]):
    """An operator says what is to be done about a crash; answered with a batch that holds it."""

    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class GuildMemory:
    """What the ledger knows of one guild: enough for a guild actor to go on."""

    open_sessions: tuple[OpenSession, ...]
    seen_until_utc: datetime | None
    """Everything before this is in the ledger; null for a guild never seen."""

    closed_cleanly: bool
    """True after a shutdown: nothing is open and the gap since then is on purpose."""


@dataclass(frozen=True, slots=True)
class RecallGuild(Request[GuildMemory]):
    """A guild actor asks this when it starts; answered after all mail before it is committed."""

    guild_id: int


@dataclass(frozen=True, slots=True)
class NewestTime(Request[datetime | None]):
    """Ask for the latest time of any fact; null for an empty ledger.

    The gateway asks this before it connects: a clock that was set back must not start there.
    """


@dataclass(frozen=True, slots=True)
class Flush(Request[int]):
    """Commit all that came before and answer with the number of the last batch."""


@dataclass(frozen=True, slots=True)
class LookAtFile:
    """See whether the file is still where it was opened; the recorder sends this to itself."""


RecorderMessage: TypeAlias = (
    RecordActivity
    | RecordMessage
    | Watermark
    | CloseGuild
    | RecordSupervision
    | RecordCrash
    | JudgeCrash
    | RecallGuild
    | NewestTime
    | Flush
    | LookAtFile
)
