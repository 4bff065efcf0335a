"""Snapshots: whole copies that any process may open, and never half of one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio

from actors.recorder.protocol import Flush, RecordActivity
from actors.snapshots import actor as snapshots_module
from actors.snapshots.protocol import Snapshot, TakeSnapshot
from storage.database import DiskFullError, FolderError, StorageError
from tests.storage.facts import join, move
from tests.storage.living import storage, table

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "activity.duckdb"


def names(file: Path) -> list[str]:
    return sorted(path.name for path in (file.parent / "snapshots").iterdir())


async def test_a_copy_holds_what_was_committed_and_opens_in_another_process(file: Path) -> None:
    async with storage(file, readers=True) as directory:
        directory.address("recorder").tell(RecordActivity((join(7, 1, 0),)))
        last = await directory.address("recorder").ask(Flush(), within=10)
        taken: Snapshot = await directory.address("snapshots").ask(TakeSnapshot(), within=10)
        script = (
            "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); "
            "print(c.execute('SELECT user_id FROM voice_session').fetchall())"
        )
        done = await trio.run_process(
            [sys.executable, "-c", script, str(taken.path)], capture_stdout=True
        )

    assert done.stdout == b"[(7,)]\n"
    assert taken.last_batch_id == last
    assert names(file) == [taken.path.name]


async def test_a_young_copy_is_given_again_and_an_old_one_is_not(file: Path) -> None:
    async with storage(file, readers=True) as directory:
        snapshots = directory.address("snapshots")
        first: Snapshot = await snapshots.ask(TakeSnapshot(), within=10)
        again: Snapshot = await snapshots.ask(TakeSnapshot(max_age_s=60), within=10)
        fresh: Snapshot = await snapshots.ask(TakeSnapshot(max_age_s=0), within=10)

        assert again == first
        assert fresh.path != first.path
        first.path.unlink()
        fresh.path.unlink()
        found: Snapshot = await snapshots.ask(TakeSnapshot(max_age_s=60), within=10)
        assert found.path.exists()


async def test_the_newest_two_stay(file: Path) -> None:
    async with storage(file, readers=True) as directory:
        snapshots = directory.address("snapshots")
        taken = [await snapshots.ask(TakeSnapshot(max_age_s=0), within=10) for _ in range(4)]

    assert names(file) == [each.path.name for each in taken[-2:]]


async def test_leftovers_of_a_crash_are_removed_at_the_start(file: Path) -> None:
    folder = file.parent / "snapshots"
    folder.mkdir()
    (folder / "activity-1.duckdb.part").write_bytes(b"half")
    (folder / "activity-1.duckdb.part.wal").write_bytes(b"half")
    (folder / "notes.txt").write_text("not ours")
    async with storage(file, readers=True):
        assert names(file) == ["notes.txt"]


async def test_a_copy_taken_while_the_recorder_writes_is_consistent(file: Path) -> None:
    taken: list[Snapshot] = []
    async with storage(file, readers=True) as directory:
        recorder = directory.address("recorder")
        for user_id in range(3000):
            recorder.tell(RecordActivity((join(user_id, 1, 0),)))
            recorder.tell(RecordActivity(move(user_id, 1, 2, 1)))
            if user_id % 1000 == 500:
                request = TakeSnapshot(max_age_s=0)
                taken.append(await directory.address("snapshots").ask(request, within=10))
        await recorder.ask(Flush(), within=10)

    for each in taken[-2:]:
        assert table(
            each.path,
            "SELECT sum(row_count) = (SELECT count(*) FROM user_activity), max(batch_id), "
            "(SELECT count(*) FROM user_activity WHERE move_id IS NOT NULL) "
            "= 2 * (SELECT count(*) FROM closed_session) FROM batch",
        ) == [(True, each.last_batch_id, True)]


def remove(path: Path) -> None:
    path.unlink()


def put_a_file_there(folder: Path) -> None:
    folder.write_text("in the way")


def put_a_loop_there(folder: Path) -> None:
    folder.symlink_to(folder)


def put_a_kernel_folder_there(folder: Path) -> None:
    # Permission bits do not stop root; such a folder stops everyone.
    folder.symlink_to("/proc/self")


@pytest.mark.parametrize("harm", [put_a_file_there, put_a_loop_there, put_a_kernel_folder_there])
@pytest.mark.parametrize("from_the_start", [True, False])
async def test_a_folder_that_cannot_be_written_fails_the_asker_with_the_reason(
    file: Path, harm: Callable[[Path], None], *, from_the_start: bool
) -> None:
    folder = file.parent / "snapshots"
    if from_the_start:
        harm(folder)
    async with storage(file, readers=True) as directory:
        snapshots = directory.address("snapshots")
        if not from_the_start:
            await snapshots.ask(TakeSnapshot(), within=10)
            shutil.rmtree(folder)
            harm(folder)
        for _ in range(2):
            with pytest.raises(FolderError, match=f"no copy can be made in {folder} .*; make it"):
                await snapshots.ask(TakeSnapshot(), within=10)
        remove(folder)
        assert (await snapshots.ask(TakeSnapshot(), within=10)).path.parent == folder
        (report,) = (each for each in directory.census() if each.name == "snapshots")

    assert report.restarts == 0


@pytest.mark.parametrize(
    ("error", "restarts"), [(DiskFullError("there is no space"), 0), (StorageError("broken"), 1)]
)
async def test_no_space_fails_the_asker_only(
    file: Path, monkeypatch: pytest.MonkeyPatch, error: StorageError, restarts: int
) -> None:
    def copy(_connection: object, _target: Path) -> int:
        raise error

    async with storage(file, readers=True) as directory:
        snapshots = directory.address("snapshots")
        with monkeypatch.context() as patch:
            patch.setattr(snapshots_module, "copy_database", copy)
            with pytest.raises(type(error), match=str(error)):
                await snapshots.ask(TakeSnapshot(), within=10)
        assert (await snapshots.ask(TakeSnapshot(), within=10)).path.exists()
        (report,) = (each for each in directory.census() if each.name == "snapshots")

    assert report.restarts == restarts


def test_a_copy_without_space_leaves_nothing_behind(file: Path) -> None:
    script = (
        "import resource, sys; from pathlib import Path; from storage import database as d\n"
        "file = Path(sys.argv[1]); c = d.open_activity(file)\n"
        "c.execute('INSERT INTO outage SELECT i, now(), now(), i, 1 FROM range(100000) r(i)')\n"
        "c.execute('CHECKPOINT')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, -1))\n"
        "try: d.copy_database(c, file.parent / 'copy.duckdb')\n"
        "except d.DiskFullError as e: print(e)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))\n"
        "print(d.copy_database(c, file.parent / 'copy.duckdb'))\n"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", script, str(file)],
        cwd=root, capture_output=True, text=True, check=True, timeout=20,
    )  # fmt: skip

    first, last = done.stdout.splitlines()
    assert "no space to write" in first
    assert last == "0"
    assert [path.name for path in sorted(file.parent.iterdir())] == [
        "activity.duckdb",
        "copy.duckdb",
    ]
