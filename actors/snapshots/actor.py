"""The snapshots actor: publishes copies of the activity file that any process may open."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, assert_never

from typing_extensions import override

from actors.kernel.blocking import BlockingActor
from actors.snapshots.protocol import Snapshot, SnapshotsMessage, TakeSnapshot
from storage.database import (
    DiskFullError,
    FolderError,
    StorageError,
    copy_database,
    join_activity,
    remove_database,
)

if TYPE_CHECKING:
    from pathlib import Path

    from actors.kernel.messages import Reply

KEEP = 2
"""Copies that stay: the newest, and the one before it, which somebody may be about to open."""

ENDING = ".duckdb"
UNFINISHED = ".part"


class SnapshotsActor(BlockingActor[SnapshotsMessage]):
    """Copies the ledger on request, and gives away the last copy while it is young.

    State: the last copy that this incarnation made. A crash loses at most the copy
    in hand, whose remains the next start removes. One that finds no space, or no
    folder to write in, fails for its asker only.
    """

    def __init__(self, file: Path, folder: Path) -> None:
        super().__init__()
        self._file, self._folder = file, folder
        self._last: Snapshot | None = None
        self._taken_at = 0.0

    @override
    def pre_start(self) -> None:
        self._tidy(f"*{ENDING}{UNFINISHED}*", keep=0)
        self._connection = join_activity(self._file)
        self.held.callback(self._connection.close)

    @override
    def on_receive(self, message: SnapshotsMessage) -> Reply[Any] | None:
        match message:
            case TakeSnapshot(max_age_s=max_age_s):
                try:
                    return message.reply(self._young(max_age_s) or self._take())
                except (DiskFullError, FolderError) as reason:
                    self.answer_later().fail(reason)
                    return None
                except StorageError as fault:
                    # A new handle may heal it; the asker learns the reason all the same.
                    self.answer_later().fail(fault)
                    raise
            case _:
                assert_never(message)

    def _young(self, max_age_s: float) -> Snapshot | None:
        last = self._last
        fits = last is not None and time.monotonic() - self._taken_at <= max_age_s
        return last if last is not None and fits and last.path.exists() else None

    def _take(self) -> Snapshot:
        taken_at, taken_utc = time.monotonic(), datetime.now(UTC)
        path = self._folder / f"activity-{taken_utc:%Y%m%dT%H%M%S%fZ}{ENDING}"
        last_batch_id = copy_database(self._connection, path)
        self._last = Snapshot(path=path, taken_utc=taken_utc, last_batch_id=last_batch_id)
        self._taken_at = taken_at
        self._tidy(f"*{ENDING}", keep=KEEP)
        return self._last

    def _tidy(self, pattern: str, *, keep: int) -> None:
        """Remove all but the newest; what can't be removed is left for another time."""
        for old in sorted(self._folder.glob(pattern), reverse=True)[keep:]:
            with contextlib.suppress(OSError):
                remove_database(old)
