"""The recorder as its neighbours see it: all it is told is stored, and its answers are true."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from actors.kernel.system import SupervisionEvent
from actors.recorder.protocol import (
    CloseGuild,
    Flush,
    NewestTime,
    RecallGuild,
    RecordActivity,
    RecordMessage,
    RecordSupervision,
    Watermark,
)
from storage.rows import OpenSession, Origin
from tests.storage.facts import GUILD, at, join, leave, move, outage, written
from tests.storage.living import storage, table

if TYPE_CHECKING:
    from pathlib import Path

    from actors.kernel.addresses import Directory


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "activity.duckdb"


async def flush(directory: Directory) -> int:
    return int(await directory.address("recorder").ask(Flush(), within=10))


async def test_each_change_is_one_row_with_the_batch_that_wrote_it(file: Path) -> None:
    async with storage(file) as directory:
        recorder = directory.address("recorder")
        recorder.tell(RecordActivity((join(7, 1, 0),)))
        recorder.tell(RecordActivity((leave(7, 1, 60),)))
        recorder.tell(RecordMessage(written(7, 61)))
        last = await flush(directory)

    assert table(
        file, "SELECT event::VARCHAR, at_utc, origin::VARCHAR, move_id, batch_id FROM user_activity"
    ) == [
        ("connect", at(0).replace(tzinfo=None), "gateway", None, last),
        ("disconnect", at(60).replace(tzinfo=None), "gateway", None, last),
    ]
    assert table(file, "SELECT user_id, message_id, length, batch_id FROM message_seen") == [
        (7, 61_000, 12, last)
    ]
    assert table(file, "SELECT batch_id, first_position, last_position, row_count FROM batch") == [
        (last, 1, 4, 3)
    ]


async def test_a_move_is_two_rows_at_one_time_and_two_sessions(file: Path) -> None:
    async with storage(file) as directory:
        recorder = directory.address("recorder")
        recorder.tell(RecordActivity((join(7, 1, 0),)))
        recorder.tell(RecordActivity(move(7, 1, 2, 60)))
        recorder.tell(Watermark(guild_id=GUILD, at_utc=at(90)))
        await flush(directory)

    rows = table(file, "SELECT event::VARCHAR, channel_id, move_id FROM user_activity")
    assert [row[:2] for row in rows] == [("connect", 1), ("disconnect", 1), ("connect", 2)]
    assert rows[1][2] == rows[2][2] is not None
    assert table(
        file,
        "SELECT channel_id, ended_latest_utc IS NULL, known_s, unknown_s FROM voice_session "
        "ORDER BY started_latest_utc",
    ) == [(1, False, 60.0, 0.0), (2, True, 30.0, 0.0)]


async def test_an_outage_inside_a_session_is_unknown_time_of_it(file: Path) -> None:
    async with storage(file) as directory:
        recorder = directory.address("recorder")
        recorder.tell(RecordActivity((join(7, 1, 0), join(8, 1, 0))))
        recorder.tell(RecordActivity((), outage(10, 30)))
        recorder.tell(RecordActivity((leave(7, 1, 100),)))
        recorder.tell(RecordActivity((), outage(110, 130)))
        gone = leave(8, 1, 130, bounds=(110, 130), origin=Origin.OUTAGE)
        recorder.tell(RecordActivity((gone,)))
        await flush(directory)

    assert table(
        file, "SELECT user_id, known_s, unknown_s FROM voice_session ORDER BY user_id"
    ) == [(7, 80.0, 20.0), (8, 90.0, 40.0)]


async def test_an_outage_inside_an_open_session_is_unknown_time_of_it(file: Path) -> None:
    async with storage(file) as directory:
        recorder = directory.address("recorder")
        recorder.tell(RecordActivity((join(7, 1, 5, bounds=(0, 5), origin=Origin.SNAPSHOT),)))
        recorder.tell(RecordActivity((), outage(10, 30)))
        recorder.tell(Watermark(guild_id=GUILD, at_utc=at(50)))
        await flush(directory)

    assert table(file, "SELECT known_s, unknown_s, ended_latest_utc FROM voice_session") == [
        (25.0, 25.0, None)
    ]


async def test_a_recall_tells_what_was_told_before_it_and_nothing_after(file: Path) -> None:
    async with storage(file) as directory:
        recorder = directory.address("recorder")
        recorder.tell(RecordActivity((join(7, 1, 0), join(9, 3, 0, guild_id=82))))
        recorder.tell(Watermark(guild_id=GUILD, at_utc=at(5)))
        memory = await recorder.ask(RecallGuild(GUILD), within=10)

        assert memory.open_sessions == (OpenSession(user_id=7, channel_id=1, since_utc=at(0)),)
        assert memory.seen_until_utc == at(5)
        assert not memory.closed_cleanly


async def newest(directory: Directory) -> object:
    return await directory.address("recorder").ask(NewestTime(), within=10)


async def test_the_newest_time_of_an_empty_ledger_is_none(file: Path) -> None:
    async with storage(file) as directory:
        assert await newest(directory) is None


@pytest.mark.parametrize(
    "told",
    [
        RecordActivity((join(7, 1, 60, bounds=(5, 60)),)),
        RecordActivity((), outage(10, 60)),
        RecordMessage(written(7, 60)),
        Watermark(guild_id=82, at_utc=at(60)),
    ],
    ids=["activity", "outage", "message", "watermark"],
)
async def test_the_newest_time_is_the_latest_of_any_fact_in_this_process_and_the_next(
    file: Path, told: RecordActivity | RecordMessage | Watermark
) -> None:
    async with storage(file) as directory:
        directory.address("recorder").tell(RecordActivity((join(8, 1, 50),)))
        directory.address("recorder").tell(told)
        assert await newest(directory) == at(60)

    async with storage(file) as directory:
        assert await newest(directory) == at(60)


async def test_a_guild_never_seen_has_an_empty_memory(file: Path) -> None:
    async with storage(file) as directory:
        memory = await directory.address("recorder").ask(RecallGuild(GUILD), within=10)

    assert (memory.open_sessions, memory.seen_until_utc, memory.closed_cleanly) == ((), None, False)


async def test_the_next_process_finds_open_sessions_and_the_watermark(file: Path) -> None:
    async with storage(file) as directory:
        recorder = directory.address("recorder")
        recorder.tell(RecordActivity((join(7, 1, 0),)))
        recorder.tell(Watermark(guild_id=GUILD, at_utc=at(5)))

    async with storage(file) as directory:
        memory = await directory.address("recorder").ask(RecallGuild(GUILD), within=10)
        directory.address("recorder").tell(RecordActivity((leave(7, 1, 60),)))

    assert memory.open_sessions == (OpenSession(user_id=7, channel_id=1, since_utc=at(0)),)
    assert memory.seen_until_utc == at(5)
    assert table(file, "SELECT known_s FROM voice_session") == [(60.0,)]


@pytest.mark.parametrize("in_voice", [True, False])
async def test_a_guild_that_said_goodbye_is_closed_cleanly_until_it_speaks_again(
    file: Path, in_voice: bool
) -> None:
    async with storage(file) as directory:
        recorder = directory.address("recorder")
        if in_voice:
            recorder.tell(RecordActivity((join(7, 1, 0),)))
            recorder.tell(RecordActivity((leave(7, 1, 9, origin=Origin.SHUTDOWN),)))
        recorder.tell(CloseGuild(guild_id=GUILD, at_utc=at(9)))

    async with storage(file) as directory:
        recorder = directory.address("recorder")
        clean = await recorder.ask(RecallGuild(GUILD), within=10)
        recorder.tell(Watermark(guild_id=GUILD, at_utc=at(20)))
        again = await recorder.ask(RecallGuild(GUILD), within=10)

    assert (clean.closed_cleanly, clean.seen_until_utc) == (True, at(9))
    assert (again.closed_cleanly, again.seen_until_utc) == (False, at(20))


async def test_a_guild_with_open_sessions_is_not_closed_whatever_it_says(file: Path) -> None:
    async with storage(file) as directory:
        recorder = directory.address("recorder")
        recorder.tell(RecordActivity((join(7, 1, 0),)))
        recorder.tell(CloseGuild(guild_id=GUILD, at_utc=at(9)))
        memory = await recorder.ask(RecallGuild(GUILD), within=10)

    assert not memory.closed_cleanly


async def test_supervision_events_are_kept(file: Path) -> None:
    event = SupervisionEvent(
        supervisor="storage", child="analyst", reason="crashed", action="restart", at_utc_s=0.5
    )
    async with storage(file) as directory:
        directory.address("recorder").tell(RecordSupervision(event))

    assert table(
        file, "SELECT supervisor, child, reason, action, epoch(at_utc) FROM supervision_event"
    ) == [("storage", "analyst", "crashed", "restart", 0.5)]


async def test_a_time_without_a_zone_refuses_its_whole_message(file: Path) -> None:
    naive = replace(join(8, 1, 0), latest_utc=at(0).replace(tzinfo=None))
    async with storage(file) as directory:
        recorder = directory.address("recorder")
        recorder.tell(RecordActivity((join(7, 1, 0), naive)))
        recorder.tell(RecordActivity((join(9, 1, 1),)))
        await flush(directory)
        letters = [letter.why for letter in directory.dead_letters]

    assert table(file, "SELECT user_id FROM user_activity") == [(9,)]
    assert letters == ["a time needs a zone: 2026-03-01T12:00:00"]


async def test_times_in_another_zone_are_stored_in_utc(file: Path) -> None:
    east = timezone(timedelta(hours=5))
    row = join(7, 1, 0)
    moved = replace(row, at_utc=row.at_utc.astimezone(east))
    async with storage(file) as directory:
        directory.address("recorder").tell(RecordActivity((moved,)))

    assert table(file, "SELECT at_utc FROM user_activity") == [(at(0).replace(tzinfo=None),)]


async def test_ids_keep_all_their_64_bits(file: Path) -> None:
    async with storage(file) as directory:
        directory.address("recorder").tell(RecordActivity((join(2**64 - 1, 2**63 + 1, 0),)))

    assert table(file, "SELECT user_id, channel_id FROM user_activity") == [(2**64 - 1, 2**63 + 1)]
