"""Reads the ledger as any DuckDB client would, and the truth as the local Discord tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from tests.end_to_end.oracle import Blind, Change, Fact, Session, complaints

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Ledger:
    """The tables that the oracle judges."""

    facts: list[Fact]
    sessions: list[Session]
    blind: list[Blind]
    last_batch_id: int


def read(path: Path) -> Ledger:
    """Read a file that no bot holds open: after a stop, or a snapshot."""
    with duckdb.connect(str(path), read_only=True) as connection:

        def rows(sql: str) -> list[tuple[Any, ...]]:
            return connection.execute(sql).fetchall()

        return Ledger(
            facts=[
                Fact(*row)
                for row in rows(
                    "SELECT epoch(at_utc), epoch(earliest_utc), epoch(latest_utc), guild_id, "
                    "user_id, channel_id, event::VARCHAR, origin::VARCHAR, move_id::VARCHAR "
                    "FROM user_activity ORDER BY rowid"
                )
            ],
            sessions=[
                Session(*row)
                for row in rows(
                    "SELECT guild_id, user_id, channel_id, epoch(started_earliest_utc), "
                    "epoch(started_latest_utc), epoch(ended_earliest_utc), "
                    "epoch(ended_latest_utc), known_s, unknown_s FROM voice_session"
                )
            ],
            blind=[
                Blind(*row)
                for row in rows("SELECT guild_id, epoch(from_utc), epoch(to_utc) FROM outage")
            ],
            last_batch_id=rows("SELECT coalesce(max(batch_id), 0) FROM batch")[0][0],
        )


def changes(truth: Sequence[dict[str, Any]]) -> list[Change]:
    """Every change of a person's voice channel, oldest first; bots left out."""
    return [
        Change(
            each["at"],
            int(each["guild_id"]),
            int(each["user_id"]),
            None if each["channel_id"] is None else int(each["channel_id"]),
        )
        for each in truth
        if not each["is_bot"]
    ]


def judge(
    ledger: Ledger, truth: Sequence[dict[str, Any]], *, seen_from: float, seen_until: float
) -> list[str]:
    """Ask the oracle; an empty list is a right ledger."""
    return complaints(
        changes(truth),
        ledger.facts,
        ledger.sessions,
        ledger.blind,
        seen_from=seen_from,
        seen_until=seen_until,
    )
