"""Times, speeds and numbers of rows as people type them."""

from __future__ import annotations

import re

SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}

FASTEST = 1000

MOST_ROWS = 10_000_000


def parse_duration(text: str) -> float:
    """Read a time in seconds, minutes or hours.

    >>> parse_duration("60s"), parse_duration("1.5m"), parse_duration("30")
    (60.0, 90.0, 30.0)

    Raises:
        ValueError: it is no such time, or not more than 0.

    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)\s*([smh]?)", text.strip())
    seconds = float(found[1]) * SECONDS[found[2]] if found else 0.0
    if seconds <= 0:
        raise ValueError(f"{text!r} is not a time of more than 0; write it like 60s, 5m or 1h")
    return seconds


def parse_speed(text: str) -> float:
    """Read how many times as fast something goes.

    >>> parse_speed("10x"), parse_speed("0.5")
    (10.0, 0.5)

    Raises:
        ValueError: it is no such number, not more than 0, or more than 1000.

    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)\s*x?", text.strip())
    speed = float(found[1]) if found else 0.0
    if not 0 < speed <= FASTEST:
        raise ValueError(f"{text!r} is not a speed above 0 and up to {FASTEST}; write it like 10x")
    return speed


def parse_rows(text: str) -> int:
    """Read how many rows an answer may have.

    >>> parse_rows("1000")
    1000

    Raises:
        ValueError: it is no whole number from 1 to ten million.

    """
    if not re.fullmatch(r"\d{1,8}", text) or not 1 <= int(text) <= MOST_ROWS:
        raise ValueError(
            f"{text!r} is not a number of rows from 1 to {MOST_ROWS}; leave it out for 1000"
        )
    return int(text)
