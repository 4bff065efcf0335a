"""The file of the activity ledger, looked at from outside: it is never opened here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LEDGER = "activity.duckdb"
"""In the data folder; its newest facts may still be in the log file beside it."""


def size_bytes(file: Path) -> int:
    """Return the size of the ledger and its log, 0 if there is none."""
    return sum(each.stat().st_size for each in _files(file))


def last_written(file: Path) -> str:
    """Say when the ledger was last written, such as `2026-01-02 03:04:05 UTC`.

    Raises:
        FileNotFoundError: there is no ledger.

    """
    newest = max(file.stat().st_mtime, *(each.stat().st_mtime for each in _files(file)))
    return f"{datetime.fromtimestamp(newest, tz=UTC):%Y-%m-%d %H:%M:%S} UTC"


def _files(file: Path) -> list[Path]:
    beside = file.with_name(f"{file.name}.wal")
    return [each for each in (file, beside) if each.exists()]
