"""The whole supervision tree, on one screen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from actors.analyst.actor import AnalystActor
from actors.gateway.actor import GatewayActor
from actors.guild.actor import GuildActor
from actors.recorder.actor import RecorderActor
from actors.snapshots.actor import SnapshotsActor
from supervisors.child_spec import ChildSpec
from supervisors.console import ConsoleActor
from supervisors.dynamic import DynamicSupervisor, Template
from supervisors.intensity import RestartIntensity
from supervisors.strategy import Strategy
from supervisors.supervisor import Supervisor
from supervisors.watchdog import WatchdogActor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    import pykka

    from actors.gateway.desk import Desk
    from actors.gateway.link import GatewaySettings
    from actors.kernel.addresses import Directory
    from actors.kernel.halting import HaltProgram
    from supervisors.sources import Sources

# Generous at the leaves and small at the root, because the levels multiply.
ROOT = RestartIntensity(max_restarts=10, within_s=60)
GROUP = RestartIntensity(max_restarts=20, within_s=60)
POOL = RestartIntensity(max_restarts=200, within_s=60)

# What a burst may leave waiting: a guild's is worked off in a second, the recorder's in ten.
GUILD_MAILBOX = 10_000
RECORDER_MAILBOX = 100_000

# What a turn can need at most, with room to spare. The recorder has no limit: it waits out a
# full disk within one.
TURN_S = 15
COPY_S = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the tree is built from: where its data is, and the doors out of it."""

    directory: Directory
    folder: Path
    """The data folder; it exists."""

    gateway: GatewaySettings
    desk: Desk
    sources: Sources
    halt: HaltProgram

    @property
    def file(self) -> Path:
        """The file of the activity ledger."""
        return self.folder / "activity.duckdb"


def root(plan: Plan) -> ChildSpec:
    """Describe the tree. Children start from top to bottom and stop from bottom to top."""
    directory = plan.directory
    guild = partial(
        GuildActor.start,
        recorder=directory.address("recorder"),
        gateway=directory.address("gateway"),
    )
    gateway = partial(
        GatewayActor.start,
        settings=plan.gateway,
        guilds=directory.pool("guilds", GUILD_MAILBOX),
        recorder=directory.address("recorder"),
        desk=plan.desk,
        halt=plan.halt,
    )
    return group(
        "root",
        Strategy.ONE_FOR_ONE,
        group(
            "storage",
            Strategy.REST_FOR_ONE,
            # The readers hold handles of the database that the recorder opened, and fall with it.
            ChildSpec(
                id="recorder",
                start=partial(RecorderActor.start, plan.file, halt=plan.halt),
                mailbox_capacity=RECORDER_MAILBOX,
            ),
            ChildSpec(id="analyst", start=partial(AnalystActor.start, plan.file), turn_s=TURN_S),
            ChildSpec(
                id="snapshots",
                start=partial(SnapshotsActor.start, plan.file, plan.folder / "snapshots"),
                turn_s=COPY_S,
            ),
        ),
        # Before Discord: the first snapshot finds its guild, and so do the last events.
        pool("guilds", Template(start=guild, mailbox_capacity=GUILD_MAILBOX, turn_s=TURN_S)),
        group(
            "discord",
            Strategy.REST_FOR_ONE,
            ChildSpec(id="gateway", start=gateway, shutdown_s=4, turn_s=TURN_S),
        ),
        ChildSpec(
            id="console",
            start=partial(ConsoleActor.start, plan.folder / "bulkhead.sock", plan.sources),
        ),
        ChildSpec(id="watchdog", start=WatchdogActor.start, turn_s=TURN_S),
        intensity=ROOT,
    )


def group(
    name: str, strategy: Strategy, *children: ChildSpec, intensity: RestartIntensity = GROUP
) -> ChildSpec:
    """Describe a supervisor of a fixed list of children."""
    start = partial(Supervisor.start, children, strategy=strategy, intensity=intensity)
    return _supervisor(name, start)


def pool(name: str, template: Template) -> ChildSpec:
    """Describe a supervisor of one child per key."""
    return _supervisor(name, partial(DynamicSupervisor.start, template, intensity=POOL))


def _supervisor(name: str, start: Callable[[], pykka.ActorRef[Any]]) -> ChildSpec:
    # A supervisor takes as long as its children may; its own mail is never refused.
    return ChildSpec(
        id=name, start=start, start_s=math.inf, shutdown_s=math.inf, mailbox_capacity=math.inf
    )
