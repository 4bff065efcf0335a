"""The local Discord inside the test's own process, and a bare gateway client."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import zlib
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp
import orjson
import zstandard

from tests.doubles.discord.options import parse
from tests.doubles.discord.server import Announcement, LocalDiscord

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

T = TypeVar("T")
PATIENCE_S = 10.0


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run asyncio code on asyncio's own loop, whatever else this process has loaded."""
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(work)


class Client:
    """A bare client: REST, control, and gateway sockets."""

    def __init__(self, told: Announcement, http: aiohttp.ClientSession) -> None:
        self.told = told
        self.http = http

    async def do(self, verb: str, **fields: Any) -> Any:
        async with self.http.post(self.told.control_url, json={"do": verb, **fields}) as response:
            answer = await response.json()
        assert answer["ok"], answer
        return answer["result"]

    async def rest(self, method: str, path: str, body: Any = None, token: str = "") -> Any:
        """Return the status and the decoded body of a REST call."""
        headers = {"Authorization": f"Bot {token or self.told.token}"}
        url = self.told.api_url + path
        async with self.http.request(method, url, json=body, headers=headers) as response:
            raw = await response.read()
            return response.status, orjson.loads(raw) if raw else None

    @contextlib.asynccontextmanager
    async def gateway(self, compress: str | None = None) -> AsyncIterator[Wire]:
        query = "?v=10&encoding=json" + (f"&compress={compress}" if compress else "")
        async with self.http.ws_connect(self.told.gateway_url + query) as ws:
            yield Wire(ws, compress, self.told.token)


class Wire:
    """One gateway connection, frame by frame."""

    def __init__(
        self, ws: aiohttp.ClientWebSocketResponse, compress: str | None, token: str
    ) -> None:
        self.ws = ws
        self._token = token
        self._inflate: Callable[[bytes], bytes] | None = None
        if compress == "zlib-stream":
            self._inflate = zlib.decompressobj().decompress
        elif compress == "zstd-stream":
            self._inflate = zstandard.ZstdDecompressor().decompressobj().decompress

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        """Read nothing for a while, as a program that hangs."""
        connection = self.ws._response.connection
        assert connection is not None
        assert connection.transport is not None
        transport = connection.transport
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        transport.pause_reading()
        yield
        transport.resume_reading()

    async def send(self, op: int, data: Any = None) -> None:
        await self.ws.send_str(orjson.dumps({"op": op, "d": data}).decode())

    async def frame(self) -> dict[str, Any]:
        """Return the next frame; a close comes as {"closed": code}."""
        message = await self.ws.receive(timeout=PATIENCE_S)
        if message.type is aiohttp.WSMsgType.TEXT:
            assert self._inflate is None
            raw = message.data.encode()
        elif message.type is aiohttp.WSMsgType.BINARY:
            assert self._inflate is not None
            raw = self._inflate(message.data)
        else:
            return {"closed": self.ws.close_code}
        frame: dict[str, Any] = orjson.loads(raw)
        return frame

    async def until(self, name: str) -> dict[str, Any]:
        """Return the next frame of an event; fail at a close."""
        while True:
            frame = await self.frame()
            assert "closed" not in frame, frame
            if frame["t"] == name:
                return frame

    async def identify(self, intents: int = 53608447, **more: Any) -> dict[str, Any]:
        """Say hello and return READY."""
        assert (await self.frame())["op"] == 10
        await self.send(2, {"token": self._token, "intents": intents, "properties": {}} | more)
        return await self.until("READY")

    async def resume(self, session_id: str, seq: int) -> dict[str, Any]:
        """Ask for a resume and return the first answer."""
        assert (await self.frame())["op"] == 10
        await self.send(6, {"token": self._token, "session_id": session_id, "seq": seq})
        return await self.frame()


@contextlib.asynccontextmanager
async def serving(*arguments: str) -> AsyncIterator[Client]:
    """Serve on a free port and give a client for it."""
    local = LocalDiscord(parse(arguments))
    told = await local.start()
    try:
        async with aiohttp.ClientSession() as http:
            yield Client(told, http)
    finally:
        await local.stop()
