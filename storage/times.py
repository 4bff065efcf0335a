"""Times at the border of the database, which holds them in UTC and without a zone."""

from __future__ import annotations

from datetime import UTC, datetime


def utc(naive: datetime) -> datetime:
    """Say of a time from the database that it is in UTC.

    >>> utc(datetime(2026, 1, 1)).isoformat()
    '2026-01-01T00:00:00+00:00'
    """
    return naive.replace(tzinfo=UTC)


def plain_utc(value: object) -> object:
    """Turn an aware time into what the tables hold; leave all else as it is.

    Raises:
        ValueError: the time has no zone.

    """
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"a time needs a zone: {value!r}")
        return value.astimezone(UTC).replace(tzinfo=None)
    return value
