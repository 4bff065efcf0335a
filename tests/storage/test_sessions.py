"""Sessions follow from facts: the recorder's way and the way back from the ledger agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from storage.activity import rebuild, recall
from storage.database import open_activity
from tests.end_to_end.oracle import Fact, pair
from tests.storage.facts import START
from tests.storage.ledgers import RUN, batches, everything, store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from storage.database import Connection


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    connection = open_activity(tmp_path_factory.mktemp("ledger") / "activity.duckdb")
    yield connection
    connection.close()


def emptied(connection: Connection) -> Connection:
    for table in (
        "user_activity",
        "closed_session",
        "open_session",
        "outage",
        "watermark",
        "batch",
    ):
        connection.execute(f"DELETE FROM {table}")
    return connection


def s(time: datetime | None) -> float | None:
    return None if time is None else (time - START.replace(tzinfo=None)).total_seconds()


def told(connection: Connection) -> dict[tuple[int, int], list[Fact]]:
    found: dict[tuple[int, int], list[Fact]] = {}
    for when, earliest, latest, *rest in connection.execute(
        "SELECT at_utc, earliest_utc, latest_utc, guild_id, user_id, channel_id, event::VARCHAR, "
        "origin::VARCHAR, move_id::VARCHAR FROM user_activity ORDER BY rowid"
    ).fetchall():
        one = Fact(s(when) or 0.0, s(earliest) or 0.0, s(latest) or 0.0, *rest)
        found.setdefault((one.guild_id, one.user_id), []).append(one)
    return found


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plan=batches)
def test_a_rebuild_gives_the_very_same_rows(connection: Connection, plan: list[list[Any]]) -> None:
    store(emptied(connection), plan)
    kept = everything(connection)
    memory = recall(connection, RUN)

    rebuild(connection)

    assert everything(connection) == kept
    assert recall(connection, RUN) == memory


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plan=batches)
def test_whatever_is_told_the_ledger_pairs_and_the_sessions_are_its_pairs(
    connection: Connection, plan: list[list[Any]]
) -> None:
    store(emptied(connection), plan)

    sessions: dict[tuple[int, int], list[Any]] = {}
    for guild_id, user_id, *rest, known_s, unknown_s in connection.execute(
        "FROM voice_session"
    ).fetchall():
        sessions.setdefault((guild_id, user_id), []).append((rest[0], *map(s, rest[1:])))
        assert known_s >= 0
        assert unknown_s >= 0
    blind = [
        (guild_id, s(since) or 0.0, s(until) or 0.0)
        for guild_id, since, until in connection.execute(
            "SELECT guild_id, from_utc, to_utc FROM outage"
        ).fetchall()
    ]
    for member, facts in told(connection).items():
        assert half_moves(facts) == []
        assert sorted(pair(facts), key=repr) == sorted(sessions.get(member, []), key=repr)
    assert sessions.keys() <= told(connection).keys()
    for guild_id, _, start, sure, sure_end, end, known_s, unknown_s in closed(connection):
        seconds = by_seconds(blind, guild_id, sure, sure_end)
        assert known_s == seconds
        assert known_s + unknown_s == max(0.0, end - start)


def half_moves(facts: list[Fact]) -> list[str]:
    halves: dict[str, list[tuple[str, float]]] = {}
    for one in facts:
        if one.move_id is not None:
            halves.setdefault(one.move_id, []).append((one.event, one.at))
    return [
        move_id
        for move_id, rows in halves.items()
        if [event for event, _ in rows] != ["disconnect", "connect"] or rows[0][1] != rows[1][1]
    ]


def closed(connection: Connection) -> list[tuple[Any, ...]]:
    return [
        (guild_id, user_id, *map(s, times), known_s, unknown_s)
        for guild_id, user_id, *times, known_s, unknown_s in connection.execute(
            "SELECT * EXCLUDE (channel_id) FROM voice_session WHERE ended_latest_utc IS NOT NULL"
        ).fetchall()
    ]


def by_seconds(
    blind: list[tuple[int, float, float]], guild_id: int, start: float, end: float
) -> int:
    """Count the seconds that are inside and in no outage, one by one."""
    gaps = [(a, b) for guild, a, b in blind if guild == guild_id]
    return sum(
        all(not a <= second < b for a, b in gaps) for second in range(round(start), round(end))
    )
