"""How long handlers take: histograms with fixed buckets, one for each kind of actor."""

from __future__ import annotations

STEPS = 8
"""Buckets in each doubling, so that a figure is true to an eighth."""

SHORTEST_NS = 256
DOUBLINGS = 32
"""Up to some 18 minutes; what takes longer counts as that."""

_SHIFT = SHORTEST_NS.bit_length() - 1
_STEP_BITS = STEPS.bit_length() - 1
_LAST = DOUBLINGS * STEPS - 1


class Histogram:
    """Counts of times in buckets that grow with the time, as in HDR histograms.

    >>> times = Histogram()
    >>> for ms in range(1, 101):
    ...     times.note(ms / 1000)
    >>> times.count, round(times.quantile_s(0.5), 3), round(times.worst_s, 3)
    (100, 0.05, 0.1)
    """

    __slots__ = ("_buckets", "count", "total_s", "worst_s")

    def __init__(self) -> None:
        self._buckets = [0] * (_LAST + 1)
        self.count = 0
        self.total_s = 0.0
        self.worst_s = 0.0

    def note(self, seconds: float) -> None:
        """Count one time."""
        self._buckets[_bucket(int(seconds * 1e9))] += 1
        self.count += 1
        self.total_s += seconds
        self.worst_s = max(self.worst_s, seconds)

    def quantile_s(self, share: float) -> float:
        """Return the time that `share` of all stayed within, at most an eighth too long."""
        wanted, seen = share * self.count, 0
        for number, count in enumerate(self._buckets):
            seen += count
            if count and seen >= wanted:
                return min(_upper_s(number), self.worst_s)
        return 0.0


class Meter:
    """Histograms by kind of actor."""

    def __init__(self) -> None:
        self.times: dict[str, Histogram] = {}

    def note(self, kind: str, seconds: float) -> None:
        """Count the time of one turn; from any thread, where a lost count is no harm."""
        times = self.times.get(kind)
        if times is None:
            times = self.times.setdefault(kind, Histogram())
        times.note(seconds)


def _bucket(ns: int) -> int:
    """Find the bucket: the doubling, and the eighth of it.

    >>> _bucket(0), _bucket(255), _bucket(256), _bucket(288), _bucket(512), _bucket(2**60)
    (0, 0, 0, 1, 8, 255)
    """
    if ns < SHORTEST_NS:
        return 0
    doubling = ns.bit_length() - 1
    step = (ns >> (doubling - _STEP_BITS)) & (STEPS - 1)
    return min((doubling - _SHIFT) * STEPS + step, _LAST)


def _upper_s(bucket: int) -> float:
    doubling, step = divmod(bucket, STEPS)
    return (SHORTEST_NS << doubling) * (1 + (step + 1) / STEPS) / 1e9
