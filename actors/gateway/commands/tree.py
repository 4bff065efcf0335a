"""The tree of slash commands of one client."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from discord import app_commands
from typing_extensions import override

from actors.gateway.commands.answering import cool_down, excuse
from actors.gateway.commands.definitions import keep_known
from actors.gateway.commands.help import help_command
from actors.gateway.commands.stats import Stats
from actors.gateway.commands.status import StatusBoard, page_button, status

if TYPE_CHECKING:
    from collections.abc import Callable

    import discord

    from actors.gateway.client import GatewayClient
    from actors.gateway.desk import Desk
    from actors.gateway.protocol import GatewayReport


class Commands(app_commands.CommandTree["GatewayClient"]):
    """All commands; whatever goes wrong in one, the member hears of it."""

    @override
    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        return self.client.unanswered.begins(interaction)

    @override
    async def on_error(
        self, interaction: discord.Interaction[Any], error: app_commands.AppCommandError, /
    ) -> None:
        await excuse(interaction, error)


def install(client: GatewayClient, desk: Desk, link: Callable[[], GatewayReport]) -> Commands:
    """Give a client its commands; Discord is told of them once it is connected."""
    tree = Commands(client)
    tree.add_command(Stats(desk))
    board = StatusBoard(desk, link)
    tree.add_command(status(board))
    client.add_dynamic_items(page_button(board))
    tree.add_command(help_command(tree))
    for command in tree.walk_commands():
        if isinstance(command, app_commands.Command):
            cool_down(command)
    client.beside.append(partial(keep_known, tree))
    return tree
