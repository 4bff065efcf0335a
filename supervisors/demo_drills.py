"""Which actor the demo crashes next, and how long each one took to come back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Mapping, Sequence

CALM_S = 60.0
"""After so long without a crash an actor is restarted without delay again (`Backoff`)."""

IN_A_ROW = 2
"""Crashes of one actor without calm between; more, and its supervisor lets it wait long."""

NEAR_THE_ROOT = 5
"""Crashes of the root's children within `CALM_S`; half of what the root puts up with."""

FIRST_S = 5.0
EVERY_S = 8.0
SOONEST_S = 2.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """One crash on purpose, and what became of it."""

    name: str
    mail_kept: int
    """Messages that waited in its mailbox and were kept."""

    back_after_s: float | None
    """Null while it is not back."""

    def sentence(self, label: str = "") -> str:
        """Tell it in one line; `label` is the actor's human name."""
        who = f"{self.name} ({label})" if label else self.name
        if self.back_after_s is None:
            return f"{who} crashed on purpose"
        back = f"back after {self.back_after_s * 1000:,.0f} ms"
        return f"{who} crashed on purpose, {back}, mail kept: {self.mail_kept}"


def pause_s(speed: float) -> float:
    """Return the time between two crashes, in seconds.

    >>> [pause_s(speed) for speed in (0.5, 1, 2, 10)]
    [16.0, 8.0, 4.0, 2.5]
    """
    return max(SOONEST_S, EVERY_S / speed)


@dataclass(slots=True)
class Victims:
    """Chooses, kind after kind, whom to crash, and never more than the tree puts up with."""

    chance: random.Random
    _hand: list[str] = field(default_factory=list[str])
    _crashes: dict[str, list[float]] = field(default_factory=dict[str, list[float]])

    def choose(self, tree: Sequence[Mapping[str, Any]], now: float) -> str | None:
        """Name the next one, null if nobody may be crashed now; `now` in seconds."""
        if not self._hand:
            self._hand = _one_of_each_kind(tree, self.chance)
        running = {report["name"]: report for report in tree if report["state"] == "running"}
        for name in self._hand:
            if name in running and self._may_crash(running[name], tree, now):
                self._hand.remove(name)
                self._note(name, now)
                return name
        self._hand = []
        return None

    def _may_crash(
        self, report: Mapping[str, Any], tree: Sequence[Mapping[str, Any]], now: float
    ) -> bool:
        times = self._crashes.get(report["name"], [])
        tired = len(times) >= IN_A_ROW and now - times[-1] <= CALM_S
        if report["parent"] != _root(tree):
            return not tired
        siblings = [other["name"] for other in tree if other["parent"] == report["parent"]]
        recent = [t for name in siblings for t in self._crashes.get(name, ()) if now - t <= CALM_S]
        return not tired and len(recent) < NEAR_THE_ROOT

    def _note(self, name: str, now: float) -> None:
        times = self._crashes.setdefault(name, [])
        if times and now - times[-1] > CALM_S:
            times.clear()
        times.append(now)


def _root(tree: Sequence[Mapping[str, Any]]) -> str:
    return next((report["name"] for report in tree if not report["parent"]), "")


def _one_of_each_kind(tree: Sequence[Mapping[str, Any]], chance: random.Random) -> list[str]:
    """Shuffle the actors so that a guild comes first, and one supervisor is enough."""
    root = _root(tree)
    parents = {report["parent"] for report in tree}
    names = [report["name"] for report in tree if report["name"] != root]
    guilds = [name for name in names if name.startswith("guilds/")]
    groups = [name for name in names if name in parents]
    others = [name for name in names if name not in parents and name not in guilds]
    chance.shuffle(guilds)
    rest = others + guilds[1:] + ([chance.choice(groups)] if groups else [])
    chance.shuffle(rest)
    return guilds[:1] + rest


def came_back_at(
    name: str, since: datetime, events: Iterable[Mapping[str, str]]
) -> datetime | None:
    """Find when an actor that crashed at `since` was started again, as its supervisor says."""
    for event in events:
        at = datetime.fromisoformat(event["at_utc"])
        if event["child"] == name and event["action"] == "started" and at >= since:
            return at
    return None
