"""The real client over real sockets: what guilds hear when the connection is troubled."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio

from actors.gateway.link import pause_before_attempt_s
from actors.gateway.protocol import Link
from actors.guild.protocol import VoiceChanged, VoiceSnapshot
from tests.actors.gateway.stage import blind_times, has, outline, places, stage

if TYPE_CHECKING:
    from actors.gateway.protocol import GatewayReport
    from tests.tree import Tree


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


async def test_many_short_outages_are_each_over_as_soon_as_the_first(tree: Tree) -> None:
    async with stage(tree) as on:
        await on.open()
        await on.connected()
        on.read()
        took_s: list[float] = []
        for _ in range(8):
            await on.discord.do("refuse", on=True)
            await on.discord.do("close", code=1006)
            await trio.sleep(1)
            troubled = await on.report()
            assert troubled.link is Link.RESUMING
            await on.discord.do("refuse", on=False)
            began = trio.current_time()
            await on.until(partial(resumed, len(took_s) + 1))
            took_s.append(trio.current_time() - began)

        assert max(took_s) < 3, took_s
        assert blind_times(on.read()) == []


def resumed(times: int, report: GatewayReport) -> bool:
    return report.resumes == times


async def test_who_asks_in_an_outage_learns_why_and_when_the_next_try_comes(tree: Tree) -> None:
    async with stage(tree) as on:
        await on.open()
        await on.connected()
        await on.discord.do("refuse", on=True)
        await on.discord.do("close", code=1006)
        report = await on.until(lambda now: "next try at" in now.last_trouble)

        assert "the gateway could not be reached" in report.last_trouble


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


async def test_a_silent_connection_is_given_up_and_resumed(tree: Tree) -> None:
    async with stage(tree) as on:
        await on.discord.do("set", ack_heartbeats=False)
        await on.open(probe_s=0.1, silence_s=0.5)
        await on.connected()
        report = await on.until(lambda now: now.resumes)

        assert report.last_trouble == "the gateway was silent for 0.5 s"
        assert blind_times(on.read()) == []
