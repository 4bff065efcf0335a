"""Verbs about the world and who moves in it, one method each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.doubles.discord.command_use import Use, Uses
from tests.doubles.discord.component_press import Press, Presses
from tests.doubles.discord.control.dials import turn
from tests.doubles.discord.control.fields import FieldError, Fields
from tests.doubles.discord.play.burst import Burst
from tests.doubles.discord.play.load import Load, Plan
from tests.doubles.discord.rest.commands import GLOBAL
from tests.doubles.discord.world import SERVER_FLAGS, VOICE_FLAGS

if TYPE_CHECKING:
    from tests.doubles.discord.gateway.hub import Hub
    from tests.doubles.discord.model import Json
    from tests.doubles.discord.play.living import Living
    from tests.doubles.discord.rest.answers import Frontier
    from tests.doubles.discord.rest.commands import CommandBook
    from tests.doubles.discord.world import World

_MILLION = 1_000_000


class Verbs:
    """Everything that a request can do. A verb reads all its fields before it acts."""

    def __init__(
        self,
        *,
        world: World,
        hub: Hub,
        book: CommandBook,
        uses: Uses,
        presses: Presses,
        load: Load,
        living: Living,
        frontier: Frontier,
    ) -> None:
        self._world = world
        self._hub = hub
        self._book = book
        self._uses = uses
        self._presses = presses
        self._load = load
        self._living = living
        self._frontier = frontier

    async def world(self, fields: Fields) -> Json:
        fields.done()
        return {
            "guilds": [
                {
                    "id": guild.id,
                    "name": guild.name,
                    "owner_id": guild.owner_id,
                    "afk_channel_id": guild.afk_channel_id,
                    "channels": [
                        {"id": c.id, "name": c.name, "type": int(c.type)}
                        for c in guild.channels.values()
                    ],
                    "members": [
                        {"id": m.user.id, "name": m.name, "is_bot": m.user.is_bot}
                        for m in guild.members.values()
                    ],
                    "voice": {user_id: state.channel_id for user_id, state in guild.voice.items()},
                }
                for guild in self._world.guilds.values()
            ],
            "bot": {"id": self._world.bot.id},
        }

    async def voice(self, fields: Fields) -> Json:
        guild_id, user_id = fields.text("guild_id"), fields.text("user_id")
        channel_id = fields.text_or_null("channel_id")
        flags = {n: fields.flag(n) for n in sorted(VOICE_FLAGS | SERVER_FLAGS) if n in fields}
        fields.done()
        async with self._hub.turn:
            self._world.member(guild_id, user_id)
            if channel_id is not None:
                channel = self._world.channel_of(guild_id, channel_id)
                if not channel.is_spoken:
                    raise FieldError(f"voice: {channel.name} is no voice channel")
            changed = self._world.voice(guild_id, user_id, channel_id, flags)
        return {"changed": changed}

    async def repeat_voice(self, fields: Fields) -> Json:
        guild_id, user_id = fields.text("guild_id"), fields.text("user_id")
        fields.done()
        async with self._hub.turn:
            self._world.repeat_voice(guild_id, user_id)
        return {}

    async def say(self, fields: Fields) -> Json:
        guild_id, channel_id = fields.text("guild_id"), fields.text("channel_id")
        user_id, content = fields.text("user_id"), fields.text("content")
        fields.done()
        async with self._hub.turn:
            message = self._world.say(guild_id, channel_id, user_id, content)
        return {"message_id": message["id"]}

    async def use(self, fields: Fields) -> Json:
        use = Use(
            guild_id=fields.text("guild_id"),
            channel_id=fields.text("channel_id"),
            user_id=fields.text("user_id"),
            command=fields.text("command"),
            options=fields.mapping("options"),
        )
        wait_s = fields.number("wait_s", 3.0, low=0, high=900)
        fields.done()
        async with self._hub.turn:
            pass
        return await self._uses.use(use, wait_s)

    async def press(self, fields: Fields) -> Json:
        press = Press(
            message_id=fields.text("message_id"),
            custom_id=fields.text("custom_id"),
            user_id=fields.text("user_id"),
        )
        wait_s = fields.number("wait_s", 3.0, low=0, high=900)
        fields.done()
        async with self._hub.turn:
            pass
        return await self._presses.press(press, wait_s)

    async def load(self, fields: Fields) -> Json:
        rate = fields.number("rate", low=0.01, high=20_000)
        seconds = fields.number("seconds", low=0, high=_MILLION)
        guild_ids = fields.texts("guild_ids", list(self._world.guilds))
        bots = fields.flag("bots", default=True)
        fields.done()
        for guild_id in guild_ids:
            self._world.guild(guild_id)
        if not guild_ids:
            raise FieldError("load: guild_ids must name one guild at least")
        if self._load.running:
            raise FieldError("load: one is running already; `load_stop` ends it")
        self._load.start(Plan(rate, seconds, guild_ids, bots))
        return {"events": int(rate * seconds)}

    async def load_stop(self, fields: Fields) -> Json:
        fields.done()
        await self._load.stop()
        return {"sent": self._load.sent}

    async def burst(self, fields: Fields) -> Json:
        count = fields.whole("count", low=1, high=_MILLION)
        fields.done()
        return await Burst(self._world, self._hub).run(count)

    async def truth(self, fields: Fields) -> Json:
        since = fields.whole("since", 0, high=10**12)
        fields.done()
        return self._world.truth.since(since)

    async def reset_truth(self, fields: Fields) -> Json:
        fields.done()
        self._world.truth.forget()
        return {}

    async def feed(self, fields: Fields) -> Json:
        since = fields.whole("since", 0, high=10**12)
        fields.done()
        return self._world.feed.since(since)

    async def state(self, fields: Fields) -> Json:
        fields.done()
        scopes = [GLOBAL, *self._world.guilds]
        return {
            "connected": self._hub.connected,
            "sockets": len(self._hub.open_sockets()),
            "sessions": len(self._hub.sessions),
            "identifies": self._hub.identifies,
            "resumes": self._hub.resumes,
            "requests": self._frontier.requests,
            "commands": {s or "global": self._book.listed(s) for s in scopes},
            "load": {"running": self._load.running, "sent": self._load.sent},
            "scenario": {"running": self._living.running},
        }

    async def set(self, fields: Fields) -> Json:
        return turn(self._hub.tuning, fields)

    async def scenario(self, fields: Fields) -> Json:
        run = fields.flag("run")
        fields.done()
        if run:
            self._living.start()
        else:
            await self._living.stop()
        return {"running": self._living.running}
