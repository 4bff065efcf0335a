"""The clock that stamps frames: UTC that never goes backwards while the process lives.

Two events of one connection keep their order in the ledger even when somebody sets the
computer's clock back. Where the wall clock is ahead of ours (it was set forward, or the
computer slept) we follow it at once; where it is behind, also behind what the ledger says
already, we go on at the speed of the monotonic clock until it has caught up.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDING_S = 1e-6
"""What a time of today may lose as a float."""


class SteadyClock:
    """Aware UTC, from a wall clock that may jump and a monotonic one that may not."""

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall, self._steady = wall, steady
        self._ahead_s = wall() - steady()
        """What the monotonic clock lacks to UTC, in seconds."""

    def now(self) -> datetime:
        """Return the time in UTC, never before one that was returned already."""
        steady = self._steady()
        self._ahead_s = max(self._ahead_s, self._wall() - steady)
        return datetime.fromtimestamp(steady + self._ahead_s, UTC)

    def not_before(self, newest: datetime) -> float:
        """Go on from `newest` if the time is not that far yet; return how many seconds it lacks.

        Durations stay right: no second is longer or shorter for it.
        """
        behind_s = newest.timestamp() - self.now().timestamp()
        if behind_s <= 0:
            return 0.0
        self._ahead_s += behind_s + ROUNDING_S
        return behind_s


CLOCK = SteadyClock()
"""One for the process: the next incarnation of the gateway must not go back either."""
