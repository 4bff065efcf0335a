"""The commands beside a bot that really runs, connected to the local Discord."""

from __future__ import annotations

import signal
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio

from tests.command_line.program import Ended, main
from tests.doubles.discord.process import local_discord
from tests.end_to_end.bot_process import environment, running_bot

if TYPE_CHECKING:
    from pathlib import Path

    from tests.doubles.discord.process import LocalDiscord

pytestmark = pytest.mark.end_to_end


async def operator(discord: LocalDiscord, data: Path, *arguments: str, **extra: str) -> Ended:
    """Run a command as the operator of this bot would, from another working directory."""
    given = environment(discord, data, **extra)
    settings = {name: value for name, value in given.items() if name.startswith("BULKHEAD_")}
    run: Any = partial(main, *arguments, cwd=data.parent, settings=settings)
    ended: Ended = await trio.to_thread.run_sync(run)
    return ended


async def test_status_query_check_and_a_second_bot(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with local_discord("--scenario", "quiet") as discord, running_bot(discord, data) as bot:
        await bot.until_watching()
        world = await discord.do("world")
        guild = world["guilds"][0]
        channel = next(c for c in guild["channels"] if c["type"] == 2)
        member = next(m for m in guild["members"] if not m["is_bot"])
        await discord.do(
            "voice", guild_id=guild["id"], user_id=member["id"], channel_id=channel["id"]
        )
        await bot.until(lambda status: status["ledger"]["sessions_open"] == 1)

        status = await operator(discord, data, "status")
        asked = await operator(
            discord, data, "query", "SELECT event, user_id FROM user_activity", "--csv"
        )
        checked = await operator(discord, data, "check")
        second = await operator(discord, data, "run")

        assert status.code == 0
        assert f"guilds/{guild['id']}" in status.out
        assert (asked.code, asked.out) == (0, f"event,user_id\nconnect,{member['id']}\n")
        assert asked.err.startswith("from the running bot, as of ")
        assert checked.code == 0, checked
        assert f"a bot runs on it (process {bot.process.pid})" in checked.out
        assert "a bot runs here already" in checked.out
        assert "connects to Discord" not in checked.out
        assert (await bot.status())["pid"] == bot.process.pid  # the second bot left it alone
        assert second.code == 75
        sentence = second.err.splitlines()[-1]
        assert f"process {bot.process.pid}" in sentence
        assert second.err.count("is in use by") == 1
        assert second.err.count(sentence) == 1

        assert await bot.stop(number=signal.SIGINT) == 0
        after = await operator(discord, data, "query", "FROM user_activity", "--ndjson")
        assert len(after.out.splitlines()) == 2  # the bot has closed the session as it stopped
        assert after.err.startswith(f"from {data}/activity.duckdb, last written ")


async def test_check_sees_what_discord_would_refuse(tmp_path: Path) -> None:
    async with local_discord("--scenario", "quiet") as discord:
        check = partial(operator, discord, tmp_path / "data", "check")

        assert (await check()).code == 0
        assert (await check(BULKHEAD_DISCORD__TOKEN="wrong")).code == 77
        await discord.do("set", intents_allowed=0)
        without = await check()

    assert without.code == 76
    assert f"client_id={discord.application_id}&" in without.out
    assert not await trio.Path(tmp_path / "data").exists()
