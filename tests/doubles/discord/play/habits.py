"""What people do next: pure choices, made from a random generator."""

from __future__ import annotations

import enum
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

    from tests.doubles.discord.model import Channel, Guild, Voice


class Impulse(enum.Enum):
    """Something that a guild comes up with."""

    JOIN = "join"
    VISIT = "join and leave at once"
    MOVE = "move"
    IDLE = "go to the AFK channel"
    FLAG = "mute, deafen, stream or turn the camera on, or undo it"
    SPEAK = "take or leave the stage"
    SAY = "write"
    COMMAND = "use a slash command"
    BOT = "another bot comes or goes"


_WEIGHTS = {
    Impulse.JOIN: 30,
    Impulse.VISIT: 3,
    Impulse.MOVE: 14,
    Impulse.IDLE: 2,
    Impulse.FLAG: 20,
    Impulse.SPEAK: 2,
    Impulse.SAY: 20,
    Impulse.COMMAND: 4,
    Impulse.BOT: 5,
}
_FLAGS = {"self_mute": 10, "self_deaf": 3, "self_stream": 3, "self_video": 2}
_FULL_HOUSE = 0.6

WAVE_S = 180.0
"""An evening, from quiet to lively to quiet, at speed 1x."""


def impulse(chance: random.Random, guild: Guild) -> Impulse:
    """Choose what happens next in a guild; a full house invites fewer to join."""
    weights = dict(_WEIGHTS)
    crowded = len(guild.voice) / max(1, len(guild.members))
    if crowded > _FULL_HOUSE:
        weights[Impulse.JOIN] = 3
    return chance.choices(list(weights), list(weights.values()))[0]


def flag(chance: random.Random) -> str:
    return chance.choices(list(_FLAGS), list(_FLAGS.values()))[0]


def liveliness(elapsed_s: float) -> float:
    """Return how much happens now against the average, 0.4 to 1.6.

    >>> round(liveliness(0), 1), round(liveliness(WAVE_S / 2), 1)
    (0.4, 1.6)
    """
    return 1 - 0.6 * math.cos(2 * math.pi * elapsed_s / WAVE_S)


def stay_s(chance: random.Random) -> float:
    """Return how long someone stays: mostly a while, often briefly, sometimes for hours."""
    return chance.choices(
        [chance.uniform(4, 15), chance.uniform(20, 90), chance.uniform(120, 600)], [3, 5, 2]
    )[0]


def room(chance: random.Random, guild: Guild, leaving: str | None = None) -> Channel:
    """Choose a voice channel: people go where people are, and not to the AFK channel."""
    rooms = [r for r in guild.spoken() if r.id not in (leaving, guild.afk_channel_id)]
    heads = [1 + 2 * sum(v.channel_id == r.id for v in guild.voice.values()) for r in rooms]
    return chance.choices(rooms, heads)[0]


def companions(chance: random.Random, guild: Guild, user_id: str) -> list[str]:
    """Choose who follows someone into a channel: friends are those next in the list."""
    if chance.random() > 0.35:
        return []
    people = [i for i, member in guild.members.items() if not member.user.is_bot]
    place = people.index(user_id)
    near = [people[(place + step) % len(people)] for step in range(1, chance.choice((2, 2, 3, 4)))]
    return [each for each in near if each not in guild.voice and each != user_id]


def toggled(state: Voice, name: str) -> dict[str, bool]:
    """Return the flags that a press of one button changes; deafening mutes as well."""
    on = not getattr(state, name)
    return {"self_deaf": on, "self_mute": on} if name == "self_deaf" else {name: on}
