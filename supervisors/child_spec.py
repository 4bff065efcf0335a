"""Child specs: how a supervisor starts, restarts and stops one child."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors.kernel.exits import ExitReason, Stopped

if TYPE_CHECKING:
    from collections.abc import Callable

    import pykka


class Restart(enum.Enum):
    """When an exited child is started again."""

    PERMANENT = "permanent"
    """Always."""

    TRANSIENT = "transient"
    """After a crash or a kill, not after a clean stop."""

    TEMPORARY = "temporary"
    """Never."""

    def applies(self, reason: ExitReason) -> bool:
        """Tell whether a child that exited so is started again.

        >>> Restart.TRANSIENT.applies(Stopped())
        False
        """
        match self:
            case Restart.PERMANENT:
                return True
            case Restart.TRANSIENT:
                return not isinstance(reason, Stopped)
            case Restart.TEMPORARY:
                return False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """How to start, restart and stop one child."""

    id: str
    """The child's name in the tree and in addresses, such as `gateway`."""

    start: Callable[[], pykka.ActorRef[Any]]
    restart: Restart = Restart.PERMANENT
    start_s: float = 30.0
    """How long `pre_start` may take before the start counts as failed."""

    shutdown_s: float = 5.0
    """How long a clean stop may take before the child is killed."""

    mailbox_capacity: float = 1000
    """How many messages may wait before senders are refused."""

    turn_s: float = math.inf
    """How long one turn may take before the actor counts as hung and is killed."""

    significant: bool = False
    """Its clean end may end the supervisor too; see `AutoShutdown`."""

    def __post_init__(self) -> None:
        if not self.id or "/" in self.id:
            raise ValueError(f"id must be a name without '/', not {self.id!r}")
        for field in ("start_s", "shutdown_s", "mailbox_capacity", "turn_s"):
            if getattr(self, field) <= 0:
                raise ValueError(f"{field} must be more than 0, not {getattr(self, field)}")
        if self.significant and self.restart is Restart.PERMANENT:
            raise ValueError(
                f"{self.id}: a permanent child never finishes, so it can't be significant; "
                "make it transient or temporary"
            )
