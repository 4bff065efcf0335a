"""Formats of an answer for programs: JSON, NDJSON and CSV; `storage/tables.py` is for people."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from storage.adhoc import Answer

EXACT = 2**53
"""Whole numbers beyond this are text in JSON, because most readers would round them."""


def note(answer: Answer) -> str:
    """Say how many rows there are, and whether there were more.

    No format has a place for this, so a program prints it elsewhere.
    """
    rows = "1 row" if len(answer.rows) == 1 else f"{len(answer.rows)} rows"
    if answer.cut:
        return f"the first {rows} in {answer.seconds:.3f} s, and there are more"
    return f"{rows} in {answer.seconds:.3f} s"


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
    writer.writerows(["" if value is None else text(value) for value in row] for row in answer.rows)
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
        return {text(key): plain(each) for key, each in pairs.items()}
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


def text(value: object) -> str:
    """Write a value as a field of CSV has it.

    >>> text(True), text([1, 2]), text("as it is")
    ('true', '[1, 2]', 'as it is')
    """
    simple = plain(value)
    return simple if isinstance(simple, str) else json.dumps(simple, ensure_ascii=False)
