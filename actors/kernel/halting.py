"""How an actor says that the whole program must end, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Halt:
    """The program cannot go on and no restart would heal it."""

    exit_code: int
    """As in sysexits(3), such as 77 for a refused token."""

    sentence: str
    """One sentence for the operator: what is wrong and what to do next."""


HaltProgram: TypeAlias = Callable[[Halt], None]
"""Given to the few actors that may find such a fault; it returns at once."""
