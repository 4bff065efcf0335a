"""Whether Discord knows the commands as we define them, and making it so."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import aiohttp
import discord
import structlog

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from discord import app_commands

    Definition: TypeAlias = Mapping[str, Any]

RETRIES_S = (5.0, 30.0, 120.0, 600.0)
"""Pauses after failures in a row; the last goes on."""

COMPARED = (
    "choices",
    "default_member_permissions",
    "description",
    "max_value",
    "min_value",
    "name",
    "nsfw",
    "required",
    "type",
)
SERVERS_ONLY = [0]

log = structlog.get_logger(__name__)


async def keep_known(tree: app_commands.CommandTree[Any]) -> None:
    """Tell Discord the commands if it knows others; try again until that works.

    Recording does not depend on it, so a failure is logged and ends nothing.
    """
    failures = 0
    while True:
        try:
            if await _differs(tree):
                await tree.sync()
                log.info("told Discord the commands")
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            pause_s = RETRIES_S[min(failures, len(RETRIES_S) - 1)]
            failures += 1
            log.warning("Discord did not take the commands", why=str(error), next_try_s=pause_s)
            await asyncio.sleep(pause_s)
        else:
            return


async def _differs(tree: app_commands.CommandTree[Any]) -> bool:
    application_id = tree.client.application_id
    http = tree.client.http
    # fetch_commands() would make objects that lose what is compared here.
    known = await http.get_global_commands(cast("int", application_id))
    ours = [command.to_dict(tree) for command in tree.get_commands()]
    return canonical(known) != canonical(ours)


def canonical(commands: Sequence[Definition]) -> list[dict[str, Any]]:
    """Reduce definitions to what makes a difference, in one order.

    Discord adds ids and versions and leaves out what is false or empty.

    >>> canonical([{"name": "a", "id": "1", "options": [], "nsfw": False, "version": "2"}])
    [{'name': 'a', 'servers_only': False}]
    """
    return [
        {**_reduced(each), "servers_only": _servers_only(each)}
        for each in sorted(commands, key=lambda each: str(each["name"]))
    ]


def _reduced(definition: Definition) -> dict[str, Any]:
    kept = {key: definition[key] for key in COMPARED if definition.get(key)}
    options = [_reduced(option) for option in definition.get("options") or ()]
    return {**kept, "options": options} if options else kept


def _servers_only(definition: Definition) -> bool:
    return definition.get("dm_permission") is False or definition.get("contexts") == SERVERS_ONLY
