"""Changes in words that are pleasant to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.doubles.discord.model import Guild, Member

_WORDS = {
    ("self_mute", True): "muted the microphone",
    ("self_mute", False): "is on the microphone again",
    ("self_deaf", True): "deafened",
    ("self_deaf", False): "listens again",
    ("self_stream", True): "went live",
    ("self_stream", False): "stopped streaming",
    ("self_video", True): "turned the camera on",
    ("self_video", False): "turned the camera off",
    ("mute", True): "was muted by a moderator",
    ("mute", False): "may speak again",
    ("deaf", True): "was deafened by a moderator",
    ("deaf", False): "may listen again",
    ("suppress", True): "is in the audience",
    ("suppress", False): "is on the stage",
}


def voice_line(
    guild: Guild, member: Member, before: str | None, after: str | None, flags: Mapping[str, bool]
) -> str:
    """Say what a voice change was, such as `Mina moved from Lounge to Studio`."""
    parts = [_movement(guild, before, after)] if before != after else []
    parts += [_WORDS[flag, on] for flag, on in flags.items()]
    return f"{member.name} {' and '.join(parts) or 'did nothing new'}"


def _movement(guild: Guild, before: str | None, after: str | None) -> str:
    def name(channel_id: str) -> str:
        return guild.channels[channel_id].name

    if before is None:
        assert after is not None
        return f"joined {name(after)}"
    if after is None:
        return f"left {name(before)}"
    return f"moved from {name(before)} to {name(after)}"
