"""Contradictions: the ledger can always be paired, and nothing is dropped in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from actors.recorder.journal import KEEP_WATERMARKS, Journal
from storage.activity import Memory
from tests.storage.facts import GUILD, at, join, leave, move, outage, written

if TYPE_CHECKING:
    from storage.activity import BatchRows
    from storage.rows import ActivityRow


@pytest.fixture
def journal() -> Journal:
    return Journal(Memory({}, 0, 0, 0))


def stored(batch: BatchRows | None) -> list[tuple[Any, ...]]:
    """(event, user, channel, origin, is half of a move) of each fact."""
    assert batch is not None
    return [(r[3], r[1], r[2], r[7], r[8] is not None) for r in batch.rows["user_activity"]]


def tell(journal: Journal, *rows: ActivityRow) -> None:
    for row in rows:
        journal.activity((row,))


def test_a_repeated_join_is_refused(journal: Journal) -> None:
    tell(journal, join(7, 1, 0), join(7, 1, 5))

    assert stored(journal.rows()) == [("connect", 7, 1, "gateway", False)]
    assert [why for _, why in journal.refused] == ["the member is in that channel already"]


def test_a_join_elsewhere_ends_the_former_stay_at_an_unknown_time(journal: Journal) -> None:
    tell(journal, join(7, 1, 0), join(7, 2, 60))
    batch = journal.rows()

    assert stored(batch) == [
        ("connect", 7, 1, "gateway", False),
        ("disconnect", 7, 1, "outage", False),
        ("connect", 7, 2, "gateway", False),
    ]
    assert batch is not None
    assert batch.rows["closed_session"][0][5:7] == (at(0), at(60))
    assert [why for _, why in journal.refused] == ["stored, though no leave from 1 came first"]


def test_a_leave_of_nobody_is_refused(journal: Journal) -> None:
    tell(journal, join(8, 1, 0), leave(7, 1, 5))

    assert stored(journal.rows()) == [("connect", 8, 1, "gateway", False)]
    assert [why for _, why in journal.refused] == ["the member was in no channel"]


def test_a_leave_from_elsewhere_ends_the_stay_that_there_was(journal: Journal) -> None:
    tell(journal, join(7, 1, 0), leave(7, 2, 60))

    assert stored(journal.rows()) == [
        ("connect", 7, 1, "gateway", False),
        ("disconnect", 7, 1, "outage", False),
    ]
    assert [why for _, why in journal.refused] == ["the member was in 1"]


def test_half_a_move_is_a_join(journal: Journal) -> None:
    journal.activity(move(7, 1, 2, 60))

    assert stored(journal.rows()) == [("connect", 7, 2, "gateway", False)]


def test_outages_of_one_guild_never_overlap(journal: Journal) -> None:
    journal.activity((), outage(10, 20))
    journal.activity((), outage(15, 30))
    journal.activity((), outage(12, 18))
    journal.activity((), outage(12, 18, guild_id=82))
    batch = journal.rows()

    assert batch is not None
    assert [row[:3] for row in batch.rows["outage"]] == [
        (GUILD, at(10), at(20)),
        (GUILD, at(20), at(30)),
        (82, at(12), at(18)),
    ]
    assert len(journal.refused) == 1


def test_bounds_the_wrong_way_round_are_refused(journal: Journal) -> None:
    tell(journal, join(7, 1, 0, bounds=(5, 4)))

    assert journal.rows() is None
    assert len(journal.refused) == 1


def test_a_stay_within_one_batch_never_touches_the_open_ones(journal: Journal) -> None:
    tell(journal, join(7, 1, 0), leave(7, 1, 5))
    batch = journal.rows()

    assert batch is not None
    assert (batch.gone, batch.rows["open_session"]) == ([], [])


def test_a_stay_of_an_earlier_batch_that_ends_is_taken_from_the_open_ones(
    journal: Journal,
) -> None:
    tell(journal, join(7, 1, 0), join(8, 1, 0))
    journal.rows()
    journal.committed(2)
    journal.activity(move(7, 1, 2, 5))
    batch = journal.rows()

    assert batch is not None
    assert batch.gone == [(GUILD, 7)]
    assert [row[1:3] for row in batch.rows["open_session"]] == [(7, 2)]


def test_watermarks_alone_take_no_batch_number(journal: Journal) -> None:
    journal.message(written(7, 0))
    journal.rows()
    journal.committed(1)
    journal.watermark(GUILD, at(9))
    batch = journal.rows()

    assert batch is not None
    assert batch.rows["watermark"] == [(GUILD, at(9), False, 1)]
    journal.committed(2)
    assert (journal.last_batch_id, journal.last_position) == (1, 1)


def test_superseded_watermarks_are_thinned_out_and_no_guild_is_forgotten(
    journal: Journal,
) -> None:
    journal.watermark(82, at(1))
    for second in range(KEEP_WATERMARKS + 5):
        journal.watermark(GUILD, at(second))
        batch = journal.rows()
        assert batch is not None
        journal.committed(0)
        if batch.all_marks:
            break
    else:
        pytest.fail("the watermarks grew for ever")

    assert [row[0] for row in batch.rows["watermark"]] == [82, GUILD]


def test_a_watermark_never_goes_back(journal: Journal) -> None:
    journal.watermark(GUILD, at(9))
    journal.watermark(GUILD, at(4))

    assert journal.recall(GUILD).seen_until_utc == at(9)


def test_a_row_that_was_read_late_does_not_prove_that_all_before_it_was_read(
    journal: Journal,
) -> None:
    journal.watermark(GUILD, at(4))
    tell(journal, join(7, 1, 9, bounds=(4, 9)))

    assert journal.recall(GUILD).seen_until_utc == at(4)
