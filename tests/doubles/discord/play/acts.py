"""What people do in the living scenario."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from tests.doubles.discord import cast
from tests.doubles.discord.command_options import OptionError
from tests.doubles.discord.command_use import CommandError, Use
from tests.doubles.discord.model import ChannelType
from tests.doubles.discord.play import habits
from tests.doubles.discord.play.habits import Impulse

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Coroutine

    from tests.doubles.discord.command_use import Uses
    from tests.doubles.discord.gateway.hub import Hub
    from tests.doubles.discord.model import Guild
    from tests.doubles.discord.play.plans import Plans
    from tests.doubles.discord.world import World

_COMMANDS = ("stats me", "stats me", "stats top", "help")
_FOR_OWNER = "status"
_WAIT_S = 3.0
_CROWD = 0.35
"""Which share of the people is in voice when the scenario begins."""


class Acts:
    """Turns an impulse of a guild into a change of the world."""

    def __init__(
        self,
        *,
        world: World,
        hub: Hub,
        uses: Uses,
        chance: random.Random,
        plans: Plans,
        beside: Callable[[Coroutine[None, None, None]], None],
    ) -> None:
        self._world = world
        self._hub = hub
        self._uses = uses
        self._chance = chance
        self._plans = plans
        self._beside = beside
        self._acts: dict[Impulse, Callable[[Guild], None]] = {
            Impulse.JOIN: self._someone_joins,
            Impulse.VISIT: self._someone_looks_in,
            Impulse.MOVE: self._someone_moves,
            Impulse.IDLE: self._someone_idles,
            Impulse.FLAG: self._someone_switches,
            Impulse.SPEAK: self._someone_speaks,
            Impulse.SAY: self._someone_writes,
            Impulse.COMMAND: self._someone_asks,
            Impulse.BOT: self._bot_moves,
        }

    def gather(self) -> None:
        for guild in self._world.guilds.values():
            for user_id in self._people(guild, inside=False):
                if self._chance.random() < _CROWD:
                    self._join(guild, user_id, habits.room(self._chance, guild).id)

    def impulse(self) -> None:
        """Do one thing in one guild."""
        guild = self._chance.choice(list(self._world.guilds.values()))
        self._acts[habits.impulse(self._chance, guild)](guild)

    def _people(self, guild: Guild, *, inside: bool, bots: bool = False) -> list[str]:
        return [
            user_id
            for user_id, member in guild.members.items()
            if member.user.is_bot == bots
            and (user_id in guild.voice) == inside
            and user_id != self._world.bot.id
        ]

    def _join(self, guild: Guild, user_id: str, room_id: str) -> bool:
        if user_id in guild.voice:
            return False
        self._world.voice(guild.id, user_id, room_id)
        stay = habits.stay_s(self._chance)
        self._plans.add(stay, partial(self._leave, guild, user_id, room_id))
        return True

    def _leave(self, guild: Guild, user_id: str, room_id: str | None = None) -> bool:
        """Leave, unless gone already; someone who moved meanwhile stays a little longer."""
        state = guild.voice.get(user_id)
        if state is None:
            return False
        if room_id is not None and state.channel_id != room_id:
            self._plans.add(habits.stay_s(self._chance), partial(self._leave, guild, user_id))
            return False
        self._world.voice(guild.id, user_id, None)
        return True

    def _someone_joins(self, guild: Guild) -> None:
        people = self._people(guild, inside=False)
        if not people:
            self._someone_moves(guild)
            return
        user_id, room = self._chance.choice(people), habits.room(self._chance, guild)
        self._join(guild, user_id, room.id)
        for number, friend in enumerate(habits.companions(self._chance, guild, user_id), 1):
            delay = number * self._chance.uniform(1, 5)
            self._plans.add(delay, partial(self._join, guild, friend, room.id))

    def _someone_looks_in(self, guild: Guild) -> None:
        """Someone comes and is gone within a second, by the clock."""
        people = self._people(guild, inside=False)
        if not people:
            self._someone_moves(guild)
            return
        user_id = self._chance.choice(people)
        self._world.voice(guild.id, user_id, habits.room(self._chance, guild).id)
        self._beside(self._leave_after(guild, user_id, self._chance.uniform(0.2, 0.9)))

    async def _leave_after(self, guild: Guild, user_id: str, seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
            async with self._hub.turn:
                self._leave(guild, user_id)
        except asyncio.CancelledError:
            # The scenario stands still; the visitor goes when it runs again.
            self._plans.add(0, partial(self._leave, guild, user_id))
            raise

    def _someone_moves(self, guild: Guild) -> None:
        people = self._people(guild, inside=True)
        if not people:
            self._someone_writes(guild)
            return
        user_id = self._chance.choice(people)
        room = habits.room(self._chance, guild, leaving=guild.voice[user_id].channel_id)
        self._world.voice(guild.id, user_id, room.id)

    def _someone_idles(self, guild: Guild) -> None:
        people = self._people(guild, inside=True)
        awake = [each for each in people if guild.voice[each].channel_id != guild.afk_channel_id]
        if awake:
            self._world.voice(guild.id, self._chance.choice(awake), guild.afk_channel_id)
        else:
            self._someone_writes(guild)

    def _someone_switches(self, guild: Guild) -> None:
        people = self._people(guild, inside=True)
        if not people:
            self._someone_joins(guild)
            return
        user_id = self._chance.choice(people)
        state = guild.voice[user_id]
        flags = habits.toggled(state, habits.flag(self._chance))
        self._world.voice(guild.id, user_id, state.channel_id, flags)

    def _someone_speaks(self, guild: Guild) -> None:
        stages = {c.id for c in guild.spoken() if c.type is ChannelType.STAGE}
        there = [i for i, state in guild.voice.items() if state.channel_id in stages]
        if not there:
            self._someone_writes(guild)
            return
        user_id = self._chance.choice(there)
        state = guild.voice[user_id]
        flags = {"suppress": not state.suppress}
        self._world.voice(guild.id, user_id, state.channel_id, flags)

    def _someone_writes(self, guild: Guild) -> None:
        people = self._people(guild, inside=True) + self._people(guild, inside=False)
        number = list(self._world.guilds).index(guild.id)
        words = self._chance.choice(cast.character(number).talk)
        channel = self._chance.choice(guild.written())
        self._world.say(guild.id, channel.id, self._chance.choice(people), words)

    def _bot_moves(self, guild: Guild) -> None:
        inside = self._people(guild, inside=True, bots=True)
        if inside and self._chance.random() < 0.5:
            self._leave(guild, self._chance.choice(inside))
            return
        outside = self._people(guild, inside=False, bots=True)
        if outside:
            room = habits.room(self._chance, guild)
            self._world.voice(guild.id, self._chance.choice(outside), room.id)
        else:
            self._someone_moves(guild)

    def _someone_asks(self, guild: Guild) -> None:
        people = self._people(guild, inside=True) + self._people(guild, inside=False)
        user_id, command = self._chance.choice(people), self._chance.choice(_COMMANDS)
        if user_id == guild.owner_id:
            command = self._chance.choice((command, _FOR_OWNER))
        if command.split()[0] not in self._uses.known(guild.id) or not self._hub.connected:
            self._someone_writes(guild)
            return
        channel = self._chance.choice(guild.written())
        self._beside(self._ask(Use(guild.id, channel.id, user_id, command, {})))

    async def _ask(self, use: Use) -> None:
        try:
            await self._uses.use(use, _WAIT_S)
        except (CommandError, OptionError) as error:
            self._world.feed.tell(self._world.guild(use.guild_id).name, str(error))
