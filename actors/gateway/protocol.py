"""What the gateway understands."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from actors.kernel.messages import Request


class Link(enum.Enum):
    """How the gateway stands with Discord."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    RESUMING = "resuming"
    WAITING = "waiting before the next try"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayReport:
    """The state of the link, for status and health lines."""

    link: Link
    since_utc: datetime
    guilds: int
    latency_s: float | None
    lives: int
    """How many clients were made; one more after each failure that ends one."""

    resumes: int
    last_trouble: str
    """One line, empty if there was none; while it lasts it says when the next try comes."""


@dataclass(frozen=True, slots=True)
class HowIsTheLink(Request[GatewayReport]):
    """Ask for the state of the connection."""


@dataclass(frozen=True, slots=True)
class SnapshotWanted:
    """A guild actor has lost sight, by its own crash or a full mailbox, and must look again."""

    guild_id: int


GatewayMessage: TypeAlias = HowIsTheLink | SnapshotWanted
