"""The points that `main.py check` looks at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One thing that was looked at, and what came of it."""

    name: str
    ok: bool | None
    """Null: it could not be looked at, because of another point."""

    said: str
    next: str = ""
    """What to do, if it failed."""

    exit_code: int = 0


def skipped(name: str, why: str) -> Point:
    """Say that a point was not looked at."""
    return Point(name=name, ok=None, said=f"not looked at: {why}")
