"""What a client may say to the gateway, and what it hears back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import orjson

from tests.doubles.discord import guild_objects, objects
from tests.doubles.discord.gateway import intents as wanted
from tests.doubles.discord.gateway.chunks import member_chunks
from tests.doubles.discord.gateway.closing import Closed
from tests.doubles.discord.gateway.session import Session
from tests.doubles.discord.tuning import PRIVILEGED
from tests.doubles.discord.world import Event, UnknownThingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.doubles.discord.gateway.hub import Hub
    from tests.doubles.discord.gateway.socket import Socket
    from tests.doubles.discord.model import Guild
    from tests.doubles.discord.world import World

RESUMED = Event("RESUMED", {"_trace": ["local"]})


class Conversation:
    """One connection's dialogue, in Discord's order."""

    def __init__(self, world: World, hub: Hub, socket: Socket, gateway_url: str) -> None:
        self._world = world
        self._hub = hub
        self._socket = socket
        self._url = gateway_url
        self._session: Session | None = None

    def greet(self) -> None:
        beat = {"heartbeat_interval": self._hub.tuning.heartbeat_ms, "_trace": ["local"]}
        self._socket.send_json({"op": 10, "d": beat, "s": None, "t": None})

    async def hear(self, frame: Mapping[str, Any]) -> None:
        """Act on one frame.

        Raises:
            Closed: the connection ends with the code it carries.
        """
        op, data = frame.get("op"), frame.get("d")
        if op == 1:
            if self._hub.tuning.ack_heartbeats:
                self._socket.send_json({"op": 11, "d": None, "s": None, "t": None})
            return
        if op in {2, 6}:
            if self._session is not None:
                raise Closed(Closed.ALREADY_AUTHENTICATED)
            if not isinstance(data, dict):
                raise Closed(Closed.DECODE_ERROR)
            await (self._identify(data) if op == 2 else self._resume(data))
            return
        self._ask(op, data)

    def _ask(self, op: object, data: object) -> None:
        if op not in {3, 4, 8, 31}:
            raise Closed(Closed.UNKNOWN_OP)
        if self._session is None:
            raise Closed(Closed.NOT_AUTHENTICATED)
        if not isinstance(data, dict):
            raise Closed(Closed.DECODE_ERROR)
        try:
            if op == 4:
                self._move_bot(data)
            elif op == 8:
                for event in member_chunks(self._world, self._session.intents, data):
                    self._session.send(event)
        except (UnknownThingError, KeyError, TypeError, ValueError) as error:
            raise Closed(Closed.DECODE_ERROR) from error

    async def _identify(self, data: Mapping[str, Any]) -> None:
        session = self._new_session(data)
        if not self._may_identify():
            self._refuse()
            return
        self._hub.identifies += 1
        self._hub.open_session(session)
        self._session = session
        number, count = session.shard
        mine = [g for g in self._world.guilds.values() if (int(g.id) >> 22) % count == number]
        # Numbered and attached without a pause between, so that no event is lost or doubled.
        events = [self._ready(session, mine)]
        if session.intents & wanted.GUILDS:
            events += [self._guild(session, guild) for guild in mine]
        frames = [session.frame(event) for event in events]
        packed = self._socket.hold(frames)
        session.attach(self._socket)
        await self._socket.feed(packed)

    def _may_identify(self) -> bool:
        now = time.monotonic()
        wait = self._hub.last_identify + self._hub.tuning.identify_every_s - now
        if wait <= 0:
            self._hub.last_identify = now
        return wait <= 0

    def _refuse(self) -> None:
        self._socket.send(orjson.dumps({"op": 9, "d": False, "s": None, "t": None}))

    def _new_session(self, data: Mapping[str, Any]) -> Session:
        if data.get("token") != self._hub.tuning.token:
            raise Closed(Closed.AUTHENTICATION_FAILED)
        intents = data.get("intents")
        if not isinstance(intents, int) or intents < 0 or intents & ~wanted.KNOWN:
            raise Closed(Closed.INVALID_INTENTS)
        if intents & sum(PRIVILEGED.values()) & ~self._hub.tuning.intents_allowed:
            raise Closed(Closed.DISALLOWED_INTENTS)
        return Session(
            bot_id=self._world.bot.id,
            intents=intents,
            shard=_shard(data.get("shard")),
            replay_frames=self._hub.tuning.replay_frames,
        )

    async def _resume(self, data: Mapping[str, Any]) -> None:
        if data.get("token") != self._hub.tuning.token:
            raise Closed(Closed.AUTHENTICATION_FAILED)
        if self._hub.tuning.hang_up_on_resume:
            self._socket.drop()
            return
        session, seq = self._hub.resumable(str(data.get("session_id"))), data.get("seq")
        missed = session.missed(seq) if session is not None and isinstance(seq, int) else None
        if session is None or missed is None:
            self._refuse()
            return
        self._hub.resumes += 1
        self._session = session
        packed = self._socket.hold([*missed, session.frame(RESUMED)])
        session.attach(self._socket)
        await self._socket.feed(packed)

    def _ready(self, session: Session, mine: list[Guild]) -> Event:
        application = {
            "id": self._world.application_id,
            "flags": wanted.application_flags(self._hub.tuning.intents_allowed),
        }
        data = {
            "v": 10,
            "user": objects.own_user(self._world.bot),
            "guilds": [{"id": guild.id, "unavailable": True} for guild in mine],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": self._url,
            "shard": list(session.shard),
            "application": application,
            "private_channels": [],
            "presences": [],
            "relationships": [],
            "user_settings": {},
            "geo_ordered_rtc_regions": [],
            "auth": {},
            "_trace": ["local"],
        }
        return Event("READY", data)

    def _guild(self, session: Session, guild: Guild) -> Event:
        spoken = session.intents & wanted.GUILD_VOICE_STATES
        voices = [
            objects.voice_state(guild.id, guild.members[user_id], state)
            for user_id, state in guild.voice.items()
        ]
        # Without the presence intent Discord sends only the bot and those in voice.
        everyone = session.intents & wanted.GUILD_PRESENCES
        members = [
            member
            for user_id, member in guild.members.items()
            if everyone or user_id == self._world.bot.id or (spoken and user_id in guild.voice)
        ]
        for voice in voices:
            del voice["guild_id"]
        large = len(guild.members) > 250
        data = guild_objects.guild_create(guild, members, voices if spoken else [], large=large)
        return Event("GUILD_CREATE", data, guild.id)

    def _move_bot(self, data: Mapping[str, Any]) -> None:
        guild_id, bot = str(data["guild_id"]), self._world.bot
        channel_id = None if data["channel_id"] is None else str(data["channel_id"])
        flags = {name: bool(data.get(name)) for name in ("self_mute", "self_deaf")}
        self._world.voice(guild_id, bot.id, channel_id, flags)


def _shard(value: object) -> tuple[int, int]:
    match value:
        case None:
            return 0, 1
        case [int(number), int(count)] if 0 <= number < count:
            return number, count
        case _:
            raise Closed(Closed.INVALID_SHARD)
