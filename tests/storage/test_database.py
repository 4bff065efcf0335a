"""The file itself: what can be wrong with it, and what the operator is told then."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from storage import database
from storage.database import (
    DatabaseDamagedError,
    DatabaseInUseError,
    DatabaseMissingError,
    DatabaseTooNewError,
    FolderError,
    copy_database,
    join_activity,
    open_activity,
    open_read_only,
)
from tests.storage.child import child

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A ledger that nobody holds open."""
    file = tmp_path / "data" / "activity.duckdb"
    open_activity(file).close()
    return file


def test_a_file_held_by_another_process_names_its_pid(tmp_path: Path) -> None:
    file = tmp_path / "activity.duckdb"
    with child("hold", file) as process:
        assert process.stdout is not None
        process.stdout.readline()
        for opening in (open_activity, open_read_only):
            with pytest.raises(DatabaseInUseError, match=f"process {process.pid} .python") as told:
                opening(file)

    assert told.value.exit_code == 75
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("folder", ["a file/data", "a file", "/proc/data", "/proc/self"])
def test_a_folder_that_cannot_be_written_is_named_and_nothing_is_made(
    tmp_path: Path, folder: str
) -> None:
    # Permission bits do not stop root; a file in the way and a kernel folder stop everyone.
    (tmp_path / "a file").write_text("in the way")

    with pytest.raises(FolderError, match=r"storage\.folder") as told:
        open_activity(tmp_path / folder / "activity.duckdb")

    assert told.value.exit_code == 73
    assert str(tmp_path / folder) in str(told.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a file"]


def test_a_missing_ledger_is_not_made_by_reading(tmp_path: Path) -> None:
    with pytest.raises(DatabaseMissingError, match="start the bot once"):
        open_read_only(tmp_path / "activity.duckdb")

    assert list(tmp_path.iterdir()) == []


def test_what_is_no_database_is_named_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "activity.duckdb"
    file.write_bytes(b"not a database" * 1000)

    with pytest.raises(DatabaseDamagedError, match=r"activity.duckdb can't be read .*wal") as told:
        open_activity(file)

    assert told.value.exit_code == 74
    assert "there is no copy in snapshots/" in str(told.value)
    assert file.read_bytes() == b"not a database" * 1000


@pytest.mark.parametrize("at", [0, 4096, 8192 + 100, 20_000])
def test_a_damaged_file_points_at_the_newest_copy(file: Path, at: int) -> None:
    connection = open_activity(file)
    copies = file.parent / "snapshots"
    copies.mkdir()
    copy_database(connection, copies / "activity-1.duckdb")
    copy_database(connection, copies / "activity-2.duckdb")
    connection.close()
    content = bytearray(file.read_bytes())
    for place in range(at, min(at + 5000, len(content))):
        content[place] ^= 0xFF
    file.write_bytes(content)

    with pytest.raises(DatabaseDamagedError, match=r"activity-2\.duckdb"):
        open_activity(file)


def test_a_damaged_log_is_named(file: Path) -> None:
    connection = open_activity(file)
    connection.execute("PRAGMA disable_checkpoint_on_shutdown")
    connection.execute("INSERT INTO outage SELECT 1, now(), now(), 'x', 1 FROM range(100)")
    connection.close()
    log = file.with_name(file.name + ".wal")
    content = bytearray(log.read_bytes())
    content[-100:] = bytes(100)
    log.write_bytes(content)

    with pytest.raises(DatabaseDamagedError, match="wal"):
        open_activity(file)


def test_a_file_of_a_newer_program_is_refused(file: Path) -> None:
    connection = open_activity(file)
    connection.execute("INSERT INTO migration VALUES (99, 'later', now())")
    connection.close()

    with pytest.raises(DatabaseTooNewError, match="schema 99") as told:
        open_activity(file)

    assert told.value.exit_code == 65


def test_a_migration_is_applied_once_and_all_or_nothing(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(database.MIGRATIONS, folder)
    (folder / "0003_more.sql").write_text("CREATE TABLE more (x INTEGER); SELECT * FROM nowhere;")
    monkeypatch.setattr(database, "MIGRATIONS", folder)
    with pytest.raises(DatabaseDamagedError, match="nowhere"):
        open_activity(file)

    (folder / "0003_more.sql").write_text("CREATE TABLE more (x INTEGER);")
    for _ in range(2):
        connection = open_activity(file)
        names = connection.execute("SELECT name FROM migration ORDER BY number").fetchall()
        connection.close()

    assert names == [("0001_activity",), ("0002_crash_cards",), ("0003_more",)]


def test_every_table_view_and_column_explains_itself_in_copies_too(
    file: Path, tmp_path: Path
) -> None:
    connection = open_activity(file)
    copy_database(connection, tmp_path / "copy.duckdb")
    connection.close()
    silent = (
        "SELECT table_name FROM duckdb_tables() WHERE comment IS NULL UNION ALL "
        "SELECT view_name FROM duckdb_views() WHERE comment IS NULL AND NOT internal UNION ALL "
        "SELECT table_name || '.' || column_name FROM duckdb_columns() "
        "WHERE comment IS NULL AND NOT internal"
    )

    for path in (file, tmp_path / "copy.duckdb"):
        copy = open_read_only(path)
        assert copy.execute(silent).fetchall() == []
        assert (
            len(copy.execute("SELECT * FROM duckdb_columns() WHERE NOT internal").fetchall()) > 60
        )
        copy.close()


def test_a_copy_has_the_order_and_the_rows_of_its_source(file: Path, tmp_path: Path) -> None:
    connection = open_activity(file)
    connection.execute(
        "INSERT INTO outage SELECT (i * 7919) % 10007, now(), now(), i::VARCHAR, 1 "
        "FROM range(10000) AS r(i)"
    )
    copy_database(connection, tmp_path / "copy.duckdb")
    expected = connection.execute("FROM outage ORDER BY rowid").fetchall()
    connection.close()
    copy = open_read_only(tmp_path / "copy.duckdb")

    assert copy.execute("FROM outage ORDER BY rowid").fetchall() == expected
    copy.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.duckdb", "data"]


def test_handles_of_one_process_see_one_database(file: Path) -> None:
    first, second = open_activity(file), join_activity(file)
    first.execute("INSERT INTO outage VALUES (1, now(), now(), 'x', 1)")

    assert second.execute("SELECT count(*) FROM outage").fetchall() == [(1,)]
    first.close()
    second.close()


def test_times_do_not_depend_on_where_the_program_runs(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    connection = open_read_only(file)

    assert connection.execute("SELECT current_setting('TimeZone')").fetchall() == [("UTC",)]
    connection.close()
