"""`/help`: every command, what it does and who may use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import discord
from discord import app_commands

from actors.gateway.commands.answering import answer
from actors.gateway.commands.figures import COLOUR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def help_command(tree: app_commands.CommandTree[Any]) -> Any:
    """Make the command that lists those of `tree`."""

    @app_commands.command(name="help", description="What this bot can do, and for whom")
    async def show(interaction: discord.Interaction[Any]) -> None:
        await answer(interaction, draw(), ephemeral=True)

    async def draw() -> discord.Embed:
        embed = discord.Embed(title="Commands", colour=COLOUR)
        for section, lines in sections(tree.get_commands()).items():
            embed.add_field(name=section, value="\n".join(lines), inline=False)
        return embed

    return cast("Any", show)


def sections(commands: Iterable[Any]) -> dict[str, list[str]]:
    """Describe the commands, grouped as members know them."""
    found: dict[str, list[str]] = {"About this bot": []}
    for command in commands:
        if isinstance(command, app_commands.Group):
            found[command.description] = [_line(each) for each in _leaves(command)]
        else:
            found["About this bot"].append(_line(command))
    return found


def _leaves(group: app_commands.Group) -> Iterator[app_commands.Command[Any, ..., Any]]:
    for command in group.walk_commands():
        if isinstance(command, app_commands.Command):
            yield command


def _line(command: app_commands.Command[Any, ..., Any]) -> str:
    options = "".join(f" `{each.name}`" for each in command.parameters)
    guild_only = (command.root_parent or command).guild_only
    who = "everyone, in a server" if guild_only else "everyone"
    return f"**/{command.qualified_name}**{options}: {command.description} ({who})"
