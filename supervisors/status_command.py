"""What `main.py status` does: asks the running bot, and draws its answer."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import trio
from rich.live import Live

from supervisors.control import NotRunningError, RefusedError, find_running, request
from supervisors.failures import EX_TEMPFAIL, EX_UNAVAILABLE, CommandError
from supervisors.output import Page, written_out
from supervisors.screen import status_view

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console, RenderableType

EVERY_S = 1.0
ANSWER_S = 5.0


def show_status(folder: Path, *, watch: bool, as_json: bool) -> None:
    """Print the status of the bot on `folder`, or of the demo; `watch` goes on until Ctrl+C.

    Raises:
        CommandError: no bot runs there (69), or it does not answer (75).

    """
    folder = find_running(folder)
    with written_out():
        if not watch:
            _print(Page(), trio.run(ask_status, folder), as_json=as_json)
            return
        with contextlib.suppress(KeyboardInterrupt):
            trio.run(_watch, folder, as_json, restrict_keyboard_interrupt_to_checkpoints=True)


async def ask_status(folder: Path) -> dict[str, Any]:
    """Return the status object of the bot that runs on `folder`.

    Raises:
        CommandError: no bot runs there (69), or it does not answer (75).

    """
    try:
        answer = await request(folder, within=ANSWER_S, do="status")
    except NotRunningError as error:
        raise CommandError(str(error), EX_UNAVAILABLE) from error
    except RefusedError as error:
        raise CommandError(f"the bot on {folder} refused: {error}", EX_TEMPFAIL) from error
    except (trio.TooSlowError, OSError) as error:
        raise CommandError(
            f"the bot on {folder} does not answer ({type(error).__name__}); try again, "
            "and if it stays so, look at its log",
            EX_TEMPFAIL,
        ) from error
    status: dict[str, Any] = answer["status"]
    return status


async def _watch(folder: Path, as_json: bool) -> None:  # noqa: FBT001 - trio.run has no keywords
    console = Page()
    await ask_status(folder)  # whoever watches nothing is told so at once
    if as_json or not console.is_terminal:
        while True:
            _print(console, await ask_status(folder), as_json=as_json)
            console.file.flush()
            await trio.sleep(EVERY_S)
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(await _view(folder, console), refresh=True)
            await trio.sleep(EVERY_S)


async def _view(folder: Path, console: Console) -> RenderableType:
    """Draw the status; one that is missing for now is no reason to stop watching."""
    try:
        return status_view(await ask_status(folder), console.width, console.height)
    except CommandError as error:
        return f"{error}\nwatching for it; Ctrl+C ends this"


def _print(console: Console, status: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        console.file.write(json.dumps(status) + "\n")
    else:
        console.print(status_view(status, console.width))
