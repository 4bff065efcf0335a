"""The DuckDB file: opening, migrating and copying it, and what can be wrong with it.

The only module that imports duckdb. Nobody may `open()` a database file: closing
it again would drop DuckDB's lock, and a second process could write.

StorageError                74  whatever else DuckDB can't do with the file
├── FolderError             73  the folder can't be used
├── DatabaseInUseError      75  another process holds the file
├── DatabaseDamagedError    74  the file can't be read
├── ForeignDatabaseError    74  the file is somebody else's
├── DatabaseTooNewError     65  a newer program made it
├── DatabaseMissingError    66  there is nothing to read yet
└── DiskFullError           73  nothing was stored; it heals once there is space
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import duckdb

from storage.new_file import (
    alone_in,
    is_missing,
    log_of,
    publish,
    remove_leftovers,
    sync_folder,
    unfinished_name,
)

if TYPE_CHECKING:
    from collections.abc import Generator

Connection: TypeAlias = duckdb.DuckDBPyConnection
DatabaseFault: TypeAlias = duckdb.Error
"""What any statement may raise; `explain` makes a sentence of it."""

Appender: TypeAlias = Any
"""What `Connection.appender` returns; duckdb does not export its type."""

MIGRATIONS = Path(__file__).parent / "migrations"

CONFIG: dict[str, str | bool | int | float | list[str]] = {
    # All handles of one process share one instance, so all must be opened alike.
    "threads": 2,
    "memory_limit": "1GB",
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
}


MIGRATION_TABLE = """
CREATE TABLE IF NOT EXISTS migration
    (number INTEGER NOT NULL, name VARCHAR NOT NULL, applied_utc TIMESTAMP NOT NULL);
"""
MIGRATION_COLUMNS = [("migration", "number"), ("migration", "name"), ("migration", "applied_utc")]

EVERYTHING = """
SELECT table_name, column_name FROM duckdb_columns()
    WHERE NOT internal AND schema_name = 'main' AND database_name = current_database()
UNION ALL SELECT sequence_name, '' FROM duckdb_sequences()
UNION ALL SELECT schema_name, '' FROM duckdb_schemas()
    WHERE NOT internal AND schema_name <> 'main' AND database_name = current_database()
UNION ALL SELECT type_name, '' FROM duckdb_types() WHERE NOT internal
"""
"""(name, column) of all that somebody put into a database."""


class StorageError(Exception):
    """Something is wrong with the file that holds the ledger."""

    exit_code: ClassVar[int] = 74


class FolderError(StorageError):
    """The folder can't hold the file."""

    exit_code: ClassVar[int] = 73


class DatabaseInUseError(StorageError):
    """Another process has the file open."""

    exit_code: ClassVar[int] = 75


class DatabaseDamagedError(StorageError):
    """The file is there and can't be read."""


class DatabaseTooNewError(StorageError):
    """The file was made by a newer version of the program."""

    exit_code: ClassVar[int] = 65


class ForeignDatabaseError(StorageError):
    """The file holds something else than a ledger, and is left as it is."""


class DatabaseMissingError(StorageError):
    """There is no file to read."""

    exit_code: ClassVar[int] = 66


class DiskFullError(StorageError):
    """There was no space for a transaction; nothing of it was stored."""

    exit_code: ClassVar[int] = 73


def open_activity(path: Path) -> Connection:
    """Open the file to write, made or migrated if need be; its folder too.

    A process may hold several such handles; they see one database.

    Raises:
        FolderError: the folder can't be made, is no folder, or refuses writing.
        DatabaseInUseError: another process has the file open.
        DatabaseDamagedError: the file can't be read.
        ForeignDatabaseError: the file is no ledger; it is left as it is.
        DatabaseTooNewError: the file is newer than this program.
        DiskFullError: there is no space for a new one.

    """
    check_folder(path.parent)
    _make_if_missing(path)
    connection = _connect(path, read_only=False)
    try:
        _migrate(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def join_activity(path: Path) -> Connection:
    """Open one more handle on the file that this process holds open already.

    Raises:
        StorageError: as `open_activity`.

    """
    return _connect(path, read_only=False)


def open_read_only(path: Path) -> Connection:
    """Open a snapshot, or the file itself while no bot runs, to read.

    Raises:
        DatabaseMissingError: there is no such file.
        DatabaseInUseError: another process has the file open to write.
        DatabaseDamagedError: the file can't be read.

    """
    if not path.is_file() or is_missing(path):
        raise DatabaseMissingError(
            f"there is no ledger at {path}; start the bot once, or name the folder that it uses"
        )
    return _connect(path, read_only=True)


def check_folder(folder: Path) -> None:
    """Make the folder if it is missing, and see that files can be made in it.

    Raises:
        FolderError: it can't be made, is no folder, or refuses writing.

    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise FolderError(
            f"the data folder {folder} can't be used ({error.strerror or error}); "
            "make it writable, or set storage.folder to another folder"
        ) from error


def copy_database(connection: Connection, target: Path) -> int:
    """Publish a consistent copy at `target` by a rename; return its last batch_id.

    Raises:
        DiskFullError: there is no space for a copy.
        FolderError: the folder of the copy is none, or can't be written.
        StorageError: DuckDB could not make it.

    """
    unfinished = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(exist_ok=True)
        remove_database(unfinished)
        with tempfile.TemporaryFile(dir=target.parent):
            pass
        last_batch_id = _copy(connection, unfinished)
        unfinished.replace(target)
        sync_folder(target.parent)
    except (duckdb.Error, OSError) as error:
        with contextlib.suppress(OSError):
            remove_database(unfinished)
        if _is_about_space(error):
            raise explain(error, target) from error
        if isinstance(error, OSError):
            raise FolderError(
                f"no copy can be made in {target.parent} ({error.strerror or error}); "
                "make it a folder that the bot's user can write"
            ) from error
        raise StorageError(f"no copy could be made at {target}: {first_line(error)}") from error
    return last_batch_id


def remove_database(path: Path) -> None:
    """Remove a database and its write-ahead log, if they are there."""
    path.unlink(missing_ok=True)
    log_of(path).unlink(missing_ok=True)


@contextlib.contextmanager
def reading(connection: Connection) -> Generator[Connection]:
    """Run the block in a read-only transaction: it sees whole batches, and one state."""
    connection.execute("BEGIN TRANSACTION READ ONLY")
    try:
        yield connection
    finally:
        with contextlib.suppress(duckdb.Error):
            connection.execute("ROLLBACK")


@contextlib.contextmanager
def writing(connection: Connection) -> Generator[Connection]:
    """Run the block in a transaction that is committed, or undone if anything raises."""
    connection.begin()
    try:
        yield connection
        connection.commit()
    except BaseException:
        # A failed commit has ended the transaction already.
        with contextlib.suppress(duckdb.Error):
            connection.rollback()
        raise


def leave_log(connection: Connection) -> None:
    """Have the last handle of this process leave the log as it is when it is closed.

    Else the log is worked into the file, and whatever has its name is removed.
    """
    connection.execute("PRAGMA disable_checkpoint_on_shutdown")


def limit_time(connection: Connection, seconds: float) -> None:
    """End each later statement of this handle after so many seconds, from 0.001."""
    connection.execute(f"SET max_execution_time = {max(1, round(seconds * 1000))}")


def close_doors(connection: Connection) -> None:
    """Keep this handle's statements to its own database: no files, no other settings."""
    connection.execute("SET temp_directory = ''")
    connection.execute("SET enable_external_access = false")


def statement_kinds(connection: Connection, sql: str) -> list[str]:
    """Name the kind of each statement in `sql`, such as SELECT or EXPLAIN.

    Raises:
        DatabaseFault: it is no SQL.

    """
    return [str(each.type).rpartition(".")[2] for each in connection.extract_statements(sql)]


def is_interrupt(error: BaseException) -> bool:
    """Tell whether a statement ended because of its time limit."""
    return isinstance(error, duckdb.InterruptException)


def is_fatal(error: BaseException) -> bool:
    """Tell whether the database is unusable until each handle of the process is closed."""
    return isinstance(error, duckdb.FatalException)


def explain(error: Exception, path: Path) -> StorageError:
    """Make a sentence that says what is wrong with `path` and what to do next."""
    text = str(error)
    if holder := re.search(r"Conflicting lock is held in (.+?) \(PID (\d+)\)", text):
        return DatabaseInUseError(
            f"{path} is in use by process {holder[2]} ({Path(holder[1]).name}); stop that "
            "process, ask the running bot instead, or set storage.folder to another folder"
        )
    if "lock on file" in text:
        return DatabaseInUseError(
            f"{path} is in use by another process; stop it, or set storage.folder to another folder"
        )
    if _is_about_space(error):
        return DiskFullError(f"there is no space to write {path}; free some on that disk")
    if 'Extension "sqlite" is' in text:
        return ForeignDatabaseError(_not_ours(path, "SQLite"))
    if re.search("Permission denied|Read-only file system|Operation not permitted", text):
        return FolderError(
            f"{path} can't be opened ({first_line(error)}); let the bot's user write it, "
            "or set storage.folder to another folder"
        )
    return DatabaseDamagedError(
        f"{path} can't be read ({first_line(error)}); move it and {path.name}.wal to another "
        f"place, look at them there, and {_way_back(path)}"
    )


def first_line(error: BaseException) -> str:
    """Show an error of DuckDB in one line, without the kind in front.

    >>> first_line(ValueError("IO Error: no such file"))
    'no such file'
    """
    line = str(error).strip().partition("\n")[0]
    return re.sub(r"^[A-Za-z ]+ Error: ", "", line)


def _is_about_space(error: Exception) -> bool:
    return bool(re.search("No space left|File too large|quota exceeded", str(error)))


def _way_back(path: Path) -> str:
    copies = sorted((path.parent / "snapshots").glob("*.duckdb"))
    if copies:
        return f"put the newest copy, {copies[-1]}, in its place"
    return "start the bot with a new file, because there is no copy in snapshots/"


def _make_if_missing(path: Path) -> None:
    # A name that points to a file elsewhere stays, and the file is made there.
    file = Path(os.path.realpath(path))
    try:
        with alone_in(file.parent):
            remove_leftovers(file)
            if is_missing(file):
                _make(file)
    except TimeoutError as error:
        raise DatabaseInUseError(
            f"another process has been making {path} for a while; stop it, or set "
            "storage.folder to another folder"
        ) from error
    except OSError as error:
        if _is_about_space(error):
            raise explain(error, path) from error
        raise FolderError(
            f"{path} can't be made ({error.strerror or error}); let the bot's user write there, "
            "or set storage.folder to another folder"
        ) from error
    if not file.exists():
        raise DatabaseDamagedError(
            f"{path} is missing, but {log_of(path).name} of it is there; put the file back, "
            f"or move that log to another place and {_way_back(path)}"
        )


def _make(file: Path) -> None:
    """Make the ledger under another name, and give it its own once it is whole."""
    unfinished = unfinished_name(file)
    try:
        connection = _connect(unfinished, read_only=False, called=file)
        try:
            _migrate(connection, file)
        finally:
            connection.close()
        publish(unfinished, file)
    finally:
        remove_database(unfinished)


def _connect(path: Path, *, read_only: bool, called: Path | None = None) -> Connection:
    try:
        connection = duckdb.connect(str(path), read_only=read_only, config=CONFIG)
    except duckdb.Error as error:
        raise explain(error, called or path) from error
    # Else "now" and times with a zone would depend on where the program runs.
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def _migrate(connection: Connection, path: Path) -> None:
    files = sorted(MIGRATIONS.glob("*.sql"))
    try:
        done = _migrations_done(connection, path, files[0].stem)
        if done > len(files):
            raise DatabaseTooNewError(
                f"{path} was made by a newer version (schema {done}, known here: {len(files)}); "
                "take the newer program, or set storage.folder to another folder"
            )
        for number, file in enumerate(files[done:], done + 1):
            with writing(connection):
                connection.execute(MIGRATION_TABLE + file.read_text(encoding="utf-8"))
                connection.execute(
                    "INSERT INTO migration VALUES (?, ?, now()::TIMESTAMP)", [number, file.stem]
                )
        if done < len(files):
            # DuckDB replays schema changes from its log less surely than from the file.
            connection.execute("CHECKPOINT")
    except duckdb.Error as error:
        raise explain(error, path) from error


def _migrations_done(connection: Connection, path: Path, first: str) -> int:
    """Look how far a ledger is, and change nothing; 0 for a database with nothing in it."""
    there = set(connection.execute(EVERYTHING).fetchall())
    done: list[tuple[int, str]] = []
    if set(MIGRATION_COLUMNS) <= there:
        done = connection.execute("SELECT number, name FROM migration ORDER BY number").fetchall()
    if done and done[0] == (1, first):
        return int(done[-1][0])
    # A start that ended early, of a version that took more steps, left that table and no more.
    if not done and there in (set(), set(MIGRATION_COLUMNS)):
        return 0
    # Else its log would be worked into it when it is closed.
    leave_log(connection)
    raise ForeignDatabaseError(_not_ours(path, "DuckDB"))


def _not_ours(path: Path, kind: str) -> str:
    return (
        f"{path} is a {kind} database, but not a ledger of Bulkhead; move it to another place, "
        "or set storage.folder to another folder"
    )


def _copy(connection: Connection, target: Path) -> int:
    source = connection.execute("SELECT current_database()").fetchall()[0][0]
    quoted = str(target).replace("'", "''")
    connection.execute(f"ATTACH '{quoted}' AS copy_of_it")
    try:
        connection.execute(f'COPY FROM DATABASE "{source}" TO copy_of_it')
        _copy_comments(connection, source)
        row = connection.execute(
            "SELECT coalesce(max(batch_id), 0) FROM copy_of_it.batch"
        ).fetchone()
    finally:
        connection.execute("DETACH copy_of_it")
    return int(row[0]) if row else 0


def _copy_comments(connection: Connection, source: str) -> None:
    # COPY FROM DATABASE drops the comments of table columns (DuckDB 2.0.0).
    for table, column, comment in connection.execute(
        "SELECT c.table_name, c.column_name, c.comment FROM duckdb_columns() AS c "
        "JOIN duckdb_tables() AS t USING (database_name, table_name) "
        "WHERE c.database_name = ? AND c.comment IS NOT NULL",
        [source],
    ).fetchall():
        text = comment.replace("'", "''")
        connection.execute(f"COMMENT ON COLUMN copy_of_it.{table}.{column} IS '{text}'")
