"""What members get when they use the commands: right figures, and always an answer."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import trio

from tests.end_to_end.stage import Story, finish, settle, stage, watched

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.bot_process import Bot
    from tests.end_to_end.stage import Member, Stage

pytestmark = pytest.mark.end_to_end

CRASHES = 3
EPHEMERAL = 1 << 6

Answer = dict[str, Any]


@dataclass
class Played:
    story: Story
    answers: dict[str, Answer]
    """What the local Discord saw of each use of a command."""

    asked_at: dict[str, float]
    crashed: list[Answer] = field(default_factory=list)
    """Answers to /stats me while the analyst crashed."""


async def play(folder: Path) -> Played:
    answers: dict[str, Answer] = {}
    asked_at: dict[str, float] = {}
    async with stage() as here, watched(here, folder) as bot:
        seen_from = time.time()
        guild = here.guilds[0]
        ada, ben, cleo, dan, *others = guild.people
        here.notes |= {"ada": ada, "guild": guild}

        async def use(key: str, member: Member, command: str, **options: Any) -> None:
            asked_at[key] = time.time()
            answers[key] = await member.use(command, guild.text[0], **options)

        unlucky = others[:CRASHES]  # they ask just when it crashes
        await evening(here, ada, ben, unlucky)
        await settle(here, bot)
        await use("me", ada, "stats me")
        await use("me again", ada, "stats me")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(use, "help", ada, "help")
            nursery.start_soon(use, "top", cleo, "stats top")
            nursery.start_soon(use, "me with nothing", dan, "stats me")
            nursery.start_soon(use, "status", cleo, "status")
            nursery.start_soon(use, "status of the owner", guild.owner, "status")
        stays = [c["at"] for c in await here.truth() if c["user_id"] == unlucky[0].id]
        here.notes["unlucky_s"] = stays[1] - stays[0]
        crashed = [await while_it_crashes(here, bot, each) for each in unlucky]
        story = await finish(here, bot, seen_from)
    return Played(story, answers, asked_at, crashed)


async def evening(here: Stage, ada: Member, ben: Member, others: list[Member]) -> None:
    """Two stays of one member, a longer one of another, shorter ones of the others."""
    lobby, other, *_ = here.guilds[0].voice
    await ben.voice(other)
    await ada.voice(lobby)
    await trio.sleep(1.5)
    await ada.voice(None)
    await ada.voice(other)
    for member in others:
        await member.voice(lobby)
    await trio.sleep(2.5)
    for member in others:
        await member.voice(None)
    for text in ("one", "two"):
        await here.discord.do(
            "say",
            guild_id=ada.guild_id,
            channel_id=here.guilds[0].text[0],
            user_id=ada.id,
            content=text,
        )


async def while_it_crashes(here: Stage, bot: Bot, member: Member) -> Answer:
    await bot.control(do="crash", name="analyst", why="end-to-end test")
    return await member.use("stats me", here.guilds[0].text[0])


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    played = trio.run(play, tmp_path_factory.mktemp("members"))
    for key, answer in played.answers.items():
        print(f"{key}: after {answer['after_s']} s: {text_of(answer)!r}")
    for answer in played.crashed:
        print(f"analyst crashed: after {answer['after_s']} s: {text_of(answer)!r}")
    return played


def text_of(answer: Answer) -> str:
    """All that a member can read in the last message of an answer."""
    message = answer["messages"][-1]
    parts = [message.get("content") or ""]
    for embed in message.get("embeds") or []:
        parts += [embed.get("title") or "", embed.get("description") or ""]
        parts += [f"{each['name']}: {each['value']}" for each in embed.get("fields") or []]
    return "\n".join(parts)


def seconds_of(played: Played, member: Member, until: float) -> float:
    """How long somebody was in voice, as the local Discord knows it."""
    total, since = 0.0, None
    for change in played.story.truth:
        if change["user_id"] != member.id or change["at"] > until:
            continue
        if since is not None:
            total += change["at"] - since
        since = change["at"] if change["channel_id"] is not None else None
    return total + (until - since if since is not None else 0.0)


def test_every_use_is_answered_without_an_error(played: Played) -> None:
    assert {key: a for key, a in played.answers.items() if not a["answered"] or a["errors"]} == {}


def test_stats_me_tells_the_voice_time_that_the_truth_has(played: Played) -> None:
    text = text_of(played.answers["me"])
    truly = seconds_of(played, played.story.notes["ada"], played.asked_at["me"])
    told = re.search(r"^Voice: (\d+) s$", text, re.MULTILINE)

    assert truly > 3.5
    assert told, text
    assert abs(int(told[1]) - truly) < 1.0
    assert "Visits: 2" in text
    assert "Messages: 2" in text


def test_stats_me_names_the_rank_and_the_channels_longest_first(played: Played) -> None:
    text = text_of(played.answers["me"])
    lobby, other, *_ = played.story.notes["guild"].voice

    assert "Rank: #2" in text
    assert text.index(f"<#{other}>") < text.index(f"<#{lobby}>")


def test_stats_top_lists_the_longest_first(played: Played) -> None:
    text = text_of(played.answers["top"])
    form = re.compile(r"(\d+)\. <@(\d+)> (?:(\d+) s|less than 1 s)")
    lines = [form.fullmatch(line) for line in text.splitlines()[2:]]

    assert all(lines), text
    told = [(int(line[1]), line[2], int(line[3] or 0)) for line in lines if line]
    assert [place for place, _, _ in told] == list(range(1, len(told) + 1))
    assert [seconds for _, _, seconds in told] == sorted((t[2] for t in told), reverse=True)
    truly = {
        m: seconds_of(played, m, played.asked_at["top"]) for m in played.story.notes["guild"].people
    }
    assert {user: seconds for _, user, seconds in told} == pytest.approx(
        {m.id: seconds for m, seconds in truly.items() if seconds}, abs=1.0
    )


def test_who_was_never_in_voice_is_told_so(played: Played) -> None:
    assert "No voice time" in text_of(played.answers["me with nothing"])


def test_only_the_one_who_asks_sees_their_own_figures_and_everybody_the_list(
    played: Played,
) -> None:
    flags = {key: a["messages"][-1]["flags"] for key, a in played.answers.items()}

    assert flags["me"] & EPHEMERAL
    assert flags["status"] & EPHEMERAL
    assert not flags["top"] & EPHEMERAL


def test_asking_again_at_once_is_told_how_many_seconds_to_wait(played: Played) -> None:
    told = re.search(r"You can use /stats me again in (\d+) s", text_of(played.answers["me again"]))

    assert told
    assert 0 < int(told[1]) <= 3


def test_help_names_every_command(played: Played) -> None:
    text = text_of(played.answers["help"])

    assert [c for c in ("/help", "/status", "/stats me", "/stats top") if c not in text] == []


def test_the_owner_sees_the_tree_and_others_one_line(played: Played) -> None:
    tree, line = text_of(played.answers["status of the owner"]), text_of(played.answers["status"])

    assert [
        part for part in ("recorder", "analyst", "gateway", "watchdog") if part not in tree
    ] == []
    assert "Connected" in line
    assert "recorder" not in line


def test_while_the_analyst_crashes_there_is_an_answer_all_the_same(played: Played) -> None:
    right = round(played.story.notes["unlucky_s"])

    assert len(played.crashed) == CRASHES
    for answer in played.crashed:
        assert answer["answered"], answer
        assert not answer["errors"], answer
        told = re.search(r"^Voice: (\d+) s$", text_of(answer), re.MULTILINE)
        if told:
            assert abs(int(told[1]) - right) <= 1
        else:
            assert re.search(r"was restarted|try again in a moment", text_of(answer))
