"""Formats of an answer: a table for people; JSON, NDJSON and CSV for programs."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, cast

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from storage.adhoc import Answer

EXACT = 2**53
"""Whole numbers beyond this are text in JSON, because most readers would round them."""


def note(answer: Answer) -> str:
    """Say how many rows there are, and whether there were more.

    CSV and NDJSON have no place for this, so a program prints it elsewhere.
    """
    rows = "1 row" if len(answer.rows) == 1 else f"{len(answer.rows)} rows"
    if answer.cut:
        return f"the first {rows}, cut there: raise the limit to see more ({answer.seconds:.3f} s)"
    return f"{rows} ({answer.seconds:.3f} s)"


def as_table(answer: Answer) -> Table:
    """Lay the answer out for people; the caption says whether it was cut."""
    table = Table(caption=Text(note(answer)), caption_justify="left")
    for name, kind in zip(answer.columns, answer.types, strict=True):
        numeric = kind.endswith("INT") or kind.startswith(("DOUBLE", "FLOAT", "DECIMAL"))
        table.add_column(Text(name), justify="right" if numeric else "left", overflow="fold")
    for row in answer.rows:
        table.add_row(*(Text(_shown(value)) for value in row))
    return table


def as_json(answer: Answer) -> str:
    """Write `{"columns", "types", "rows": [{...}], "cut"}` in one line.

    Times are ISO 8601 in UTC with a Z; two columns of one name become one key.
    """
    body = {
        "columns": answer.columns,
        "types": answer.types,
        "rows": [_object(answer, row) for row in answer.rows],
        "cut": answer.cut,
    }
    return json.dumps(body, ensure_ascii=False)


def as_ndjson(answer: Answer) -> str:
    """Write one JSON object a line; `note` says whether the answer was cut."""
    return "".join(
        json.dumps(_object(answer, row), ensure_ascii=False) + "\n" for row in answer.rows
    )


def as_csv(answer: Answer) -> str:
    """Write CSV with a header; null is an empty field, and `note` says whether it was cut."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows(
        ["" if value is None else _text(value) for value in row] for row in answer.rows
    )
    return out.getvalue()


def plain(value: object) -> Any:
    """Turn a value of DuckDB into one that JSON has, losing nothing.

    >>> plain(2**60), plain(7), plain(datetime(2026, 1, 2, 3, 4, 5))
    ('1152921504606846976', 7, '2026-01-02T03:04:05Z')
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if -EXACT <= value <= EXACT else str(value)
    if value is None or isinstance(value, bool | str):
        return value
    return _simpler(value)


def _simpler(value: object) -> Any:
    if isinstance(value, dict):
        pairs = cast("dict[object, object]", value)
        return {_text(key): plain(each) for key, each in pairs.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in cast("list[object]", value)]
    if isinstance(value, date | time):
        is_naive = isinstance(value, datetime) and value.tzinfo is None
        return value.isoformat() + ("Z" if is_naive else "")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.total_seconds() if isinstance(value, timedelta) else str(value)


def _object(answer: Answer, row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(answer.columns, map(plain, row), strict=True))


def _text(value: object) -> str:
    simple = plain(value)
    return simple if isinstance(simple, str) else json.dumps(simple, ensure_ascii=False)


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="milliseconds")
    if isinstance(value, float):
        return f"{value:.3f}"
    return _text(value)
