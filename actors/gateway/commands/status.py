"""`/status`: the whole tree for the owner, one line for everybody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import discord
from discord import app_commands

from actors.gateway.commands.answering import answer
from actors.gateway.commands.figures import COLOUR
from actors.gateway.commands.tree_text import health_for_members, health_line, tree_block

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.gateway.desk import Desk
    from actors.gateway.protocol import GatewayReport

DESCRIPTION = "How the bot is; its owner sees every part"


def status(desk: Desk, link: Callable[[], GatewayReport]) -> Any:
    """Make the command (its type, in discord.py, names what no caller needs)."""

    @app_commands.command(description=DESCRIPTION)
    async def status(interaction: discord.Interaction[Any]) -> None:
        await answer(interaction, draw(interaction), ephemeral=True)

    async def draw(interaction: discord.Interaction[Any]) -> discord.Embed:
        reports = desk.census()
        embed = discord.Embed(title="Status", colour=COLOUR)
        if interaction.user.id not in owners(interaction.client.application):
            embed.description = health_for_members(link(), reports)
            return embed
        embed.description = tree_block(reports)
        return embed.add_field(name="Link", value=health_line(link(), reports))

    return cast("Any", status)


def owners(application: discord.AppInfo | None) -> frozenset[int]:
    """Name those who may see the tree: the application's owner, or the members of its team."""
    if application is None:
        return frozenset()
    team = application.team
    if team is None:
        return frozenset({application.owner.id})
    accepted = discord.TeamMembershipState.accepted
    return frozenset(each.id for each in team.members if each.membership_state is accepted)
