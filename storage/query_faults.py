"""What is wrong with a statement that somebody typed, in words and with the next step.

QueryError                  65  the statement is wrong, or writes
└── QueryTooLargeError      75  it needs more time or memory than it may have
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, ClassVar

from storage.database import CONFIG, Connection, DatabaseFault, first_line, is_interrupt

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDEST = 72
"""Columns of the SQL that an error shows around the place."""

HINTS = (
    ("read-only", "a query only reads: use SELECT"),
    ("disabled by configuration", "a query sees the tables of the ledger and no files"),
)
"""(what DuckDB says, what to do next), the first that fits; the place would add nothing."""

TABLE = re.compile(r'(?:Table with name "?([^"\s]+)"? does not|Referenced table "(.+?)" not found)')
COLUMN = re.compile(
    r'(?:Referenced column "(.+?)" (?:was )?not found|does not have a column named "(.+?)")'
)
FUNCTION = re.compile(r"Function with name (\S+) does not exist")
PLACE = re.compile(r"^(LINE (\d+): )(.*)\n( *)\^", re.MULTILINE)


class QueryError(Exception):
    """The statement can't be answered; the text names the next step.

    One line, and for an error at one place of the SQL that place below it.
    """

    exit_code: ClassVar[int] = 65


class QueryTooLargeError(QueryError):
    """The statement would need more than its limits allow."""

    exit_code: ClassVar[int] = 75


def too_slow(time_limit_s: float) -> QueryTooLargeError:
    """Say that the time limit was reached."""
    return QueryTooLargeError(
        f"no answer within {time_limit_s:g} s; ask for less, "
        f"or allow more with --timeout {time_limit_s * 10:g}s"
    )


def complaint(
    connection: Connection, fault: DatabaseFault, sql: str, time_limit_s: float
) -> QueryError:
    """Make a sentence of what DuckDB says about `sql`."""
    text = str(fault)
    if is_interrupt(fault):
        return too_slow(time_limit_s)
    if text.startswith("Out of Memory"):
        return QueryTooLargeError(
            f"a query may take {CONFIG['memory_limit']} of memory, and this one needs more; "
            "ask for less at once: a shorter time, or sums in place of rows"
        )
    if "pytz" in text:
        return QueryError(
            "a time with a zone is inside a list or struct; cast it there: value::TIMESTAMP"
        )
    said = next(_about_names(connection, text), None) or next(_about_doors(fault), None)
    return QueryError(said or _at_its_place(fault, sql))


def _about_names(connection: Connection, text: str) -> Iterator[str]:
    """Say what there is in place of a name that there is not."""
    if missing := TABLE.search(text):
        name = missing[1] or missing[2]
        tables = _column_of(connection, "SELECT table_name FROM information_schema.tables")
        other = f"; there are {', '.join(tables)}, and SHOW TABLES lists them"
        yield f"there is no table {name}{_nearest(name, tables) or other}"
    if missing := COLUMN.search(text):
        name = missing[1] or missing[2]
        columns = _column_of(connection, "SELECT column_name FROM information_schema.columns")
        other = "; DESCRIBE and the table's name list its columns"
        yield f"there is no column {name}{_nearest(name, columns) or other}"
    if missing := FUNCTION.search(text):
        functions = _column_of(connection, "SELECT function_name FROM duckdb_functions()")
        other = "; FROM duckdb_functions() lists all there are"
        yield f"there is no function {missing[1]}{_nearest(missing[1], functions) or other}"


def _about_doors(fault: DatabaseFault) -> Iterator[str]:
    for sign, hint in HINTS:
        if sign in str(fault):
            yield f"{first_line(fault)}; {hint}"


def _column_of(connection: Connection, select: str) -> list[str]:
    return sorted({str(row[0]) for row in connection.execute(select).fetchall()})


def _nearest(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name.lower(), names, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _at_its_place(fault: DatabaseFault, sql: str) -> str:
    said = first_line(fault).rstrip("!.")
    place = PLACE.search(str(fault))
    if place is None:
        return f"{said}; look at the SQL again"
    prefix, number, shown, before = place.groups()
    offset = len(before) - len(prefix)
    column = _column(sql, int(number), shown, offset)
    where = f"line {number}" if column is None else f"line {number}, column {column}"
    begin = max(0, offset - WIDEST // 2) if len(shown) > WIDEST else 0
    excerpt = shown[begin : begin + WIDEST].replace("\t", " ")
    return f"{said} ({where}); correct the SQL there\n  {excerpt}\n  {' ' * (offset - begin)}^"


def _column(sql: str, number: int, shown: str, offset: int) -> int | None:
    r"""Count the column in the whole line, of which DuckDB shows a part.

    >>> _column("SELECT 1,\n  2 3", 2, "  2 3", 4)
    5
    """
    lines = sql.split("\n")
    part = shown.removeprefix("...").removesuffix("...")
    begin = lines[number - 1].find(part) if number <= len(lines) else -1
    return None if begin < 0 else begin + offset - shown.find(part) + 1
