"""Discord's JSON objects, with every field that its description of them requires."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.doubles.discord.model import ChannelType

if TYPE_CHECKING:
    from tests.doubles.discord.model import Channel, Json, Member, User, Voice

_EVERYONES_BITS = {
    "create invites": 0,
    "react": 6,
    "stream": 9,
    "see channels": 10,
    "write": 11,
    "embed links": 14,
    "attach files": 15,
    "read history": 16,
    "use other emoji": 18,
    "connect": 20,
    "speak": 21,
    "speak by voice activity": 25,
    "change the own nickname": 26,
    "use commands": 31,
    "ask to speak": 32,
}
EVERYONE = sum(1 << bit for bit in _EVERYONES_BITS.values())
"""What @everyone may do."""

ALL = (1 << 53) - 1
"""What the owner may do."""


def user(who: User) -> Json:
    return {
        "id": who.id,
        "username": who.username,
        "discriminator": "0000" if who.is_bot else "0",
        "global_name": None if who.is_bot else who.name,
        "avatar": None,
        "avatar_decoration_data": None,
        "banner": None,
        "accent_color": None,
        "collectibles": None,
        "bot": who.is_bot,
        "system": False,
        "public_flags": 0,
        "flags": 0,
        "primary_guild": None,
    }


def own_user(who: User) -> Json:
    """Return the bot's own account, as the bot sees it."""
    return {
        **user(who),
        "verified": True,
        "mfa_enabled": True,
        "locale": "en-US",
        "email": None,
        "bio": "",
    }


def member_fields(member: Member) -> Json:
    """Return a member without its user, as messages carry it."""
    return {
        "roles": [],
        "nick": member.nick,
        "avatar": None,
        "banner": None,
        "joined_at": member.joined_at,
        "premium_since": None,
        "communication_disabled_until": None,
        "pending": False,
        "mute": member.mute,
        "deaf": member.deaf,
        "flags": 0,
    }


def member(who: Member) -> Json:
    return {"user": user(who.user), **member_fields(who)}


def channel(what: Channel) -> Json:
    common: Json = {"id": what.id, "type": int(what.type), "flags": 0, "last_message_id": None}
    if what.recipient is not None:
        return {**common, "recipients": [user(what.recipient)]}
    common |= {
        "guild_id": what.guild_id,
        "name": what.name,
        "position": what.position,
        "parent_id": None,
        "permission_overwrites": [],
        "rate_limit_per_user": 0,
        "nsfw": False,
    }
    if what.type is ChannelType.TEXT:
        return {**common, "topic": None, "default_auto_archive_duration": 1440}
    return {
        **common,
        "bitrate": 64000,
        "user_limit": 0,
        "rtc_region": None,
        "video_quality_mode": 1,
        "topic": None,
    }


def everyone(guild_id: str) -> Json:
    return {
        "id": guild_id,
        "name": "@everyone",
        "permissions": str(EVERYONE),
        "position": 0,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": False,
        "mentionable": False,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }


def voice_state(guild_id: str, who: Member, state: Voice) -> Json:
    """Return a voice state without its member."""
    return {
        "guild_id": guild_id,
        "channel_id": state.channel_id,
        "user_id": who.user.id,
        "session_id": state.session_id,
        "deaf": who.deaf,
        "mute": who.mute,
        "self_deaf": state.self_deaf,
        "self_mute": state.self_mute,
        "self_stream": state.self_stream,
        "self_video": state.self_video,
        "suppress": state.suppress,
        "request_to_speak_timestamp": None,
    }


def message(message_id: str, channel_id: str, author: User, written_at: str) -> Json:
    return {
        "id": message_id,
        "channel_id": channel_id,
        "type": 0,
        "author": user(author),
        "content": "",
        "timestamp": written_at,
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "components": [],
        "pinned": False,
        "flags": 0,
    }
