"""One life of the discord.py client: what it hears, and how it is closed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import discord
import structlog
from typing_extensions import override

from actors.gateway import farewell
from actors.gateway.guard import Guard
from actors.gateway.inbound import bot_in, message_seen, occupants, snowflake, voice_changed
from actors.gateway.unanswered import INTERRUPTED, SWITCHED_OFF, Unanswered

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from actors.gateway.line import Line
    from actors.gateway.socket import GatewaySocket

INTENTS = discord.Intents(guilds=True, members=True, voice_states=True, guild_messages=True)

FIRST_STEPS = {"next": "in Discord try /help; in a second terminal: main.py status"}
NO_STEPS: dict[str, str] = {}
_steps = iter([FIRST_STEPS])
"""Told once in the life of the process, and not again by each incarnation."""

log = structlog.get_logger(__name__)


class ClientEndedError(Exception):
    """discord.py closed the client and did not say why."""


class GatewayClient(discord.Client):
    """discord.py's client, tapped where it parses: before its caches, without its tasks.

    A client lives once. Use `live` to run it, `leave` to end it in order; a cancellation
    ends it too, closed and with no task left.
    """

    def __init__(self, line: Line) -> None:
        super().__init__(
            intents=INTENTS,
            guild_ready_timeout=line.settings.ready_timeout_s,
            max_messages=None,
            # Members come with what they do; nobody here needs the silent ones.
            chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags(joined=False, voice=True),
            allowed_mentions=discord.AllowedMentions.none(),
        )
        self.line = line
        self.beside: list[Callable[[], Coroutine[Any, Any, object]]] = []
        """Run beside the connection once logged in; they handle their own failures."""
        self.unanswered = Unanswered()
        self._leave = asyncio.Event()
        self._newest: GatewaySocket | None = None
        self._running: set[asyncio.Future[Any]] = set()
        # discord.py has no public place for either; its release is pinned for this.
        state = cast("Any", self._connection)
        guard = Guard(line)
        self._own_parsers: dict[str, Callable[[Any], None]] = {
            name: guard.discords(name, parse) for name, parse in state.parsers.items()
        }
        self._adopt_by_discord: Callable[[Any], None] = state._update_references  # noqa: SLF001 - as above
        state._update_references = self._adopt  # noqa: SLF001 - as above
        taps = {name: guard.ours(name, parse) for name, parse in self._taps().items()}
        state.parsers.update(self._own_parsers | taps)

    async def live(self, token: str) -> None:
        """Be connected, until asked to leave.

        Raises:
            Exception: whatever ended the connection for good.

        """
        running = asyncio.create_task(self._run(token))
        leaving = asyncio.create_task(self._leave.wait())
        heard = True
        try:
            await asyncio.wait({running, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
                raise ClientEndedError("discord.py closed the client and did not say why")
            if self._open_socket is not None:
                heard = await farewell.hear_last_words(self._open_socket)
        finally:
            alive = asyncio.current_task()
            await farewell.undisturbed(self._end(running, alive, to_silence=not heard))

    def leave(self) -> None:
        """Ask `live` to read what has come, close and return."""
        self._leave.set()

    def drop_newest(self) -> None:
        """Let go of a connection that came to nothing."""
        dropped = self._newest
        if dropped is not None and dropped is not cast("object", self.ws):
            dropped.still_heart()
            # Beside the next try, because a silent peer is waited for; _end knows all tasks.
            self._keep(asyncio.ensure_future(dropped.socket.close(code=4000)))

    @override
    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        if event == "interaction":
            self.unanswered.came(args[0])
        if event != "socket_event_type":  # one for each frame, and nobody listens
            super().dispatch(event, *args, **kwargs)

    @override
    async def close(self) -> None:
        # Here, because discord.py itself closes before it raises that it was hung up on.
        await self.unanswered.interrupt(SWITCHED_OFF if self._leave.is_set() else INTERRUPTED)
        await super().close()

    @override
    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        if not initial:
            await asyncio.sleep(self.line.settings.identify_pause_s)

    async def _run(self, token: str) -> None:
        await self.login(token)
        for work in self.beside:
            self._keep(asyncio.create_task(work()))
        await self.connect()

    def _keep(self, task: asyncio.Future[Any]) -> None:
        # asyncio itself forgets tasks that nobody holds.
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    @property
    def _open_socket(self) -> GatewaySocket | None:
        return cast("GatewaySocket | None", self.ws) if self.line.state.up else None

    async def _end(
        self, running: asyncio.Task[None], alive: asyncio.Task[Any] | None, *, to_silence: bool
    ) -> None:
        if self._open_socket is not None and not to_silence:
            await farewell.say_goodbye(self._open_socket, running)
        if self._newest is not None:
            self._newest.still_heart()
        spared = {asyncio.current_task(), alive}
        await farewell.close(self, self.line.settings.close_s, spared=spared)

    def _adopt(self, socket: GatewaySocket) -> None:
        socket.line = self.line
        # The heart looks for silence, so that no frame needs a timer of its own.
        cast("Any", socket)._max_heartbeat_timeout = None  # noqa: SLF001 - no public place for it
        self._newest = socket
        self._adopt_by_discord(socket)

    def _taps(self) -> dict[str, Callable[[Any], None]]:
        return {
            "READY": self._ready_seen,
            "RESUMED": self._resumed_seen,
            "GUILD_CREATE": self._guild_seen,
            "GUILD_DELETE": self._guild_gone,
            "VOICE_STATE_UPDATE": self._voice_seen,
            "MESSAGE_CREATE": self._message_seen,
        }

    def _ready_seen(self, data: dict[str, Any]) -> None:
        state = self.line.state
        # A new session: what happened since the old one was lost, nobody will tell us.
        self.line.sight.lost(state.seen_until_utc, state.trouble or "a new session with Discord")
        self._own_parsers["READY"](data)
        state.session_works(resumed=False)
        told = {"guilds": len(data["guilds"]), "life": state.lives, **next(_steps, NO_STEPS)}
        log.info("connected to Discord", **told)

    def _resumed_seen(self, data: dict[str, Any]) -> None:
        state = self.line.state
        self._own_parsers["RESUMED"](data)
        state.session_works(resumed=True)
        log.info("resumed the session with Discord", after=state.trouble)

    def _guild_seen(self, data: dict[str, Any]) -> None:
        if data.get("unavailable") is not True:
            at = self.line.state.frame_utc
            self.line.sight.appeared(snowflake(data["id"]), occupants(data), at)
        self._own_parsers["GUILD_CREATE"](data)

    def _guild_gone(self, data: dict[str, Any]) -> None:
        hidden = bool(data.get("unavailable"))
        cause = "Discord could not show the server" if hidden else "the bot left the server"
        self.line.sight.vanished(snowflake(data["id"]), self.line.state.seen_until_utc, cause)
        self._own_parsers["GUILD_DELETE"](data)

    def _voice_seen(self, data: dict[str, Any]) -> None:
        if "guild_id" not in data:  # a call between friends
            return
        state, sight, guild_id = self.line.state, self.line.sight, snowflake(data["guild_id"])
        is_bot = bot_in(data)
        if is_bot is None:
            is_bot = sight.is_bot(guild_id, int(data["user_id"]))
        change = voice_changed(
            data, is_bot=is_bot, at_utc=state.frame_utc, earliest_utc=state.seen_until_utc
        )
        sight.changed(guild_id, change)
        # Who is where, the guild's actor knows; discord.py needs to know it of ourselves only.
        if self.user is not None and change.user_id == self.user.id:
            self._own_parsers["VOICE_STATE_UPDATE"](data)

    def _message_seen(self, data: dict[str, Any]) -> None:
        # discord.py's own parser is left out: it would make objects that nobody reads.
        message = message_seen(data, at_utc=self.line.state.frame_utc)
        if message is not None:
            self.line.sight.wrote(snowflake(data["guild_id"]), message)
