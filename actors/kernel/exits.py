"""Why an actor is no longer running."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Stopped:
    """The actor was asked to stop, or finished its work, and cleaned up."""

    def __str__(self) -> str:
        return "stopped"


@dataclass(frozen=True, slots=True)
class Killed:
    """The actor was cancelled: it overran its shutdown time, or its supervisor died."""

    why: str = "its supervisor ended"

    def __str__(self) -> str:
        return f"killed: {self.why}"


@dataclass(frozen=True, slots=True)
class Crashed:
    """An exception escaped the actor."""

    error: BaseException

    def __str__(self) -> str:
        return f"crashed: {self.error!r}"


ExitReason: TypeAlias = Stopped | Killed | Crashed
