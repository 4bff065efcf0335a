"""The real client over a network that holds bytes back: what guilds are told of the time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import trio

from actors.gateway.protocol import SnapshotWanted
from actors.guild.protocol import Tick, VoiceChanged, VoiceSnapshot
from tests.actors.gateway.stage import blind_times, has, outline, stage
from tests.doubles.holding import way_to

if TYPE_CHECKING:
    from tests.tree import Tree

HELD_S = 2.0


async def test_what_a_network_held_back_says_since_when_it_may_have_happened(tree: Tree) -> None:
    async with stage(tree) as on, way_to(on.settings.gateway_url or "") as way:
        await on.open(gateway_url=way.url, probe_s=0.2)
        await on.connected()
        await on.hear(has(VoiceSnapshot))
        way.hold()
        held_from = datetime.now(UTC)
        await on.voice(0, 0)
        happened = datetime.now(UTC)
        await trio.sleep(HELD_S)
        heard = on.read(ticks=True)
        way.release()
        letters = await on.hear(has(VoiceChanged), ticks=True)
        letters += await on.hear(has(Tick), ticks=True)
        await on.voice(1, 0)
        (news,) = [x for x in await on.hear(has(VoiceChanged)) if isinstance(x, VoiceChanged)]

        (late,) = [each for each in letters if isinstance(each, VoiceChanged)]
        assert late.earliest_utc < held_from < happened
        assert (late.at_utc - late.earliest_utc).total_seconds() > HELD_S
        # Nothing was claimed of the time in which nothing was heard.
        assert all(each.at_utc <= late.earliest_utc for each in heard)
        # Nothing is missed, and once Discord has answered all is certain again.
        assert blind_times(letters) == []
        assert news.earliest_utc == news.at_utc
        assert (await on.report()).resumes == 0


async def test_an_interruption_in_doubt_goes_back_to_where_the_doubt_began(tree: Tree) -> None:
    async with stage(tree) as on, way_to(on.settings.gateway_url or "") as way:
        await on.open(gateway_url=way.url, probe_s=0.2)
        await on.connected()
        # Without an answer to its heartbeats nothing ends the doubt.
        await on.discord.do("set", ack_heartbeats=False)
        way.hold()
        held_from = datetime.now(UTC)
        await on.voice(0, 0)
        await trio.sleep(HELD_S)
        way.release()
        await on.hear(has(VoiceChanged))
        tree.tell("gateway", SnapshotWanted(on.guild_id))
        await trio.sleep(1.2)
        assert outline(on.read()) == []
        await on.discord.do("refuse", on=True)
        await on.discord.do("close", code=1006)
        await on.voice(1, 0)
        await on.discord.do("set", ack_heartbeats=True)
        await on.discord.do("refuse", on=False)
        letters = await on.hear(has(VoiceSnapshot))

        # Who asked in doubt is shown the guild when all that is older has been read.
        assert outline(letters) == ["VoiceChanged", "VoiceSnapshot"]
        (replayed,) = [each for each in letters if isinstance(each, VoiceChanged)]
        assert replayed.user_id == on.members[1]
        assert replayed.earliest_utc < held_from


async def test_a_doubt_that_discord_never_ends_ends_the_connection(tree: Tree) -> None:
    async with stage(tree) as on, way_to(on.settings.gateway_url or "") as way:
        await on.open(gateway_url=way.url, probe_s=0.2, silence_s=3)
        await on.connected()
        way.hold()
        await on.discord.do("set", ack_heartbeats=False)
        await trio.sleep(HELD_S)
        way.release()
        await on.discord.do("load", rate=5, seconds=60)  # it is not silent
        report = await on.until(lambda now: now.resumes)
        await on.discord.do("load_stop")

        assert report.last_trouble == "the gateway was silent for 3 s"
