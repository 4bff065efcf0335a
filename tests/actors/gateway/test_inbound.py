from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from actors.gateway.inbound import (
    bot_in,
    message_seen,
    occupants,
    snowflake,
    voice_changed,
    voice_flags,
)
from actors.guild.protocol import MessageSeen, Occupant, VoiceChanged
from storage.rows import VoiceFlags

NOW = datetime(2026, 1, 2, tzinfo=UTC)
BEFORE = NOW - timedelta(seconds=3)


def voice(**changes: Any) -> dict[str, Any]:
    """A voice state as Discord sends it."""
    return {
        "guild_id": "81",
        "channel_id": "7",
        "user_id": "5",
        "member": {"user": {"id": "5", "username": "ann"}, "roles": [], "flags": 0},
        "session_id": "s",
        "deaf": False,
        "mute": False,
        "self_deaf": False,
        "self_mute": False,
        "self_video": False,
        "suppress": False,
        "request_to_speak_timestamp": None,
    } | changes


def test_a_voice_state_becomes_a_change() -> None:
    change = voice_changed(voice(), is_bot=False, at_utc=NOW, earliest_utc=BEFORE)

    assert change == VoiceChanged(
        user_id=5,
        is_bot=False,
        channel_id=7,
        flags=VoiceFlags.NONE,
        at_utc=NOW,
        earliest_utc=BEFORE,
    )


def test_a_voice_state_without_a_channel_is_a_leave() -> None:
    change = voice_changed(voice(channel_id=None), is_bot=False, at_utc=NOW, earliest_utc=NOW)

    assert change.channel_id is None


@pytest.mark.parametrize(
    ("key", "flag"),
    [
        ("self_mute", VoiceFlags.SELF_MUTE),
        ("self_deaf", VoiceFlags.SELF_DEAF),
        ("mute", VoiceFlags.MUTE),
        ("deaf", VoiceFlags.DEAF),
        ("self_stream", VoiceFlags.STREAM),
        ("self_video", VoiceFlags.VIDEO),
        ("suppress", VoiceFlags.SUPPRESS),
    ],
)
def test_each_flag_is_read_alone_and_with_the_others(key: str, flag: VoiceFlags) -> None:
    everything = dict.fromkeys(
        ("self_mute", "self_deaf", "mute", "deaf", "self_stream", "self_video", "suppress"), True
    )

    assert voice_flags(voice(**{key: True})) == flag
    assert voice_flags(everything | {key: False}) == VoiceFlags(127) ^ flag


@pytest.mark.parametrize(
    ("user", "is_bot"), [({"id": "5"}, False), ({"id": "5", "bot": True}, True)]
)
def test_the_member_says_whether_it_is_a_bot(user: dict[str, Any], is_bot: bool) -> None:
    assert bot_in(voice(member={"user": user})) is is_bot


def test_without_a_member_nobody_knows_whether_it_is_a_bot() -> None:
    state = voice()
    del state["member"]

    assert bot_in(state) is None


@pytest.mark.parametrize("missing", ["user_id", "channel_id"])
def test_a_voice_state_that_cannot_be_read_is_an_error(missing: str) -> None:
    state = voice()
    del state[missing]

    with pytest.raises(KeyError, match=missing):
        voice_changed(state, is_bot=False, at_utc=NOW, earliest_utc=NOW)


def test_a_guild_shows_who_is_in_voice_and_who_of_them_is_a_bot() -> None:
    guild = {
        "id": "81",
        "members": [{"user": {"id": "5"}}, {"user": {"id": "6", "bot": True}}],
        "voice_states": [
            {"user_id": "5", "channel_id": "7", "self_mute": True},
            {"user_id": "6", "channel_id": "7"},
            {"user_id": "9", "channel_id": None},
        ],
    }

    assert occupants(guild) == (
        Occupant(user_id=5, is_bot=False, channel_id=7, flags=VoiceFlags.SELF_MUTE),
        Occupant(user_id=6, is_bot=True, channel_id=7, flags=VoiceFlags.NONE),
    )
    assert occupants({"id": "81"}) == ()


def written(**changes: Any) -> dict[str, Any]:
    return {
        "id": "1",
        "channel_id": "3",
        "guild_id": "81",
        "type": 0,
        "author": {"id": "5"},
        "content": "hello",
    } | changes


def test_a_message_is_seen_and_its_text_is_only_measured() -> None:
    assert message_seen(written(), at_utc=NOW) == MessageSeen(
        user_id=5, is_bot=False, channel_id=3, message_id=1, length=5, at_utc=NOW
    )


@pytest.mark.parametrize(
    "by_bot", [{"author": {"id": "5", "bot": True}}, {"webhook_id": "5"}], ids=["bot", "webhook"]
)
def test_what_a_program_wrote_is_marked(by_bot: dict[str, Any]) -> None:
    message = message_seen(written(**by_bot), at_utc=NOW)

    assert message is not None
    assert message.is_bot


@pytest.mark.parametrize(("kind", "counts"), [(0, True), (19, True), (7, False), (8, False)])
def test_notices_are_not_what_members_wrote(kind: int, counts: bool) -> None:
    assert (message_seen(written(type=kind), at_utc=NOW) is not None) == counts


def test_a_direct_message_belongs_to_no_guild() -> None:
    message = written()
    del message["guild_id"]

    assert message_seen(message, at_utc=NOW) is None


@pytest.mark.parametrize("told", ["0", "-5", str(2**64), "abc", None])
def test_what_is_no_id_is_refused_before_anybody_stores_it(told: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        snowflake(told)
    assert snowflake(str(2**64 - 1)) == 2**64 - 1
