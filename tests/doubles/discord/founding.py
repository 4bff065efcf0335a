"""Founds a world: guilds, their channels, and who is a member where."""

from __future__ import annotations

import random
import re
import unicodedata
from typing import TYPE_CHECKING

from tests.doubles.discord import cast
from tests.doubles.discord.ids import FOUNDED_MS, Snowflakes, iso
from tests.doubles.discord.model import Channel, Guild, Member, User
from tests.doubles.discord.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable

_DAY_S = 86_400
ALSO_ELSEWHERE = 0.25
"""Which share of the people is a member of a second guild."""


def found(*, seed: int, guilds: int, people: int) -> World:
    """Make a world of `guilds` guilds and `people` people; the same seed gives the same one."""
    ids, chance = Snowflakes(seed), random.Random(seed)
    application_id = ids.founded()
    bot = User(application_id, "bulkhead", "Bulkhead", is_bot=True)
    owner = User(ids.founded(), _handle(cast.OWNER), cast.OWNER)
    world = World(ids=ids, bot=bot, owner=owner, application_id=application_id)
    others = [User(ids.founded(), _handle(n), n, is_bot=True) for n in cast.OTHER_BOTS]
    for number in range(guilds):
        _join(world, chance, _guild(world, number), [owner, bot, *others])
    homes = list(world.guilds.values())
    for number in range(people):
        name = cast.person_name(number)
        person = User(ids.founded(), _handle(name), name)
        _join(world, chance, homes[number % guilds], [person])
        if guilds > 1 and chance.random() < ALSO_ELSEWHERE:
            _join(world, chance, homes[(number + 1) % guilds], [person])
    return world


def _handle(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", ".", plain)


def _guild(world: World, number: int) -> Guild:
    character = cast.character(number)
    guild = Guild(world.ids.founded(), cast.guild_name(number), world.owner.id, _moment(number))
    world.guilds[guild.id] = guild
    for position, (kind, name) in enumerate(character.rooms):
        room = world.add_channel(Channel(world.ids.founded(), kind, name, position, guild.id))
        if name == character.afk:
            guild.afk_channel_id = room.id
    return guild


def _join(world: World, chance: random.Random, guild: Guild, users: Iterable[User]) -> None:
    for user in users:
        world.users[user.id] = user
        guild.members[user.id] = Member(user, _moment(chance.uniform(30, 1500)))


def _moment(days: float) -> str:
    return iso(FOUNDED_MS / 1000 + days * _DAY_S)
