"""The SQL that is kept in files: queries that people may run, and the recorder's upkeep."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class StoredQuery:
    """A query in a file of its own."""

    name: str
    title: str
    parameters: str
    """Names and types, in words."""

    sql: str


def stored_queries() -> tuple[StoredQuery, ...]:
    """List the queries in `storage/queries/`, by name."""
    return tuple(query(file.stem) for file in sorted((HERE / "queries").glob("*.sql")))


@cache
def query(name: str) -> StoredQuery:
    """Read one file of `storage/queries/`.

    >>> query("ledger_figures").title
    'How much the ledger holds'
    """
    return _read(HERE / "queries" / f"{name}.sql")


@cache
def upkeep(name: str) -> str:
    """Read the SQL of one file of `storage/upkeep/`."""
    return _read(HERE / "upkeep" / f"{name}.sql").sql


def _read(file: Path) -> StoredQuery:
    title, parameters, sql = file.read_text(encoding="utf-8").split("\n", 2)
    return StoredQuery(file.stem, title.removeprefix("-- "), parameters.removeprefix("-- "), sql)
