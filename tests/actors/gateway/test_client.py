"""What the client makes of single payloads that the local Discord does not send."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

import pytest

from actors.gateway.client import GatewayClient
from actors.gateway.clock import CLOCK
from actors.gateway.line import Line
from actors.gateway.link import GatewaySettings
from actors.gateway.link_state import LinkState
from actors.gateway.sight import Sight
from actors.guild.protocol import MessageSeen, SightLost, VoiceChanged, VoiceSnapshot
from actors.kernel.addresses import Directory

if TYPE_CHECKING:
    from collections.abc import Callable


class Desk:
    """A client that nobody connects; frames are handed to its parsers."""

    def __init__(self) -> None:
        self.directory = Directory()
        self.directory.open("guilds", parent="", capacity=100)
        self.state = LinkState(CLOCK.now)
        sight = Sight(self.directory.pool("guilds"))
        client = GatewayClient(Line(GatewaySettings(token="t"), self.state, sight))
        connection: Any = client._connection
        connection.user = types.SimpleNamespace(id=1)
        self._parsers: dict[str, Callable[[Any], None]] = connection.parsers

    def receive(self, name: str, **payload: Any) -> None:
        self.state.frame_read()
        self._parsers[name](payload)

    def told(self, guild_id: int = 81) -> list[Any]:
        cell = self.directory.find(f"guilds/{guild_id}")
        letters = []
        while cell is not None and not cell.mailbox.empty():
            letters.append(cell.mailbox.get().message)
        return letters


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    bot = {"user": {"id": "6", "bot": True, "username": "b", "discriminator": "0", "avatar": None}}
    desk.receive(
        "GUILD_CREATE",
        id="81",
        unavailable=False,
        members=[bot | {"roles": [], "flags": 0}],
        voice_states=[{"user_id": "6", "channel_id": "7"}],
    )
    return desk


def test_a_member_that_discord_py_does_not_know_counts_like_any_other(desk: Desk) -> None:
    desk.told()
    # Without a member in the payload discord.py drops the event.
    desk.receive("VOICE_STATE_UPDATE", guild_id="81", user_id="5", channel_id="7")

    (change,) = desk.told()
    assert isinstance(change, VoiceChanged)
    assert (change.user_id, change.channel_id, change.is_bot) == (5, 7, False)


def test_a_bot_is_still_known_as_one_when_the_payload_does_not_say(desk: Desk) -> None:
    desk.told()
    desk.receive("VOICE_STATE_UPDATE", guild_id="81", user_id="6", channel_id=None)

    (change,) = desk.told()
    assert change.is_bot


@pytest.mark.parametrize(
    ("payload", "cause"),
    [
        ({"unavailable": True}, "Discord could not show the server"),
        ({}, "the bot left the server"),
    ],
)
def test_a_guild_that_discord_takes_away_is_blind(
    desk: Desk, payload: dict[str, Any], cause: str
) -> None:
    desk.receive("GUILD_DELETE", id="81", **payload)

    shown, lost = desk.told()
    assert isinstance(shown, VoiceSnapshot)
    assert lost == SightLost(since_utc=desk.state.frame_utc, cause=cause)


def test_a_guild_that_comes_back_is_shown_again(desk: Desk) -> None:
    desk.receive("GUILD_DELETE", id="81", unavailable=True)
    desk.told()
    desk.receive("GUILD_CREATE", id="81", unavailable=False)

    assert desk.told() == [VoiceSnapshot(occupants=(), at_utc=desk.state.frame_utc)]


def test_a_guild_that_is_still_unavailable_is_not_shown(desk: Desk) -> None:
    desk.receive("GUILD_CREATE", id="82", unavailable=True)

    assert desk.told(82) == []


def test_a_call_between_friends_is_nobodys_guild(desk: Desk) -> None:
    desk.told()
    desk.receive("VOICE_STATE_UPDATE", user_id="5", channel_id="7")

    assert desk.told() == []


def test_a_message_needs_none_of_discord_pys_objects(desk: Desk) -> None:
    desk.told()
    desk.receive(
        "MESSAGE_CREATE", id="1", guild_id="81", channel_id="404", author={"id": "5"}, content=""
    )

    (message,) = desk.told()
    assert isinstance(message, MessageSeen)
