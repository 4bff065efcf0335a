"""What exists: people, guilds, channels, and who is in voice."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
"""A JSON object, as it goes over the wire."""


class ChannelType(enum.IntEnum):
    """The channel types that this world has."""

    TEXT = 0
    DM = 1
    VOICE = 2
    STAGE = 13


SPOKEN = frozenset({ChannelType.VOICE, ChannelType.STAGE})
"""Channels that a member can be in."""


@dataclass(frozen=True, slots=True)
class User:
    """An account; `username` is unique, `name` is what people read."""

    id: str
    username: str
    name: str
    is_bot: bool = False


@dataclass(slots=True)
class Member:
    """A user in one guild; `mute` and `deaf` are the server's."""

    user: User
    joined_at: str
    nick: str | None = None
    mute: bool = False
    deaf: bool = False

    @property
    def name(self) -> str:
        return self.nick or self.user.name


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel; a direct one has no guild and one recipient."""

    id: str
    type: ChannelType
    name: str = ""
    position: int = 0
    guild_id: str | None = None
    recipient: User | None = None

    @property
    def is_spoken(self) -> bool:
        return self.type in SPOKEN


@dataclass(slots=True)
class Voice:
    """Where a member is in voice, and what the member switched on there."""

    channel_id: str | None
    session_id: str
    self_mute: bool = False
    self_deaf: bool = False
    self_stream: bool = False
    self_video: bool = False
    suppress: bool = False


@dataclass(slots=True)
class Guild:
    """A guild with all that is in it; `voice` has only those who are in a channel."""

    id: str
    name: str
    owner_id: str
    joined_at: str
    channels: dict[str, Channel] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    voice: dict[str, Voice] = field(default_factory=dict)
    afk_channel_id: str | None = None

    def spoken(self) -> list[Channel]:
        return [channel for channel in self.channels.values() if channel.is_spoken]

    def written(self) -> list[Channel]:
        return [c for c in self.channels.values() if c.type is ChannelType.TEXT]
