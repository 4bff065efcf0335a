"""A member uses a slash command: finds it, types its options, waits for the answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.doubles.discord import objects
from tests.doubles.discord.command_options import Filled, fill
from tests.doubles.discord.interactions import EPHEMERAL, LOADING
from tests.doubles.discord.world import Event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.doubles.discord.interactions import Interaction, Interactions
    from tests.doubles.discord.model import Guild, Json, Member
    from tests.doubles.discord.rest.commands import CommandBook
    from tests.doubles.discord.world import World

UPLOAD_BYTES = 10 * 1024 * 1024
COMMAND = 2


class CommandError(ValueError):
    """The command cannot be used like this; the text says why."""


@dataclass(frozen=True, slots=True)
class Use:
    """Who uses which command where; `command` has its subcommands: `stats top`."""

    guild_id: str
    channel_id: str
    user_id: str
    command: str
    options: Mapping[str, Any]


class Uses:
    """Lets members use the commands that the bot has synced."""

    def __init__(self, world: World, book: CommandBook, interactions: Interactions) -> None:
        self._world = world
        self._book = book
        self._interactions = interactions

    def known(self, guild_id: str) -> list[str]:
        """Name the commands that members of a guild see."""
        return self._book.names(guild_id)

    async def use(self, use: Use, wait_s: float) -> Json:
        """Send the interaction and return what the member sees within `wait_s`.

        Raises:
            CommandError: there is no such command, or its options do not fit.
            UnknownThingError: there is no such guild, channel or member.
        """
        world = self._world
        guild, member = world.guild(use.guild_id), world.member(use.guild_id, use.user_id)
        world.channel_of(use.guild_id, use.channel_id)
        command, filled = self._prepare(guild, member, use)
        interaction = self._interactions.begin(use.channel_id, member, " ".join(filled.path))
        sent = envelope(world, guild, interaction, COMMAND, _data(command, filled))
        world.publish(Event("INTERACTION_CREATE", sent, guild.id))
        try:
            async with asyncio.timeout(wait_s):
                await interaction.seen.wait()
        except TimeoutError:
            interaction.errors.append(_silence(interaction, wait_s))
        self._tell(guild, interaction)
        return seen(interaction)

    def _prepare(self, guild: Guild, member: Member, use: Use) -> tuple[Json, Filled]:
        path = use.command.removeprefix("/").split()
        command = self._book.find(guild.id, path[0]) if path else None
        if command is None:
            known = ", ".join(f"/{name}" for name in self._book.names(guild.id)) or "none"
            raise CommandError(f"{guild.name} has no command /{use.command}; it has {known}")
        permissions = command.get("default_member_permissions")
        if permissions is not None and member.user.id != guild.owner_id:
            missing = int(permissions) & ~objects.EVERYONE
            if missing or permissions == "0":
                raise CommandError(
                    f"{member.name} does not see /{use.command}: no permission for it"
                )
        return command, fill(self._world, guild, command, path, use.options)

    def _tell(self, guild: Guild, interaction: Interaction) -> None:
        after = interaction.seen_after_s
        end = "no answer" if after is None else f"answered in {after:.2f} s"
        who = interaction.member.name
        self._world.feed.tell(guild.name, f"{who} used /{interaction.command}: {end}")


def _data(command: Json, filled: Filled) -> Json:
    data: Json = {"id": command["id"], "name": command["name"], "type": command["type"]}
    data["options"] = filled.options
    if filled.resolved:
        data["resolved"] = filled.resolved
    if "guild_id" in command:
        data["guild_id"] = command["guild_id"]
    return data


def envelope(world: World, guild: Guild, interaction: Interaction, kind: int, data: Json) -> Json:
    """Return the event of an interaction of any kind."""
    member = interaction.member
    owner = member.user.id == guild.owner_id
    permissions = str(objects.ALL if owner else objects.EVERYONE)
    return {
        "id": interaction.id,
        "application_id": world.application_id,
        "type": kind,
        "token": interaction.token,
        "version": 1,
        "guild_id": guild.id,
        "guild": {"id": guild.id, "locale": "en-US", "features": []},
        "guild_locale": "en-US",
        "channel_id": interaction.channel_id,
        "channel": objects.channel(world.channels[interaction.channel_id])
        | {"permissions": permissions},
        "member": objects.member(member) | {"permissions": permissions},
        "app_permissions": str(objects.EVERYONE),
        "locale": "en-US",
        "entitlements": [],
        "authorizing_integration_owners": {"0": guild.id},
        "context": 0,
        "attachment_size_limit": UPLOAD_BYTES,
        "data": data,
    }


def _silence(interaction: Interaction, wait_s: float) -> str:
    if interaction.answered:
        return f"the bot said that it is thinking, and then nothing within {wait_s:g} s"
    return f"the bot gave no answer within {wait_s:g} s"


def seen(interaction: Interaction) -> Json:
    """Return what the member sees of an interaction."""
    result: Json = {
        "answered": interaction.seen_after_s is not None,
        "after_s": interaction.seen_after_s,
        "messages": [
            {
                "id": message["id"],
                "content": message["content"],
                "embeds": message["embeds"],
                "components": message["components"],
                "attachments": message["attachments"],
                "flags": message["flags"],
                "ephemeral": bool(message["flags"] & EPHEMERAL),
            }
            for message in interaction.messages.values()
            if not message["flags"] & LOADING
        ],
        "errors": list(interaction.errors),
    }
    if interaction.modal is not None:
        result["modal"] = interaction.modal
    return result
