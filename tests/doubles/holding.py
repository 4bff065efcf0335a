"""A way to a server that can hold back what passes, as a network does that stalls."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

GONE = (trio.BrokenResourceError, trio.ClosedResourceError, OSError)


class Way:
    """Carries bytes both ways between whoever connects and one server."""

    def __init__(self, url: str) -> None:
        """`url` is the server's, such as `ws://127.0.0.1:8080/gateway`."""
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        self._host, self._port, self._url = parts.hostname, parts.port, url
        self.url = ""
        """The same through this way."""
        self._down, self._up = trio.Event(), trio.Event()
        self.release()

    def hold(self, *, both: bool = False) -> None:
        """Keep back what comes from the server from now on, or what goes there too."""
        self._down = trio.Event()
        if both:
            self._up = trio.Event()

    def release(self) -> None:
        """Let through what was held, in order, and all that follows."""
        self._down.set()
        self._up.set()

    async def serve(self, task_status: trio.TaskStatus[None]) -> None:
        """Listen until cancelled."""
        async with trio.open_nursery() as nursery:
            (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
            port = listener.socket.getsockname()[1]
            self.url = self._url.replace(f":{self._port}", f":{port}", 1)
            task_status.started()
            await trio.serve_listeners(self._carry, [listener], handler_nursery=nursery)

    async def _carry(self, client: trio.SocketStream) -> None:
        server = await trio.open_tcp_stream(self._host, self._port)
        async with client, server, trio.open_nursery() as nursery:
            nursery.start_soon(self._pump, client, server, nursery.cancel_scope)
            nursery.start_soon(self._pump, server, client, nursery.cancel_scope)

    async def _pump(
        self, source: trio.SocketStream, sink: trio.SocketStream, both: trio.CancelScope
    ) -> None:
        downwards = source.socket.getpeername()[1] == self._port
        with contextlib.suppress(*GONE):
            while data := await source.receive_some():
                await (self._down if downwards else self._up).wait()
                await sink.send_all(data)
        both.cancel("one side is gone")


@contextlib.asynccontextmanager
async def way_to(url: str) -> AsyncIterator[Way]:
    """Open a way to a server."""
    way = Way(url)
    async with trio.open_nursery() as nursery:
        await nursery.start(way.serve)
        try:
            yield way
        finally:
            nursery.cancel_scope.cancel("the way is closed")
