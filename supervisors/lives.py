"""Beginning and ending the life of a child: what both kinds of supervisor share.

SupervisionError
├── StartError               a child did not start
└── RestartIntensityError    too many restarts: the fault is bigger than this supervisor
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import trio
from pykka._envelope import Envelope
from pykka.messages import (
    _ActorStop,  # pyright: ignore[reportPrivateUsage] - how Pykka's refs ask for a stop
)

from actors.kernel.exits import Crashed, ExitReason
from actors.kernel.incarnation import Incarnation, one_line
from actors.kernel.system import ChildState

if TYPE_CHECKING:
    from collections.abc import Callable

    import pykka

    from actors.kernel.addresses import Directory
    from actors.kernel.cell import Cell


class SupervisionError(Exception):
    """Base of the errors that end a supervisor."""


class StartError(SupervisionError):
    """A child did not start; `__cause__` says why if it crashed."""


class RestartIntensityError(SupervisionError):
    """Too many restarts: the fault is bigger than this supervisor."""


@dataclass(frozen=True, slots=True)
class ChildExited:
    """A child's life is over; the child's incarnation tells its supervisor."""

    life: Incarnation
    reason: ExitReason


def launch(
    cell: Cell,
    start: Callable[[], pykka.ActorRef[Any]],
    directory: Directory,
    nursery: trio.Nursery,
    on_exit: Callable[[Incarnation, ExitReason], None],
) -> Incarnation:
    """Begin a life in `nursery`; it is not ready yet.

    Raises:
        StartError: the actor's constructor raised.

    """
    life = Incarnation(cell, directory, nursery, on_exit)
    try:
        with life.hosting():
            start()
    except Exception as error:
        cell.last_error = one_line(error)
        cell.ended()
        raise StartError(f"{cell.name} could not be made: {one_line(error)}") from error
    return life


async def until_ready(life: Incarnation, within_s: float) -> None:
    """Wait until `pre_start` has returned.

    Raises:
        StartError: it raised, or took more than `within_s` seconds and was killed.

    """
    with trio.move_on_after(within_s):
        await life.ready.wait()
    if not life.ready.is_set():
        life.kill(f"it did not start within {within_s:g} s")
        await life.gone.wait()
    if life.reason is not None:
        cause = life.reason.error if isinstance(life.reason, Crashed) else None
        raise StartError(f"{life.cell.name} did not start: {life.reason}") from cause


def ask_to_stop(life: Incarnation) -> None:
    """Ask for a clean stop and return at once."""
    life.cell.state = ChildState.STOPPING
    life.cell.mailbox.put(Envelope(_ActorStop()))


async def until_gone(life: Incarnation, shutdown_s: float) -> None:
    """Wait for the end that was asked for; kill the child after `shutdown_s` seconds."""
    with trio.move_on_after(shutdown_s):
        await life.gone.wait()
    if not life.gone.is_set():
        life.kill(f"it overran its shutdown time of {shutdown_s:g} s")
        await life.gone.wait()
    # A stop that a crash forestalled must not greet the next incarnation.
    life.cell.mailbox.answer_stops()
