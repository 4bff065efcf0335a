"""What the snapshots actor understands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from actors.kernel.messages import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A copy of the activity file that any process may open read-only."""

    path: Path
    taken_utc: datetime
    last_batch_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeSnapshot(Request[Snapshot]):
    """Publish a copy, or answer with the last one if it is young enough."""

    max_age_s: float = 1.0


SnapshotsMessage: TypeAlias = TakeSnapshot
