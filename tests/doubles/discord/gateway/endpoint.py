"""The WebSocket endpoint: one client's connection, from HELLO to its end."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

import orjson
from aiohttp import ClientError, WSMsgType, web

from tests.doubles.discord.gateway.closing import CLIENT_ENDS_SESSION, Closed
from tests.doubles.discord.gateway.conversation import Conversation
from tests.doubles.discord.gateway.packing import UnknownCompressionError, packer
from tests.doubles.discord.gateway.socket import CLOSE_S, Socket

if TYPE_CHECKING:
    from tests.doubles.discord.gateway.hub import Hub
    from tests.doubles.discord.world import World

FRAME_BYTES = 4096
FRAMES_A_MINUTE = 120
_MISSED_BEATS = 2.0


class Endpoint:
    """Serves gateway connections."""

    def __init__(self, world: World, hub: Hub, gateway_url: str) -> None:
        self._world = world
        self._hub = hub
        self._url = gateway_url

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Run one connection until either side ends it."""
        if self._hub.tuning.refuse:
            return web.Response(status=503, text="the gateway refuses connections for now")
        try:
            pack = packer(request.query.get("compress"))
        except UnknownCompressionError as error:
            return web.Response(status=400, text=str(error))
        ws = web.WebSocketResponse(max_msg_size=1 << 20, autoclose=True)
        try:
            await ws.prepare(request)
        except ConnectionResetError:
            return ws  # the client hung up before it was greeted
        socket = Socket(request, ws, pack, self._hub.tuning.backlog_frames)
        self._hub.sockets.add(socket)
        writer = asyncio.create_task(socket.write())
        try:
            await self._converse(ws, socket)
        finally:
            self._end(ws, socket)
            if not socket.closing:
                socket.drop()
            await asyncio.wait([writer], timeout=CLOSE_S + 1)
            socket.drop()
            self._hub.sockets.discard(socket)
            socket.gone.set()
        return ws

    async def _converse(self, ws: web.WebSocketResponse, socket: Socket) -> None:
        talk = Conversation(self._world, self._hub, socket, self._url)
        talk.greet()
        pace = Pace()
        try:
            while True:
                patience = self._hub.tuning.heartbeat_ms / 1000 * _MISSED_BEATS
                message = await ws.receive(timeout=patience)
                if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                    return
                pace.count()
                await talk.hear(_frame(message.data))
        except Closed as closed:
            socket.close(closed.code)
        except TimeoutError:
            socket.close(Closed.SESSION_TIMED_OUT)
        except (ConnectionError, ClientError):
            socket.drop()

    def _end(self, ws: web.WebSocketResponse, socket: Socket) -> None:
        session = self._hub.session_on(socket)
        if session is None:
            return
        session.detach(socket)
        if ws.close_code in CLIENT_ENDS_SESSION and not socket.closing:
            self._hub.end_session(session)


class Pace:
    """Counts a client's frames: 120 a minute, or it is closed with 4008."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=FRAMES_A_MINUTE)

    def count(self) -> None:
        now = time.monotonic()
        if len(self._times) == FRAMES_A_MINUTE and now - self._times[0] < 60:
            raise Closed(Closed.RATE_LIMITED)
        self._times.append(now)


def _frame(data: str | bytes) -> dict[str, object]:
    raw = data.encode() if isinstance(data, str) else data
    if len(raw) > FRAME_BYTES:
        raise Closed(Closed.DECODE_ERROR)
    try:
        frame = orjson.loads(raw)
    except ValueError as error:
        raise Closed(Closed.DECODE_ERROR) from error
    if not isinstance(frame, dict):
        raise Closed(Closed.DECODE_ERROR)
    return frame
