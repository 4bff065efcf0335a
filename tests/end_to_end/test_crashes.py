"""Each part of the tree crashes once while events flow: the others go on, and nothing is lost."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio

from tests.end_to_end.stage import (
    LEFT_BEHIND,
    Story,
    complaints_now,
    finish,
    settle,
    stage,
    until,
    watched,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.end_to_end.bot_process import Bot
    from tests.end_to_end.stage import Member, Stage

pytestmark = pytest.mark.end_to_end

RATE = 100
BURST = 2000
"""Changes that come all at once around a crash, so that mail waits in the boxes."""

BURST_BEGINS_S = 0.1
GENEROUS_S = 10.0
"""Recovery is measured and printed; only what takes longer than this fails the tests."""

WITHOUT_LINK = {"gateway", "discord"}
"""While these are down nobody can reach the bot through Discord."""

WITHOUT_CONSOLE = {"console"}


@dataclass
class Crash:
    """One crash of one part, and what was seen of the others meanwhile."""

    name: str
    waiting: int = 0
    """Messages in its mailbox at the crash."""

    whole_after_s: float = -1.0
    """Until everything ran again."""

    linked_after_s: float = -1.0
    """Until everything ran again and Discord was connected."""

    status_answers: int = 0
    slowest_status_s: float = 0.0
    command: dict[str, Any] = field(default_factory=dict)
    """How /help, used right after the crash, was answered."""


async def play(folder: Path) -> tuple[Story, list[Crash], list[str]]:
    async with stage() as here, watched(here, folder) as bot:
        seen_from = time.time()
        await here.load(RATE, 600)
        names = [a["name"] for a in (await bot.status())["tree"] if a["parent"]]
        # A new session shows every guild afresh and would hide one that stayed blind.
        names.sort(key=lambda name: name.startswith("guilds"))
        people = iter(here.guilds[0].people)
        crashes = [await crash(here, bot, name, next(people)) for name in names]
        here.notes["status"] = await settle(here, bot)
        in_the_open = await complaints_now(here, bot, seen_from)
        story = await finish(here, bot, seen_from)
    return story, crashes, in_the_open


async def crash(here: Stage, bot: Bot, name: str, member: Member) -> Crash:
    seen = Crash(name)
    before = {a["name"]: a for a in (await bot.status())["tree"]}
    async with trio.open_nursery() as nursery:
        if name not in WITHOUT_LINK:
            nursery.start_soon(partial(here.discord.do, "burst", count=BURST))
            # Not a wait for a condition: it is to fall into the middle of the burst.
            await trio.sleep(BURST_BEGINS_S)
        answer = await bot.control(do="crash", name=name, why="end-to-end test")
        seen.waiting = answer["waiting"]
        if name not in WITHOUT_LINK:
            nursery.start_soon(use_help, here, member, seen)
        seen.whole_after_s = await until(
            partial(asked, bot, seen, partial(whole, before, name)), f"whole after {name}"
        )
        seen.linked_after_s = seen.whole_after_s + await until(
            partial(asked, bot, seen, linked), f"linked after {name}"
        )
    if name in WITHOUT_LINK:
        await use_help(here, member, seen)
    return seen


async def use_help(here: Stage, member: Member, seen: Crash) -> None:
    seen.command = await member.use("help", here.guilds[0].text[0])


async def asked(bot: Bot, seen: Crash, right: Callable[[dict[str, Any]], bool]) -> bool:
    """Ask for the status; a console that has just crashed hangs up once."""
    began = trio.current_time()
    try:
        status = await bot.status()
    except (OSError, ValueError, trio.BrokenResourceError):
        if seen.name not in WITHOUT_CONSOLE:
            raise
        return False
    seen.status_answers += 1
    seen.slowest_status_s = max(seen.slowest_status_s, trio.current_time() - began)
    return right(status)


def whole(before: dict[str, dict[str, Any]], name: str, status: dict[str, Any]) -> bool:
    tree = {a["name"]: a for a in status["tree"]}
    again = tree.get(name, {}).get("restarts", 0) > before[name]["restarts"]
    running = all(a["state"] == "running" for a in tree.values())
    return again and running and tree.keys() >= before.keys()


def linked(status: dict[str, Any]) -> bool:
    return bool((status["link"] or {}).get("link") == "connected")


Played = tuple[Story, list[Crash], list[str]]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    story, crashes, in_the_open = trio.run(play, tmp_path_factory.mktemp("crashes"))
    for each in crashes:
        print(
            f"{each.name:30} whole after {each.whole_after_s:.3f} s, "
            f"linked after {each.linked_after_s:.3f} s, {each.waiting} waited, "
            f"slowest of {each.status_answers} statuses {each.slowest_status_s:.3f} s, "
            f"/help after {each.command.get('after_s')} s"
        )
    return story, crashes, in_the_open


def test_every_part_but_the_root_was_crashed(played: Played) -> None:
    _, crashes, _ = played
    names = {each.name for each in crashes}

    assert {
        *("storage", "recorder", "analyst", "snapshots"),
        *("guilds", "discord", "gateway", "console", "watchdog"),
    } <= names
    assert len([name for name in names if name.startswith("guilds/")]) == 3


def test_the_tree_is_whole_again_after_each_crash(played: Played) -> None:
    _, crashes, _ = played

    assert [each for each in crashes if not 0 <= each.whole_after_s < GENEROUS_S] == []
    assert [each for each in crashes if not 0 <= each.linked_after_s < GENEROUS_S] == []


def test_the_others_answer_meanwhile(played: Played) -> None:
    _, crashes, _ = played

    assert [each for each in crashes if not each.status_answers] == []
    assert [each for each in crashes if not each.slowest_status_s < 3] == []
    assert [each for each in crashes if not each.command["answered"]] == []


def test_nothing_is_lost_and_nothing_made_up(played: Played) -> None:
    story, _, in_the_open = played

    assert in_the_open == []
    assert story.complaints() == []


def test_each_guild_sees_again_after_each_crash(played: Played) -> None:
    story, _, _ = played

    assert {blind.guild_id for blind in story.ledger.blind} == {
        int(change["guild_id"]) for change in story.truth
    }, "the gateway's crash blinds every guild"
    assert [blind for blind in story.ledger.blind if blind.until >= story.seen_until] == []


def test_a_dead_letter_is_at_most_what_a_crashed_part_had_in_hand(played: Played) -> None:
    story, crashes, _ = played
    letters = story.notes["status"]["dead_letters"]

    assert letters["count"] <= len(crashes), letters


def test_each_crash_is_a_supervision_event_and_costs_one_restart_of_that_part(
    played: Played,
) -> None:
    story, crashes, _ = played
    told = [
        event["child"]
        for event in story.notes["status"]["supervision"]
        if "end-to-end test" in event["reason"]
    ]

    assert sorted(told) == sorted(each.name for each in crashes)


def test_the_process_ended_well_after_all_that(played: Played) -> None:
    story, _, _ = played

    assert story.exit_code == 0
    assert not [line for line in story.log.splitlines() if LEFT_BEHIND.search(line)]
