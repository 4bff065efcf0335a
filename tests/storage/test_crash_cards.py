"""Crash cards: a thousand equal crashes are one card, and it outlives everything."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import trio
import trio.lowlevel
from hypothesis import given
from hypothesis import strategies as st

from actors.analyst.protocol import CrashCards
from actors.kernel.system import SupervisionEvent
from actors.recorder.protocol import Flush, JudgeCrash, RecordCrash, RecordSupervision
from storage import crash_cards
from storage.crash_cards import cards, enter, entered, judge
from storage.database import open_activity, writing
from storage.rows import CardState, CrashCard, CrashRow, Verdict
from supervisors.crash_log import CrashLog
from tests.storage.living import crash, storage, table

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "activity.duckdb"


def row(card: str = "K7QF2", minute: float = 0, count: int = 1, **other: object) -> CrashRow:
    at = NOON + timedelta(minutes=minute)
    made = CrashRow(
        card=card,
        headline="ValueError: x",
        stack="a.py:1 in f",
        kind="GuildActor",
        actor="guilds/81",
        in_hand="VoiceChanged()",
        version="0.1.0",
        count=count,
        first_utc=at,
        last_utc=at,
    )
    return replace(made, **other)  # type: ignore[arg-type]  # fields of the row


def verdict(state: CardState, version: str = "0.1.0") -> Verdict:
    return Verdict(card="K7QF2", state=state, version=version)


def after(*entries: CrashRow | Verdict) -> CrashCard:
    card: CrashCard | None = None
    for entry in entries:
        card = entered(card, entry)
    assert card is not None
    return card


def test_equal_crashes_are_one_card_with_a_count_and_two_times() -> None:
    card = after(row(), row(minute=5, count=998, kind="Recorder", actor="recorder"), row(minute=2))

    assert (card.count, card.first_utc, card.last_utc) == (1000, NOON, NOON + timedelta(minutes=5))
    assert card.kinds == ("GuildActor", "Recorder")


def test_a_fixed_crash_that_comes_back_is_open_again_and_says_so() -> None:
    fixed = after(row(), verdict(CardState.FIXED, "0.2.0"))
    assert (fixed.state, fixed.fixed_in, fixed.reopened_utc) == (CardState.FIXED, "0.2.0", None)

    back = entered(fixed, row(minute=9))

    assert back is not None
    assert (back.state, back.fixed_in) == (CardState.OPEN, "0.2.0")
    assert back.reopened_utc == NOON + timedelta(minutes=9)
    again = entered(back, verdict(CardState.FIXED, "0.3.0"))
    assert again is not None
    assert (again.fixed_in, again.reopened_utc) == ("0.3.0", None)


def test_an_ignored_crash_stays_ignored_and_counts_on() -> None:
    card = after(row(), verdict(CardState.IGNORED), row(minute=1))

    assert (card.state, card.count) == (CardState.IGNORED, 2)


def test_a_verdict_on_no_card_makes_none() -> None:
    assert entered(None, verdict(CardState.FIXED)) is None


@given(
    counts=st.lists(st.tuples(st.sampled_from("ABC"), st.integers(1, 5)), max_size=20),
    cuts=st.lists(st.integers(0, 20), max_size=4),
)
def test_it_makes_no_difference_how_crashes_fall_into_batches(
    counts: list[tuple[str, int]], cuts: list[int]
) -> None:
    entries = [row(card, minute, count) for minute, (card, count) in enumerate(counts)]
    whole = {name: after(*(e for e in entries if e.card == name)) for name, _ in counts}
    edges = [0, *sorted(min(cut, len(entries)) for cut in cuts), len(entries)]
    state: dict[str, CrashCard] = {}
    for first, last in pairwise(edges):
        for entry in entries[first:last]:
            card = entered(state.get(entry.card), entry)
            assert card is not None
            state[entry.card] = card

    assert state == whole
    assert sum(card.count for card in state.values()) == sum(count for _, count in counts)


def test_a_card_reads_back_as_it_was_written(file: Path) -> None:
    connection = open_activity(file)
    with writing(connection):
        assert enter(connection, [row(), row("AAAAA", minute=1)], 1) == []
    with writing(connection):
        enter(connection, [verdict(CardState.FIXED)], 2)
    with writing(connection):
        back = enter(connection, [row(minute=3)], 3)

    expected = after(row(), verdict(CardState.FIXED), row(minute=3))
    assert back == [expected]
    assert cards(connection) == [expected, after(row("AAAAA", minute=1))]
    assert cards(connection, "AAAAA") == [after(row("AAAAA", minute=1))]
    assert cards(connection, "NONE") == []
    assert len(cards(connection, row_limit=1)) == 1
    judge(connection, verdict(CardState.IGNORED))
    assert cards(connection, "K7QF2")[0].state is CardState.IGNORED
    connection.close()


def test_the_oldest_cards_go_when_there_are_too_many(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crash_cards, "KEEP", 3)
    connection = open_activity(file)
    for number in range(5):
        with writing(connection):
            enter(connection, [row(f"CARD{number}", minute=number)], number)

    assert [card.card for card in cards(connection)] == ["CARD4", "CARD3", "CARD2"]
    connection.close()


async def test_a_thousand_equal_crashes_are_one_row_and_survive_a_crash_and_a_restart(
    file: Path,
) -> None:
    async with storage(file, readers=True) as directory:
        recorder, analyst = directory.address("recorder"), directory.address("analyst")
        for number in range(1000):
            recorder.tell(RecordCrash(row(minute=number)))
            if number == 500:
                await crash(directory, "recorder")
        await recorder.ask(Flush(), within=20)
        (card,) = await analyst.ask(CrashCards(), within=5)
        assert card.count == 1000
        await recorder.ask(JudgeCrash(verdict(CardState.FIXED, "0.2.0")), within=5)
    async with storage(file, readers=True) as directory:
        recorder, analyst = directory.address("recorder"), directory.address("analyst")
        recorder.tell(RecordCrash(row(minute=2000)))
        await recorder.ask(Flush(), within=5)
        (card,) = await analyst.ask(CrashCards(card="K7QF2"), within=5)

    assert (card.count, card.state, card.fixed_in) == (1001, CardState.OPEN, "0.2.0")
    assert card.reopened_utc is not None
    assert table(file, "SELECT count(*) FROM crash_card") == [(1,)]


async def test_a_supervision_event_is_stored_with_its_card(file: Path) -> None:
    event = SupervisionEvent(
        supervisor="s", child="c", reason="crashed: x", action="restart", at_utc_s=1.0, card="K7QF2"
    )
    async with storage(file) as directory:
        recorder = directory.address("recorder")
        recorder.tell(RecordSupervision(event))
        recorder.tell(RecordSupervision(replace(event, card="", action="started")))
        await recorder.ask(Flush(), within=5)

    assert table(file, "SELECT action, card FROM supervision_event ORDER BY rowid") == [
        ("restart", "K7QF2"),
        ("started", None),
    ]


async def test_crashes_of_one_moment_are_told_as_one_and_wait_for_the_recorder(
    file: Path,
) -> None:
    async with storage(file, readers=True) as directory:
        log = CrashLog(directory, directory.address("nobody yet"))
        cell = directory.find("snapshots")
        assert cell is not None
        for _ in range(1000):
            directory.crashed(cell, ValueError("x"), None)
        await trio.lowlevel.checkpoint()
        (owed,) = log.owed
        assert (owed.count, owed.kind, owed.actor) == (1000, "SnapshotsActor", "snapshots")

        log = CrashLog(directory, directory.address("recorder"))
        directory.crashed(cell, ValueError("x"), None)
        await trio.testing.wait_all_tasks_blocked()
        assert log.owed == ()
        await directory.address("recorder").ask(Flush(), within=5)
        (card,) = await directory.address("analyst").ask(CrashCards(), within=5)
        assert (card.count, card.headline) == (1, "ValueError: x")
