"""System messages and reports: what any actor may ask of its supervisor."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.kernel.messages import Request

if TYPE_CHECKING:
    from actors.kernel.exits import ExitReason


class ChildState(enum.Enum):
    """Where one actor is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"
    """It crashed and its supervisor lets the backoff pass before it starts again."""

    STOPPING = "stopping"
    STOPPED = "stopped"
    SUSPENDED = "suspended"
    """It runs, and an operator has it leave its mail alone; only reports say so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorReport:
    """One line of the tree, as the status pages show it."""

    name: str
    """The path in addresses, such as `guilds/81`."""

    parent: str
    """The name of its supervisor, empty for the root."""

    kind: str
    """The class, such as `GuildActor`."""

    state: ChildState
    depth: int
    """Messages that wait in its mailbox."""

    restarts: int
    uptime_s: float
    handled: int
    last_error: str
    """One line, empty if it never crashed."""

    card: str = ""
    """The id of its last crash's card, empty if it never crashed."""


class Notice:
    """A message by which a supervisor reminds itself; lost with it, it is no dead letter."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class ActorGone:
    """A watched actor is gone for good; delivered once to each watcher."""

    name: str
    reason: ExitReason


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionEvent:
    """One thing that a supervisor saw or did."""

    supervisor: str
    child: str
    reason: str
    action: str
    """Such as `started`, `restart in 0.5 s`, `gave up`, `stopped`."""

    at_utc_s: float
    """Unix time in seconds."""

    card: str = ""
    """The id of the crash's card; empty where nothing crashed."""


@dataclass(frozen=True, slots=True)
class WhichChildren(Request[tuple[ActorReport, ...]]):
    """List the children in start order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildCount:
    """How many children a supervisor has, as OTP counts them."""

    specs: int
    """Children that it knows how to start, running or not."""

    active: int
    supervisors: int
    """Of the specs."""

    workers: int


@dataclass(frozen=True, slots=True)
class CountChildren(Request[ChildCount]):
    """Count the children by what they are and whether they run."""


class StartResult(enum.Enum):
    """What became of a `StartChild`."""

    STARTED = "started"
    RUNNING = "already running"
    REFUSED = "refused: as many children as allowed run already"


@dataclass(frozen=True, slots=True)
class StartChild(Request[StartResult]):
    """Start the child for `key`, unless it runs already."""

    key: int


@dataclass(frozen=True, slots=True)
class StopChild(Request[bool]):
    """Stop the child for `key` for good; true if it ran."""

    key: int
