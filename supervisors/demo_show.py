"""What the demo knows: everything that its screen, its lines and its summary tell."""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from supervisors.control import DEMO_FOLDER
from supervisors.demo_children import ROOT
from supervisors.words import hours

if TYPE_CHECKING:
    from supervisors.demo_drills import Crash

FEED = 200

QUERY = "FROM voice_session LIMIT 9"


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

    crashes: list[Crash] = field(default_factory=list["Crash"])
    """Each crash is replaced by one that says how long it took, once that is known."""

    top: tuple[tuple[str, float], ...] = ()
    """Members with most voice time: (name, seconds)."""

    labels: dict[str, str] = field(default_factory=dict[str, str])
    """Guild names by the actor's name."""

    def heard(self, line: FeedLine) -> None:
        """Add a line to the feed."""
        self.feed.append(line)
        self.fed += 1


def top_text(show: Show) -> str:
    """Name the members with most voice time."""
    return ", ".join(f"{name} {hours(seconds)}" for name, seconds in show.top)


def command(folder: Path, *, runs: bool = True) -> str:
    """Return what an operator types, in the folder of the demo, to ask a bot of the demo.

    While it `runs` on the usual folder it is found without being named.
    """
    found = runs and folder == DEMO_FOLDER.resolve()
    setting = "" if found else f"BULKHEAD_STORAGE__FOLDER={near(folder)} "
    return f"{setting}{near(Path(sys.executable))} {near(ROOT / 'main.py')}"


def near(path: Path) -> Path:
    """Return a path as it is called from the working directory, if it is below that."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
