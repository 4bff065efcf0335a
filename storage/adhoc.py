"""Ad-hoc SQL: one statement that reads, in a transaction that can't write, with limits.

It runs in the process of whoever asks, on a snapshot or on a file that no bot
holds. Nothing inside a process bounds memory or crashes, so never in the bot's.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storage.database import (
    Connection,
    DatabaseFault,
    close_doors,
    limit_time,
    open_read_only,
    reading,
    statement_kinds,
)
from storage.query_faults import QueryError, complaint, too_slow

if TYPE_CHECKING:
    from pathlib import Path

ALLOWED = frozenset({"SELECT", "EXPLAIN"})
"""Kinds of statement; DuckDB counts SHOW, DESCRIBE, SUMMARIZE, FROM and VALUES as SELECT."""

FETCH_ROWS = 500

ZONED = "TIMESTAMP WITH TIME ZONE"

FIRST_WORD = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*([A-Za-z]+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement returned. Times are naive and in UTC."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    """As DuckDB names them, such as `UBIGINT`."""

    rows: tuple[tuple[Any, ...], ...]
    cut: bool
    """There were more rows than the limit."""

    seconds: float


def ask(path: Path, sql: str, *, row_limit: int = 1000, time_limit_s: float = 30) -> Answer:
    """Run one SELECT, SHOW, DESCRIBE or EXPLAIN on the database at `path`.

    Raises:
        QueryError: the statement is wrong or writes (65), or took too long or too much
            memory (75); it brings its exit code.
        StorageError: the file can't be opened.

    """
    if row_limit < 1 or time_limit_s <= 0:
        raise QueryError(
            f"the limits must be above 0, not {row_limit} rows and {time_limit_s:g} s; "
            "leave them out to have 1000 rows and 30 s"
        )
    connection = open_read_only(path)
    try:
        close_doors(connection)
        return _ask(connection, sql, row_limit, time_limit_s)
    except DatabaseFault as fault:
        raise complaint(connection, fault, sql, time_limit_s) from fault
    finally:
        connection.close()


def _ask(connection: Connection, sql: str, row_limit: int, time_limit_s: float) -> Answer:
    _check(connection, sql)
    statement = _without_zones(connection, sql)
    limit_time(connection, time_limit_s)
    # The limit of DuckDB is not looked at in every operator; the interrupt reaches more.
    alarm = threading.Timer(time_limit_s, connection.interrupt)
    alarm.daemon = True
    began = time.perf_counter()
    alarm.start()
    try:
        with reading(connection):
            cursor = connection.execute(statement)
            columns = cursor.description or []
            rows = _fetch(cursor, row_limit + 1, began, time_limit_s)
    finally:
        alarm.cancel()
        alarm.join()
    return Answer(
        columns=tuple(str(column[0]) for column in columns),
        types=tuple(str(column[1]) for column in columns),
        rows=tuple(rows[:row_limit]),
        cut=len(rows) > row_limit,
        seconds=time.perf_counter() - began,
    )


def _fetch(
    cursor: Connection, at_most: int, began: float, time_limit_s: float
) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    while len(rows) < at_most:
        part = cursor.fetchmany(min(FETCH_ROWS, at_most - len(rows)))
        rows += part
        if not part:
            break
        if time.perf_counter() > began + time_limit_s:
            raise too_slow(time_limit_s)
    return rows


def _check(connection: Connection, sql: str) -> None:
    kinds = statement_kinds(connection, sql)
    if len(kinds) != 1:
        raise QueryError(f"one statement at a time, not {len(kinds)}; run them one after another")
    if kinds[0] not in ALLOWED:
        raise QueryError(_not_allowed(kinds[0], sql))


def _not_allowed(kind: str, sql: str) -> str:
    # The kind is DuckDB's word, such as LOAD for INSTALL; people know the one that they typed.
    first = FIRST_WORD.match(sql)
    typed = first[1].upper() if first else kind
    if typed == "PIVOT":
        return "PIVOT needs its values named: PIVOT table ON column IN ('one', 'another') USING ..."
    return (
        f"{kind if typed == 'WITH' else typed} is not allowed here, because a query only reads; "
        "use SELECT, SHOW, DESCRIBE, SUMMARIZE or EXPLAIN"
    )


def _without_zones(connection: Connection, sql: str) -> str:
    """Turn columns with a time zone into plain UTC: DuckDB needs pytz to hand them out."""
    statement = sql.strip().rstrip(";").rstrip()
    if statement_kinds(connection, sql)[0] != "SELECT":
        return sql
    try:
        described = connection.execute(f"DESCRIBE {statement}").fetchall()
    except DatabaseFault:
        # SHOW and DESCRIBE can't be described; what is really wrong is told when it runs.
        return sql
    names = [f"c{number}" for number in range(len(described))]
    if not any(row[1] == ZONED for row in described):
        return sql
    casts = ["::TIMESTAMP" if row[1] == ZONED else "" for row in described]
    wanted = ", ".join(
        f"{name}{cast} AS {_quoted(row[0])}"
        for name, cast, row in zip(names, casts, described, strict=True)
    )
    # The line break ends a comment that the statement may end with.
    return f"SELECT {wanted} FROM ({statement}\n) AS answer({', '.join(names)})"  # noqa: S608 - the asker's own SQL


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
