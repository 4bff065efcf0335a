"""The real client over real sockets: what guilds hear on a good day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.gateway.protocol import SnapshotWanted
from actors.guild.protocol import MessageSeen, Tick, VoiceChanged, VoiceSnapshot
from storage.rows import VoiceFlags
from tests.actors.gateway.stage import has, outline, places, stage

if TYPE_CHECKING:
    from tests.tree import Tree


async def test_a_guild_hears_exactly_what_happened_in_order(tree: Tree) -> None:
    async with stage(tree) as on:
        await on.voice(0, 0)
        await on.open()
        await on.connected()
        first = on.read()
        await on.voice(1, 0, self_mute=True)
        await on.voice(1, 1)
        await on.voice(0, None)
        letters = await on.hear(has(VoiceChanged, 3))
        truth = await on.discord.do("truth", since=0)

        assert outline(first) == ["VoiceSnapshot"]
        assert places(first) == [(on.members[0], on.rooms[0])]
        assert places(first) + places(letters) == [
            (int(each["user_id"]), each["channel_id"] and int(each["channel_id"]))
            for each in truth["changes"]
        ]
        assert [each.flags for each in letters] == [
            VoiceFlags.SELF_MUTE,
            VoiceFlags.SELF_MUTE,
            VoiceFlags.NONE,
        ]
        for letter, change in zip(letters, truth["changes"][1:], strict=True):
            assert abs(letter.at_utc.timestamp() - change["at"]) < 0.25
            assert letter.earliest_utc == letter.at_utc


async def test_other_guilds_bots_messages_and_repeats_are_told_as_what_they_are(
    tree: Tree,
) -> None:
    async with stage(tree) as on:
        world = await on.discord.do("world")
        bots = [each for each in world["guilds"][0]["members"] if each["is_bot"]]
        await on.open()
        await on.connected()
        await on.voice(0, 0)
        await on.discord.do("repeat_voice", guild_id=str(on.guild_id), user_id=str(on.members[0]))
        await on.discord.do(
            "voice",
            guild_id=str(on.guild_id),
            user_id=bots[0]["id"],
            channel_id=str(on.rooms[0]),
        )
        await on.discord.do(
            "say",
            guild_id=str(on.guild_id),
            channel_id=str(on.texts[0]),
            user_id=str(on.members[1]),
            content="hello",
        )
        letters = await on.hear(has(MessageSeen))

        joined, again, bot, message = letters[1:]
        assert (joined.user_id, joined.channel_id) == (again.user_id, again.channel_id)
        assert (bot.user_id, bot.is_bot) == (int(bots[0]["id"]), True)
        assert (message.user_id, message.channel_id) == (on.members[1], on.texts[0])
        assert not message.is_bot
        assert outline(on.read(on.guilds[1])) == ["VoiceSnapshot"]


async def test_ticks_come_each_second_and_name_the_last_frame_that_was_read(tree: Tree) -> None:
    async with stage(tree) as on:
        await on.open(probe_s=0.2)
        await on.connected()
        letters = await on.hear(has(Tick, 2), ticks=True)

        times = [each.at_utc for each in letters if isinstance(each, Tick)]
        assert times == sorted(set(times))
        assert 0.7 < (times[-1] - times[0]).total_seconds() < 2


async def test_a_guild_that_asks_sees_who_is_in_voice(tree: Tree) -> None:
    async with stage(tree) as on:
        await on.open()
        await on.connected()
        await on.voice(0, 0)
        await on.hear(has(VoiceChanged))
        tree.tell("gateway", SnapshotWanted(on.guild_id))

        assert places(await on.hear(has(VoiceSnapshot))) == [(on.members[0], on.rooms[0])]
