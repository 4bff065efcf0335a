"""Talking to a running bot over its control socket.

ControlError
├── NotRunningError   nobody listens, or it ended before it answered
│   └── NobodyError   nobody listens
└── RefusedError      the bot answered, and the answer is no
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import trio
from typing_extensions import override

from supervisors.failures import say
from supervisors.wire import SOCKET_NAME, line, short_path, who_listens

if TYPE_CHECKING:
    from collections.abc import Callable

DEMO_FOLDER = Path("data/demo")
"""Where the demo keeps its data, below the folder that it was started in."""

COMING_BACK_S = 0.5
"""A console that has just crashed listens again sooner than this."""

HARMLESS = ("status", "snapshot", "top", "actor", "crashes")
"""Asked once more where the console went away: it makes no difference whether it heard."""

PART_BYTES = 64 * 1024


class ControlError(Exception):
    """Base of what can go wrong when a running bot is asked something."""


class NotRunningError(ControlError):
    """No bot listens on this folder's control socket, or none any more."""


class NobodyError(NotRunningError):
    """No bot listens; the text says how to start one."""

    @override
    def __str__(self) -> str:
        # Made only where it is told: whoever waits for a bot asks often, and settings take a while.
        return f"no bot runs on {self.args[0]}; {how_to_start()}"


class RefusedError(ControlError):
    """The bot refused the request; the text is its sentence."""


async def request(folder: Path, *, do: str, within: float = 5, **body: Any) -> dict[str, Any]:
    """Ask the bot whose data is in `folder`; wait at most `within` seconds.

    `do` names the verb, as in `request(folder, do="crash", name="gateway")`.

    Raises:
        NotRunningError: nobody listens there, or the bot ended before it answered.
        RefusedError: the bot said no; the text says why.
        trio.TooSlowError: no answer in time.

    """
    with trio.fail_after(within):
        deadline = trio.current_time() + COMING_BACK_S
        answer = b""
        while not answer:
            async with await _connected(folder, deadline) as stream:
                answer = await _exchange(stream, line({"do": do, **body}))
            if not answer and (do not in HARMLESS or trio.current_time() > deadline):
                raise NotRunningError(f"the bot on {folder} ended before it answered {do}")
    reply: dict[str, Any] = orjson.loads(answer)
    if not reply["ok"]:
        raise RefusedError(reply["error"])
    return reply


async def follow(
    folder: Path, heard: Callable[[dict[str, Any]], object], *, do: str, **body: Any
) -> dict[str, Any]:
    """Ask for a stream, give each line to `heard`, and return what the last one holds.

    It goes on until the bot ends it; whoever calls it off hangs up, and the bot takes back
    what it did for it.

    Raises:
        NotRunningError: nobody listens there, or the bot ended before the stream did.
        RefusedError: the bot said no; the text says why.

    """
    deadline = trio.current_time() + COMING_BACK_S
    async with await _connected(folder, deadline) as stream:
        await stream.send_all(line({"do": do, **body}))
        waiting = bytearray()
        while (said := await _next_line(stream, waiting)) is not None:
            reply: dict[str, Any] = orjson.loads(said)
            if not reply["ok"]:
                raise RefusedError(reply["error"])
            if "end" in reply:
                end: dict[str, Any] = reply["end"]
                return end
            heard(reply)
    raise NotRunningError(f"the bot on {folder} ended before {do} did")


async def _next_line(stream: trio.SocketStream, waiting: bytearray) -> bytes | None:
    """Take the next line out of `waiting`, filled from `stream`; null at its end."""
    while b"\n" not in waiting:
        try:
            part = await stream.receive_some(PART_BYTES)
        except trio.BrokenResourceError:
            return None
        if not part:
            return None
        waiting += part
    said, _, rest = bytes(waiting).partition(b"\n")
    waiting[:] = rest
    return said


def is_running(folder: Path) -> bool:
    """Tell whether a bot listens on this folder's control socket; it never waits."""
    return who_listens(folder / SOCKET_NAME) is not None


def find_running(folder: Path) -> Path:
    """Return the folder to ask: `folder`, or the demo's if a bot runs only there.

    The demo's is the one below the working directory; stderr says when it is taken.
    """
    if is_running(folder) or not is_running(DEMO_FOLDER) or _same(folder, DEMO_FOLDER):
        return folder
    say(f"asking the demo ({DEMO_FOLDER})")
    return DEMO_FOLDER


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


async def _connected(folder: Path, deadline: float) -> trio.SocketStream:
    path = folder / SOCKET_NAME
    while True:
        sock = trio.socket.socket(socket.AF_UNIX)
        try:
            with short_path(path) as name:
                await sock.connect(name)
        except ConnectionRefusedError as error:
            # The file is there: the bot was killed, or only its console was and comes back.
            sock.close()
            if trio.current_time() > deadline:
                raise _nobody(folder) from error
            await trio.sleep(0.02)
        except (FileNotFoundError, NotADirectoryError) as error:
            sock.close()
            raise _nobody(folder) from error
        except BaseException:
            sock.close()
            raise
        else:
            return trio.SocketStream(sock)


def _nobody(folder: Path) -> NotRunningError:
    return NobodyError(folder)


def how_to_start() -> str:
    """Name the command that starts a bot: with a token the bot itself, without one the demo."""
    # Late, because whoever asks a bot on a given folder needs no settings.
    from supervisors.settings import SettingsError, load_settings  # noqa: PLC0415

    try:
        has_token = load_settings().discord.token is not None
    except SettingsError:
        has_token = True  # then `main.py run` says what is wrong with them
    return (
        "`main.py run` starts it"
        if has_token
        else "`make run` starts the demo, which needs no token"
    )


async def _exchange(stream: trio.SocketStream, asked: bytes) -> bytes:
    """Send one line and return the line that comes back, empty if there is none."""
    answer = bytearray()
    try:
        await stream.send_all(asked)
        while not answer.endswith(b"\n"):
            part = await stream.receive_some(PART_BYTES)
            if not part:
                return b""
            answer += part
    except trio.BrokenResourceError:
        return b""
    return bytes(answer)
