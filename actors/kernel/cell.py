"""The cell: all of one actor that outlives its incarnations."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.kernel.system import ActorReport, ChildState

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from actors.kernel.incarnation import Incarnation
    from actors.kernel.lens import Lens
    from actors.kernel.mailbox import Mailbox


@dataclass(slots=True, eq=False)
class Cell:
    """One name in the tree: its mailbox and its record. Supervisors own it."""

    name: str
    parent: str
    mailbox: Mailbox
    kind: str = ""
    state: ChildState = ChildState.STARTING
    starts: int = 0
    handled: int = 0
    last_error: str = ""
    running_since: float | None = None
    """On the monotonic clock, in seconds; null while it does not run."""

    incarnation: Incarnation | None = None
    watchers: AbstractSet[str] = frozenset()
    """Who is told when this actor is gone for good."""

    watching: AbstractSet[str] = frozenset()
    """Whose watchers include this actor."""

    tried_until: int = 0
    """Positions up to this were in hand at a crash; at a second one they are quarantined."""

    supervises: bool = False
    """Whether it is a supervisor, as the last incarnation said."""

    turn_s: float = math.inf
    """How long one turn may take before the watchdog has the incarnation killed."""

    card: str = ""
    """The id of the last crash's card."""

    lens: Lens | None = None
    """Stands before the handler of every incarnation while somebody looks; see `lens`."""

    def began(self, kind: str) -> None:
        """Note that an incarnation has begun to start."""
        self.kind, self.state = kind, ChildState.STARTING
        self.starts += 1
        self.running_since = None

    def ready(self) -> None:
        """Note that the incarnation has started."""
        self.state, self.running_since = ChildState.RUNNING, time.monotonic()

    def ended(self) -> None:
        """Note that the incarnation is over."""
        self.state, self.running_since, self.incarnation = ChildState.STOPPED, None, None

    def report(self) -> ActorReport:
        """Describe the actor in one line of the tree."""
        since = self.running_since
        held = self.state is ChildState.RUNNING and self.mailbox.suspended
        return ActorReport(
            name=self.name,
            parent=self.parent,
            kind=self.kind,
            state=ChildState.SUSPENDED if held else self.state,
            depth=self.mailbox.depth(),
            restarts=max(0, self.starts - 1),
            uptime_s=0.0 if since is None else time.monotonic() - since,
            handled=self.handled,
            last_error=self.last_error,
            card=self.card,
        )
