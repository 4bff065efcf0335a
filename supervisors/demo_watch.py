"""What the demo learns from its two programs while they run, and the crashes it asks for."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx
import trio

from supervisors.control import ControlError, request
from supervisors.demo_drills import FIRST_S, Crash, Victims, came_back_at, pause_s
from supervisors.demo_question import QUESTION, question
from supervisors.demo_show import FeedLine
from supervisors.failures import EX_SOFTWARE, CommandError

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from pathlib import Path

    from supervisors.demo_children import Child
    from supervisors.demo_show import Show

CONNECT_S = 30.0
STATUS_EVERY_S = 0.4
FEED_EVERY_S = 0.25
TOP_EVERY_S = 2.0
TOP = 3
EVERYONE = 100
"""More than a server of the demo has: who is second everywhere may be first in all."""

BACK_WITHIN_S = 45.0
"""Longer than the longest backoff; who is not back by then is lost."""


class Watch:
    """Looks at the programs, writes what it sees into the show."""

    def __init__(
        self, show: Show, folder: Path, control_url: str, programs: Sequence[Child]
    ) -> None:
        self._show = show
        self._folder = folder
        self._control_url = control_url
        self._programs = programs
        self._names: dict[str, str] = {}
        self._guilds: dict[str, str] = {}

    async def until_connected(self) -> None:
        """Wait until the bot has found its Discord.

        Raises:
            CommandError: a program ended, or it took too long.

        """
        with trio.move_on_after(CONNECT_S):
            while True:
                self._mind()
                status = await self._status()
                if status and status["link"] and status["link"]["link"] == "connected":
                    self._show.status = status
                    return
                await trio.sleep(0.05)
        raise CommandError(
            f"the bot did not connect within {CONNECT_S:g} s; see {self._programs[-1].log}",
            EX_SOFTWARE,
        )

    async def run(self) -> None:
        """Look until it is cancelled.

        Raises:
            CommandError: a program ended early.

        """
        async with (
            httpx.AsyncClient(trust_env=False, timeout=5) as client,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(self._follow_programs)
            nursery.start_soon(self._follow_status)
            nursery.start_soon(self._follow_discord, client)
            nursery.start_soon(self._follow_top)

    def _mind(self) -> None:
        for program in self._programs:
            if program.process.poll() is not None:
                raise program.ended_early()

    async def _follow_programs(self) -> None:
        while True:
            self._mind()
            await trio.sleep(0.1)

    async def _follow_status(self) -> None:
        while True:
            self._show.status = await self._status() or self._show.status
            await trio.sleep(STATUS_EVERY_S)

    async def _status(self) -> dict[str, Any] | None:
        # Null while the console is down: it may have been crashed just now.
        try:
            status: dict[str, Any] = (await request(self._folder, do="status"))["status"]
        except (ControlError, trio.TooSlowError):
            return None
        return status

    async def _follow_discord(self, client: httpx.AsyncClient) -> None:
        since = 0
        while True:
            try:
                if not self._guilds:
                    await self._learn_names(await self._ask_discord(client, do="world"))
                feed = await self._ask_discord(client, do="feed", since=since)
            except httpx.HTTPError:
                await trio.sleep(FEED_EVERY_S)  # if it has ended, that is noticed elsewhere
                continue
            since = feed["next"]
            for line in feed["lines"]:
                self._hear(line)
            await trio.sleep(FEED_EVERY_S)

    def _hear(self, line: dict[str, Any]) -> None:
        clock = time.strftime("%H:%M:%S", time.localtime(line["at"]))
        guild = str(line["guild"])
        self._show.heard(FeedLine(clock, self._guilds.get(guild, guild), line["text"]))

    async def _ask_discord(self, client: httpx.AsyncClient, **body: Any) -> Any:
        response = await client.post(self._control_url, json=body)
        response.raise_for_status()
        return response.json()["result"]

    async def _learn_names(self, world: dict[str, Any]) -> None:
        await trio.Path(self._folder / QUESTION).write_text(question(world), encoding="utf-8")
        for guild in world["guilds"]:
            self._guilds[guild["id"]] = guild["name"]
            self._names |= {member["id"]: member["name"] for member in guild["members"]}
        self._show.labels = {f"guilds/{key}": name for key, name in self._guilds.items()}

    async def _follow_top(self) -> None:
        while True:
            totals: defaultdict[str, float] = defaultdict(float)
            try:
                for guild in self._guilds:
                    answer = await request(self._folder, do="top", guild_id=guild, limit=EVERYONE)
                    for total in answer["top"]:
                        totals[str(total["user_id"])] += total["known_s"]
            except (ControlError, trio.TooSlowError):
                totals.clear()  # half an answer would be a wrong one
            best = sorted(totals.items(), key=lambda item: -item[1])[:TOP]
            if best:
                self._show.top = tuple((self._names.get(u, u), seconds) for u, seconds in best)
            await trio.sleep(TOP_EVERY_S)

    async def crash_now_and_then(self, speed: float, chance: random.Random, until: float) -> None:
        """Crash one actor after the other until `until` on Trio's clock, or it is cancelled.

        Raises:
            CommandError: one did not come back.

        """
        victims = Victims(chance)
        await trio.sleep(FIRST_S)
        while trio.current_time() < until:
            tree = self._show.status["tree"] if self._show.status else ()
            name = victims.choose(tree, trio.current_time())
            if name is not None:
                await self._crash(name)
            await trio.sleep(pause_s(speed))

    async def _crash(self, name: str) -> None:
        try:
            answer = await request(self._folder, do="crash", name=name, why="demo")
        except (ControlError, trio.TooSlowError):
            return  # it had stopped on its own since the last status
        crash = Crash(name=name, mail_kept=answer["waiting"], back_after_s=None)
        index = len(self._show.crashes)
        self._show.crashes.append(crash)
        took_s = await self._back_after_s(name, datetime.fromisoformat(answer["at_utc"]))
        self._show.crashes[index] = replace(crash, back_after_s=took_s)

    async def _back_after_s(self, name: str, since: datetime) -> float:
        with trio.move_on_after(BACK_WITHIN_S):
            while True:
                events = self._show.status["supervision"] if self._show.status else ()
                back = came_back_at(name, since, events)
                if back is not None:
                    return (back - since).total_seconds()
                await trio.sleep(0.05)
        raise CommandError(
            f"{name} did not come back within {BACK_WITHIN_S:g} s; see {self._programs[-1].log}",
            EX_SOFTWARE,
        )
