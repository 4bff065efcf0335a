"""What the clients and sockets of one incarnation share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.gateway.link import GatewaySettings
    from actors.gateway.link_state import LinkState
    from actors.gateway.sight import Sight


@dataclass(frozen=True, slots=True)
class Line:
    """The line to Discord: how it is set up, how it stands, and what was told because of it."""

    settings: GatewaySettings
    state: LinkState
    sight: Sight

    def __post_init__(self) -> None:
        """Let the guilds know of it when times are no longer to be trusted."""
        self.state.on_jump = self.sight.misled
