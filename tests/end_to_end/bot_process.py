"""The bot as a process of its own, the way an operator runs it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

ROOT = Path(__file__).resolve().parents[2]
SOCKET = "bulkhead.sock"


class Discord(Protocol):
    """What the bot needs to know of the local Discord."""

    @property
    def api_url(self) -> str: ...
    @property
    def gateway_url(self) -> str: ...
    @property
    def token(self) -> str: ...


def environment(discord: Discord, folder: Path, **extra: str) -> dict[str, str]:
    """Everything that the bot reads; nothing of the developer's own settings leaks in."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("BULKHEAD_")}
    return clean | {
        "BULKHEAD_DISCORD__API_URL": discord.api_url,
        "BULKHEAD_DISCORD__GATEWAY_URL": discord.gateway_url,
        "BULKHEAD_DISCORD__TOKEN": discord.token,
        "BULKHEAD_STORAGE__FOLDER": str(folder),
        "PYTHONDEVMODE": "",
        # The bot must end without a warning about anything unclosed or pending.
        "PYTHONWARNINGS": "always::ResourceWarning",
        **extra,
    }


@dataclass
class Bot:
    """A running bot."""

    process: trio.Process
    folder: Path
    output: bytearray = field(default_factory=bytearray)

    @property
    def log(self) -> str:
        """All it has written, both streams."""
        return self.output.decode(errors="replace")

    async def control(self, **request: Any) -> dict[str, Any]:
        """Ask over the control socket; raises what the console refuses."""
        stream = await trio.open_unix_socket(str(self.folder / SOCKET))
        async with stream:
            await stream.send_all(json.dumps(request).encode() + b"\n")
            answer = bytearray()
            with trio.fail_after(10):
                while not answer.endswith(b"\n"):
                    part = await stream.receive_some()
                    if not part:
                        break
                    answer += part
        reply: dict[str, Any] = json.loads(answer)
        if not reply["ok"]:
            raise RuntimeError(reply["error"])
        return reply

    async def status(self) -> dict[str, Any]:
        """The state of the whole bot."""
        status: dict[str, Any] = (await self.control(do="status"))["status"]
        return status

    async def until(
        self, right: Callable[[dict[str, Any]], bool], within: float = 30
    ) -> dict[str, Any]:
        """Wait until the status is `right`; on time-out say what it was."""
        status: dict[str, Any] = {}
        with trio.move_on_after(within):
            while True:
                if self.process.poll() is not None:
                    raise AssertionError(
                        f"the bot ended with {self.process.returncode}: {self.log}"
                    )
                with contextlib.suppress(OSError, ValueError, trio.BrokenResourceError):
                    status = await self.status()
                    if right(status):
                        return status
                await trio.sleep(0.02)
        raise AssertionError(
            f"not reached within {within} s: {json.dumps(status)[:3000]}\n{self.log}"
        )

    async def until_watching(self, guilds: int = 3, within: float = 30) -> dict[str, Any]:
        """Wait until it is connected and every guild had its snapshot."""

        def watching(status: dict[str, Any]) -> bool:
            link = status["link"] or {}
            pool = [a for a in status["tree"] if a["parent"] == "guilds"]
            return (
                link.get("link") == "connected"
                and len(pool) >= guilds
                and all(a["state"] == "running" and a["handled"] > 0 for a in pool)
            )

        return await self.until(watching, within)

    def kill(self) -> None:
        """End it with SIGKILL: nothing can be said or saved any more."""
        self.process.kill()

    async def stop(self, within: float = 15, number: int = signal.SIGTERM) -> int:
        """Ask it to end and return its exit code."""
        self.process.send_signal(number)
        with trio.fail_after(within):
            return await self.process.wait()


@contextlib.asynccontextmanager
async def running_bot(
    discord: Discord, folder: Path, *, arguments: tuple[str, ...] = ("run",), **extra: str
) -> AsyncIterator[Bot]:
    """Run `main.py run` against a Discord; killed at the end if it still runs."""
    async with trio.open_nursery() as nursery:
        process = await nursery.start(
            partial(
                trio.run_process,
                [sys.executable, str(ROOT / "main.py"), *arguments],
                env=environment(discord, folder, **extra),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
        )
        bot = Bot(process, folder)
        nursery.start_soon(_keep, process, bot.output)
        try:
            yield bot
        finally:
            with trio.CancelScope(shield=True):
                if process.poll() is None:
                    process.kill()
                await process.wait()
            nursery.cancel_scope.cancel()


async def _keep(process: trio.Process, output: bytearray) -> None:
    assert process.stdout is not None
    async for part in process.stdout:
        output += part
