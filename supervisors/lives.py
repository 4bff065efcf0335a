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

from actors.kernel.crew import Crew
from actors.kernel.exits import Crashed, ExitReason
from actors.kernel.incarnation import Incarnation
from actors.kernel.system import ChildState, Notice

if TYPE_CHECKING:
    from collections.abc import Callable

    import pykka

    from actors.kernel.addresses import Directory
    from actors.kernel.cell import Cell
    from actors.kernel.crew import Brood


class SupervisionError(Exception):
    """Base of the errors that end a supervisor."""


class StartError(SupervisionError):
    """A child did not start; `__cause__` says why if it crashed."""


class RestartIntensityError(SupervisionError):
    """Too many restarts: the fault is bigger than this supervisor."""


@dataclass(frozen=True, slots=True)
class ChildExited(Notice):
    """A child's life is over; the child's incarnation tells its supervisor."""

    life: Incarnation
    reason: ExitReason


def launch(
    cell: Cell,
    start: Callable[[], pykka.ActorRef[Any]],
    directory: Directory,
    below: trio.Nursery | Brood,
    on_exit: Callable[[Incarnation, ExitReason], None],
) -> Incarnation:
    """Begin a life below a supervisor, or in a nursery as the root of a tree.

    It may not be ready yet, and is over if the constructor raised.
    """
    place = Crew(below) if isinstance(below, trio.Nursery) else below
    life = Incarnation(cell, directory, place, on_exit)
    try:
        life.host(start)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it ends this one life only
        if life.taken:
            life.crash(error)
        else:
            life.over(Crashed(error))
    if not life.taken:
        nobody = f"{cell.name}: the start() of its spec must start an actor, and started none"
        life.over(Crashed(TypeError(nobody)))
    return life


async def until_ready(life: Incarnation, within_s: float) -> None:
    """Wait until `pre_start` has returned.

    Raises:
        StartError: it raised, or took more than `within_s` seconds and was killed.

    """
    if life.started:
        return
    with trio.move_on_after(within_s):
        await life.ready.wait()
    if not life.ready.is_set():
        life.kill(f"it did not start within {within_s:g} s")
        await life.gone.wait()
    if life.reason is not None and not life.started:
        cause = life.reason.error if isinstance(life.reason, Crashed) else None
        raise StartError(f"{life.cell.name} did not start: {sentence(life.reason)}") from cause


def sentence(reason: ExitReason) -> str:
    """Say why a life ended; what a supervisor says of its children is a sentence already.

    >>> sentence(Crashed(StartError("recorder did not start: crashed: ValueError()")))
    'recorder did not start: crashed: ValueError()'
    """
    if isinstance(reason, Crashed) and isinstance(reason.error, SupervisionError):
        return str(reason.error)
    return str(reason)


def ask_to_stop(life: Incarnation) -> None:
    """Ask for a clean stop and return at once; nothing happens if the life is over."""
    if life.reason is None:
        life.cell.state = ChildState.STOPPING
        life.cell.mailbox.put(Envelope(_ActorStop()))


async def until_gone(life: Incarnation, shutdown_s: float) -> None:
    """Wait for the end that was asked for; kill the child after `shutdown_s` seconds."""
    if life.reason is None and shutdown_s > 0:
        with trio.move_on_after(shutdown_s):
            await life.gone.wait()
    if life.reason is None:
        life.kill(f"it overran its shutdown time of {shutdown_s:g} s")
        await life.gone.wait()
