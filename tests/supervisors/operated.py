"""A small bot for tests of what operators see: its parts answer as a test wants."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio
from typing_extensions import override

from actors.analyst.protocol import LedgerFigures, LedgerReport, RecentLine, TopVoice, VoiceTotal
from actors.gateway.protocol import GatewayReport, HowIsTheLink, Link
from actors.kernel.actor import Actor
from actors.recorder.protocol import RecordSupervision
from actors.snapshots.protocol import Snapshot, TakeSnapshot
from supervisors.child_spec import ChildSpec
from supervisors.console import ConsoleActor
from supervisors.event_log import EventLog
from supervisors.sources import Sources
from supervisors.watchdog import WatchdogActor
from tests.tree import supervisor

if TYPE_CHECKING:
    from actors.kernel.messages import Reply
    from tests.tree import Tree

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
DISCORD_ID = 1_203_456_789_012_345_678

ANSWERS: dict[type, Any] = {
    HowIsTheLink: GatewayReport(
        link=Link.CONNECTED,
        since_utc=NOON,
        guilds=3,
        latency_s=0.02,
        lives=1,
        resumes=0,
        last_trouble="",
    ),
    LedgerReport: LedgerFigures(
        activity_rows=10,
        sessions_closed=4,
        sessions_open=2,
        messages=7,
        outages=1,
        voice_s=90.0,
        last_batch_id=5,
        recent=(
            RecentLine(
                guild_id=DISCORD_ID,
                user_id=2,
                channel_id=3,
                event="connect",
                origin="gateway",
                at_utc=NOON,
            ),
        ),
    ),
    TopVoice: (VoiceTotal(user_id=DISCORD_ID, known_s=60.0, unknown_s=1.0, sessions=2),),
    TakeSnapshot: Snapshot(path=Path("data/snapshots/1.duckdb"), taken_utc=NOON, last_batch_id=5),
}


class Part(Actor[Any]):
    """Answers from a table and keeps what it is told; silent or failing while it is named so."""

    def __init__(self, told: list[Any], mute: set[str], broken: set[str]) -> None:
        super().__init__()
        self._told, self._mute, self._broken = told, mute, broken

    @override
    async def on_receive(self, message: Any) -> Reply[Any] | None:
        self._told.append(message)
        if isinstance(message, RecordSupervision):
            return None
        if self.name in self._mute:
            await trio.sleep_forever()
        if self.name in self._broken:
            raise ValueError("broken")
        if isinstance(reason := ANSWERS[type(message)], Exception):
            self.answer_later().fail(reason)
            return None
        reply: Reply[Any] = message.reply(ANSWERS[type(message)])
        return reply


class Operated:
    """The small bot: `storage` with its three, `gateway`, `console` and `watchdog`."""

    def __init__(self, tree: Tree, folder: Path) -> None:
        self.tree = tree
        self.folder = folder
        self.told: list[Any] = []
        self.mute: set[str] = set()
        self.broken: set[str] = set()
        self.stopped_because: list[str] = []
        directory = tree.directory
        self.events = EventLog(directory, directory.address("recorder"))
        self.sources = Sources(
            directory=directory,
            events=self.events,
            gateway=directory.address("gateway"),
            recorder=directory.address("recorder"),
            analyst=directory.address("analyst"),
            snapshots=directory.address("snapshots"),
            watchdog=directory.address("watchdog"),
            version="1.2.3",
            started=time.monotonic(),
            stop=self.stopped_because.append,
        )

    def console(self) -> ChildSpec:
        socket = self.folder / "bulkhead.sock"
        return ChildSpec(id="console", start=partial(ConsoleActor.start, socket, self.sources))

    def part(self, name: str, capacity: float = 1000) -> ChildSpec:
        start = partial(Part.start, self.told, self.mute, self.broken)
        return ChildSpec(id=name, start=start, shutdown_s=0.1, mailbox_capacity=capacity)

    async def start(self) -> None:
        await self.tree.grow(
            supervisor("storage", *map(self.part, ("recorder", "analyst", "snapshots"))),
            self.part("gateway"),
            self.console(),
            ChildSpec(id="watchdog", start=WatchdogActor.start),
        )
