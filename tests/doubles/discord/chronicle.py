"""What really happened: the truth for oracles, and the feed for people."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.doubles.discord.model import Json

FEED_LINES = 5000


@dataclass(frozen=True, slots=True)
class Change:
    """A member's voice channel changed; null is out of voice."""

    guild_id: str
    user_id: str
    channel_id: str | None
    is_bot: bool


class Truth:
    """Every change of a voice channel since the start, in the order sent."""

    def __init__(self) -> None:
        self._changes: list[tuple[float, Change]] = []

    def record(self, change: Change) -> None:
        """Keep a change, with the time at which it is handed to the sockets: now."""
        self._changes.append((time.time(), change))

    def since(self, start: int) -> Json:
        return {
            "changes": [
                {
                    "at": at,
                    "guild_id": change.guild_id,
                    "user_id": change.user_id,
                    "channel_id": change.channel_id,
                    "is_bot": change.is_bot,
                }
                for at, change in self._changes[start:]
            ],
            "next": len(self._changes),
        }

    def forget(self) -> None:
        self._changes.clear()


class Feed:
    """The last lines of what happened, in words."""

    def __init__(self) -> None:
        self._lines: deque[Json] = deque(maxlen=FEED_LINES)
        self._told = 0

    def tell(self, guild: str, text: str) -> None:
        self._lines.append({"at": time.time(), "guild": guild, "text": text})
        self._told += 1

    def since(self, start: int) -> Json:
        first = self._told - len(self._lines)
        lines = list(self._lines)[max(0, start - first) :]
        return {"lines": lines, "next": self._told}
