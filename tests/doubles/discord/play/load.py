"""A steady load of random voice changes, its cadence kept by the clock."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.doubles.discord.gateway.hub import Hub
    from tests.doubles.discord.model import Guild
    from tests.doubles.discord.world import World

AT_ONCE = 200
"""How many late events go out before others get a turn."""

_MOVE, _LEAVE, _FLAG = 0.45, 0.70, 0.85
_FLAGS = ("self_mute", "self_deaf", "self_stream", "self_video")


@dataclass(frozen=True, slots=True)
class Plan:
    """How many events a second, for how long, where, and whether other bots take part."""

    rate: float
    seconds: float
    guild_ids: Sequence[str]
    bots: bool


class Load:
    """Sends voice changes beside everything else; one load at a time."""

    def __init__(self, world: World, hub: Hub, seed: int) -> None:
        self._world = world
        self._hub = hub
        self._chance = random.Random(seed)
        self._task: asyncio.Task[None] | None = None
        self._total = 0
        self.sent = 0

    @property
    def running(self) -> bool:
        return self.sent < self._total

    def start(self, plan: Plan) -> None:
        """Begin; the caller has made sure that none is running."""
        assert not self.running
        self.sent, self._total = 0, int(plan.rate * plan.seconds)
        self._task = asyncio.create_task(self._run(plan))

    async def stop(self) -> None:
        """End the load, if there is one."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        self._total = self.sent

    async def _run(self, plan: Plan) -> None:
        cast = self._cast(plan)
        start = time.monotonic()
        self._world.feed.tell("everywhere", f"load: {plan.rate:g} voice events a second")
        while True:
            due = min(self._total, int((time.monotonic() - start) * plan.rate) + 1)
            async with self._hub.turn:
                for _ in range(min(due - self.sent, AT_ONCE)):
                    self._one(*self._chance.choice(cast))
                    self.sent += 1
            if not self.running:
                break
            await asyncio.sleep(max(0.0, start + self.sent / plan.rate - time.monotonic()))
        self._world.feed.tell("everywhere", f"load: {self.sent} voice events sent")

    def _cast(self, plan: Plan) -> list[tuple[Guild, str]]:
        guilds = [self._world.guild(guild_id) for guild_id in plan.guild_ids]
        return [
            (guild, user_id)
            for guild in guilds
            for user_id, member in guild.members.items()
            if user_id != self._world.bot.id and (plan.bots or not member.user.is_bot)
        ]

    def _one(self, guild: Guild, user_id: str) -> None:
        state, dice = guild.voice.get(user_id), self._chance.random()
        here = None if state is None else state.channel_id
        if state is None or dice < _MOVE:
            rooms = [room.id for room in guild.spoken() if room.id != here]
            self._world.voice(guild.id, user_id, self._chance.choice(rooms), told=False)
        elif dice < _LEAVE:
            self._world.voice(guild.id, user_id, None, told=False)
        elif dice < _FLAG:
            flag = self._chance.choice(_FLAGS)
            self._world.voice(guild.id, user_id, here, {flag: not getattr(state, flag)}, told=False)
        else:
            self._world.repeat_voice(guild.id, user_id)
