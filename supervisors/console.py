"""The console: the control socket, over which an operator sees and steers the bot."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING, Any, Never, assert_never

import orjson
import structlog
import trio
from typing_extensions import override

from actors.kernel.actor import Actor
from supervisors.answers import Answer, RequestError, refusal
from supervisors.requests import Answers
from supervisors.wire import LINE_LIMIT, line, short_path, who_listens

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from actors.kernel.messages import Reply
    from supervisors.answers import Say
    from supervisors.sources import Sources

MAX_CONNECTIONS = 32

IDLE_S = 30.0
"""A client that sends nothing, or takes nothing, for so long is hung up on."""

EX_TEMPFAIL = 75


log = structlog.get_logger(__name__)


class SocketTakenError(Exception):
    """Another bot listens on the control socket of this data folder."""

    exit_code = EX_TEMPFAIL


class LineTooLongError(Exception):
    """A request is longer than any request can be."""


class ConsoleActor(Actor[Never]):
    """Serves the control socket; everything it does, it does beside its mailbox.

    State: the listening socket and its connections. A crash closes them; the
    next incarnation listens again under the same name.
    """

    def __init__(self, socket_path: Path, sources: Sources) -> None:
        super().__init__()
        self._path = socket_path
        self._answers = Answers(sources, self.name)
        self._connections = 0
        self._mine: int | None = None

    @override
    async def pre_start(self) -> None:
        listener = self._listen()
        self.spawn(trio.serve_listeners, self._serve_client, [listener])

    @override
    async def post_stop(self) -> None:
        # Only our own: a newer bot may have put its socket in this place.
        with contextlib.suppress(OSError):
            if self._path.stat().st_ino == self._mine:
                self._path.unlink()

    @override
    def shown_state(self) -> Mapping[str, object]:
        return {"connections": self._connections, "socket": str(self._path)}

    @override
    async def on_receive(self, message: Never) -> Reply[Any] | None:
        assert_never(message)

    def _listen(self) -> trio.SocketListener:
        pid = who_listens(self._path)
        if pid is not None:
            who = f"process {pid}" if pid else "another process"
            raise SocketTakenError(
                f"{self._path} is in use by {who}: a bot runs on this folder already; "
                "stop that one first, or give this one a storage.folder of its own"
            )
        # Named only once it is private and listens, so that no client finds it half made;
        # the renaming also replaces what a killed bot left behind.
        new = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        new.unlink(missing_ok=True)
        sock = trio.socket.from_stdlib_socket(_bound(new))
        self.held.callback(sock.close)
        self._mine = new.stat().st_ino
        new.rename(self._path)
        return trio.SocketListener(sock)

    async def _serve_client(self, stream: trio.SocketStream) -> None:
        self._connections += 1
        try:
            async with stream:
                if self._connections > MAX_CONNECTIONS:
                    sentence = f"{MAX_CONNECTIONS} connections are open already; try again"
                    await _send(stream, refusal(sentence))
                    return
                with contextlib.suppress(trio.BrokenResourceError, trio.TooSlowError):
                    await self._serve_lines(stream)
        finally:
            self._connections -= 1

    async def _serve_lines(self, stream: trio.SocketStream) -> None:
        waiting = bytearray()
        while True:
            try:
                request = await _next_line(stream, waiting)
            except LineTooLongError as error:
                await _send(stream, refusal(str(error)))
                return
            if request is None:
                return
            answer = await self._answers.answer(_parsed(request))
            await _send(stream, answer)
            if answer.stream is not None and not await _said(stream, waiting, answer.stream):
                return
            if answer.then is not None:
                answer.then()


def _bound(path: Path) -> socket.socket:
    """Make a listening socket that only this user can connect to."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        with short_path(path) as name:
            sock.bind(name)
        path.chmod(0o600)
        sock.listen(MAX_CONNECTIONS)
    except BaseException:
        sock.close()
        raise
    return sock


async def _next_line(stream: trio.SocketStream, waiting: bytearray) -> bytes | None:
    """Take the next line out of `waiting`, filled from `stream`; null at its end.

    Raises:
        LineTooLongError: it has more than `LINE_LIMIT` bytes.
        trio.TooSlowError: the client sent nothing for too long.

    """
    with trio.fail_after(IDLE_S):
        while b"\n" not in waiting:
            if len(waiting) > LINE_LIMIT:
                raise LineTooLongError(f"a request has at most {LINE_LIMIT} bytes")
            part = await stream.receive_some(LINE_LIMIT)
            if not part:
                return None
            waiting += part
    request, _, rest = bytes(waiting).partition(b"\n")
    waiting[:] = rest
    return request


async def _said(
    stream: trio.SocketStream,
    waiting: bytearray,
    work: Callable[[Say], Awaitable[dict[str, Any]]],
) -> bool:
    """Stream what `work` says to its end; false if the client hung up, which cancels it."""

    async def say(body: dict[str, Any]) -> None:
        await _send(stream, Answer({"ok": True, **body}))

    done = False
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_until_hung_up, stream, waiting, nursery.cancel_scope)
        try:
            await _say_all(stream, say, work)
            done = True
        except (trio.BrokenResourceError, trio.TooSlowError):
            log.debug("an operator went away in the middle of an answer")
        nursery.cancel_scope.cancel("all is said")
    return done


async def _say_all(
    stream: trio.SocketStream, say: Say, work: Callable[[Say], Awaitable[dict[str, Any]]]
) -> None:
    try:
        await say({"end": await work(say)})
    except RequestError as error:
        await _send(stream, refusal(str(error)))
    except (trio.BrokenResourceError, trio.TooSlowError):
        raise
    except Exception as error:
        # Whatever it is, a request must never cost the bot its console.
        log.warning("a request failed while it was answered", exc_info=True)
        await _send(stream, refusal(f"it failed: {type(error).__name__}: {error}"))


async def _until_hung_up(
    stream: trio.SocketStream, waiting: bytearray, work: trio.CancelScope
) -> None:
    # What the client sends meanwhile waits for its turn.
    with contextlib.suppress(trio.BrokenResourceError):
        while len(waiting) <= LINE_LIMIT:
            part = await stream.receive_some(LINE_LIMIT)
            if not part:
                break
            waiting += part
    work.cancel("the operator hung up")


async def _send(stream: trio.SocketStream, answer: Answer) -> None:
    with trio.fail_after(IDLE_S):
        await stream.send_all(line(answer.body))


def _parsed(request: bytes) -> object:
    """Read JSON; what is none is no request, which the answer says."""
    try:
        return orjson.loads(request)
    except ValueError:
        return None
