"""What the slash commands need from the rest of the bot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.analyst.protocol import AnalystMessage
    from actors.kernel.addresses import Address
    from actors.kernel.system import ActorReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Whom the commands ask; all of it is passed in where the tree is built."""

    analyst: Address[AnalystMessage]
    census: Callable[[], tuple[ActorReport, ...]]
    """The whole tree, parents first."""
