"""discord.py's gateway socket, with what its own lacks to live among other actors."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, cast

import aiohttp
import discord
import structlog
from discord.gateway import DiscordWebSocket, ReconnectWebSocket
from typing_extensions import override

from actors.gateway.link import ATTEMPTS_PER_LIFE, pause_before_attempt_s

if TYPE_CHECKING:
    from actors.gateway.line import Line

FRAMES_PER_TURN = 32
"""Frames read before other tasks get their turn; a backlog would starve them else."""

CONNECT_S = 15.0
"""For the connection, its greeting and a pause of 5 s that Discord wants before IDENTIFY."""

NORMAL_CLOSE = 1000
CLOSE_FRAME = NORMAL_CLOSE.to_bytes(2, "big")
FATAL_CLOSES = frozenset({4004, 4010, 4011, 4012, 4013, 4014})


log = structlog.get_logger(__name__)


class ConnectError(Exception):
    """Discord's gateway could not be reached, as often as one life tries."""


class NoBackoff:
    """Takes the place of discord.py's pauses between connections: ours are in `from_client`.

    Those grow with each interruption of a session that works, up to a quarter of an hour.
    """

    def delay(self) -> float:
        """Return the seconds to wait in addition."""
        return 0.0


class GatewaySocket(DiscordWebSocket):
    """One connection to the gateway."""

    line: Line
    """Set by the client as soon as the socket exists."""

    _frames = 0
    _silent = False

    @override
    @classmethod
    async def from_client(cls, client: Any, **options: Any) -> GatewaySocket:  # pyright: ignore[reportIncompatibleMethodOverride] - all options pass through
        """Connect, say hello, and begin or resume a session.

        Raises:
            ConnectError: it failed, for the first time in a new client or too often in a row.
            discord.ConnectionClosed: Discord closed with a code that no other try heals.

        """
        state = client.line.state
        if state.attempts >= ATTEMPTS_PER_LIFE:
            raise ConnectError(f"{state.attempts} connections led to nothing: {state.trouble}")
        pause_s = pause_before_attempt_s(state.attempts)
        state.attempts += 1
        state.next_try_in(pause_s)
        await asyncio.sleep(pause_s)
        try:
            async with asyncio.timeout(CONNECT_S):
                return await super().from_client(client, **options)
        except (
            OSError,
            aiohttp.ClientError,
            discord.DiscordException,
            ReconnectWebSocket,
        ) as error:
            # Of these discord.py makes an AttributeError at the first connection of a client.
            client.drop_newest()
            if _is_fatal(error):
                raise
            state.interrupted(_connecting(error))
            log.warning("no connection to Discord", why=state.trouble, attempt=state.attempts)
            if options.get("initial"):
                raise ConnectError(state.trouble) from error
            raise
        except BaseException:
            client.drop_newest()
            raise

    @override
    async def received_message(self, msg: Any, /) -> None:
        if self._frames:
            self.line.state.frame_read()
        else:
            self.line.state.greeted()
        await super().received_message(msg)
        self._frames += 1
        if not self._frames % FRAMES_PER_TURN:
            await asyncio.sleep(0)

    @override
    async def poll_event(self) -> None:
        try:
            await super().poll_event()
        except (ReconnectWebSocket, discord.ConnectionClosed) as end:
            if not self._closed_by_us(end):
                self.line.state.interrupted(self._why(end))
                log.warning("the connection to Discord ended", why=self.line.state.trouble)
            raise

    @override
    async def identify(self) -> None:
        self.line.state.spend_identify()
        await super().identify()

    async def sign_of_life(self) -> None:
        """Return once all that Discord sent before this call has been read."""
        heart = self._keep_alive
        if heart is not None:
            await cast("Any", heart).sign_of_life()

    def give_up(self) -> None:
        """Cut a connection that gives no sign of life; its reader resumes the session.

        It is not closed in order: the peer's answer to that would be waited for.
        """
        self._silent = True
        # Before the reader notices: nobody may go on believing that it sees.
        self.line.state.interrupted(
            f"the gateway was silent for {self.line.settings.silence_s:g} s"
        )
        connection = cast("Any", self.socket)._response.connection  # noqa: SLF001 - no public place for it
        if connection is not None and connection.transport is not None:
            connection.transport.abort()

    async def read_until_closed(self) -> None:
        """Close the session, and hear all that Discord sent before it closed its side.

        Only while nobody else reads. aiohttp's own close would throw those frames away.
        """
        self.still_heart()
        self._close_code = NORMAL_CLOSE
        await self.socket.send_frame(CLOSE_FRAME, aiohttp.WSMsgType.CLOSE)
        with contextlib.suppress(discord.ConnectionClosed):
            while True:
                await self.poll_event()

    def still_heart(self) -> None:
        """Stop the heartbeat, whatever becomes of the connection."""
        if self._keep_alive is not None:
            self._keep_alive.stop()

    def _closed_by_us(self, end: BaseException) -> bool:
        return self._close_code == NORMAL_CLOSE and isinstance(end, discord.ConnectionClosed)

    def _why(self, end: BaseException) -> str:
        if isinstance(end, ReconnectWebSocket) and not end.resume:
            return "Discord ended the session (op 9)"
        if self._silent:
            return self.line.state.trouble
        if self._close_code is not None:
            return "Discord asked to connect again (op 7)"
        return f"gateway closed with {self.socket.close_code}"


def _is_fatal(error: BaseException) -> bool:
    return isinstance(error, discord.ConnectionClosed) and error.code in FATAL_CLOSES


def _connecting(error: BaseException) -> str:
    return f"the gateway could not be reached ({type(error).__name__}: {error})"
