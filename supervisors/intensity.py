"""Restart intensity and backoff: how often and how soon a child is started again."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RestartIntensity:
    """At most `max_restarts` in any `within_s` seconds; one more and the supervisor fails."""

    max_restarts: int = 3
    within_s: float = 30.0

    def __post_init__(self) -> None:
        if self.max_restarts < 0:
            raise ValueError(f"max_restarts must be 0 or more, not {self.max_restarts}")
        if self.within_s <= 0:
            raise ValueError(f"within_s must be more than 0 seconds, not {self.within_s}")

    def __str__(self) -> str:
        return f"{self.max_restarts} restarts within {self.within_s:g} s"


class RestartLedger:
    """The restarts that still count against one `RestartIntensity`."""

    def __init__(self, intensity: RestartIntensity) -> None:
        self.intensity = intensity
        # One stamp more than is allowed: the oldest of a full ring decides, in O(1).
        self._stamps: deque[float] = deque(maxlen=intensity.max_restarts + 1)

    def record(self, now: float) -> bool:
        """Note a restart at `now`; false means that the supervisor must give up.

        >>> ledger = RestartLedger(RestartIntensity(max_restarts=1, within_s=5))
        >>> [ledger.record(0), ledger.record(6), ledger.record(7)]
        [True, True, False]
        """
        self._stamps.append(now)
        full = len(self._stamps) > self.intensity.max_restarts
        return not (full and now - self._stamps[0] <= self.intensity.within_s)


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long a child waits before it starts again: nothing at first, then doubling."""

    base_s: float = 0.25
    cap_s: float = 30.0
    jitter: float = 0.2
    """A delay is drawn from (1 - jitter) to (1 + jitter) times its nominal length."""

    calm_s: float = 60.0
    """After so long without a crash, waits included, the next one counts as the first."""

    def __post_init__(self) -> None:
        if not 0 < self.base_s <= self.cap_s:
            raise ValueError(f"base_s must be above 0 and at most {self.cap_s}, not {self.base_s}")
        if not 0 <= self.jitter < 1:
            raise ValueError(f"jitter must be from 0 to below 1, not {self.jitter}")
        if self.calm_s <= self.cap_s:
            # Counted from crash to crash: a wait that long would itself pass for calm.
            raise ValueError(f"calm_s must be more than cap_s ({self.cap_s}), not {self.calm_s}")

    def nominal_s(self, crashes: int) -> float:
        """Return the delay before jitter, after so many crashes without calm between.

        >>> [Backoff().nominal_s(crashes) for crashes in (1, 2, 3, 4, 20)]
        [0.0, 0.25, 0.5, 1.0, 30.0]
        """
        if crashes <= 1:
            return 0.0
        # The exponent is bounded, or a long crash loop would overflow the float.
        return min(self.cap_s, self.base_s * 2.0 ** min(crashes - 2, 40))


_CHANCE = random.Random()  # noqa: S311 - it spreads delays and guards no secret


@dataclass(slots=True)
class CrashCount:
    """How often one child crashed since it was last calm."""

    backoff: Backoff
    crashes: int = 0
    last: float | None = None
    chance: random.Random = _CHANCE
    """Shared: a generator of its own is 2.5 KB, more than the whole child."""

    def delay_s(self, now: float) -> float:
        """Note a crash at `now` and say how long to wait before the restart."""
        if self.last is not None and now - self.last > self.backoff.calm_s:
            self.crashes = 0
        self.crashes, self.last = self.crashes + 1, now
        spread = self.backoff.jitter
        factor = self.chance.uniform(1 - spread, 1 + spread)
        return min(self.backoff.cap_s, self.backoff.nominal_s(self.crashes) * factor)
