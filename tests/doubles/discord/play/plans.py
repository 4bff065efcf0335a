"""What people mean to do later, in scenario time."""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Plans:
    """A heap of acts; `now_s` is moved on by whoever owns the clock.

    An act reports whether it still made sense: who left early does not leave again.
    """

    def __init__(self) -> None:
        self.now_s = 0.0
        self._heap: list[tuple[float, int, Callable[[], bool]]] = []
        self._order = itertools.count()

    def add(self, seconds: float, act: Callable[[], bool]) -> None:
        heapq.heappush(self._heap, (self.now_s + seconds, next(self._order), act))

    def do_one(self) -> bool:
        """Do the first act that is due and makes sense; false when there is none."""
        while self._heap and self._heap[0][0] <= self.now_s:
            if heapq.heappop(self._heap)[2]():
                return True
        return False
