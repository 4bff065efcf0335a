"""What every contestant shares: how much of each work, how it is timed, how it is told."""

from __future__ import annotations

import argparse
import gc
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 100
"""How often a short work is done; the figure of a process is the best of them.

Each lasts a millisecond or two, so that on a busy machine some are not interrupted at all.
"""

LONG_ROUNDS = 10

now = time.perf_counter


class Amounts:
    """How many messages, hops, actors and crashes; less of each for a quick run."""

    def __init__(self, share: float) -> None:
        self.rounds = max(5, int(ROUNDS * share))
        self.long_rounds = max(2, int(LONG_ROUNDS * share))
        self.tells = 2_000
        self.asks = 100
        self.ring = 1_000
        self.hops = 1_000
        self.actors = 50
        self.idle = int(10_000 * share)
        self.threads = int(1_000 * share)
        self.crashes = int(500 * share)
        self.crowd = 1_000
        self.alive = int(100_000 * share)
        self.flood = 50_000


def amounts() -> Amounts:
    """Read `--share` from the command line of a contestant."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--share", type=float, default=1.0)
    return Amounts(parser.parse_args().share)


def best_of(work: Callable[[], float], rounds: int) -> float:
    """Do a work that says how many seconds it took; return the least."""
    took = list[float]()
    gc.collect()
    for _ in range(rounds):
        took.append(work())
    return min(took)


def timed(work: Callable[[], object]) -> float:
    """Seconds that a work takes."""
    began = now()
    work()
    return now() - began


def percentile(values: list[float], part: float) -> float:
    """Return the value below which `part` of all lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def resident_bytes() -> int:
    """Return what this process holds in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def burn() -> None:
    """Work for about 2 µs."""
    for _ in range(40):
        pass


def tell_result(figures: dict[str, float]) -> None:
    """Hand the figures of this process to whoever started it."""
    print(json.dumps(figures))
