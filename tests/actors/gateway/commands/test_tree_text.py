from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from actors.gateway.commands.tree_text import (
    EMBED_LIMIT,
    health_for_members,
    health_line,
    tree_block,
)
from actors.gateway.protocol import GatewayReport, Link
from actors.kernel.system import ActorReport, ChildState


def report(name: str, parent: str = "root", **changes: Any) -> ActorReport:
    fields: dict[str, Any] = {
        "kind": "Actor",
        "state": ChildState.RUNNING,
        "depth": 0,
        "restarts": 0,
        "uptime_s": 7200.0,
        "handled": 1,
        "last_error": "",
    }
    return ActorReport(name=name, parent=parent, **(fields | changes))


def small_tree() -> list[ActorReport]:
    return [
        report("root", ""),
        report("storage"),
        report(
            "recorder", "storage", depth=12, restarts=2, uptime_s=3.0, last_error="OSError: `disk`"
        ),
        report("guilds", state=ChildState.WAITING),
    ]


def wide_tree(guilds: int) -> list[ActorReport]:
    children = [report(f"guilds/{n}", "guilds") for n in range(guilds)]
    children[guilds // 2] = report(f"guilds/{guilds // 2}", "guilds", restarts=1)
    return [report("root", ""), report("guilds"), *children, report("console")]


def test_the_tree_shows_each_part_with_what_waits_and_what_went_wrong() -> None:
    lines = tree_block(small_tree()).splitlines()

    assert lines == [
        "```",
        "root            2.0 h     0 waiting",
        "├ storage       2.0 h     0 waiting",
        "│ └ recorder      3 s    12 waiting  2 restarts  OSError: 'disk'",
        "└ guilds      waiting     0 waiting",
        "```",
    ]


@pytest.mark.parametrize("guilds", [200, 500, 5000])
@pytest.mark.parametrize("limit", [2000, EMBED_LIMIT])
def test_a_wide_tree_fits_and_says_what_it_left_out(guilds: int, limit: int) -> None:
    block = tree_block(wide_tree(guilds), limit)

    assert len(block) <= limit
    assert " more" in block
    assert f" {guilds // 2} " in block  # the one in trouble is kept
    assert "console" in block


def test_a_deep_tree_is_cut_and_says_so() -> None:
    reports = [report("0", "")]
    for n in range(1, 100):
        reports.append(report(f"{n}/{'x' * 30}", reports[-1].name))
    block = tree_block(reports, 2000)

    assert len(block) <= 2000
    assert block.endswith("… the tree goes on; main.py status shows all of it\n```")


@pytest.mark.parametrize(
    ("link", "guilds", "restarts", "text"),
    [
        (Link.CONNECTED, 3, 0, "Connected (since <t:100:R>), 3 servers, no part was restarted."),
        (Link.CONNECTED, 1, 1, "Connected (since <t:100:R>), 1 server, last restart 3 s ago."),
        (
            Link.RESUMING,
            0,
            0,
            "Not connected: resuming (since <t:100:R>), 0 servers, no part was restarted.",
        ),
    ],
)
def test_the_health_line(link: Link, guilds: int, restarts: int, text: str) -> None:
    reports = [report("root", ""), report("recorder", restarts=restarts, uptime_s=3.0)]

    assert health_line(link_that_is(link, guilds), reports) == text


@pytest.mark.parametrize(
    ("link", "guilds", "state", "text"),
    [
        (
            Link.CONNECTED,
            1,
            ChildState.RUNNING,
            "All is well. Connected to Discord (since <t:100:R>), watching 1 server.",
        ),
        (
            Link.CONNECTED,
            2,
            ChildState.WAITING,
            (
                "Something is being repaired; please be patient. "
                "Connected to Discord (since <t:100:R>), watching 2 servers."
            ),
        ),
        (
            Link.RESUMING,
            2,
            ChildState.RUNNING,
            (
                "Not connected to Discord right now; I keep trying. "
                "Time in voice that I miss is shown as 'perhaps'."
            ),
        ),
    ],
)
def test_members_hear_how_the_bot_is_and_nothing_of_its_parts(
    link: Link, guilds: int, state: ChildState, text: str
) -> None:
    reports = [report("root", ""), report("recorder", state=state, restarts=3, uptime_s=1.0)]

    assert health_for_members(link_that_is(link, guilds), reports) == text


def link_that_is(link: Link, guilds: int) -> GatewayReport:
    return GatewayReport(
        link=link,
        since_utc=datetime.fromtimestamp(100, UTC),
        guilds=guilds,
        latency_s=None,
        lives=1,
        resumes=0,
        last_trouble="",
    )
