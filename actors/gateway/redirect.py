"""The one place where discord.py is pointed at a server and given parts of ours.

All of it is process-wide, because discord.py has no other way.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import discord
import discord.client
import discord.gateway
import discord.http
import yarl

from actors.gateway.heart import Heart
from actors.gateway.socket import GatewaySocket, NoBackoff

if TYPE_CHECKING:
    from actors.gateway.link import GatewaySettings

DISCORD_API = discord.http.Route.BASE
DISCORD_GATEWAY = discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY


def _not_told_twice(record: logging.LogRecord) -> bool:
    # The socket says the same in one line; discord.py adds a page of traceback to it.
    return not str(record.msg).startswith("Attempting a reconnect in")


def redirect(settings: GatewaySettings) -> None:
    """Send every client that is made from now on where `settings` say; null is Discord."""
    discord.http.Route.BASE = (settings.api_url or DISCORD_API).rstrip("/")
    gateway = yarl.URL(settings.gateway_url) if settings.gateway_url else DISCORD_GATEWAY
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = gateway
    # By name in a dictionary: to a type checker each of these is a constant of its own type.
    parts: dict[str, tuple[Any, type[Any]]] = {
        "DiscordWebSocket": (discord.client, GatewaySocket),
        "KeepAliveHandler": (discord.gateway, Heart),
        "ExponentialBackoff": (discord.client, NoBackoff),
    }
    for name, (module, part) in parts.items():
        setattr(module, name, part)
    logging.getLogger("discord.client").addFilter(_not_told_twice)
    # Nobody here speaks: at each start it would tell the operator to install what is not needed.
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
