"""What Discord sends, turned into what a guild's actor understands. Pure.

The input is the payload of a dispatch as Discord sent it, because that is all there is
for a member whom discord.py has not cached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from actors.guild.protocol import MessageSeen, Occupant, VoiceChanged
from storage.rows import VoiceFlags

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    Payload: TypeAlias = Mapping[str, Any]

# Made beforehand: to join two flags takes longer than all the rest of an event.
_FLAGS = tuple(VoiceFlags(bits) for bits in range(128))

TOO_BIG = 2**64

WRITTEN_BY_MEMBERS = frozenset({0, 19})
"""Types of messages that somebody wrote: plain ones and replies. The others are notices."""


def snowflake(told: str | int) -> int:
    """Read an id; the ledger has room for what Discord gives out, and for nothing else.

    Raises:
        ValueError: it is no id.

    >>> snowflake("81")
    81
    """
    number = int(told)
    if not 0 < number < TOO_BIG:
        raise ValueError(f"an id is between 1 and 2**64 - 1, not {number}")
    return number


def voice_flags(state: Payload) -> VoiceFlags:
    """Read mute, deaf, stream, camera and audience from a voice state.

    >>> voice_flags({"self_mute": True, "suppress": True})
    <VoiceFlags.SELF_MUTE|SUPPRESS: 65>
    """
    get = state.get
    return _FLAGS[
        (1 if get("self_mute") else 0)
        | (2 if get("self_deaf") else 0)
        | (4 if get("mute") else 0)
        | (8 if get("deaf") else 0)
        | (16 if get("self_stream") else 0)
        | (32 if get("self_video") else 0)
        | (64 if get("suppress") else 0)
    ]


def bot_in(state: Payload) -> bool | None:
    """Tell whether the member of a voice state is a bot; null if the payload does not say."""
    member = state.get("member")
    return None if member is None else bool(member["user"].get("bot"))


def voice_changed(
    state: Payload, *, is_bot: bool, at_utc: datetime, earliest_utc: datetime
) -> VoiceChanged:
    """Read a VOICE_STATE_UPDATE."""
    channel_id = state["channel_id"]
    return VoiceChanged(
        user_id=snowflake(state["user_id"]),
        is_bot=is_bot,
        channel_id=None if channel_id is None else snowflake(channel_id),
        flags=voice_flags(state),
        at_utc=at_utc,
        earliest_utc=earliest_utc,
    )


def occupants(guild: Payload) -> tuple[Occupant, ...]:
    """Read who is in voice from a GUILD_CREATE.

    Its voice states lack the member; who is a bot stands in its list of members, which
    holds at least everybody who is in voice.
    """
    bots = {
        member["user"]["id"] for member in guild.get("members", ()) if member["user"].get("bot")
    }
    return tuple(
        Occupant(
            user_id=snowflake(state["user_id"]),
            is_bot=state["user_id"] in bots,
            channel_id=snowflake(state["channel_id"]),
            flags=voice_flags(state),
        )
        for state in guild.get("voice_states", ())
        if state.get("channel_id") is not None
    )


def message_seen(message: Payload, *, at_utc: datetime) -> MessageSeen | None:
    """Read a MESSAGE_CREATE; null for what no member wrote in a server.

    Without the message content intent Discord sends the text only where it mentions the bot
    or is its own, so `length` is mostly 0.
    """
    if "guild_id" not in message or message.get("type", 0) not in WRITTEN_BY_MEMBERS:
        return None
    author = message["author"]
    return MessageSeen(
        user_id=snowflake(author["id"]),
        is_bot=bool(author.get("bot")) or "webhook_id" in message,
        channel_id=snowflake(message["channel_id"]),
        message_id=snowflake(message["id"]),
        length=len(message.get("content", "")),
        at_utc=at_utc,
    )
