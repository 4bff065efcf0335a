"""A file that is somebody else's is named as what it is, and nothing in it changes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import duckdb
import pytest

from storage.database import MIGRATIONS, ForeignDatabaseError, open_activity, open_read_only
from storage.new_file import log_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a ledger would be."""
    return tmp_path / "activity.duckdb"


def fill(file: Path, *statements: str) -> None:
    """Make a DuckDB file whose last statement is in its log only."""
    with duckdb.connect(str(file)) as connection:
        for statement in statements[:-1]:
            connection.execute(statement)
        connection.execute("CHECKPOINT")
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute(statements[-1])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    "statements",
    [
        ("CREATE TABLE user_activity (x INTEGER)", "INSERT INTO user_activity VALUES (1)"),
        ("CREATE TABLE migration (number INTEGER)", "INSERT INTO migration VALUES (1)"),
        (
            "CREATE TABLE migration (number INTEGER, name VARCHAR, applied_utc TIMESTAMP)",
            "INSERT INTO migration VALUES (1, '0001_users', now())",
        ),
        (
            "CREATE TABLE migration (number INTEGER, name VARCHAR, applied_utc TIMESTAMP)",
            "CREATE TABLE users (x INTEGER)",
        ),
        ("CREATE VIEW v AS SELECT 1 AS x",),
        ("CREATE SCHEMA notes",),
        ("CREATE TYPE mood AS ENUM ('good')",),
        ("CREATE SEQUENCE s",),
    ],
)
def test_another_programs_duckdb_file_is_refused_and_stays_as_it_is(
    file: Path, statements: tuple[str, ...]
) -> None:
    fill(file, *statements)
    before = contents(file.parent)
    assert log_of(file).name in before

    with pytest.raises(ForeignDatabaseError) as told:
        open_activity(file)

    assert str(told.value) == (
        f"{file} is a DuckDB database, but not a ledger of Bulkhead; move it to another place, "
        "or set storage.folder to another folder"
    )
    assert told.value.exit_code == 74
    assert contents(file.parent) == before


def test_a_sqlite_file_is_named_as_such_and_no_extension_is_asked_for(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE users (x)")
        connection.commit()
    before = contents(file.parent)

    for opening in (open_activity, open_read_only):
        with pytest.raises(ForeignDatabaseError, match="is a SQLite database, but not a") as told:
            opening(file)

        assert "xtension" not in str(told.value)
    assert contents(file.parent) == before


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1",
        (
            "CREATE TABLE migration (number INTEGER NOT NULL, name VARCHAR NOT NULL, "
            "applied_utc TIMESTAMP NOT NULL)"
        ),
    ],
)
def test_a_database_with_nothing_in_it_becomes_a_ledger(file: Path, statement: str) -> None:
    # So a first start left it that was killed, of a version that made the file in its place.
    fill(file, statement)

    open_activity(file).close()

    with duckdb.connect(str(file)) as connection:
        done = connection.execute("SELECT number, name FROM migration").fetchall()
    assert done == list(enumerate(sorted(each.stem for each in MIGRATIONS.glob("*.sql")), 1))
