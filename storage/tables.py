"""Answers for people: a table where there is room for one, else one block for each row."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from storage.formats import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.adhoc import Answer

NUMBER = re.compile(r"U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?|DOUBLE|FLOAT|DECIMAL.*")

LEAST_PROSE = 30
"""A column of text that is as wide as this at least may be wrapped between words."""

DECIMALS = 3
LEAST, MOST = 10**-DECIMALS, 10**15
"""Numbers with a fraction that are smaller or larger are shown with their power of ten."""

SIGNS = {number: 0x2400 + number for number in range(32) if chr(number) != "\n"}
"""Control characters as signs: what members and Discord send must not steer the terminal."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column, in words."""

    name: str
    kind: str
    """Of its values, as DuckDB names it."""

    cells: tuple[str, ...]

    @property
    def width(self) -> int:
        """The columns of a terminal that it takes, in one line for each line of text."""
        lines = (line for cell in (self.name, *self.cells) for line in cell.split("\n"))
        return max(cell_len(line) for line in lines)

    @property
    def longest_word(self) -> int:
        """The least that it can be made to take without breaking a word."""
        words = (word for cell in (self.name, *self.cells) for word in cell.split())
        return max(map(cell_len, words), default=0)


def as_table(answer: Answer, width: int) -> Table:
    """Lay the answer out in `width` columns of a terminal.

    No id, time or number is ever broken: what is too wide for a table becomes
    blocks of `column  value` lines, one block for each row.
    """
    columns = _columns(answer)
    frame = 3 * len(columns) + 1
    spare = width - frame - sum(column.width for column in columns)
    if spare >= 0:
        return _table(columns)
    widest = max(columns, key=lambda column: column.width)
    left = widest.width + spare
    if widest.kind == "VARCHAR" and left >= max(LEAST_PROSE, widest.longest_word):
        return _table(columns, widest, left)
    return _records(columns, len(answer.rows), width)


def _table(
    columns: Sequence[Column], wrapped: Column | None = None, room: int | None = None
) -> Table:
    table = Table()
    for column in columns:
        table.add_column(
            Text(column.name),
            justify="right" if NUMBER.fullmatch(column.kind) else "left",
            no_wrap=column is not wrapped,
            width=room if column is wrapped else None,
        )
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*map(Text, row))
    return table


def _records(columns: Sequence[Column], rows: int, width: int) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    grid.add_column(max_width=width // 2, overflow="fold")
    grid.add_column(overflow="fold")
    if not rows:
        grid.add_row(Text("no rows", "bold"))
        for column in columns:
            grid.add_row(Text(column.name))
    for number in range(rows):
        if number:
            grid.add_row()
        grid.add_row(Text(f"row {number + 1}", "bold"))
        for column in columns:
            grid.add_row(Text(column.name), Text(column.cells[number]))
    return grid


def _columns(answer: Answer) -> list[Column]:
    """Put the values into words, those of one column alike."""
    exactness = _exactness([v for row in answer.rows for v in row if isinstance(v, datetime)])
    columns: list[Column] = []
    for number, (name, kind) in enumerate(zip(answer.columns, answer.types, strict=True)):
        values = [row[number] for row in answer.rows]
        decimals = _decimals([value for value in values if isinstance(value, float)])
        cells = (_shown(value, exactness, decimals).translate(SIGNS) for value in values)
        columns.append(Column(name.translate(SIGNS), kind, tuple(cells)))
    return columns


def _exactness(times: Sequence[datetime]) -> str:
    """Choose seconds, or milliseconds where times that differ would else look the same.

    >>> one, two = datetime(2026, 1, 2, 3, 4, 5, 250_000), datetime(2026, 1, 2, 3, 4, 5, 750_000)
    >>> _exactness([one, one]), _exactness([one, two])
    ('seconds', 'milliseconds')
    """
    seconds, milliseconds = (
        len({time.isoformat(timespec=exactness) for time in times})
        for exactness in ("seconds", "milliseconds")
    )
    return "seconds" if seconds == milliseconds else "milliseconds"


def _decimals(values: Sequence[float]) -> int:
    """Count the decimals that a column needs, at most three.

    >>> _decimals([53.0, 7.0]), _decimals([0.5, 2.25]), _decimals([1 / 3, math.inf])
    (0, 2, 3)
    """
    finite = [round(value, DECIMALS) for value in values if math.isfinite(value)]
    return next(n for n in range(DECIMALS + 1) if all(round(v, n) == v for v in finite))


def _shown(value: Any, exactness: str, decimals: int) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec=exactness)
    if isinstance(value, float):
        plain = not value or LEAST <= abs(value) < MOST
        return f"{value:.{decimals}f}" if plain else f"{value:g}"
    return text(value)
