"""One gateway WebSocket: frames wait here for the client, never the world for a frame."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING

import orjson
from aiohttp import ClientError, WSMsgType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiohttp import web

    from tests.doubles.discord.gateway.packing import Pack
    from tests.doubles.discord.model import Json

CLOSE_S = 2.0
"""How long a client may take to answer a close frame."""

STALL_S = 30.0
"""How long a client may read nothing while frames wait."""

FEED_AHEAD = 256
"""How many frames of a feed are handed over before the client has read some."""

_GONE = (ConnectionError, ClientError, RuntimeError)
_Frame = tuple[bytes, WSMsgType]


class Socket:
    """A queue of packed frames and the task that writes them.

    `send` never waits. A client that falls more than `backlog` frames behind,
    or reads nothing for `STALL_S`, is dropped: its session keeps what it missed.
    """

    def __init__(
        self, request: web.Request, ws: web.WebSocketResponse, pack: Pack | None, backlog: int
    ) -> None:
        self.ws = ws
        self.dead = False
        self.gone = asyncio.Event()
        self._request = request
        self._pack = pack
        self._backlog = backlog
        self._queue: deque[_Frame] = deque()
        self._held: list[bytes] | None = None
        self._close_code: int | None = None
        self._wake = asyncio.Event()
        self._progress = asyncio.Event()
        self._free = asyncio.Event()
        self._free.set()

    @property
    def closing(self) -> bool:
        """Whether our side ends the connection."""
        return self.dead or self._close_code is not None

    def send(self, payload: bytes) -> None:
        """Queue one message; the frames of a running feed go first."""
        if self.closing:
            return
        if self._held is not None:
            self._held.append(payload)
            waiting = len(self._held)
        else:
            self._queue.append(self.packed(payload))
            waiting = len(self._queue)
        self._wake.set()
        if waiting > self._backlog:
            self.drop()

    def send_json(self, payload: Json) -> None:
        self.send(orjson.dumps(payload))

    def packed(self, payload: bytes) -> _Frame:
        if self._pack is None:
            return payload, WSMsgType.TEXT
        return self._pack(payload), WSMsgType.BINARY

    def hold(self, payloads: Sequence[bytes]) -> list[_Frame]:
        """Pack messages for `feed`; until it is done everything else waits behind them."""
        assert self._held is None
        self._held = []
        self._free.clear()
        return [self.packed(payload) for payload in payloads]

    async def feed(
        self, frames: Sequence[_Frame], handed: Callable[[int], None] = lambda _count: None
    ) -> None:
        """Hand over packed frames as fast as the client reads; `handed` is told how many.

        Returns early when the client is gone.
        """
        for start in range(0, len(frames), FEED_AHEAD):
            if self.dead:
                break
            part = frames[start : start + FEED_AHEAD]
            handed(len(part))
            self._queue.extend(part)
            self._wake.set()
            await self._until_short()
        self._release()

    def _release(self) -> None:
        held, self._held = self._held or [], None
        self._free.set()
        if self.dead:
            return
        self._queue.extend(self.packed(payload) for payload in held)
        self._wake.set()

    async def until_free(self) -> None:
        """Wait until no feed is running."""
        await self._free.wait()

    async def _until_short(self) -> None:
        while len(self._queue) > FEED_AHEAD and not self.dead:
            self._progress.clear()
            await self._progress.wait()

    def close(self, code: int) -> None:
        """Close once the frames that wait are written, or the client has had its time."""
        if self.closing:
            return
        self._close_code = code
        self._wake.set()
        asyncio.get_running_loop().call_later(CLOSE_S, self.drop)

    def drop(self) -> None:
        """Cut the connection without a close frame."""
        if self.dead:
            return
        self.dead = True
        self._queue.clear()
        self._wake.set()
        self._progress.set()
        if self._request.transport is not None:
            self._request.transport.abort()

    async def write(self) -> None:
        """Write until the socket is closed or dropped; run it as a task beside the reader."""
        try:
            while not self.dead:
                await self._write_waiting()
                if self._close_code is not None:
                    await self.ws.close(code=self._close_code)
                    break
                self._wake.clear()
                if not self._queue and not self.dead:
                    await self._wake.wait()
        except (*_GONE, TimeoutError):
            pass
        finally:
            with contextlib.suppress(*_GONE):
                self.drop()

    async def _write_waiting(self) -> None:
        while self._queue and not self.dead:
            data, kind = self._queue.popleft()
            async with asyncio.timeout(STALL_S):
                await self.ws.send_frame(data, kind)
            self._progress.set()
