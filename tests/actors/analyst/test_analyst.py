"""The analyst: figures of the ledger, cut to a window, open stays included up to now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from actors.analyst import actor as analyst_module
from actors.analyst.protocol import LedgerReport, StatsOfMember, TopVoice, VoiceTotal
from actors.kernel.errors import ActorCrashedError
from actors.recorder.protocol import Flush, RecordActivity, RecordMessage, Watermark
from storage.rows import ActivityRow, Event, MessageRow, Origin, OutageRow
from tests.storage.living import crash, storage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from actors.kernel.addresses import Directory

GUILD = 81
HOUR = 3600.0


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[Directory]:
    async with storage(tmp_path / "activity.duckdb", readers=True) as directory:
        yield directory


class World:
    """Times are seconds before now, so that what is open is open up to now."""

    def __init__(self, directory: Directory) -> None:
        self.now = datetime.now(UTC)
        self.recorder = directory.address("recorder")
        self.analyst = directory.address("analyst")

    def ago(self, seconds: float) -> datetime:
        return self.now - timedelta(seconds=seconds)

    def fact(
        self, event: Event, user_id: int, channel_id: int, *ago: float, move_id: Any = None
    ) -> ActivityRow:
        """`ago` is one time, or the bounds of one, earliest first."""
        return ActivityRow(
            guild_id=GUILD,
            user_id=user_id,
            channel_id=channel_id,
            event=event,
            at_utc=self.ago(ago[-1]),
            earliest_utc=self.ago(ago[0]),
            latest_utc=self.ago(ago[-1]),
            origin=Origin.GATEWAY,
            move_id=move_id,
        )

    def join(self, user_id: int, channel_id: int, *ago: float) -> None:
        self.recorder.tell(RecordActivity((self.fact(Event.CONNECT, user_id, channel_id, *ago),)))

    def leave(self, user_id: int, channel_id: int, *ago: float) -> None:
        self.recorder.tell(
            RecordActivity((self.fact(Event.DISCONNECT, user_id, channel_id, *ago),))
        )

    def move(self, user_id: int, old: int, new: int, *ago: float) -> None:
        move_id = uuid4()
        self.recorder.tell(
            RecordActivity(
                (
                    self.fact(Event.DISCONNECT, user_id, old, *ago, move_id=move_id),
                    self.fact(Event.CONNECT, user_id, new, *ago, move_id=move_id),
                )
            )
        )

    def outage(self, since: float, until: float) -> None:
        row = OutageRow(
            guild_id=GUILD, from_utc=self.ago(since), to_utc=self.ago(until), cause="killed"
        )
        self.recorder.tell(RecordActivity((), row))

    def wrote(self, user_id: int, ago: float) -> None:
        row = MessageRow(
            guild_id=GUILD,
            user_id=user_id,
            channel_id=5,
            message_id=round(ago),
            at_utc=self.ago(ago),
            length=3,
        )
        self.recorder.tell(RecordMessage(row))

    async def seen(self, ago: float = 0) -> None:
        self.recorder.tell(Watermark(guild_id=GUILD, at_utc=self.ago(ago)))
        await self.recorder.ask(Flush(), within=10)

    async def top(self, window: float, limit: int = 10) -> tuple[VoiceTotal, ...]:
        question = TopVoice(guild_id=GUILD, since_utc=self.ago(window), limit=limit)
        return tuple(await self.analyst.ask(question, within=10))


def about(seconds: float) -> Any:
    return pytest.approx(seconds, abs=3)


async def test_closed_and_open_stays_count_up_to_now(directory: Directory) -> None:
    world = World(directory)
    world.join(7, 1, 1000)
    world.leave(7, 1, 900)
    world.join(7, 2, 50)
    world.join(8, 1, 2000)
    world.leave(8, 1, 1000)
    await world.seen()

    eight, seven = await world.top(HOUR)
    assert (eight.user_id, eight.known_s, eight.unknown_s, eight.sessions) == (8, 1000, 0, 1)
    assert (seven.user_id, seven.sessions) == (7, 2)
    assert seven.known_s == about(150)
    assert seven.unknown_s == 0
    assert await world.top(HOUR, limit=1) == (eight,)


async def test_a_window_cuts_what_began_before_it(directory: Directory) -> None:
    world = World(directory)
    world.join(7, 1, 500)
    world.leave(7, 1, 40)
    world.join(8, 1, 500)
    world.join(9, 1, 500)
    world.leave(9, 1, 200)
    await world.seen()

    eight, seven = await world.top(100)
    assert seven.known_s == pytest.approx(60, abs=0.001)
    assert eight.known_s == about(100)


async def test_an_outage_is_unknown_in_each_window_that_it_is_in(directory: Directory) -> None:
    world = World(directory)
    world.join(7, 1, 1000)
    world.outage(800, 700)
    world.outage(300, 200)
    world.leave(7, 1, 100)
    world.join(8, 1, 1000)
    await world.seen()

    for window, known, unknown in ((2000, 700, 200), (750, 500, 150), (250, 100, 50)):
        (seven,) = (each for each in await world.top(window) if each.user_id == 7)
        assert seven.known_s == pytest.approx(known, abs=0.001)
        assert seven.unknown_s == pytest.approx(unknown, abs=0.001)
    (eight,) = (each for each in await world.top(2000) if each.user_id == 8)
    assert eight.known_s == about(800)
    assert eight.unknown_s == pytest.approx(200, abs=0.001)


async def test_what_a_member_can_have_had_once_is_unknown_once(directory: Directory) -> None:
    world = World(directory)
    world.join(7, 1, 1000)
    world.outage(500, 400)
    world.move(7, 1, 2, 500, 400)
    world.leave(7, 2, 300)
    await world.seen()

    (seven,) = await world.top(HOUR)
    assert seven.known_s == pytest.approx(600, abs=0.001)
    assert seven.unknown_s == pytest.approx(100, abs=0.001)


async def test_while_the_bot_is_blind_an_open_stay_is_unknown(directory: Directory) -> None:
    world = World(directory)
    world.join(7, 1, 100)
    await world.seen(60)

    (seven,) = await world.top(HOUR)
    assert (seven.known_s, seven.unknown_s) == (about(40), about(60))


async def test_one_member_has_a_rank_messages_and_favourite_channels(
    directory: Directory,
) -> None:
    world = World(directory)
    world.join(8, 1, 2000)
    world.join(7, 1, 1000)
    for number, (channel_id, ago) in enumerate(((2, 900), (3, 700), (4, 690), (5, 400))):
        world.move(7, (1, 2, 3, 4)[number], channel_id, ago)
    world.leave(7, 5, 100)
    for ago in (9000, 30, 20):
        world.wrote(7, ago)
    world.wrote(8, 10)
    await world.seen()

    question = StatsOfMember(guild_id=GUILD, user_id=7, since_utc=world.ago(HOUR))
    stats = await world.analyst.ask(question, within=10)
    assert (stats.rank, stats.messages) == (2, 2)
    assert stats.voice == VoiceTotal(user_id=7, known_s=900, unknown_s=0, sessions=5)
    assert stats.top_channels == ((5, 300.0), (4, 290.0), (2, 200.0))


async def test_a_member_without_voice_time_has_no_rank(directory: Directory) -> None:
    world = World(directory)
    world.wrote(7, 5)
    await world.seen()

    question = StatsOfMember(guild_id=GUILD, user_id=7, since_utc=world.ago(HOUR))
    stats = await world.analyst.ask(question, within=10)
    assert (stats.rank, stats.messages, stats.top_channels) == (None, 1, ())
    assert stats.voice == VoiceTotal(user_id=7, known_s=0, unknown_s=0, sessions=0)


async def test_the_report_counts_everything_and_shows_the_newest_first(
    directory: Directory,
) -> None:
    world = World(directory)
    world.join(7, 1, 100)
    world.move(7, 1, 2, 80)
    world.outage(70, 60)
    world.wrote(7, 50)
    world.leave(7, 2, 40)
    world.join(8, 1, 30)
    await world.seen()

    figures = await world.analyst.ask(LedgerReport(), within=10)
    assert (figures.activity_rows, figures.sessions_closed, figures.sessions_open) == (5, 2, 1)
    assert (figures.messages, figures.outages) == (1, 1)
    assert figures.voice_s == about(20 + 30 + 30)
    assert figures.last_batch_id >= 1
    assert sorted(line.event for line in figures.recent) == [
        "connect", "connect", "disconnect", "message", "move",
    ]  # fmt: skip
    assert figures.recent[0].at_utc == world.ago(30)
    assert figures.recent[0].at_utc.tzinfo is UTC


async def test_an_empty_ledger_is_reported_as_empty(directory: Directory) -> None:
    figures = await directory.address("analyst").ask(LedgerReport(), within=10)

    assert (figures.activity_rows, figures.voice_s, figures.recent) == (0, 0.0, ())


async def test_a_question_that_takes_too_long_fails_for_its_asker_alone(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(connection: Any, _name: str, **_parameters: object) -> Any:
        return connection.execute(
            "SELECT count(*) FROM range(1000000000) a, range(100000)"
        ).fetchall()

    monkeypatch.setattr(analyst_module, "TIME_LIMIT_S", 0.2)
    await crash(directory, "analyst")
    with monkeypatch.context() as patch:
        patch.setattr(analyst_module, "ask_stored", slow)
        with pytest.raises(analyst_module.QueryTooSlowError, match=r"within 0.2 s"):
            await directory.address("analyst").ask(LedgerReport(), within=10)

    assert (await directory.address("analyst").ask(LedgerReport(), within=10)).outages == 0
    (report,) = (each for each in directory.census() if each.name == "analyst")
    assert report.restarts == 1


async def test_readers_see_whole_batches_while_the_recorder_writes(directory: Directory) -> None:
    world = World(directory)
    seen: set[int] = set()
    for number in range(400):
        world.recorder.tell(
            RecordActivity(
                tuple(
                    world.fact(Event.CONNECT, 1000 + 10 * number + each, 1, 10)
                    for each in range(10)
                )
            )
        )
        if number % 20 == 0:
            figures = await world.analyst.ask(LedgerReport(), within=10)
            assert figures.activity_rows == figures.sessions_open
            assert figures.activity_rows % 10 == 0
            seen.add(figures.activity_rows)
    await world.seen()

    assert len(seen) > 2


async def test_a_crash_of_the_recorder_takes_the_readers_and_all_come_back(
    directory: Directory,
) -> None:
    world = World(directory)
    world.join(7, 1, 100)
    await world.seen()
    await crash(directory, "recorder")
    await world.seen()

    assert len(await world.top(HOUR)) == 1
    assert [
        (each.name, each.restarts) for each in directory.census() if each.parent == "storage"
    ] == [("recorder", 1), ("analyst", 1), ("snapshots", 1)]


async def test_a_naive_time_is_refused(directory: Directory) -> None:
    naive = datetime.now(UTC).replace(tzinfo=None)
    with pytest.raises(ActorCrashedError):
        await directory.address("analyst").ask(
            TopVoice(guild_id=GUILD, since_utc=naive, limit=1), within=10
        )
