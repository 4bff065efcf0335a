"""What the demo knows: everything that its screen, its lines and its summary tell."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from supervisors.words import hours

if TYPE_CHECKING:
    from pathlib import Path

    from supervisors.demo_drills import Crash

FEED = 200


@dataclass(frozen=True, slots=True)
class FeedLine:
    """One thing that happened in the local Discord, in words."""

    clock: str
    guild: str
    text: str


@dataclass(slots=True)
class Show:
    """Everything that the demo shows; whoever learns something writes it here."""

    folder: Path
    status: dict[str, Any] | None = None
    """The bot's last answer to `status`."""

    step: str = "starting"
    """What the demo is doing while it starts or ends; empty while it runs."""

    feed: deque[FeedLine] = field(default_factory=lambda: deque[FeedLine](maxlen=FEED))
    fed: int = 0
    """Feed lines so far, also those that `feed` holds no more."""

    crashing: bool = True
    """Something is crashed on purpose every so often."""

    crashes: list[Crash] = field(default_factory=list["Crash"])
    """Each crash is replaced by one that says how long it took, once that is known."""

    top: tuple[tuple[str, float], ...] = ()
    """Members with most voice time: (name, seconds)."""

    labels: dict[str, str] = field(default_factory=dict[str, str])
    """Guild names by the actor's name."""

    @property
    def top_words(self) -> list[tuple[str, str]]:
        """Return the members with most voice time: (name, time)."""
        return [(name, hours(seconds)) for name, seconds in self.top]

    def heard(self, line: FeedLine) -> None:
        """Add a line to the feed."""
        self.feed.append(line)
        self.fed += 1


def top_text(show: Show) -> str:
    """Name the members with most voice time."""
    return ", ".join(f"{name} {time}" for name, time in show.top_words)
