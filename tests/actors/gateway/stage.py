"""A gateway on stage: the real client in a tree, before the local Discord, with an audience.

The audience are the mailboxes of guilds whose actors never read, so that a test sees
exactly what was told, in order.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import trio
from typing_extensions import override

from actors.gateway.actor import GatewayActor
from actors.gateway.desk import Desk
from actors.gateway.link import GatewaySettings
from actors.gateway.protocol import HowIsTheLink, Link
from actors.guild.protocol import SightLost, Tick, VoiceChanged, VoiceSnapshot
from actors.kernel.actor import Actor
from supervisors.child_spec import ChildSpec
from tests.doubles.discord.process import local_discord

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    from actors.gateway.protocol import GatewayReport
    from actors.kernel.halting import Halt
    from actors.kernel.messages import Reply
    from actors.recorder.protocol import NewestTime
    from tests.doubles.discord.process import LocalDiscord
    from tests.tree import Tree

PATIENT_S = 15.0
"""More than anything here takes; a test that waits so long has failed."""


class Ledger(Actor["NewestTime"]):
    """In place of the recorder: knows the newest time of a ledger, and nothing else."""

    def __init__(self, newest_utc: datetime | None) -> None:
        super().__init__()
        self._newest_utc = newest_utc

    @override
    async def on_receive(self, message: NewestTime) -> Reply[Any]:
        return message.reply(self._newest_utc)


class Stage:
    """The gateway's tree and what its audience heard, in one guild of the local Discord."""

    def __init__(self, tree: Tree, discord: LocalDiscord, world: dict[str, Any]) -> None:
        self.tree, self.discord = tree, discord
        self.settings = GatewaySettings(
            token=discord.token,
            api_url=discord.api_url,
            gateway_url=discord.gateway_url,
            ready_timeout_s=0.1,
            identify_pause_s=0.1,
            first_tries_s=(0.2,) * 5,
            slow_try_s=0.3,
        )
        self.halts: list[Halt] = []
        self.guilds = [int(guild["id"]) for guild in world["guilds"]]
        home = world["guilds"][0]
        self.guild_id = int(home["id"])
        people = [int(each["id"]) for each in home["members"] if not each["is_bot"]]
        self.members = [each for each in people if each != int(discord.owner_id)]
        self.rooms = [int(each["id"]) for each in home["channels"] if each["type"] == 2]
        self.texts = [int(each["id"]) for each in home["channels"] if each["type"] == 0]

    async def open(
        self,
        *others: ChildSpec,
        capacity: float = 1_000_000,
        newest_utc: datetime | None = None,
        **changes: Any,
    ) -> None:
        """Start `others` and then the gateway; `newest_utc` is the ledger's."""
        directory = self.tree.directory
        directory.open("guilds", parent="root", capacity=capacity)
        gateway = partial(
            GatewayActor.start,
            settings=replace(self.settings, **changes),
            guilds=directory.pool("guilds", capacity),
            recorder=directory.address("recorder"),
            desk=Desk(analyst=directory.address("analyst"), census=directory.census),
            halt=self.halts.append,
        )
        await self.tree.grow(
            ChildSpec(id="recorder", start=partial(Ledger.start, newest_utc)),
            *others,
            ChildSpec(id="gateway", start=gateway),
        )

    async def report(self) -> GatewayReport:
        """Ask the gateway how it is."""
        return await self.tree.ask("gateway", HowIsTheLink())

    async def until(self, truth: Callable[[GatewayReport], object]) -> GatewayReport:
        """Wait until the gateway's report is as `truth` says."""
        with trio.fail_after(PATIENT_S):
            while True:
                report = await self.report()
                if truth(report):
                    return report
                await trio.sleep(0.02)

    async def connected(self) -> GatewayReport:
        """Wait until every guild of the world is in sight."""
        return await self.until(
            lambda now: now.link is Link.CONNECTED and now.guilds == len(self.guilds)
        )

    async def voice(self, member: int, room: int | None, **flags: bool) -> None:
        """Let a member of the first guild join, move or leave."""
        channel_id = None if room is None else str(self.rooms[room])
        await self.discord.do(
            "voice",
            guild_id=str(self.guild_id),
            user_id=str(self.members[member]),
            channel_id=channel_id,
            **flags,
        )

    async def use(self, command: str, *, user_id: int | None = None, **options: Any) -> Any:
        """Let a member use a command and return what they see."""
        return await self.discord.do(
            "use",
            guild_id=str(self.guild_id),
            channel_id=str(self.texts[0]),
            user_id=str(user_id or self.members[0]),
            command=command,
            options=options,
            wait_s=4,
        )

    def read(self, guild_id: int | None = None, *, ticks: bool = False) -> list[Any]:
        """Take what a guild was told since the last time."""
        cell = self.tree.directory.find(f"guilds/{guild_id or self.guild_id}")
        letters = []
        while cell is not None and not cell.mailbox.empty():
            letters.append(cell.mailbox.get().message)
        return letters if ticks else [each for each in letters if not isinstance(each, Tick)]

    async def hear(
        self,
        until: Callable[[list[Any]], bool],
        guild_id: int | None = None,
        *,
        ticks: bool = False,
    ) -> list[Any]:
        """Take what a guild is told until `until` says of all of it that it is enough."""
        letters: list[Any] = []
        with trio.fail_after(PATIENT_S):
            while not until(letters):
                await trio.sleep(0.01)
                letters += self.read(guild_id, ticks=ticks)
        return letters


@contextlib.asynccontextmanager
async def stage(tree: Tree, *arguments: str) -> AsyncIterator[Stage]:
    """Start a quiet local Discord for one gateway; `arguments` are its own."""
    async with local_discord("--scenario", "quiet", "--guilds", "2", *arguments) as discord:
        yield Stage(tree, discord, await discord.do("world"))
        # Before Discord goes: a gateway that is left alone would try for ever.
        await tree.stop()


def outline(letters: list[Any]) -> list[str]:
    """Tell what was said by kind, so that a test can compare the order."""
    return [type(each).__name__ for each in letters]


def places(letters: list[Any]) -> list[tuple[int, int | None]]:
    """Tell who was seen where: changes in order, each snapshot as all that are in it."""
    seen: list[tuple[int, int | None]] = []
    for each in letters:
        if isinstance(each, VoiceChanged):
            seen.append((each.user_id, each.channel_id))
        elif isinstance(each, VoiceSnapshot):
            seen += [(one.user_id, one.channel_id) for one in each.occupants]
    return seen


def has(kind: type, count: int = 1) -> Callable[[list[Any]], bool]:
    """Make a condition for `hear`: `count` messages of one kind."""
    return lambda letters: sum(isinstance(each, kind) for each in letters) >= count


def blind_times(letters: list[Any]) -> list[SightLost]:
    """Pick the news of blindness."""
    return [each for each in letters if isinstance(each, SightLost)]
