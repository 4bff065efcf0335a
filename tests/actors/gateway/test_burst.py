"""A burst: nothing is lost, order is kept, and the rest of the program goes on."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import trio

from actors.guild.protocol import SightLost, VoiceChanged
from tests.actors.gateway.stage import PATIENT_S, stage

if TYPE_CHECKING:
    from tests.actors.gateway.stage import Stage
    from tests.tree import Tree

EVENTS = 6000


class Pulse:
    """Measures the longest time that Trio did not turn."""

    def __init__(self) -> None:
        self.worst_s = 0.0

    async def beat(self) -> None:
        while True:
            began = trio.current_time()
            await trio.sleep(0.001)
            self.worst_s = max(self.worst_s, trio.current_time() - began - 0.001)


def waiting(on: Stage) -> int:
    return sum(cell.mailbox.depth() for cell in on.tree.directory.children("guilds"))


async def all_arrived(on: Stage, count: int) -> None:
    with trio.fail_after(PATIENT_S):
        while True:
            if waiting(on) >= count:
                return
            await trio.sleep(0.005)


async def changes_by_guild(on: Stage) -> dict[int, list[tuple[int, int | None]]]:
    """Read from the local Discord what really happened."""
    found: dict[int, list[tuple[int, int | None]]] = defaultdict(list)
    for each in (await on.discord.do("truth", since=0))["changes"]:
        channel = each["channel_id"]
        place = int(each["user_id"]), None if channel is None else int(channel)
        found[int(each["guild_id"])].append(place)
    return found


def heard_by_guild(on: Stage) -> dict[int, list[tuple[int, int | None]]]:
    letters: dict[int, list[Any]] = {guild: on.read(guild) for guild in on.guilds}
    assert not [each for told in letters.values() for each in told if isinstance(each, SightLost)]
    return {
        guild: [(each.user_id, each.channel_id) for each in told if isinstance(each, VoiceChanged)]
        for guild, told in letters.items()
    }


async def test_a_burst_arrives_whole_and_in_order_and_leaves_trio_responsive(tree: Tree) -> None:
    async with stage(tree) as on, trio.open_nursery() as nursery:
        await on.open()
        await on.connected()
        pulse = Pulse()
        nursery.start_soon(pulse.beat)
        began = trio.current_time()
        burst = await on.discord.do("burst", count=EVENTS)
        await all_arrived(on, EVENTS)
        took_s = trio.current_time() - began
        nursery.cancel_scope.cancel()

        print(
            f"{EVENTS} events, written in {burst['seconds']:.2f} s, all told after {took_s:.2f} s; "
            f"Trio stood still for at most {pulse.worst_s * 1000:.0f} ms"
        )
        assert heard_by_guild(on) == await changes_by_guild(on)


async def test_a_connection_cut_in_the_middle_of_a_burst_loses_nothing(tree: Tree) -> None:
    async with stage(tree) as on, trio.open_nursery() as nursery:
        await on.open()
        await on.connected()
        nursery.start_soon(lambda: on.discord.do("burst", count=EVENTS))
        await all_arrived(on, EVENTS // 10)
        await on.discord.do("close", code=1006)
        await all_arrived(on, EVENTS)
        report = await on.until(lambda now: now.resumes == 1)

        assert report.lives == 1
        assert heard_by_guild(on) == await changes_by_guild(on)
        nursery.cancel_scope.cancel()
