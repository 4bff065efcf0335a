"""The real client over a network that holds bytes back: what guilds are told of the time."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import trio

from actors.gateway.clock import SteadyClock
from actors.gateway.protocol import Link, SnapshotWanted
from actors.guild.protocol import Tick, VoiceChanged, VoiceSnapshot
from tests.actors.gateway.stage import blind_times, has, outline, stage
from tests.doubles.holding import way_to

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

    from tests.actors.gateway.stage import Stage
    from tests.doubles.holding import Way
    from tests.tree import Tree

HELD_S = 2.0


@contextlib.asynccontextmanager
async def held_stage(tree: Tree) -> AsyncIterator[tuple[Stage, Way]]:
    """A stage with a way to the gateway that stays open until the bot has left."""
    async with stage(tree) as on, way_to(on.discord.gateway_url) as way:
        yield on, way
        await tree.stop()


async def test_what_a_network_held_back_says_since_when_it_may_have_happened(tree: Tree) -> None:
    async with held_stage(tree) as (on, way):
        await on.open(gateway_url=way.url, probe_s=0.2)
        await on.connected()
        await on.hear(has(VoiceSnapshot))
        way.hold()
        held_from = datetime.now(UTC)
        await on.voice(0, 0)
        happened = datetime.now(UTC)
        await trio.sleep(HELD_S)
        heard = on.read(ticks=True)
        way.release()
        letters = await on.hear(has(VoiceChanged), ticks=True)
        letters += await on.hear(has(Tick), ticks=True)
        await on.voice(1, 0)
        (news,) = [x for x in await on.hear(has(VoiceChanged)) if isinstance(x, VoiceChanged)]

        (late,) = [each for each in letters if isinstance(each, VoiceChanged)]
        assert late.earliest_utc < held_from < happened
        assert (late.at_utc - late.earliest_utc).total_seconds() > HELD_S
        # Nothing was claimed of the time in which nothing was heard.
        assert all(each.at_utc <= late.earliest_utc for each in heard)
        # Nothing is missed, and once Discord has answered all is certain again.
        assert blind_times(letters) == []
        assert news.earliest_utc == news.at_utc
        assert (await on.report()).resumes == 0


async def test_an_interruption_in_doubt_goes_back_to_where_the_doubt_began(tree: Tree) -> None:
    async with held_stage(tree) as (on, way):
        await on.open(gateway_url=way.url, probe_s=0.2)
        await on.connected()
        # Without an answer to its heartbeats nothing ends the doubt.
        await on.discord.do("set", ack_heartbeats=False)
        way.hold()
        held_from = datetime.now(UTC)
        await on.voice(0, 0)
        await trio.sleep(HELD_S)
        way.release()
        await on.hear(has(VoiceChanged))
        tree.tell("gateway", SnapshotWanted(on.guild_id))
        await trio.sleep(1.2)
        assert outline(on.read()) == []
        await on.discord.do("refuse", on=True)
        await on.discord.do("close", code=1006)
        await on.voice(1, 0)
        await on.discord.do("set", ack_heartbeats=True)
        await on.discord.do("refuse", on=False)
        letters = await on.hear(has(VoiceSnapshot))

        # Who asked in doubt is shown the guild when all that is older has been read.
        assert outline(letters) == ["VoiceChanged", "VoiceSnapshot"]
        (replayed,) = [each for each in letters if isinstance(each, VoiceChanged)]
        assert replayed.user_id == on.members[1]
        assert replayed.earliest_utc < held_from


async def test_a_doubt_that_discord_never_ends_ends_the_connection(tree: Tree) -> None:
    async with held_stage(tree) as (on, way):
        await on.open(gateway_url=way.url, probe_s=0.2, silence_s=3)
        await on.connected()
        way.hold()
        await on.discord.do("set", ack_heartbeats=False)
        await trio.sleep(HELD_S)
        way.release()
        await on.discord.do("load", rate=5, seconds=60)  # it is not silent
        report = await on.until(lambda now: now.resumes)
        await on.discord.do("load_stop")

        assert report.last_trouble == "the gateway was silent for 3 s"


async def test_a_peer_that_is_dead_is_given_up_after_the_silence_and_no_later(tree: Tree) -> None:
    async with held_stage(tree) as (on, way):
        await on.open(gateway_url=way.url, probe_s=0.2, silence_s=1.5)
        await on.connected()
        began = trio.current_time()
        way.hold(both=True)
        report = await on.until(lambda now: now.link is not Link.CONNECTED or now.resumes)
        noticed_s = trio.current_time() - began
        report = await on.until(lambda now: now.resumes)

        assert 1.2 < noticed_s < 2.5
        # It is reached at the address that it named itself, which nobody holds.
        assert trio.current_time() - began < 4
        assert report.last_trouble == "the gateway was silent for 1.5 s"
        assert blind_times(on.read()) == []


async def test_a_clock_that_jumps_blinds_every_guild_and_shows_it_again_at_the_new_time(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_by_s = 0.0
    clock = SteadyClock(lambda: time.time() + set_by_s)
    monkeypatch.setattr("actors.gateway.actor.CLOCK", clock)
    async with stage(tree) as on:
        await on.open(probe_s=0.2)
        await on.connected()
        await on.voice(0, 0)
        (before,) = (await on.hear(has(VoiceChanged)))[-1:]
        on.read(on.guilds[1])
        set_by_s = 7200.0
        letters = await on.hear(has(VoiceSnapshot))
        others = await on.hear(has(VoiceSnapshot), on.guilds[1])

        assert outline(letters) == outline(others) == ["SightLost", "VoiceSnapshot"]
        lost, seen = letters
        assert before.at_utc <= lost.since_utc <= datetime.now(UTC)
        assert lost.cause == "the clock jumped by 7200 s"
        assert seen.at_utc - lost.since_utc > timedelta(seconds=7200)
        assert [each.user_id for each in seen.occupants] == [on.members[0]]
        await on.voice(1, 0)
        (news,) = await on.hear(has(VoiceChanged))
        assert news.earliest_utc == news.at_utc > seen.at_utc


async def test_a_clock_behind_the_ledger_goes_on_from_the_ledgers_newest_time(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors.gateway.actor.CLOCK", SteadyClock())
    newest = datetime.now(UTC) + timedelta(hours=2)
    async with stage(tree) as on:
        await on.open(newest_utc=newest)
        await on.connected()
        (seen,) = await on.hear(has(VoiceSnapshot))
        await trio.sleep(0.5)
        await on.voice(0, 0)
        (news,) = await on.hear(has(VoiceChanged))

        assert newest < seen.at_utc
        assert 0.5 < (news.at_utc - seen.at_utc).total_seconds() < 5
        assert blind_times([seen, news]) == []
