"""Sampling how long turns take, and finding turns that never end.

Neither costs a turn anything while nobody looks: times are taken of a few actors
for a moment each, and a turn that hangs is seen by looking twice.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import trio

from actors.kernel.crossing import Home
from actors.kernel.lens import lens_of

if TYPE_CHECKING:
    from actors.kernel.addresses import Directory
    from actors.kernel.cell import Cell
    from actors.kernel.incarnation import Incarnation

CELLS_A_SLICE = 1000
"""Actors that are looked at before other Trio tasks have their turn."""

ACTORS_AT_ONCE = 50
TURNS_EACH = 16
"""Turns that are timed of one actor before others have their turn at it."""


class Sampler:
    """Times some turns of some actors, all of them in rotation."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._at = 0
        self._out: list[_Sample] = []

    def move_on(self) -> None:
        """Take the samples from where they are and put them before the next actors."""
        self.end()
        cells = self._directory.cells()
        chosen = (cells[self._at :] + cells[: self._at])[:ACTORS_AT_ONCE]
        self._at = (self._at + ACTORS_AT_ONCE) % max(1, len(cells))
        self._out = [_Sample(self._directory, cell) for cell in chosen if cell.incarnation]

    def end(self) -> None:
        """Time nothing any more."""
        for sample in self._out:
            sample.end()
        self._out = []


class _Sample:
    """Times the next turns of one actor."""

    def __init__(self, directory: Directory, cell: Cell) -> None:
        self._meter, self._cell, self._home = directory.meter, cell, Home()
        self._left = TURNS_EACH
        lens_of(cell).add(self._note)

    def _note(self, _message: object, took_s: float, _error: BaseException | None) -> None:
        self._left -= 1
        if self._left >= 0:
            self._meter.note(self._cell.kind, took_s)
        if self._left == 0:
            # Else a busy actor would be looked at all the time.
            self._home.call(self.end)

    def end(self) -> None:
        if self._cell.lens is not None:
            self._cell.lens.remove(self._note)


class TurnWatch:
    """Sees which actors have been in the same turn for longer than they may."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._since: dict[str, tuple[Incarnation, int, object, float]] = {}
        """(life, turns before, message, when it was first seen) by actor."""

    async def overdue(self) -> list[tuple[Incarnation, object]]:
        """Name each life whose turn takes too long, with the message in hand."""
        now, found = trio.current_time(), list[tuple["Incarnation", object]]()
        still: dict[str, tuple[Incarnation, int, object, float]] = {}
        for number, cell in enumerate(self._directory.cells()):
            if number % CELLS_A_SLICE == 0:
                await trio.lowlevel.checkpoint()
            life = cell.incarnation
            if math.isinf(cell.turn_s) or life is None or life.body is None:
                continue
            message = life.body.in_hand()
            if message is None:
                continue
            seen = self._since.get(cell.name, (None, 0, None, 0.0))
            same = seen[0] is life and seen[1] == cell.handled and seen[2] is message
            since = seen[3] if same else now
            still[cell.name] = (life, cell.handled, message, since)
            if now - since >= cell.turn_s:
                found.append((life, message))
        self._since = still
        return found
