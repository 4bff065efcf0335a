"""Where the console has its answers from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.analyst.protocol import AnalystMessage
    from actors.gateway.protocol import GatewayMessage
    from actors.kernel.addresses import Address, Directory
    from actors.recorder.protocol import RecorderMessage
    from actors.snapshots.protocol import SnapshotsMessage
    from supervisors.event_log import EventLog
    from supervisors.watchdog import WatchdogMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What is known of the bot, and whom to ask for the rest."""

    directory: Directory
    events: EventLog
    gateway: Address[GatewayMessage]
    recorder: Address[RecorderMessage]
    analyst: Address[AnalystMessage]
    snapshots: Address[SnapshotsMessage]
    watchdog: Address[WatchdogMessage]
    version: str
    started: float
    """When the bot was started, on the monotonic clock, in seconds."""

    stop: Callable[[str], None]
    """Ends the bot cleanly for the reason given; returns at once."""

    real_discord: bool = False
    """Whether the bot is connected to Discord itself, where drills disturb real people."""
