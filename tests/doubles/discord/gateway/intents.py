"""Which events a session asked for, and what it may read in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.doubles.discord.tuning import PRIVILEGED

if TYPE_CHECKING:
    from tests.doubles.discord.world import Event

GUILDS: Final = 1 << 0
GUILD_MEMBERS: Final = 1 << 1
GUILD_VOICE_STATES: Final = 1 << 7
GUILD_PRESENCES: Final = 1 << 8
GUILD_MESSAGES: Final = 1 << 9
DIRECT_MESSAGES: Final = 1 << 12
MESSAGE_CONTENT: Final = 1 << 15
KNOWN: Final = 0b11_0011_0001_1111_1111_1111_1111
"""Every intent that Discord has given a meaning."""

_OF_EVENT: Final = {
    "GUILD_CREATE": GUILDS,
    "CHANNEL_CREATE": GUILDS,
    "VOICE_STATE_UPDATE": GUILD_VOICE_STATES,
    "GUILD_MEMBER_UPDATE": GUILD_MEMBERS,
}
_MESSAGES: Final = frozenset({"MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE"})
_WRITTEN: Final = ("MESSAGE_CREATE", "MESSAGE_UPDATE")
_FLAGS: Final = {"presences": 1 << 12, "members": 1 << 14, "message_content": 1 << 18}


def needed(event: Event) -> int:
    """Return the intent bit that `event` needs; 0 when it is sent to everyone."""
    if event.name in _MESSAGES:
        return DIRECT_MESSAGES if event.guild_id is None else GUILD_MESSAGES
    return _OF_EVENT.get(event.name, 0)


def hides_content(event: Event, intents: int, bot_id: str) -> bool:
    """Tell whether the words of a message must not reach a session with these intents."""
    if event.name not in _WRITTEN or event.guild_id is None or intents & MESSAGE_CONTENT:
        return False
    mentioned = any(user["id"] == bot_id for user in event.data["mentions"])
    return not mentioned and event.data["author"]["id"] != bot_id


def without_content(event: Event) -> dict[str, object]:
    """Return a message as a session without the message-content intent sees it."""
    return event.data | {"content": "", "embeds": [], "attachments": [], "components": []}


def application_flags(allowed: int) -> int:
    """Return the flags of an application that may ask for these privileged intents."""
    return sum(_FLAGS[name] for name, bit in PRIVILEGED.items() if allowed & bit)
