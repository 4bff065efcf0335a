"""The real client over real sockets: what guilds hear when the connection is troubled."""

from __future__ import annotations

import itertools
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import trio

from actors.gateway.inbound import voice_changed
from actors.gateway.link import pause_before_attempt_s
from actors.gateway.protocol import Link, SnapshotWanted
from actors.guild.protocol import MessageSeen, Tick, VoiceChanged, VoiceSnapshot
from storage.rows import VoiceFlags
from tests.actors.gateway.stage import blind_times, has, outline, places, stage

if TYPE_CHECKING:
    from actors.kernel.halting import Halt
    from tests.actors.gateway.stage import Stage
    from tests.tree import Tree


async def test_a_guild_hears_exactly_what_happened_in_order(tree: Tree) -> None:
    async with stage(tree) as on:
        await on.voice(0, 0)
        await on.open()
        await on.connected()
        first = on.read()
        await on.voice(1, 0, self_mute=True)
        await on.voice(1, 1)
        await on.voice(0, None)
        letters = await on.hear(has(VoiceChanged, 3))
        truth = await on.discord.do("truth", since=0)

        assert outline(first) == ["VoiceSnapshot"]
        assert places(first) == [(on.members[0], on.rooms[0])]
        assert places(first) + places(letters) == [
            (int(each["user_id"]), each["channel_id"] and int(each["channel_id"]))
            for each in truth["changes"]
        ]
        assert [each.flags for each in letters] == [
            VoiceFlags.SELF_MUTE,
            VoiceFlags.SELF_MUTE,
            VoiceFlags.NONE,
        ]
        for letter, change in zip(letters, truth["changes"][1:], strict=True):
            assert abs(letter.at_utc.timestamp() - change["at"]) < 0.25
            assert letter.earliest_utc == letter.at_utc


async def test_other_guilds_bots_messages_and_repeats_are_told_as_what_they_are(
    tree: Tree,
) -> None:
    async with stage(tree) as on:
        world = await on.discord.do("world")
        bots = [each for each in world["guilds"][0]["members"] if each["is_bot"]]
        await on.open()
        await on.connected()
        await on.voice(0, 0)
        await on.discord.do("repeat_voice", guild_id=str(on.guild_id), user_id=str(on.members[0]))
        await on.discord.do(
            "voice",
            guild_id=str(on.guild_id),
            user_id=bots[0]["id"],
            channel_id=str(on.rooms[0]),
        )
        await on.discord.do(
            "say",
            guild_id=str(on.guild_id),
            channel_id=str(on.texts[0]),
            user_id=str(on.members[1]),
            content="hello",
        )
        letters = await on.hear(has(MessageSeen))

        joined, again, bot, message = letters[1:]
        assert (joined.user_id, joined.channel_id) == (again.user_id, again.channel_id)
        assert (bot.user_id, bot.is_bot) == (int(bots[0]["id"]), True)
        assert (message.user_id, message.channel_id) == (on.members[1], on.texts[0])
        assert not message.is_bot
        assert outline(on.read(on.guilds[1])) == ["VoiceSnapshot"]


async def test_ticks_come_each_second_and_name_the_last_frame_that_was_read(tree: Tree) -> None:
    async with stage(tree) as on:
        await on.open(probe_s=0.2)
        await on.connected()
        letters = await on.hear(has(Tick, 2), ticks=True)

        times = [each.at_utc for each in letters if isinstance(each, Tick)]
        assert times == sorted(set(times))
        assert 0.7 < (times[-1] - times[0]).total_seconds() < 2


async def test_a_guild_that_asks_sees_who_is_in_voice(tree: Tree) -> None:
    async with stage(tree) as on:
        await on.open()
        await on.connected()
        await on.voice(0, 0)
        await on.hear(has(VoiceChanged))
        tree.tell("gateway", SnapshotWanted(on.guild_id))

        assert places(await on.hear(has(VoiceSnapshot))) == [(on.members[0], on.rooms[0])]


@pytest.mark.parametrize(
    ("verb", "body", "trouble"),
    [
        ("close", {"code": 4000}, "gateway closed with 4000"),
        ("close", {"code": 1006}, "gateway closed with 1006"),
        ("reconnect", {}, "Discord asked to connect again (op 7)"),
        ("invalid_session", {"resumable": True}, "Discord asked to connect again (op 7)"),
    ],
    ids=["close 4000", "TCP abort", "op 7", "op 9 true"],
)
async def test_an_interruption_that_is_resumed_costs_nothing(
    tree: Tree, verb: str, body: dict[str, Any], trouble: str
) -> None:
    async with stage(tree) as on:
        await on.open()
        await on.connected()
        await on.voice(0, 0)
        await on.hear(has(VoiceChanged))
        await on.discord.do(verb, **body)
        await on.voice(1, 0)
        letters = await on.hear(has(VoiceChanged))

        assert places(letters) == [(on.members[1], on.rooms[0])]
        report = await on.connected()
        assert (report.lives, report.last_trouble) == (1, trouble)
        assert report.resumes == 1
        assert blind_times(letters) == []


async def test_what_is_replayed_says_since_when_it_may_have_happened(tree: Tree) -> None:
    async with stage(tree) as on:
        await on.open(probe_s=60)
        await on.connected()
        await on.voice(0, 0)
        (before,) = (await on.hear(has(VoiceChanged)))[-1:]
        await on.discord.do("refuse", on=True)
        await on.discord.do("close", code=1006)
        await on.voice(1, 0)
        await trio.sleep(0.3)
        assert (await on.report()).link is Link.RESUMING
        await on.discord.do("refuse", on=False)
        (replayed,) = await on.hear(has(VoiceChanged))
        await on.connected()
        await on.voice(2, 0)
        (news,) = await on.hear(has(VoiceChanged))

        assert replayed.user_id == on.members[1]
        assert before.at_utc <= replayed.earliest_utc
        assert (replayed.at_utc - replayed.earliest_utc).total_seconds() > 0.3
        assert news.earliest_utc == news.at_utc > replayed.at_utc


async def test_a_session_that_discord_ends_blinds_each_guild_until_it_is_shown_again(
    tree: Tree,
) -> None:
    async with stage(tree) as on:
        await on.open()
        await on.connected()
        await on.voice(0, 0)
        (before,) = (await on.hear(has(VoiceChanged)))[-1:]
        await on.discord.do("invalid_session", resumable=False)
        await on.voice(0, 1)
        letters = await on.hear(has(VoiceSnapshot))
        others = await on.hear(has(VoiceSnapshot, 2), on.guilds[1])

        assert outline(letters) == ["SightLost", "VoiceSnapshot"]
        assert outline(others) == ["VoiceSnapshot", "SightLost", "VoiceSnapshot"]
        lost, seen = letters
        assert before.at_utc <= lost.since_utc < seen.at_utc
        assert lost.cause == "Discord ended the session (op 9)"
        assert places(letters) == [(on.members[0], on.rooms[1])]
        assert (await on.connected()).lives == 1


async def test_a_gateway_that_is_down_at_the_first_connect_is_waited_for(tree: Tree) -> None:
    async with stage(tree) as on:
        await on.discord.do("refuse", on=True)
        await on.open()
        troubled = await on.until(lambda now: now.lives >= 3)
        await on.discord.do("refuse", on=False)
        report = await on.connected()

        assert "could not be reached" in troubled.last_trouble
        assert report.lives >= 3
        assert outline(on.read()) == ["VoiceSnapshot"]
        assert on.halts == []


async def test_an_api_that_cannot_be_reached_at_login_is_waited_for(tree: Tree) -> None:
    async with stage(tree) as on:
        # Nobody listens on the discard port of this machine.
        await on.open(api_url="http://127.0.0.1:9/api/v10")
        troubled = await on.until(lambda now: now.lives >= 3)

        assert "Cannot connect to host 127.0.0.1:9" in troubled.last_trouble
        assert on.halts == []


async def test_a_server_that_hangs_up_on_each_resume_is_not_stormed(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[int] = []

    def count(before: int) -> float:
        attempts.append(before)
        return pause_before_attempt_s(before)

    monkeypatch.setattr("actors.gateway.socket.pause_before_attempt_s", count)
    async with stage(tree) as on:
        await on.open()
        await on.connected()
        on.read()
        await on.discord.do("hang_up_on_resume", on=True)
        await on.discord.do("close", code=4000)
        await trio.sleep(1)
        await on.discord.do("hang_up_on_resume", on=False)
        report = await on.until(lambda now: now.link is Link.CONNECTED)

        assert 2 < len(attempts) < 7
        assert (report.lives, report.resumes) == (1, 1)
        assert blind_times(on.read()) == []


async def test_a_session_that_can_never_be_resumed_is_given_up_for_a_new_one(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.gateway.socket.ATTEMPTS_PER_LIFE", 3)
    async with stage(tree) as on:
        await on.open()
        await on.connected()
        on.read()
        await on.discord.do("hang_up_on_resume", on=True)
        await on.discord.do("close", code=4000)
        letters = await on.hear(has(VoiceSnapshot))

        assert outline(letters) == ["SightLost", "VoiceSnapshot"]
        report = await on.connected()
        assert (report.lives, report.resumes) == (2, 0)
        assert "3 connections led to nothing" in report.last_trouble


async def test_a_payload_that_cannot_be_read_costs_one_client(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(tree) as on:
        await on.open()
        await on.connected()
        on.read()
        calls = itertools.count()

        def stumble_once(state: Any, **times: Any) -> VoiceChanged:
            if next(calls) == 0:
                raise KeyError("user_id")
            return voice_changed(state, **times)

        monkeypatch.setattr("actors.gateway.client.voice_changed", stumble_once)
        await on.voice(0, 0)
        letters = await on.hear(has(VoiceSnapshot))

        assert outline(letters) == ["SightLost", "VoiceSnapshot"]
        assert blind_times(letters)[0].cause == "KeyError: 'user_id'"
        assert places(letters) == [(on.members[0], on.rooms[0])]
        assert (await on.connected()).lives == 2


async def test_a_silent_connection_is_given_up_and_resumed(tree: Tree) -> None:
    async with stage(tree) as on:
        await on.discord.do("set", ack_heartbeats=False)
        await on.open(probe_s=0.1, silence_s=0.5)
        await on.connected()
        report = await on.until(lambda now: now.resumes)

        assert report.last_trouble == "the gateway was silent for 0.5 s"
        assert blind_times(on.read()) == []


async def halted(on: Stage) -> Halt:
    await on.until(lambda _now: on.halts)
    await trio.sleep(0.6)
    assert len(on.halts) == 1, "it must not go on trying"
    assert (await on.report()).lives == 1
    return on.halts[0]


async def test_a_refused_token_ends_the_program_with_77(tree: Tree) -> None:
    async with stage(tree) as on:
        await on.open(token=on.discord.token[:-3] + "abc")
        halt = await halted(on)

        assert halt.exit_code == 77
        assert "token" in halt.sentence


async def test_a_missing_intent_ends_the_program_with_76_and_names_the_switch(tree: Tree) -> None:
    async with stage(tree) as on:
        await on.discord.do("set", intents_allowed=0)
        await on.open()
        halt = await halted(on)

        assert halt.exit_code == 76
        assert "Server Members Intent" in halt.sentence


async def test_a_fatal_close_ends_the_program_with_69(tree: Tree) -> None:
    async with stage(tree) as on:
        await on.open()
        await on.connected()
        await on.discord.do("close", code=4012)
        halt = await halted(on)

        assert halt.exit_code == 69
        assert blind_times(on.read())


async def test_a_crashed_gateway_blinds_the_guilds_and_is_back_within_a_second(
    tree: Tree,
) -> None:
    async with stage(tree) as on:
        await on.open()
        await on.connected()
        await on.voice(0, 0)
        await on.hear(has(VoiceChanged))
        threads = set(threading.enumerate())
        began = trio.current_time()
        tree.crash("gateway")
        letters = await on.hear(has(VoiceSnapshot))

        assert trio.current_time() - began < 2
        assert outline(letters) == ["SightLost", "VoiceSnapshot"]
        assert blind_times(letters)[0].cause == "the gateway's actor crashed"
        assert places(letters) == [(on.members[0], on.rooms[0])]
        assert set(threading.enumerate()) <= threads
        state = await on.discord.do("state")
        assert state["identifies"] == 2


@pytest.mark.parametrize("crashes", [3])
async def test_crashes_in_quick_succession_leave_nothing_behind(tree: Tree, crashes: int) -> None:
    async with stage(tree) as on:
        await on.open()
        for _ in range(crashes):
            # At any moment of a life: while it logs in, connects, or works.
            await trio.sleep(0.05)
            tree.directory.crash("gateway")
        await on.connected()

        assert not [t for t in threading.enumerate() if "keep-alive" in t.name]


async def test_a_clean_stop_tells_each_guild_until_when_it_saw(tree: Tree) -> None:
    async with stage(tree) as on:
        await on.open(probe_s=60)
        await on.connected()
        await on.voice(0, 0)
        (joined,) = (await on.hear(has(VoiceChanged)))[-1:]
        await trio.sleep(0.7)
        began, asked = trio.current_time(), datetime.now(UTC)
        await tree.stop()

        assert trio.current_time() - began < 1
        letters = [message for to, message in tree.dead if to == f"guilds/{on.guild_id}"]
        last = letters[-1]
        assert isinstance(last, Tick)
        # Discord was asked for a last sign of life: the stay is known up to the stop.
        assert joined.at_utc < asked <= last.at_utc <= datetime.now(UTC)
        assert blind_times(letters) == []


async def test_a_stop_without_a_connection_is_quick_and_claims_nothing(tree: Tree) -> None:
    async with stage(tree) as on:
        await on.discord.do("refuse", on=True)
        await on.open()
        await on.until(lambda now: now.lives >= 2)
        began = trio.current_time()
        await tree.stop()

        assert trio.current_time() - began < 1
        assert tree.dead == []
