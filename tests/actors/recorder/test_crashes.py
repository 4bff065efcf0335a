"""A crash at any point, a kill, a full disk: nothing that was told is lost or doubled."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import pytest

from actors.recorder.protocol import Flush, RecallGuild, RecordActivity, RecordMessage, Watermark
from storage.activity import Writer
from storage.database import DatabaseInUseError
from supervisors.application import ending_of
from supervisors.lives import StartError
from tests.storage.child import child
from tests.storage.facts import GUILD, at, join, leave, move, written
from tests.storage.living import crash, storage, table

if TYPE_CHECKING:
    from pathlib import Path

    from storage.activity import BatchRows, Run
    from storage.rows import CrashCard

MEMBERS = 400


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "activity.duckdb"


def whole(file: Path, members: int = MEMBERS) -> bool:
    """Whether each member joined, moved and left exactly once, in this order."""
    rows = table(
        file,
        "SELECT user_id, list(event::VARCHAR || channel_id ORDER BY rowid) FROM user_activity "
        "GROUP BY user_id ORDER BY user_id",
    )
    expected = ["connect1", "disconnect1", "connect2", "disconnect2"]
    return rows == [(user_id, expected) for user_id in range(members)]


def derived(file: Path) -> list[tuple[object, ...]]:
    return table(
        file,
        "SELECT (SELECT count(*) FROM closed_session), (SELECT count(*) FROM open_session), "
        "(SELECT count(*) FROM user_activity), (SELECT sum(row_count) FROM batch)",
    )


async def test_crashes_under_load_lose_and_double_nothing(file: Path) -> None:
    async with storage(file) as directory:
        recorder = directory.address("recorder")
        for user_id in range(MEMBERS):
            recorder.tell(RecordActivity((join(user_id, 1, user_id),)))
            recorder.tell(RecordActivity(move(user_id, 1, 2, user_id + 0.5)))
            recorder.tell(RecordActivity((leave(user_id, 2, user_id + 0.7),)))
            if user_id % 40 == 0:
                await crash(directory, "recorder")
        await recorder.ask(Flush(), within=20)

        assert not directory.dead_letters
    assert whole(file)
    assert derived(file) == [(2 * MEMBERS, 0, 4 * MEMBERS, 4 * MEMBERS)]


@pytest.mark.parametrize("when", ["before the write", "after the commit"])
async def test_a_batch_that_crashed_is_stored_once(
    file: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    real, left = Writer.write, [1]

    def write(self: Writer, batch: BatchRows, run: Run) -> list[CrashCard]:
        back = real(self, batch, run) if when == "after the commit" else []
        if left:
            left.pop()
            raise RuntimeError("struck")
        return real(self, batch, run) if when == "before the write" else back

    monkeypatch.setattr(Writer, "write", write)
    async with storage(file) as directory:
        recorder = directory.address("recorder")
        for user_id in range(3):
            recorder.tell(RecordActivity((join(user_id, 1, 0),)))
            recorder.tell(RecordActivity(move(user_id, 1, 2, 1)))
            recorder.tell(RecordActivity((leave(user_id, 2, 2),)))
        recorder.tell(Watermark(guild_id=GUILD, at_utc=at(3)))
        memory = await recorder.ask(RecallGuild(GUILD), within=10)

        assert not directory.dead_letters
    assert (memory.open_sessions, memory.seen_until_utc) == ((), at(3))
    assert whole(file, members=3)
    assert derived(file) == [(6, 0, 12, 12)]


async def test_a_row_that_no_column_can_hold_is_quarantined_alone(file: Path) -> None:
    async with storage(file) as directory:
        recorder = directory.address("recorder")
        recorder.tell(RecordMessage(written(7, 1)))
        recorder.tell(RecordMessage(written(-1, 2)))
        recorder.tell(RecordMessage(written(8, 3)))
        await recorder.ask(Flush(), within=10)

        assert [letter.message for letter in directory.dead_letters] == [
            RecordMessage(written(-1, 2))
        ]
    assert table(file, "SELECT user_id FROM message_seen ORDER BY rowid") == [(7,), (8,)]


async def test_the_mailbox_of_another_run_is_not_taken_for_this_one(file: Path) -> None:
    # Positions begin at 1 again in each run; only the run's id tells them apart.
    for run in range(3):
        async with storage(file) as directory:
            directory.address("recorder").tell(RecordMessage(written(7, run)))

    assert table(file, "SELECT count(*), count(DISTINCT run_id) FROM batch") == [(3, 3)]
    assert table(file, "SELECT count(*) FROM message_seen") == [(3,)]


def test_kill_minus_9_loses_no_acknowledged_row_and_tears_no_batch(tmp_path: Path) -> None:
    files = [tmp_path / str(life) / "activity.duckdb" for life in range(5)]
    acknowledged: list[int] = []
    with contextlib.ExitStack() as children:
        processes = [children.enter_context(child("write", file)) for file in files]
        for life, process in enumerate(processes):
            assert process.stdout is not None
            told = [process.stdout.readline() for _ in range(3)]
            time.sleep(0.003 * life)
            process.kill()
            acknowledged.append(int([*told, *process.stdout.read().split()][-1]))

    for file, least in zip(files, acknowledged, strict=True):
        stored = table(file, "SELECT count(*) FROM user_activity")[0][0]
        assert stored >= least >= 1200
        assert derived(file)[0][2:] == (stored, stored)
        assert table(
            file,
            "SELECT count(*) FROM (SELECT move_id FROM user_activity WHERE move_id IS NOT NULL "
            "GROUP BY move_id HAVING count(*) <> 2)",
        ) == [(0,)]
        file_pairs(file)


def file_pairs(file: Path) -> None:
    """The derived tables hold what the ledger says: as many ends, and who is left."""
    assert table(
        file,
        "SELECT count(*) FILTER (event = 'disconnect') = (SELECT count(*) FROM closed_session), "
        "count(*) FILTER (event = 'connect') - count(*) FILTER (event = 'disconnect') "
        "= (SELECT count(*) FROM open_session) FROM user_activity",
    ) == [(True, True)]


def test_a_full_disk_is_waited_out_without_a_restart(file: Path) -> None:
    with child("starve", file) as process:
        out, _ = process.communicate(timeout=20)

    assert [line for line in out.splitlines() if "no space" not in line] == ["True 0", "0"]
    assert out.count("no space") == 1
    assert table(file, "SELECT count(*) FROM message_seen") == [(50,)]
    assert derived(file)[0][:3] == (1, 0, 2)


async def test_a_locked_file_stops_the_start_with_the_pid_of_who_holds_it(file: Path) -> None:
    with child("hold", file) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(ExceptionGroup) as caught:
            async with storage(file):
                pass

    error = next(
        each
        for each in caught.value.exceptions  # the nursery's group
        if isinstance(each, StartError)
    )
    ending = ending_of(error)
    assert ending.exit_code == DatabaseInUseError.exit_code == 75
    assert f"process {process.pid}" in ending.why
