"""The link to Discord: its settings, and how long to wait between tries."""

from __future__ import annotations

from dataclasses import dataclass, field

CALM_S = 60.0
"""A life that was connected for this long owes nothing to the failures before it."""

ATTEMPTS_PER_LIFE = 9
"""Connections in a row that lead to no session before the life ends and a new one begins.

A resumed session misses nothing, so it is worth the minute that they take.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """Where Discord is and how patient we are with it. Times in seconds."""

    token: str = field(repr=False)
    api_url: str | None = None
    """Such as `http://127.0.0.1:8080/api/v10`; null is Discord itself."""

    gateway_url: str | None = None
    ready_timeout_s: float = 2.0
    """Discord shows its guilds one by one; this long after the last, all have been shown."""

    identify_pause_s: float = 5.0
    """Discord wants this much between two new sessions."""

    first_tries_s: tuple[float, ...] = (5, 10, 20, 30, 30)
    """Pauses after the first failures in a row."""

    slow_try_s: float = 60.0
    """The pause after each further one, with an alarm in the log."""

    probe_s: float = 5.0
    """A quiet connection is asked for a sign of life this often."""

    silence_s: float = 30.0
    """A connection that gives no sign for so long is given up and resumed."""

    close_s: float = 2.0
    """How long closing may take before it is left to itself."""


@dataclass(slots=True)
class Patience:
    """How long to wait after each failed life; failures in a row are counted."""

    first_tries_s: tuple[float, ...]
    slow_try_s: float
    failures: int = 0
    _forgiven: bool = False

    @property
    def alarming(self) -> bool:
        """Whether the first tries are used up."""
        return self.failures > len(self.first_tries_s)

    def pause_s(self, worked_s: float | None) -> float:
        """Count a failure and name the pause before the next life.

        `worked_s` is how long the failed life was connected, null if it never was. One that
        worked is followed by the next at once, the first time: one frame may have ended it.

        >>> patience = Patience((5, 10), 60)
        >>> [patience.pause_s(None) for _ in range(4)]
        [5, 10, 60, 60]
        >>> patience.pause_s(worked_s=3600), patience.pause_s(worked_s=1)
        (0, 5)
        """
        if worked_s is not None and (worked_s >= CALM_S or not self._forgiven):
            self._forgiven, self.failures = True, 0
            return 0
        self.failures += 1
        return self.slow_try_s if self.alarming else self.first_tries_s[self.failures - 1]


def pause_before_attempt_s(attempts: int) -> float:
    """Seconds to wait before a connection, when so many before it led to no session.

    A server that hangs up on each resume would otherwise be asked hundreds of times a second.

    >>> [pause_before_attempt_s(n) for n in range(6)]
    [0.0, 0.0, 0.5, 1.0, 2.0, 4.0]
    """
    return min(2.0 ** (attempts - 3), 30.0) if attempts > 1 else 0.0
