"""Whom the demo crashes: everybody in turn, never more than the tree puts up with."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisors.demo_drills import CALM_S, Victims, came_back_at, pause_s
from supervisors.intensity import Backoff, RestartLedger
from supervisors.tree import GROUP, ROOT
from tests.supervisors.pictured import actor, event, status


def rounds(seed: int, speed: float, minutes: float, tree: list[Any]) -> list[tuple[float, str]]:
    victims = Victims(random.Random(seed))
    story, now = [], 0.0
    while now < minutes * 60:
        name = victims.choose(tree, now)
        if name is not None:
            story.append((now, name))
        now += pause_s(speed)
    return story


def test_the_first_is_a_guild_and_soon_every_kind_had_its_turn() -> None:
    story = [name for _, name in rounds(1, 1, 2, status()["tree"])]

    assert story[0].startswith("guilds/")
    assert {"recorder", "analyst", "gateway", "console", "watchdog"} <= set(story[:9])
    assert {"storage", "guilds", "discord"} & set(story)
    assert "root" not in story


def test_the_same_seed_tells_the_same_story() -> None:
    tree = status()["tree"]

    assert rounds(5, 3, 3, tree) == rounds(5, 3, 3, tree)
    assert rounds(5, 3, 3, tree) != rounds(6, 3, 3, tree)


@given(seed=st.integers(0, 10**6), speed=st.sampled_from([0.5, 1, 3, 10, 100]))
def test_no_supervisor_ever_gives_up_and_nobody_is_kept_waiting_for_long(
    seed: int, speed: float
) -> None:
    tree = status()["tree"]
    story = rounds(seed, speed, 10, tree)
    parent = {report["name"]: report["parent"] for report in tree}
    ledgers = {name: RestartLedger(ROOT if name == "root" else GROUP) for name in parent.values()}
    last: dict[str, float] = {}
    row: dict[str, int] = {}
    for now, name in story:
        assert ledgers[parent[name]].record(now), f"{parent[name]} would give up"
        calm = now - last.get(name, -1000) > CALM_S
        row[name] = 1 if calm else row[name] + 1
        assert Backoff().nominal_s(row[name]) <= 0.25
        last[name] = now
    assert len(story) > 10


def test_who_does_not_run_is_left_alone() -> None:
    tree = [actor("root", ""), actor("a", "root", state="waiting"), actor("b", "root")]

    assert {name for _, name in rounds(1, 1, 5, tree)} == {"b"}
    assert Victims(random.Random(1)).choose([], 0) is None
    assert Victims(random.Random(1)).choose(tree[:2], 0) is None


@pytest.mark.parametrize(
    ("child", "action", "after_s", "back"),
    [
        ("a", "started", 0.012, True),
        ("a", "started", 0.0, True),
        ("b", "started", 0.012, False),
        ("a", "restart", 0.012, False),
        ("a", "started", -0.001, False),
    ],
)
def test_back_is_who_was_started_after_the_crash(
    child: str, action: str, after_s: float, back: bool
) -> None:
    crash = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
    at = crash + timedelta(seconds=after_s)
    events = [event(child, action) | {"at_utc": at.isoformat()}]

    assert came_back_at("a", crash, events) == (at if back else None)
