"""The storage part of the tree, alive in a test."""

from __future__ import annotations

import contextlib
import math
from functools import partial
from typing import TYPE_CHECKING, Any

import trio

from actors.analyst.actor import AnalystActor
from actors.kernel.addresses import Directory
from actors.recorder.actor import RecorderActor
from actors.snapshots.actor import SnapshotsActor
from storage.database import open_read_only
from supervisors.child_spec import ChildSpec
from supervisors.intensity import Backoff, RestartIntensity
from supervisors.lives import ask_to_stop, launch, until_gone, until_ready
from supervisors.strategy import Strategy
from supervisors.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from actors.kernel.halting import HaltProgram
    from actors.kernel.system import SupervisionEvent

WAIT_S = 10


@contextlib.asynccontextmanager
async def storage(
    file: Path, *, readers: bool = False, halt: HaltProgram | None = None
) -> AsyncIterator[Directory]:
    """Run the recorder, and its two readers if asked, under their supervisor."""
    directory = Directory()
    children = [
        ChildSpec(
            id="recorder",
            start=partial(RecorderActor.start, file, halt=halt),
            mailbox_capacity=math.inf,
        )
    ]
    if readers:
        children += [
            ChildSpec(id="analyst", start=partial(AnalystActor.start, file)),
            ChildSpec(
                id="snapshots",
                start=partial(SnapshotsActor.start, file, file.parent / "snapshots"),
            ),
        ]
    start = partial(
        Supervisor.start,
        children,
        strategy=Strategy.REST_FOR_ONE,
        intensity=RestartIntensity(1000, 1),
        backoff=Backoff(base_s=0.001, cap_s=0.01),
    )
    async with trio.open_nursery() as nursery:
        cell = directory.open("storage", parent="", capacity=math.inf)
        life = launch(cell, start, directory, nursery, lambda _life, _reason: None)
        await until_ready(life, WAIT_S)
        try:
            yield directory
        finally:
            with trio.CancelScope(shield=True):
                ask_to_stop(life)
                await until_gone(life, WAIT_S)


async def crash(directory: Directory, name: str) -> None:
    """Crash an actor, which may be in the middle of anything, and see all it took come back."""
    back = trio.Event()
    last = directory.children("storage")[-1].name

    def listen(event: SupervisionEvent) -> None:
        if event.child == last and event.action == "started":
            back.set()

    directory.supervision.append(listen)
    assert directory.crash(name)
    with trio.fail_after(WAIT_S):
        await back.wait()
    directory.supervision.remove(listen)


def table(file: Path, sql: str) -> list[tuple[Any, ...]]:
    """Read a file that nobody holds open."""
    connection = open_read_only(file)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()
