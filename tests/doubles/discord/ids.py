"""Snowflakes, and the moments they stand for."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime

EPOCH_MS = 1_420_070_400_000
"""Discord counts milliseconds from the start of 2015."""

FOUNDED_MS = 1_583_020_800_000
"""March 2020: the oldest object of a world."""

_SPREAD_MS = 40_000_000
_LOW_BITS = 22


class Snowflakes:
    """Gives each object an id that nobody else has, as text.

    What the world is founded with depends on the seed alone, so the same seed
    has the same ids after a restart; what happens later takes its id from the clock.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed & 0x3FFFFF
        self._founded = 0
        self._last = 0

    def founded(self) -> str:
        """Return the id of something that exists before the program starts."""
        self._founded += 1
        moment = FOUNDED_MS - EPOCH_MS + self._founded * _SPREAD_MS
        return str((moment << _LOW_BITS) | self._seed)

    def take(self) -> str:
        """Return an id for something new; each is greater than the one before."""
        now = (int(time.time() * 1000) - EPOCH_MS) << _LOW_BITS
        self._last = max(now, self._last + 1)
        return str(self._last)


def iso(unix_s: float | None = None) -> str:
    """Write a time as Discord does.

    >>> iso(0)
    '1970-01-01T00:00:00.000000+00:00'
    """
    moment = datetime.fromtimestamp(time.time() if unix_s is None else unix_s, UTC)
    return moment.isoformat(timespec="microseconds")


def bot_token(bot_id: str) -> str:
    """Return a token in Discord's shape: its first part is the base64 of the bot's id."""
    first = base64.urlsafe_b64encode(bot_id.encode()).decode().rstrip("=")
    return f"{first}.local.not-a-secret"
