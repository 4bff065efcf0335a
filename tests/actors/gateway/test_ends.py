"""The real client over real sockets: faults that end the program, crashes and stops."""

from __future__ import annotations

import signal
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import trio

from actors.gateway.protocol import Link
from actors.guild.protocol import Tick, VoiceChanged, VoiceSnapshot
from tests.actors.gateway.stage import blind_times, has, outline, places, stage

if TYPE_CHECKING:
    from actors.kernel.halting import Halt
    from tests.actors.gateway.stage import Stage
    from tests.tree import Tree


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


@pytest.mark.parametrize("end", ["stop", "crash"])
async def test_a_discord_that_has_frozen_holds_nobody_up(tree: Tree, end: str) -> None:
    async with stage(tree) as on:
        await on.open(close_s=0.3)
        await on.connected()
        on.discord.process.send_signal(signal.SIGSTOP)
        try:
            await trio.sleep(0.1)
            began = trio.current_time()
            if end == "crash":
                tree.crash("gateway")
                await on.until(lambda now: now.link is Link.CONNECTING)
            await tree.stop()
            took_s = trio.current_time() - began
        finally:
            on.discord.process.send_signal(signal.SIGCONT)
            # It sees what was closed meanwhile, as it would have without the freeze.
            await on.discord.do("state")
            await trio.sleep(0.2)

        assert took_s < 2
        assert not [t for t in threading.enumerate() if "keep-alive" in t.name]
