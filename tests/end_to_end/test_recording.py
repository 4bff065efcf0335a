"""What the bot records of members who come, go and move, one by one and under load."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import duckdb
import pytest
import trio

from tests.end_to_end.stage import (
    LEDGER,
    LEFT_BEHIND,
    Story,
    finish,
    settle,
    stage,
    watched,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.stage import Guild, Member, Stage

pytestmark = pytest.mark.end_to_end

RATE, LOAD_S = 200, 5
SECRET = "the words of a member"


async def play(folder: Path) -> Story:
    async with stage() as here, watched(here, folder) as bot:
        seen_from = time.time()
        here.notes["start"] = seen_from
        async with trio.open_nursery() as nursery:
            nursery.start_soon(single_cases, here)
            await here.load(RATE, LOAD_S, *here.guilds[1:])
            # Not a wait for a condition: the load lasts so long.
            await trio.sleep(LOAD_S)
        await settle(here, bot)
        return await finish(here, bot, seen_from)


async def single_cases(here: Stage) -> None:
    guild = here.guilds[0]
    ada, ben, cleo, dan, eve, *_ = guild.people
    here.notes |= {"ada": ada, "ben": ben, "cleo": cleo, "dan": dan, "eve": eve, "guild": guild}
    lobby, other, *_ = guild.voice
    await ada.voice(lobby)
    await ada.voice(lobby, self_mute=True)
    await ada.voice(lobby, self_mute=True, self_deaf=True)
    await ada.voice(other, self_mute=True)
    await ada.voice(None)
    for channel in (lobby, None, lobby):  # three requests take far less than a second
        await ben.voice(channel)
    await cleo.voice(lobby)
    for _ in range(3):
        await cleo.repeat()
    await cleo.voice(None)
    await cleo.repeat()
    for bot in guild.bots[:1]:
        for channel in (lobby, other, None, other):
            await bot.voice(channel)
    await dan.voice(other)
    await here.discord.do(
        "say", guild_id=guild.id, channel_id=guild.text[0], user_id=eve.id, content=SECRET
    )


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return trio.run(play, tmp_path_factory.mktemp("recording"))


def told(story: Story, member: Member) -> list[tuple[str, str, str]]:
    return [(f.event, str(f.channel_id), f.origin) for f in story.facts(member)]


def test_each_join_and_leave_is_one_row_a_move_two_and_a_mute_none(story: Story) -> None:
    lobby, other, *_ = story.notes["guild"].voice

    assert told(story, story.notes["ada"]) == [
        ("connect", lobby, "gateway"),
        ("disconnect", lobby, "gateway"),
        ("connect", other, "gateway"),
        ("disconnect", other, "gateway"),
    ]


def test_the_two_rows_of_a_move_share_one_time_and_one_move_id(story: Story) -> None:
    joined, left, came, gone = story.facts(story.notes["ada"])

    assert left.move_id == came.move_id is not None
    assert (left.at, left.earliest, left.latest) == (came.at, came.earliest, came.latest)
    assert joined.move_id is gone.move_id is None


def test_join_leave_join_within_a_second_keeps_both_stays(story: Story) -> None:
    facts = story.facts(story.notes["ben"])

    assert [f.event for f in facts] == ["connect", "disconnect", "connect", "disconnect"]
    assert facts[2].at - facts[0].at < 1
    assert [f.origin for f in facts] == ["gateway"] * 3 + ["shutdown"]


def test_the_same_event_again_is_stored_once(story: Story) -> None:
    assert [f.event for f in story.facts(story.notes["cleo"])] == ["connect", "disconnect"]


def test_other_bots_are_in_no_row(story: Story) -> None:
    guild: Guild = story.notes["guild"]
    moved = {c["user_id"] for c in story.truth if c["is_bot"]}

    assert guild.bots[0].id in moved
    assert not {int(user) for user in moved} & {f.user_id for f in story.ledger.facts}


def test_who_is_in_voice_at_a_clean_stop_leaves_with_origin_shutdown(story: Story) -> None:
    assert [(f.event, f.origin) for f in story.facts(story.notes["dan"])] == [
        ("connect", "gateway"),
        ("disconnect", "shutdown"),
    ]


def test_a_message_is_counted_and_its_text_is_nowhere(story: Story) -> None:
    with duckdb.connect(str(story.folder / LEDGER), read_only=True) as ledger:
        rows = ledger.execute("SELECT user_id FROM message_seen").fetchall()

    assert rows == [(int(story.notes["eve"].id),)]
    # Not by reading the database ourselves: a process that opens it drops DuckDB's lock.
    found = subprocess.run(["grep", "-rlF", SECRET, str(story.folder)], check=False)
    assert found.returncode == 1, "grep found it, or could not look"
    assert SECRET not in story.log


def test_under_load_the_ledger_holds_each_change_once_in_order_with_its_time(
    story: Story,
) -> None:
    quiet = story.notes["guild"].id
    changes = [c for c in story.truth if c["guild_id"] != quiet and not c["is_bot"]]

    assert len(changes) > RATE * LOAD_S * 0.6, "the load was too small to show anything"
    assert story.complaints() == []


def test_it_stops_with_code_0_and_leaves_nothing_behind_in_the_log(story: Story) -> None:
    assert story.exit_code == 0
    assert not LEFT_BEHIND.findall(story.log), story.log
