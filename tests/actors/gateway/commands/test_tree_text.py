from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from actors.gateway.commands.tree_text import (
    EMBED_LIMIT,
    crash_lines,
    health_for_members,
    health_line,
    pages,
    tree_block,
    whole_text,
)
from actors.gateway.protocol import GatewayReport, Link
from actors.kernel.system import ActorReport, ChildState
from storage.rows import CardState, CrashCard


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


def test_pages_hold_the_whole_tree_in_order_and_each_fits_an_embed() -> None:
    drawn = pages(wide_tree(200))

    assert len(drawn) == 9
    assert all(len(page) <= EMBED_LIMIT for page in drawn)
    assert all(page.startswith("```\n") and page.endswith("\n```") for page in drawn)
    lines = [line for page in drawn for line in page.split("\n")[1:-1]]
    assert lines == whole_text(wide_tree(200)).splitlines()
    assert len(lines) == 203


def test_lines_too_long_for_a_page_make_more_pages() -> None:
    error = "E" * 300
    tree = [report("root", ""), *(report(f"a{n}" * 60, last_error=error) for n in range(30))]

    drawn = pages(tree)

    assert len(drawn) > 2
    assert all(len(page) <= EMBED_LIMIT for page in drawn)


def test_crash_cards_are_told_one_a_line_and_within_a_field() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    card = CrashCard(
        card="K7QF2",
        state=CardState.OPEN,
        count=1200,
        first_utc=at,
        last_utc=at,
        headline="ValueError: `x`",
        kinds=("GuildActor",),
        last_actor="guilds/81",
        last_in_hand="",
        last_version="0.1.0",
        stack="",
        fixed_in="0.2.0",
        reopened_utc=at,
    )

    assert crash_lines([card]) == (
        "`K7QF2` ValueError: 'x', 1,200 times, <t:1767312000:R>, back after 0.2.0"
    )
    assert len(crash_lines([card] * 100)) <= 1024
    assert crash_lines([]) == ""
