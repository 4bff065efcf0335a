"""Runs the watcher as a process and reads what it tells."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import trio

from tests.doubles.discord.process import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.doubles.discord.process import LocalDiscord

ALL_INTENTS = 53608447
GUILDS, VOICE_STATES, GUILD_MESSAGES = 1 << 0, 1 << 7, 1 << 9

Told = dict[str, Any]


@dataclass
class Watched:
    """What a watcher has told so far."""

    told: list[Told] = field(default_factory=list)
    news: trio.Event = field(default_factory=trio.Event)

    def of(self, event: str) -> list[Told]:
        return [each for each in self.told if each["event"] == event]

    async def until(self, right: Callable[[], Any], within: float = 20) -> None:
        with trio.move_on_after(within):
            while not right():
                self.news = trio.Event()
                await self.news.wait()
        assert right(), f"not within {within} s; told: {self.told[-20:]}"

    async def first(self, event: str, number: int = 1) -> Told:
        """Wait for the `number`-th event of a kind."""
        await self.until(lambda: len(self.of(event)) >= number)
        return self.of(event)[number - 1]


@contextlib.asynccontextmanager
async def watcher(
    discord: LocalDiscord, intents: int = ALL_INTENTS, token: str | None = None
) -> AsyncIterator[Watched]:
    """Run a discord.py bot against a local Discord; it is killed at the end."""
    watched = Watched()
    command = [sys.executable, "-m", "tests.local_discord.watcher"]
    arguments = [discord.api_url, discord.gateway_url, token or discord.token, str(intents)]
    async with trio.open_nursery() as nursery:
        process = await nursery.start(
            partial(
                trio.run_process,
                [*command, *arguments],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                check=False,
                deliver_cancel=_kill,
            )
        )
        nursery.start_soon(_listen, process, watched)
        yield watched
        nursery.cancel_scope.cancel()


async def _kill(process: trio.Process) -> None:
    process.kill()


async def _listen(process: trio.Process, watched: Watched) -> None:
    rest = b""
    assert process.stdout is not None
    async for part in process.stdout:
        *lines, rest = (rest + part).split(b"\n")
        watched.told += [json.loads(line) for line in lines]
        watched.news.set()
