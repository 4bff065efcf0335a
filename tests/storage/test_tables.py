"""Answers for people keep ids and times whole, at any width."""

from __future__ import annotations

import io
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from storage.adhoc import Answer
from storage.tables import as_table

if TYPE_CHECKING:
    from collections.abc import Sequence

ID = 684302375321843323
AT = datetime.fromisoformat("2026-01-02 03:04:05.308000")
LATER = datetime.fromisoformat("2026-01-02 03:04:05.900000")


def shown(
    columns: dict[str, str], *rows: Sequence[Any], width: int = 80, color: bool = False
) -> list[str]:
    answer = Answer(tuple(columns), tuple(columns.values()), tuple(map(tuple, rows)), False, 0.0)
    out = io.StringIO()
    system: Any = "standard" if color else None
    console = Console(width=width, file=out, force_terminal=color, color_system=system)
    console.print(as_table(answer, width))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def cells(kind: str, *values: object) -> list[str]:
    """The cells of one column in a table."""
    lines = shown({"a": kind}, *([value] for value in values))
    return [line.strip("│ ") for line in lines[3:-1]]


def test_what_fits_is_a_table() -> None:
    assert shown({"id": "UBIGINT", "name": "VARCHAR"}, (ID, "Ada"), (7, None)) == [
        "┏━━━━━━━━━━━━━━━━━━━━┳━━━━━━┓",
        "┃                 id ┃ name ┃",
        "┡━━━━━━━━━━━━━━━━━━━━╇━━━━━━┩",
        f"│ {ID} │ Ada  │",
        "│                  7 │      │",
        "└────────────────────┴──────┘",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 130, 200])
def test_no_id_and_no_time_is_broken_at_any_width(width: int) -> None:
    columns = {f"a_rather_long_{n}": "UBIGINT" for n in range(4)} | {"at_utc": "TIMESTAMP"}
    lines = shown(columns, (ID, ID + 1, ID + 2, ID + 3, AT), (1, 2, 3, 4, AT), width=width)

    text = "\n".join(lines)
    assert all(str(ID + n) in text for n in range(4))
    assert text.count("2026-01-02 03:04:05") == 2
    assert max(map(len, lines)) <= width


def test_what_is_too_wide_becomes_blocks() -> None:
    columns = {"guild_id": "UBIGINT", "cause": "VARCHAR", "at_utc": "TIMESTAMP"}
    lines = shown(columns, (ID, "two words", AT), (7, "x", AT), width=45)

    assert lines == [
        "row 1",
        f"guild_id  {ID}",
        "cause     two words",
        "at_utc    2026-01-02 03:04:05",
        "",
        "row 2",
        "guild_id  7",
        "cause     x",
        "at_utc    2026-01-02 03:04:05",
    ]


def test_blocks_of_an_empty_answer_name_the_columns() -> None:
    assert shown({f"column_{n}": "UBIGINT" for n in range(3)}, width=20) == [
        "no rows",
        "column_0",
        "column_1",
        "column_2",
    ]


def test_one_long_text_is_wrapped_between_words_and_the_table_stays() -> None:
    lines = shown({"id": "UBIGINT", "comment": "VARCHAR"}, (ID, "word " * 20))

    assert lines[3].startswith(f"│ {ID} │ word word")
    assert max(map(len, lines)) == 80
    assert "".join(lines).count("word") == 20


@pytest.mark.parametrize("exact", [0, 1])
def test_two_columns_of_one_name_are_kept_apart(exact: int) -> None:
    values = ["word " * 20, "word " * 20]
    values[exact] = "short"
    answer = Answer(("a", "a"), ("VARCHAR", "VARCHAR"), (tuple(values),), False, 0.0)
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(as_table(answer, 80))

    text = console.export_text()
    assert "│ short " in text
    assert max(map(len, text.splitlines())) == 80


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ((AT, AT), ["2026-01-02 03:04:05"] * 2),
        ((AT, LATER), ["2026-01-02 03:04:05.308", "2026-01-02 03:04:05.900"]),
        ((AT, AT.replace(microsecond=308_999)), ["2026-01-02 03:04:05"] * 2),
    ],
)
def test_times_are_to_the_second_unless_two_would_look_the_same(
    times: tuple[datetime, ...], said: list[str]
) -> None:
    assert cells("TIMESTAMP", *times) == said


def test_times_of_one_answer_are_alike_so_that_no_end_looks_earlier_than_its_begin() -> None:
    lines = shown({"begin": "TIMESTAMP", "end": "TIMESTAMP"}, (AT, LATER))

    assert "│ 2026-01-02 03:04:05.308 │ 2026-01-02 03:04:05.900 │" in lines


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((53.0, 7.0), ["53", "7"]),
        ((53.5, 7.0), ["53.5", "7.0"]),
        ((1 / 3, None), ["0.333", ""]),
        ((1e-7, 0.0), ["1e-07", "0"]),
        ((1e300, float("nan")), ["1e+300", "nan"]),
    ],
)
def test_a_number_has_the_decimals_that_its_column_needs(
    values: tuple[float | None, ...], said: list[str]
) -> None:
    assert cells("DOUBLE", *values) == said


@pytest.mark.parametrize("kind", ["UTINYINT", "INTEGER", "HUGEINT", "DECIMAL(4,2)", "FLOAT"])
def test_numbers_stand_on_the_right(kind: str) -> None:
    assert shown({"a_long_name": kind}, (7,))[3] == "│           7 │"


def test_nothing_in_an_answer_is_markup_or_steers_the_terminal() -> None:
    lines = shown({"\x1b[2Ja": "VARCHAR"}, ("[red]x\x1b[31m\r",), color=True)

    assert "[red]x␛[31m␍" in lines[3]
    assert "\x1b[2J" not in lines[1]
