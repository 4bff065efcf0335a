"""The stage of a story: guilds full of members, and a bot that watches them.

A story is played once for a whole module; each of its tests then looks at one thing in
what is left of it: the ledger, the truth, the log, and what was noted on the way.
"""

from __future__ import annotations

import contextlib
import re
import signal
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import trio

from tests.doubles.discord.process import local_discord
from tests.end_to_end.bot_process import running_bot
from tests.end_to_end.ledger import judge, read

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from tests.doubles.discord.process import LocalDiscord
    from tests.end_to_end.bot_process import Bot
    from tests.end_to_end.ledger import Ledger
    from tests.end_to_end.oracle import Fact

LEDGER = "activity.duckdb"
VOICE = 2

LEFT_BEHIND = re.compile(
    r"unclosed|never awaited|never retrieved|was destroyed|pending|leaked|"
    r"ResourceWarning|Traceback",
    re.IGNORECASE,
)
"""What a clean end never leaves in a log."""


@dataclass(frozen=True)
class Story:
    """What is left when the bot has stopped."""

    folder: Path
    ledger: Ledger
    truth: list[dict[str, Any]]
    seen_from: float
    seen_until: float
    exit_code: int
    stop_s: float
    """From the signal to the exit."""

    log: str
    notes: dict[str, Any]

    def complaints(self) -> list[str]:
        """What the oracle says of the ledger."""
        return judge(
            self.ledger,
            ended(self.truth, self.seen_until),
            seen_from=self.seen_from,
            seen_until=self.seen_until,
        )

    def facts(self, member: Member) -> list[Fact]:
        """What the ledger says of one member, oldest first."""
        return [
            f
            for f in self.ledger.facts
            if (f.guild_id, f.user_id) == (int(member.guild_id), int(member.id))
        ]


@dataclass(frozen=True)
class Member:
    """Somebody in one guild; a bot too."""

    guild_id: str
    id: str
    discord: LocalDiscord

    async def voice(self, channel_id: str | None, **flags: bool) -> None:
        """Join, move, leave, or change the flags."""
        await self.discord.do(
            "voice", guild_id=self.guild_id, user_id=self.id, channel_id=channel_id, **flags
        )

    async def repeat(self) -> None:
        """Have Discord send the last voice event once more."""
        await self.discord.do("repeat_voice", guild_id=self.guild_id, user_id=self.id)

    async def use(self, command: str, channel_id: str, **options: Any) -> dict[str, Any]:
        """Use a slash command and wait for the answer."""
        answer: dict[str, Any] = await self.discord.do(
            "use",
            guild_id=self.guild_id,
            user_id=self.id,
            channel_id=channel_id,
            command=command,
            options=options,
            wait_s=5,
        )
        return answer


@dataclass(frozen=True)
class Guild:
    """One guild of the local Discord."""

    id: str
    owner: Member
    """Owns the bot, too."""

    people: list[Member]
    """Everybody else."""

    bots: list[Member]
    """Other bots; ours is not among them."""

    voice: list[str]
    text: list[str]


@dataclass
class Stage:
    """A local Discord that runs, and its guilds."""

    discord: LocalDiscord
    guilds: list[Guild]
    notes: dict[str, Any] = field(default_factory=dict)

    async def truth(self) -> list[dict[str, Any]]:
        """Every change of a voice channel so far."""
        changes: list[dict[str, Any]] = (await self.discord.do("truth", since=0))["changes"]
        return changes

    async def load(self, rate: float, seconds: float, *guilds: Guild) -> None:
        """Have members come and go at a steady rate; returns at once."""
        chosen = {"guild_ids": [guild.id for guild in guilds]} if guilds else {}
        await self.discord.do("load", rate=rate, seconds=seconds, **chosen)


@contextlib.asynccontextmanager
async def stage(*arguments: str) -> AsyncIterator[Stage]:
    """Run a quiet local Discord with three guilds."""
    async with local_discord("--scenario", "quiet", "--guilds", "3", *arguments) as discord:
        world = await discord.do("world")
        yield Stage(discord, [_guild(discord, each, world) for each in world["guilds"]])


def _guild(discord: LocalDiscord, told: dict[str, Any], world: dict[str, Any]) -> Guild:
    def members(*, bots: bool) -> list[Member]:
        return [
            Member(told["id"], each["id"], discord)
            for each in told["members"]
            if each["is_bot"] is bots and each["id"] not in {world["bot"]["id"], discord.owner_id}
        ]

    def channels(*, voice: bool) -> list[str]:
        kinds = (VOICE,) if voice else (0,)
        return [each["id"] for each in told["channels"] if each["type"] in kinds]

    return Guild(
        told["id"],
        Member(told["id"], discord.owner_id, discord),
        members(bots=False),
        members(bots=True),
        channels(voice=True),
        channels(voice=False),
    )


def ended(truth: list[dict[str, Any]], at: float) -> list[dict[str, Any]]:
    """Cut the truth at a clean stop: who is in voice then has left, as far as it was watched."""
    seen = [change for change in truth if change["at"] <= at]
    last = {(change["guild_id"], change["user_id"]): change for change in seen}
    return [
        *seen,
        *({**each, "at": at, "channel_id": None} for each in last.values() if each["channel_id"]),
    ]


async def until(
    right: Callable[[], bool | Awaitable[bool]], what: str, within: float = 30
) -> float:
    """Wait until something is so; return how many seconds that took."""
    began = trio.current_time()
    with trio.move_on_after(within):
        while True:
            answer = right()
            if answer if isinstance(answer, bool) else await answer:
                return trio.current_time() - began
            await trio.sleep(0.02)
    raise AssertionError(f"not so within {within} s: {what}")


async def until_recorded(bot: Bot, rows: int, within: float = 30) -> dict[str, Any]:
    """Wait until the ledger holds so many rows of activity."""
    return await bot.until(
        lambda status: (status["ledger"] or {}).get("activity_rows", -1) >= rows, within
    )


async def settle(stage: Stage, bot: Bot, within: float = 30) -> dict[str, Any]:
    """End the load and wait until the ledger holds all of it.

    Order is kept from the socket to the table, so one more stay in each guild tells.
    """
    await stage.discord.do("load_stop")
    began = time.time()
    runners = [guild.people[-1] for guild in stage.guilds]
    for guild, runner in zip(stage.guilds, runners, strict=True):
        await runner.voice(None)
        await runner.voice(guild.voice[0])
    wanted = {(runner.guild_id, runner.id) for runner in runners}

    def settled(status: dict[str, Any]) -> bool:
        recent = (status["ledger"] or {}).get("recent", [])
        return wanted <= {
            (str(line["guild_id"]), str(line["user_id"]))
            for line in recent
            if line["event"] == "connect"
            and datetime.fromisoformat(line["at_utc"]).timestamp() >= began
        }

    return await bot.until(settled, within)


async def complaints_now(stage: Stage, bot: Bot, seen_from: float) -> list[str]:
    """Judge a copy while the bot runs: open sessions must be who is in voice, and where."""
    copy = await bot.control(do="snapshot", max_age_s=0)
    return judge(
        read(bot.folder / copy["path"]),
        await stage.truth(),
        seen_from=seen_from,
        seen_until=time.time(),
    )


async def finish(
    stage: Stage, bot: Bot, seen_from: float, number: int = signal.SIGTERM, within: float = 15
) -> Story:
    """Stop the bot cleanly and read what it left."""
    seen_until = time.time()
    began = trio.current_time()
    exit_code = await bot.stop(within, number)
    stop_s = trio.current_time() - began
    await stage.discord.do("load_stop")
    # What the process wrote last may still be in its pipe.
    await until(lambda: "exit_code" in bot.log, "the log tells of the end", 5)
    return Story(
        folder=bot.folder,
        ledger=read(bot.folder / LEDGER),
        truth=await stage.truth(),
        seen_from=seen_from,
        seen_until=seen_until,
        exit_code=exit_code,
        stop_s=stop_s,
        log=bot.log,
        notes=stage.notes,
    )


@contextlib.asynccontextmanager
async def watched(stage: Stage, folder: Path) -> AsyncIterator[Bot]:
    """Run a bot that has seen every guild."""
    async with running_bot(stage.discord, folder) as bot:
        await bot.until_watching(len(stage.guilds))
        yield bot
