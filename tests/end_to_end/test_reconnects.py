"""The connection to Discord ends in every way it can; the ledger stays right."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio

from tests.end_to_end.stage import LEFT_BEHIND, Story, finish, settle, stage, until, watched

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.end_to_end.bot_process import Bot
    from tests.end_to_end.stage import Guild, Member, Stage

pytestmark = pytest.mark.end_to_end

RATE = 20
REFUSED_S = 2.0


@dataclass
class Break:
    """One end of the connection, and how it came back."""

    name: str
    member: Member
    """Somebody who is only in voice around this break."""

    back_after_s: float = -1.0
    resumes: int = 0
    identifies: int = 0
    """How many more of each the local Discord saw."""

    lives: int = 0
    """How many more clients the bot made."""

    facts: list[tuple[str, str, str]] = field(default_factory=list)


async def play(folder: Path) -> tuple[Story, dict[str, Break]]:
    breaks: dict[str, Break] = {}
    async with stage() as here, watched(here, folder) as bot:
        seen_from = time.time()
        here.notes["guild"] = here.guilds[0]
        await here.load(RATE, 600, *here.guilds[1:])
        ways: dict[str, Callable[[], Awaitable[object]]] = {
            "close 4000": partial(here.discord.do, "close", code=4000),
            "abort": partial(here.discord.do, "close", code=1006),
            "op 7": partial(here.discord.do, "reconnect"),
            "op 9 resumable": partial(here.discord.do, "invalid_session", resumable=True),
            "op 9 final": partial(here.discord.do, "invalid_session", resumable=False),
        }
        people = iter(here.guilds[0].people)
        for name, way in ways.items():
            breaks[name] = Break(name, next(people))
            await broken(here, bot, breaks[name], way)
        breaks["refused"] = Break("refused", next(people))
        await broken(here, bot, breaks["refused"], partial(refused, here, breaks["refused"]))
        await settle(here, bot)
        story = await finish(here, bot, seen_from)
    return story, breaks


async def broken(here: Stage, bot: Bot, seen: Break, way: Callable[[], Awaitable[object]]) -> None:
    """End the connection, wait until it is back, and note how."""
    guild = here.guilds[0]
    await seen.member.voice(guild.voice[0])
    before, status = await here.discord.do("state"), await bot.until(linked)
    began = trio.current_time()
    await way()
    await until(partial(is_back, here, before), f"back after {seen.name}", 60)
    after = await bot.until(linked)
    seen.back_after_s = trio.current_time() - began
    await seen.member.voice(guild.voice[1])
    await seen.member.voice(None)
    state = await here.discord.do("state")
    seen.resumes = state["resumes"] - before["resumes"]
    seen.identifies = state["identifies"] - before["identifies"]
    seen.lives = after["link"]["lives"] - status["link"]["lives"]


async def refused(here: Stage, seen: Break) -> None:
    """Cut the connection and let nobody in for a while; members come and go meanwhile."""
    guild = here.guilds[0]
    await here.discord.do("refuse", on=True)
    await here.discord.do("close", code=1006)
    began = trio.current_time()
    await until(partial(nobody_connected, here), "cut off")
    await seen.member.voice(guild.voice[1])
    await seen.member.voice(guild.voice[0])
    await trio.sleep_until(began + REFUSED_S)
    await here.discord.do("refuse", on=False)


def linked(status: dict[str, Any]) -> bool:
    return bool((status["link"] or {}).get("link") == "connected")


async def is_back(here: Stage, before: dict[str, Any]) -> bool:
    state = await here.discord.do("state")
    again = state["resumes"] + state["identifies"] > before["resumes"] + before["identifies"]
    return bool(state["connected"]) and again


async def nobody_connected(here: Stage) -> bool:
    return not (await here.discord.do("state"))["connected"]


Played = tuple[Story, dict[str, Break]]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    story, breaks = trio.run(play, tmp_path_factory.mktemp("reconnects"))
    for each in breaks.values():
        print(
            f"{each.name:15} back after {each.back_after_s:.3f} s, {each.resumes} resumes, "
            f"{each.identifies} identifies, {each.lives} new clients"
        )
    return story, breaks


@pytest.mark.parametrize("way", ["close 4000", "abort", "op 7", "op 9 resumable", "refused"])
def test_a_session_that_lives_is_resumed(played: Played, way: str) -> None:
    _, breaks = played

    assert (breaks[way].resumes, breaks[way].identifies) == (1, 0), breaks[way]


def test_a_session_that_is_over_is_begun_anew(played: Played) -> None:
    _, breaks = played

    assert breaks["op 9 final"].identifies == 1, breaks["op 9 final"]
    assert breaks["op 9 final"].resumes == 0, breaks["op 9 final"]


@pytest.mark.parametrize("way", ["close 4000", "abort", "op 7", "op 9 resumable", "op 9 final"])
def test_who_is_in_voice_across_the_break_has_each_change_once(played: Played, way: str) -> None:
    story, breaks = played
    guild: Guild = story.notes["guild"]
    lobby, other, *_ = guild.voice
    told = [(f.event, str(f.channel_id), f.origin) for f in story.facts(breaks[way].member)]

    assert told == [
        ("connect", lobby, "gateway"),
        ("disconnect", lobby, "gateway"),
        ("connect", other, "gateway"),
        ("disconnect", other, "gateway"),
    ]


def test_what_happened_while_discord_refused_us_is_replayed_once_with_its_bounds(
    played: Played,
) -> None:
    story, breaks = played
    lobby, other, *_ = story.notes["guild"].voice
    facts = story.facts(breaks["refused"].member)

    assert [(f.event, str(f.channel_id)) for f in facts] == [
        *(("connect", lobby), ("disconnect", lobby)),
        *(("connect", other), ("disconnect", other)),
        *(("connect", lobby), ("disconnect", lobby)),
        *(("connect", other), ("disconnect", other)),
    ]
    replayed = facts[1:5]
    assert all(f.latest - f.earliest > REFUSED_S * 0.8 for f in replayed)
    assert all(f.earliest == f.latest for f in [facts[0], *facts[5:]])


def test_only_the_new_session_leaves_a_blind_time(played: Played) -> None:
    story, _ = played

    assert {blind.guild_id for blind in story.ledger.blind} == {
        int(change["guild_id"]) for change in story.truth
    }
    assert len(story.ledger.blind) == 3


def test_the_ledger_is_right_after_all_of_it(played: Played) -> None:
    story, _ = played

    assert story.complaints() == []
    assert story.exit_code == 0
    assert not LEFT_BEHIND.findall(story.log), story.log
