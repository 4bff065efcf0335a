"""The demo: a local Discord, the bot connected to it, and crashes that you can watch heal.

Both run as processes of their own; this one starts them, watches them over their
control interfaces, shows what happens, and ends them in order.
"""

from __future__ import annotations

import contextlib
import math
import os
import random
import shutil
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio
from rich.console import Console

from supervisors.control import DEMO_FOLDER, is_running
from supervisors.demo_children import Child, bot, drain, local_discord
from supervisors.demo_drills import FIRST_S
from supervisors.demo_lines import Lines
from supervisors.demo_question import QUESTION
from supervisors.demo_screen import Screen, draw_picture
from supervisors.demo_show import Show
from supervisors.demo_summary import summary
from supervisors.demo_watch import Watch
from supervisors.failures import (
    EX_CANTCREAT,
    EX_IOERR,
    EX_SOFTWARE,
    EX_TEMPFAIL,
    INTERRUPTED,
    CommandError,
    tell,
)
from supervisors.output import written_out

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

BACK_S = 3.0
"""No crash so shortly before the end, that everybody is back to be stopped in order."""

MARK = "made-by-the-demo.txt"
"""Only a folder with this file in it is ever cleared: a real bot's data never has it."""

LEFT_BY_A_DEMO = ("activity.duckdb*", "bulkhead.sock*", "*.log", QUESTION)

ANOTHER = 'take an empty folder: --folder PATH, or with make: make run ARGS="--folder PATH"'


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """How the demo runs."""

    duration_s: float | None = None
    """It ends by itself after so long; null: at Ctrl+C."""

    speed: float = 1.0
    """How much busier than usual the members are."""

    seed: int | None = None
    """The same seed, the same story; null for a new one."""

    crashes: bool = True
    port: int = 0
    """Of the local Discord; 0 takes any that is free."""

    folder: Path | None = None
    """Where its data goes; null: data/demo, where `status` and `query` find it."""

    picture: Path | None = None
    """The last picture is saved here as SVG."""


def run_demo(options: DemoOptions) -> int:
    """Run the demo until its time is over, Ctrl+C or SIGTERM; return the exit code.

    Raises:
        CommandError: it could not start, or a program of it ended early.

    """
    folder = fresh_folder(options.folder or DEMO_FOLDER)
    try:
        return trio.run(Demo(options, folder).run)
    except BaseExceptionGroup as group:
        known = tell(group)
        if known is None:
            raise
        raise CommandError(*known) from group


def fresh_folder(folder: Path) -> Path:
    """Make an empty data folder, clearing away what an earlier demo left in it.

    Raises:
        CommandError: a bot runs there, others' files are there, or it can't be made.

    """
    if is_running(folder):
        raise CommandError(
            f"a bot runs on {folder} already; end it first, or {ANOTHER}", EX_TEMPFAIL
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()) and not (folder / MARK).exists():
            raise CommandError(
                f"{folder} is not empty and no demo made it; {ANOTHER}", EX_CANTCREAT
            )
        (folder / MARK).write_text("Each demo clears what the one before left here.\n")
        for path in folder.iterdir():
            if any(path.match(pattern) for pattern in LEFT_BY_A_DEMO):
                path.unlink()
        shutil.rmtree(folder / "snapshots", ignore_errors=True)
    except OSError as error:
        raise CommandError(
            f"{folder} can't be used for the demo ({error.strerror}); {ANOTHER}",
            EX_CANTCREAT,
        ) from error
    return folder.resolve()


class Demo:
    """One demo, from the first program's start to the summary."""

    def __init__(self, options: DemoOptions, folder: Path) -> None:
        self._options = options
        self._folder = folder
        self._show = Show(folder)
        self._show.crashing = (
            options.crashes and (options.duration_s or math.inf) - BACK_S > FIRST_S
        )
        self._playing = trio.CancelScope()
        self._connected_at = self._told_to_stop_at = 0.0
        self._programs: list[Child] = []
        self._hurried = False

    async def run(self) -> int:
        """Play, end and sum up; return the exit code."""
        console = Console()
        display = Screen(console) if _takes_a_screen(console) else Lines(sys.stdout)
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
            async with trio.open_nursery() as beside:
                beside.start_soon(self._listen, signals)
                with display:
                    beside.start_soon(self._draw, display)
                    code = await self._play_and_end()
                    self._draw_once(display)
                    beside.cancel_scope.cancel("the demo is over")
        if self._hurried:
            return INTERRUPTED
        if self._show.status is None:
            self._say("The demo was ended before the bot was connected.\n")
            return 0
        text, whole = await trio.to_thread.run_sync(
            summary,
            self._show,
            self._folder,
            self._told_to_stop_at - self._connected_at,
            code,
            console.width if console.is_terminal else None,
        )
        self._say(text)
        return 0 if whole else code or EX_SOFTWARE

    def _say(self, text: str) -> None:
        with written_out():
            sys.stdout.write(text)

    async def _listen(self, signals: AsyncIterator[int]) -> None:
        async for _number in signals:
            if self._playing.cancel_called:
                # The operator insists; what the programs had no time for is repaired later.
                self._hurried = True
                for program in self._programs:
                    with contextlib.suppress(ProcessLookupError):
                        program.process.kill()
            self._playing.cancel("a signal")

    async def _draw(self, display: Screen | Lines) -> None:
        while True:
            self._draw_once(display)
            await trio.sleep(display.every_s)

    def _draw_once(self, display: Screen | Lines) -> None:
        try:
            display.draw(self._show)
        except BrokenPipeError:
            # Nobody reads any more, as behind `| head`.
            self._playing.cancel("nobody reads")
            _write_nowhere()
        except OSError as error:
            _write_nowhere()
            raise CommandError(
                f"what happens could not be written: {error.strerror}; send it somewhere else",
                EX_IOERR,
            ) from error

    async def _play_and_end(self) -> int:
        """Play until it is over; return the exit code of the bot's clean end."""
        async with contextlib.AsyncExitStack() as programs:
            with self._playing:
                await self._play(programs)
            self._told_to_stop_at = trio.current_time()
            if self._options.picture is not None:
                draw_picture(self._show, self._options.picture)
            code = 0
            for program in reversed(self._programs):
                self._show.step = f"stopping {program.title}"
                code = await program.stop() or code
        return code

    async def _play(self, programs: contextlib.AsyncExitStack) -> None:
        options, show = self._options, self._show
        show.step = "starting the local Discord"
        seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
        arguments = ["--scenario", "living", "--speed", f"{options.speed:g}x", "--seed", str(seed)]
        arguments += ["--port", str(options.port)]
        discord, ready = await programs.enter_async_context(
            local_discord(self._folder / "discord.log", *arguments)
        )
        self._programs.append(discord)
        show.step = "starting the bot"
        running = bot(self._folder, self._folder / "bot.log", ready)
        self._programs.append(await programs.enter_async_context(running))
        watch = Watch(show, self._folder, ready["control_url"], self._programs)
        show.step = "the bot connects"
        await watch.until_connected()
        show.step = ""
        chance = random.Random(seed)  # noqa: S311 - a story to be told again, no secret
        self._connected_at = trio.current_time()
        self._playing.deadline = self._connected_at + (options.duration_s or math.inf)
        last_crash = self._playing.deadline - BACK_S
        async with trio.open_nursery() as nursery:
            nursery.start_soon(drain, discord)
            nursery.start_soon(watch.run)
            if show.crashing:
                nursery.start_soon(watch.crash_now_and_then, options.speed, chance, last_crash)


def _takes_a_screen(console: Console) -> bool:
    return console.is_terminal and not console.is_dumb_terminal


def _write_nowhere() -> None:
    """Keep what is still unwritten from failing once more when the interpreter ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
