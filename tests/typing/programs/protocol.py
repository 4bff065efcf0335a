"""What a teller can be told, and what it can't."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from actors.kernel.messages import Request


@dataclass(frozen=True, slots=True)
class Deposit:
    """Put money in."""

    cents: int


@dataclass(frozen=True, slots=True)
class Balance(Request[int]):
    """Ask for the money that is there."""


@dataclass(frozen=True, slots=True)
class Owner(Request[str]):
    """Ask whose it is."""


TellerMessage: TypeAlias = Deposit | Balance | Owner


@dataclass(frozen=True, slots=True)
class Weather:
    """Nothing a teller knows of."""


@dataclass(frozen=True, slots=True)
class Forecast(Request[str]):
    """Nothing a teller knows of, either."""
