"""The bot: its settings become a plan, the plan a tree, and the tree runs in one Trio run."""

from __future__ import annotations

import contextlib
import gc
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import structlog
import trio

from actors.gateway.desk import Desk
from actors.gateway.link import GatewaySettings
from actors.kernel.addresses import Directory
from supervisors.application import Application, Ending
from supervisors.crash_log import CrashLog
from supervisors.event_log import EventLog
from supervisors.failures import say
from supervisors.faults import keep
from supervisors.output import let_go_of_lost_streams
from supervisors.settings import without_token
from supervisors.sources import Sources
from supervisors.tree import Plan, root
from supervisors.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Generator

    from supervisors.settings import Settings

SWITCH_S = 0.0005
"""A busy thread hands the interpreter over after so many seconds. With Python's own value it
was seen to hold up the Trio thread for 170 ms, with this one for 43 ms."""

GC_THRESHOLDS = (10_000, 20, 20)
"""Python's own (700, 10, 10) made whole collections of everything imported under a burst, and
with them standstills of 25 to 167 ms."""

log = structlog.get_logger(__name__)


def run_bot(settings: Settings, *, until_stdin_closes: bool = False) -> int:
    """Run the bot until it is told, or forced, to end; return the exit code.

    Raises:
        CommandError: there is no token.

    """
    if settings.discord.token is None:
        raise without_token()
    run = partial(_run, settings, until_stdin_closes=until_stdin_closes)
    with _interpreter_at_ease():
        # A Ctrl+C that is raised in the middle of a callback would leave the run hanging.
        ending = trio.run(run, restrict_keyboard_interrupt_to_checkpoints=True)
    log.info("ended", exit_code=ending.exit_code)
    if ending.exit_code:
        say(f"{ending.why}{_kept(ending, settings)}")
    let_go_of_lost_streams()
    return ending.exit_code


def _kept(ending: Ending, settings: Settings) -> str:
    """Keep the stack of what nobody foresaw, and say where it is."""
    if ending.error is None:
        return ""
    token = settings.discord.token
    file = keep(ending.error, settings.storage.folder, token.get_secret_value() if token else "")
    where = f"the details are in {file}" if file else "the details could not be written anywhere"
    return f"; {where}. Start it again; if it comes back, report it with that file."


@contextlib.contextmanager
def _interpreter_at_ease() -> Generator[None]:
    """Let neither busy threads nor collections of garbage hold up the Trio thread for long."""
    before = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(SWITCH_S)
    gc.freeze()  # modules stay; no collection needs to look at them again
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        yield
    finally:
        # Frozen at the end, DuckDB's objects would be reported as leaked.
        gc.unfreeze()
        sys.setswitchinterval(before[0])
        gc.set_threshold(*before[1])


async def _run(settings: Settings, *, until_stdin_closes: bool) -> Ending:
    directory = Directory()
    application = Application(directory)
    plan = _plan(settings, directory, application)
    log.info("starting", version=VERSION, folder=str(plan.folder))
    return await application.run(root(plan), until_stdin_closes=until_stdin_closes)


def _plan(settings: Settings, directory: Directory, application: Application) -> Plan:
    assert settings.discord.token is not None
    CrashLog(directory, directory.address("recorder"))
    return Plan(
        directory=directory,
        folder=settings.storage.folder,
        gateway=GatewaySettings(
            token=settings.discord.token.get_secret_value(),
            api_url=settings.discord.api_url,
            gateway_url=settings.discord.gateway_url,
        ),
        desk=Desk(analyst=directory.address("analyst"), census=directory.census),
        sources=Sources(
            directory=directory,
            events=EventLog(directory, directory.address("recorder")),
            gateway=directory.address("gateway"),
            recorder=directory.address("recorder"),
            analyst=directory.address("analyst"),
            snapshots=directory.address("snapshots"),
            watchdog=directory.address("watchdog"),
            version=VERSION,
            started=time.monotonic(),
            stop=application.stop,
            real_discord=settings.discord.api_url is None,
        ),
        halt=application.halt,
    )
