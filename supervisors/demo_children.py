"""The two programs that the demo runs, and how they end with it, however it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import trio

from supervisors.demo_tail import readable
from supervisors.failures import EX_SOFTWARE, CommandError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[1]

END_S = 15.0
"""How long a program may take to end before it is killed; the bot itself allows 10 s."""

TAIL_LINES = 5
TAIL_BYTES = 64 * 1024
"""Stack traces make long lines."""


@dataclass(frozen=True, slots=True)
class Child:
    """A program that runs for the demo and writes into a log file of its own."""

    title: str
    process: trio.Process
    log: Path

    def tail(self) -> str:
        """Return the last lines of its log, as people read them."""
        with contextlib.suppress(OSError), self.log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
            return "\n".join(map(readable, lines[-TAIL_LINES:]))
        return ""

    def ended_early(self) -> CommandError:
        """Say that it should still run."""
        code = self.process.returncode
        how = f"with exit code {code}" if code is None or code >= 0 else f"by signal {-code}"
        tail = textwrap.indent(self.tail(), "  ")
        told = f"the end of its log, {self.log}:\n{tail}" if tail else f"{self.log} is empty"
        return CommandError(
            f"{self.title} ended {how}; {told}",
            code if code is not None and code > 0 else EX_SOFTWARE,
        )

    async def stop(self, within: float = END_S) -> int:
        """Ask it to end, kill it after `within` seconds; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        with trio.move_on_after(within):
            return await self.process.wait()
        self.process.kill()
        return await self.process.wait()


@contextlib.asynccontextmanager
async def child(
    title: str,
    command: Sequence[str],
    log: Path,
    *,
    environment: Mapping[str, str],
    folder: Path,
    stdout: int | None = None,
) -> AsyncGenerator[Child]:
    """Run a program for the length of the block; at its end it is asked to end too.

    Its stdin is its lifeline: a pipe that closes when this process ends, also by SIGKILL.
    It gets a session of its own, so that Ctrl+C reaches the demo alone, which ends
    the programs in their order.
    """
    with log.open("wb") as file:
        process = await trio.lowlevel.open_process(
            command,
            stdin=subprocess.PIPE,
            stdout=file if stdout is None else stdout,
            stderr=file,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
    started = Child(title, process, log)
    try:
        yield started
    finally:
        with trio.CancelScope(shield=True):
            await started.stop()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    await stream.aclose()


def clean_environment() -> dict[str, str]:
    """Return this process's environment without any setting of a real bot."""
    return {key: text for key, text in os.environ.items() if not key.startswith("BULKHEAD_")}


@contextlib.asynccontextmanager
async def local_discord(log: Path, *arguments: str) -> AsyncGenerator[tuple[Child, dict[str, Any]]]:
    """Run the local Discord; gives it and the line it printed when it was ready.

    Raises:
        CommandError: it did not start; its own message and exit code are passed on.

    """
    command = [sys.executable, "-m", "tests.doubles.discord", *arguments, "--lifeline"]
    running = child(
        "the local Discord",
        command,
        log,
        environment=clean_environment(),
        folder=ROOT,
        stdout=subprocess.PIPE,
    )
    async with running as discord:
        yield discord, await _ready_line(discord)


async def _ready_line(discord: Child, within: float = 20) -> dict[str, Any]:
    stream = discord.process.stdout
    assert stream is not None
    line = bytearray()
    with trio.move_on_after(within):
        async for part in stream:
            line += part
            if b"\n" in line:
                ready: dict[str, Any] = orjson.loads(line.partition(b"\n")[0])
                return ready
        await discord.process.wait()
        sentence = discord.tail() or f"the local Discord did not start; see {discord.log}"
        raise CommandError(sentence, discord.process.returncode or EX_SOFTWARE)
    raise CommandError(
        f"the local Discord was not ready within {within:g} s; see {discord.log}", EX_SOFTWARE
    )


@contextlib.asynccontextmanager
async def bot(folder: Path, log: Path, ready: Mapping[str, Any]) -> AsyncGenerator[Child]:
    """Run the bot as an operator does, with its data in `folder`, against a local Discord."""
    settings = {
        "BULKHEAD_DISCORD__API_URL": ready["api_url"],
        "BULKHEAD_DISCORD__GATEWAY_URL": ready["gateway_url"],
        "BULKHEAD_DISCORD__TOKEN": ready["token"],
        "BULKHEAD_STORAGE__FOLDER": str(folder),
    }
    command = [sys.executable, str(ROOT / "main.py"), "run", "--lifeline"]
    # In its own folder, so that no settings file of a real bot is read.
    running = child(
        "the bot", command, log, environment=clean_environment() | settings, folder=folder
    )
    async with running as started:
        yield started


async def drain(discord: Child) -> None:
    """Keep what a child prints after its first line from filling its pipe; ends with it."""
    stream = discord.process.stdout
    assert stream is not None
    async for _part in stream:
        pass
