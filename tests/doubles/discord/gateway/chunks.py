"""Answers to a request for guild members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.doubles.discord import objects
from tests.doubles.discord.gateway.intents import GUILD_MEMBERS
from tests.doubles.discord.world import Event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.doubles.discord.model import Guild, Json, Member
    from tests.doubles.discord.world import World

CHUNK = 1000
WITHOUT_INTENT = 100


def member_chunks(world: World, intents: int, data: Mapping[str, Any]) -> list[Event]:
    """Return GUILD_MEMBERS_CHUNK events that answer an op 8.

    Raises:
        UnknownThingError: there is no such guild.
        KeyError, TypeError, ValueError: the request is malformed.
    """
    guild = world.guild(str(data["guild_id"]))
    found, missing = _found(guild, data)
    limit = int(data.get("limit") or 0)
    if "user_ids" not in data and not intents & GUILD_MEMBERS:
        # The whole list, or a prefix without end, needs the members intent.
        found = found[:WITHOUT_INTENT] if data.get("query") and limit else []
    if limit:
        found = found[:limit]
    parts = [found[i : i + CHUNK] for i in range(0, len(found), CHUNK)] or [[]]
    return [
        _chunk(guild, part, number, len(parts), missing, asked=data)
        for number, part in enumerate(parts)
    ]


def _found(guild: Guild, data: Mapping[str, Any]) -> tuple[list[Member], list[str]]:
    if "user_ids" in data:
        asked = data["user_ids"]
        wanted = [str(each) for each in (asked if isinstance(asked, list) else [asked])]
        found = [guild.members[each] for each in wanted if each in guild.members]
        return found, [each for each in wanted if each not in guild.members]
    start = str(data["query"]).lower()
    return [
        member
        for member in guild.members.values()
        if member.user.username.startswith(start) or member.name.lower().startswith(start)
    ], []


def _chunk(
    guild: Guild,
    part: list[Member],
    number: int,
    count: int,
    missing: list[str],
    *,
    asked: Mapping[str, Any],
) -> Event:
    data: Json = {
        "guild_id": guild.id,
        "members": [objects.member(member) for member in part],
        "chunk_index": number,
        "chunk_count": count,
        "not_found": missing,
    }
    if asked.get("presences"):
        data["presences"] = []
    if asked.get("nonce") is not None:
        data["nonce"] = asked["nonce"]
    return Event("GUILD_MEMBERS_CHUNK", data, guild.id)
