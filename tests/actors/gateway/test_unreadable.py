"""Frames that cannot be read, sent by the local Discord to the real client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import structlog
import trio.lowlevel

from actors.gateway import guard
from actors.gateway.clock import CLOCK
from actors.gateway.line import Line
from actors.gateway.link import GatewaySettings
from actors.gateway.link_state import LinkState
from actors.gateway.sight import Sight
from actors.guild.protocol import MessageSeen, SightLost, VoiceChanged, VoiceSnapshot
from actors.kernel.addresses import Directory
from tests.actors.gateway.stage import blind_times, has, outline, places, stage

if TYPE_CHECKING:
    from tests.actors.gateway.stage import Stage
    from tests.tree import Tree


async def voice_without(on: Stage, missing: str, member: int = 0) -> None:
    """Send the voice state of a member that lacks a key."""
    whole = {
        "guild_id": str(on.guild_id),
        "user_id": str(on.members[member]),
        "channel_id": str(on.rooms[1]),
    }
    data = {key: value for key, value in whole.items() if key != missing}
    await on.discord.do("raw", name="VOICE_STATE_UPDATE", data=data)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("MESSAGE_CREATE", {"guild_id": "81", "id": "1", "channel_id": "2"}),
        ("MESSAGE_CREATE", None),
        ("INTERACTION_CREATE", {"id": "1", "type": 2}),
        ("CHANNEL_CREATE", {"guild_id": []}),
        ("VOICE_STATE_UPDATE", {"guild_id": "999", "user_id": "5"}),
        (
            "MESSAGE_CREATE",
            {"guild_id": "81", "id": str(2**64), "channel_id": "2", "author": {"id": "3"}},
        ),
    ],
    ids=[
        "no author",
        "no object",
        "no token",
        "a wrong type",
        "a guild that nobody knows",
        "an id that no table holds",
    ],
)
async def test_a_frame_that_cannot_be_read_costs_only_itself(
    tree: Tree, name: str, data: Any
) -> None:
    async with stage(tree) as on:
        await on.open()
        await on.connected()
        on.read()
        for _ in range(3):
            await on.discord.do("raw", name=name, data=data)
        await on.voice(0, 0)
        letters = await on.hear(has(VoiceChanged))

        assert outline(letters) == ["VoiceChanged"]
        report = await on.report()
        assert (report.lives, report.resumes, report.last_trouble) == (1, 0, "")


async def test_news_of_voice_that_cannot_be_read_is_asked_for_in_a_new_session(
    tree: Tree,
) -> None:
    async with stage(tree) as on:
        await on.open()
        await on.connected()
        await on.voice(0, 0)
        await on.hear(has(VoiceChanged))
        await voice_without(on, "channel_id")
        letters = await on.hear(has(VoiceSnapshot))

        assert outline(letters) == ["SightLost", "VoiceSnapshot"]
        assert "VOICE_STATE_UPDATE, KeyError: 'channel_id'" in blind_times(letters)[0].cause
        assert places(letters) == [(on.members[0], on.rooms[0])]
        assert (await on.connected()).lives == 2


@pytest.mark.parametrize(
    ("missing", "left"), [("channel_id", [1]), ("user_id", [0, 1])], ids=["of whom", "of anybody"]
)
async def test_the_next_such_news_costs_its_guild_a_moment_and_no_other_anything(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, missing: str, left: list[int]
) -> None:
    async with stage(tree) as on:
        await on.open()
        await on.connected()
        await on.voice(0, 0)
        await on.voice(1, 0)
        await on.hear(has(VoiceChanged, 2))
        await voice_without(on, missing)
        await on.hear(has(VoiceSnapshot))
        await on.connected()
        on.read(on.guilds[1])
        await voice_without(on, missing)
        letters = await on.hear(has(VoiceSnapshot))

        assert outline(letters) == ["SightLost", "VoiceSnapshot"]
        # Whom it was about is in no channel that we know of, until they are heard of again.
        assert places(letters) == [(on.members[number], on.rooms[0]) for number in left]
        assert on.read(on.guilds[1]) == []
        assert (await on.report()).lives == 2
        monkeypatch.setattr(guard, "NEW_SESSION_S", 0.0)
        await voice_without(on, missing)
        assert places(await on.hear(has(VoiceSnapshot))) == [
            (on.members[0], on.rooms[0]),
            (on.members[1], on.rooms[0]),
        ]
        assert (await on.connected()).lives == 3


async def test_a_guild_that_cannot_be_read_twice_stays_blind(tree: Tree) -> None:
    async with stage(tree) as on:
        await on.open()
        await on.connected()
        on.read()
        unreadable = {"id": str(on.guild_id), "voice_states": [{"channel_id": "1"}]}
        await on.discord.do("raw", name="GUILD_CREATE", data=unreadable)
        letters = await on.hear(has(VoiceSnapshot))
        assert outline(letters) == ["SightLost", "VoiceSnapshot"]
        await on.connected()
        await on.discord.do("raw", name="GUILD_CREATE", data=unreadable)
        letters = await on.hear(has(SightLost))

        assert outline(letters) == ["SightLost"]
        report = await on.report()
        assert (report.lives, report.guilds) == (2, len(on.guilds) - 1)


async def test_frames_of_one_kind_are_logged_once_a_minute_with_their_count(tree: Tree) -> None:
    async with stage(tree) as on:
        await on.open()
        await on.connected()
        with structlog.testing.capture_logs() as lines:
            for _ in range(5):
                await on.discord.do("raw", name="MESSAGE_CREATE", data={"guild_id": "81"})
            await on.discord.do(
                "say",
                guild_id=str(on.guild_id),
                channel_id=str(on.texts[0]),
                user_id=str(on.members[0]),
                content="hello",
            )
            await on.hear(has(MessageSeen))
        dropped = [each for each in lines if each["log_level"] == "error"]

        assert [(each["kind"], each["why"]) for each in dropped] == [
            ("MESSAGE_CREATE", "KeyError: 'author'")
        ]
        await trio.lowlevel.checkpoint()


def test_after_a_minute_the_log_says_how_many_more_there_were() -> None:
    now_s = 1000.0
    settings, state = GatewaySettings(token="t"), LinkState(CLOCK.now)
    line = Line(settings, state, Sight(Directory().pool("guilds")))
    parse = guard.Guard(line, lambda: now_s).discords("TYPING_START", lambda data: data["id"])
    with structlog.testing.capture_logs() as lines:
        for step_s in (0, 1, 58, 1, 59, 1):
            now_s += step_s
            parse({})

    assert [(each["more_since_last_time"], each["so_far"]) for each in lines] == [
        (0, 1),
        (2, 4),
        (1, 6),
    ]
