"""The actor of a guild: what it tells the recorder, and what its crashes cost."""

from __future__ import annotations

import contextlib
import math
from functools import partial
from typing import TYPE_CHECKING, Any

import trio
import trio.testing
from typing_extensions import override

from actors.gateway.protocol import SnapshotWanted
from actors.guild.actor import GuildActor
from actors.guild.protocol import HowIsTheGuild, MessageSeen, SightLost, Tick
from actors.kernel.actor import Actor
from actors.kernel.addresses import Directory
from actors.recorder.protocol import (
    CloseGuild,
    GuildMemory,
    RecallGuild,
    RecordActivity,
    RecordMessage,
    Watermark,
)
from storage.rows import OpenSession
from supervisors.child_spec import ChildSpec
from supervisors.dynamic import DynamicSupervisor, Template
from supervisors.lives import ask_to_stop, launch, until_gone, until_ready
from supervisors.supervisor import Supervisor
from tests.actors.guild.test_book import ADA, BEN, GUILD, LOBBY, STAGE, heard, look, told, utc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from actors.guild.protocol import GuildMessage
    from actors.kernel.addresses import Pool
    from actors.kernel.incarnation import Incarnation
    from actors.kernel.messages import Reply

EMPTY = GuildMemory(open_sessions=(), seen_until_utc=None, closed_cleanly=False)


class Recorder(Actor[Any]):
    """Keeps what it is told; answers recalls with what the test says."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    @override
    async def on_receive(self, message: object) -> Reply[Any] | None:
        if isinstance(message, RecallGuild):
            await self.world.recorder_awake.wait()
            return message.reply(self.world.memory)
        self.world.recorded.append(message)
        return None


class Gateway(Actor[Any]):
    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    @override
    async def on_receive(self, message: object) -> None:
        self.world.wanted.append(message)


class World:
    """A recorder, a gateway and a pool of guilds."""

    def __init__(self) -> None:
        self.directory = Directory()
        self.memory = EMPTY
        self.recorder_awake = trio.Event()
        self.recorder_awake.set()
        self.recorded: list[Any] = []
        self.wanted: list[Any] = []
        self.guilds: Pool[GuildMessage] = self.directory.pool("guilds")

    def tell(self, *messages: GuildMessage) -> None:
        for message in messages:
            self.guilds.tell(GUILD, message)

    async def settle(self) -> None:
        """Wait until the guild has dealt with all it was told."""
        await self.guilds.address(GUILD).ask(HowIsTheGuild(), within=5)
        await trio.testing.wait_all_tasks_blocked()

    def crash_guild(self) -> None:
        assert self.directory.crash(f"guilds/{GUILD}")

    def root(self, recorder_capacity: float = 1000) -> ChildSpec:
        start_guild = partial(
            GuildActor.start,
            recorder=self.directory.address("recorder"),
            gateway=self.directory.address("gateway"),
        )
        children = (
            ChildSpec(
                id="recorder",
                start=lambda: Recorder.start(self),
                mailbox_capacity=recorder_capacity,
            ),
            ChildSpec(id="gateway", start=lambda: Gateway.start(self)),
            ChildSpec(
                id="guilds",
                start=lambda: DynamicSupervisor.start(Template(start=start_guild)),
                mailbox_capacity=math.inf,
            ),
        )
        return ChildSpec(id="root", start=lambda: Supervisor.start(children))


@contextlib.asynccontextmanager
async def running(world: World, **options: float) -> AsyncIterator[Incarnation]:
    async with trio.open_nursery() as nursery:
        spec = world.root(**options)
        cell = world.directory.open("root", parent="", capacity=math.inf)
        life = launch(cell, spec.start, world.directory, nursery, lambda _life, _reason: None)
        await until_ready(life, 5)
        yield life
        ask_to_stop(life)
        await until_gone(life, 5)


async def test_facts_reach_the_recorder_in_order_and_together() -> None:
    world = World()
    async with running(world):
        world.tell(look(100), heard(110, ADA, LOBBY), heard(120, ADA, STAGE), Tick(at_utc=utc(121)))
        await world.settle()

        join, move, mark = world.recorded
        assert told(join) == [("connect", ADA, LOBBY, 110, 110, "gateway")]
        assert [row[0] for row in told(move)] == ["disconnect", "connect"]
        assert mark == Watermark(guild_id=GUILD, at_utc=utc(121))


async def test_a_message_is_counted_and_a_bots_is_not() -> None:
    world = World()

    def seen(user: int, *, bot: bool) -> MessageSeen:
        return MessageSeen(
            user_id=user, is_bot=bot, channel_id=5, message_id=6, length=7, at_utc=utc(101)
        )

    async with running(world):
        world.tell(look(100), seen(ADA, bot=False), seen(BEN, bot=True))
        await world.settle()

        assert [m.row.user_id for m in world.recorded if isinstance(m, RecordMessage)] == [ADA]


async def test_a_stop_handles_what_waits_and_closes_every_stay() -> None:
    world = World()
    async with running(world):
        world.tell(look(100))
        await world.settle()
        world.tell(*(heard(110 + n, n, LOBBY) for n in range(200)), Tick(at_utc=utc(400)))

    rows = [m for m in world.recorded if isinstance(m, RecordActivity)]
    assert len(rows) == 201
    assert {row[0:1] + row[4:] for row in told(rows[-1])} == {("disconnect", 400, "shutdown")}
    assert len(told(rows[-1])) == 200
    assert world.recorded[-1] == CloseGuild(guild_id=GUILD, at_utc=utc(400))
    assert world.directory.dead_letter_count == 0


async def test_a_crash_loses_the_message_in_hand_only_and_asks_for_a_fresh_look() -> None:
    world = World()
    async with running(world):
        world.tell(look(100), heard(110, ADA, LOBBY))
        await world.settle()
        world.memory = GuildMemory(
            open_sessions=(OpenSession(user_id=ADA, channel_id=LOBBY, since_utc=utc(110)),),
            seen_until_utc=utc(110),
            closed_cleanly=False,
        )
        world.recorded.clear()
        world.crash_guild()
        world.tell(heard(120, BEN, LOBBY), look(130, ada=LOBBY, ben=LOBBY))
        await world.settle()

        news, sight = world.recorded
        assert told(news) == [("connect", BEN, LOBBY, 110, 120, "gateway")]
        assert news.outage.cause == "the guild's actor crashed"
        assert (news.outage.from_utc, news.outage.to_utc) == (utc(110), utc(120))
        assert (sight.rows, sight.outage.from_utc, sight.outage.to_utc) == ((), utc(120), utc(130))
        assert world.wanted == [SnapshotWanted(GUILD)]


async def test_after_a_kill_the_blindness_begins_where_the_ledger_ends() -> None:
    world = World()
    world.memory = GuildMemory(
        open_sessions=(OpenSession(user_id=ADA, channel_id=LOBBY, since_utc=utc(50)),),
        seen_until_utc=utc(80),
        closed_cleanly=False,
    )
    async with running(world):
        world.tell(look(100, ben=LOBBY))
        await world.settle()

        (facts,) = world.recorded
        assert told(facts) == [
            ("disconnect", ADA, LOBBY, 80, 100, "outage"),
            ("connect", BEN, LOBBY, 80, 100, "snapshot"),
        ]
        assert facts.outage.cause == "killed"
        assert world.wanted == []


async def test_after_a_clean_stop_the_gap_is_called_a_shutdown() -> None:
    world = World()
    world.memory = GuildMemory(open_sessions=(), seen_until_utc=utc(80), closed_cleanly=True)
    async with running(world):
        world.tell(look(100))
        await world.settle()

        assert world.recorded[0].outage.cause == "shutdown"


async def test_while_blind_no_watermark_is_told() -> None:
    world = World()
    async with running(world):
        world.tell(look(100), SightLost(since_utc=utc(110), cause="x"), Tick(at_utc=utc(120)))
        await world.settle()

        assert [m for m in world.recorded if isinstance(m, Watermark)] == []


async def test_a_guild_waits_for_a_recorder_that_does_not_answer_yet() -> None:
    world = World()
    world.recorder_awake = trio.Event()
    async with running(world):
        world.tell(look(100), heard(110, ADA, LOBBY))
        await trio.sleep(0.1)
        assert world.recorded == []

        world.recorder_awake.set()
        await world.settle()

        assert told(world.recorded[-1]) == [("connect", ADA, LOBBY, 110, 110, "gateway")]


async def test_what_the_recorder_refuses_is_not_claimed_to_be_written(
    autojump_clock: trio.testing.MockClock,
) -> None:
    world = World()
    async with running(world, recorder_capacity=1):
        world.tell(look(100))
        await world.settle()
        # Two at once where one has room: the second is refused, and the actor begins anew.
        world.tell(heard(110, ADA, LOBBY), heard(111, BEN, LOBBY), look(120, ada=LOBBY))
        await trio.sleep(1)
        await world.settle()

        report = await world.guilds.address(GUILD).ask(HowIsTheGuild(), within=5)
        assert not report.blind
        assert world.wanted == [SnapshotWanted(GUILD)]
        assert world.directory.dead_letters[0].message == heard(111, BEN, LOBBY)


async def test_a_report_names_who_is_in_voice() -> None:
    world = World()
    async with running(world):
        world.tell(look(100, ada=LOBBY, bot=LOBBY), heard(110.0, ADA, LOBBY))
        world.tell(heard(110.5, ADA, LOBBY))
        report = await world.guilds.address(GUILD).ask(HowIsTheGuild(), within=5)

    assert [who.user_id for who in report.in_voice] == [ADA]
    assert report.repeats_within_1s == 1
