"""The actor of one guild: it alone decides what a voice event means there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, assert_never

import structlog
import trio
from typing_extensions import override

from actors.gateway.protocol import SnapshotWanted
from actors.guild.book import Book, Facts, Stay
from actors.guild.protocol import (
    GuildMessage,
    GuildReport,
    HowIsTheGuild,
    MessageSeen,
    Occupant,
    SightLost,
    Tick,
    VoiceChanged,
    VoiceSnapshot,
)
from actors.kernel.actor import Actor
from actors.kernel.errors import ActorError
from actors.recorder.protocol import (
    CloseGuild,
    RecallGuild,
    RecordActivity,
    RecordMessage,
    Watermark,
)
from storage.rows import MessageRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.gateway.protocol import GatewayMessage
    from actors.kernel.addresses import Address
    from actors.kernel.messages import Reply
    from actors.recorder.protocol import GuildMemory, RecorderMessage

RECALL_WITHIN_S = 5.0
RECALL_PAUSE_S = 0.25

log = structlog.get_logger(__name__)


class RecorderBehindError(Exception):
    """The recorder takes no more: what was decided here would not be written."""


class GuildActor(Actor[GuildMessage]):
    """Who is in voice in one guild, and the facts that follow from each change.

    State: the book of the guild. A crash loses the message in hand and nothing else: the
    next incarnation reads the book back from the recorder, counts itself blind since the
    last moment that is known to be written, and asks the gateway for a fresh look.
    """

    finishes_mail = True

    def __init__(
        self, guild_id: int, recorder: Address[RecorderMessage], gateway: Address[GatewayMessage]
    ) -> None:
        super().__init__()
        self._guild_id = guild_id
        self._recorder = recorder
        self._gateway = gateway
        self._book = Book(guild_id)

    @override
    async def pre_start(self) -> None:
        again = self._incarnation.cell.starts > 1
        memory = await self._recall()
        self._book.stays = {s.user_id: Stay(s.channel_id) for s in memory.open_sessions}
        self._book.seen_until = memory.seen_until_utc
        if memory.seen_until_utc is not None:
            self._book.lose_sight(memory.seen_until_utc, _why_blind(memory, again=again))
        if again:
            self._gateway.tell(SnapshotWanted(self._guild_id))

    async def _recall(self) -> GuildMemory:
        # A recorder that restarts, or has much to write, is waited for: a known outage.
        while True:
            try:
                return await self._recorder.ask(RecallGuild(self._guild_id), within=RECALL_WITHIN_S)
            except (ActorError, trio.TooSlowError) as late:
                log.info("waiting for the recorder", guild_id=self._guild_id, why=str(late))
                await trio.sleep(RECALL_PAUSE_S)

    @override
    async def post_stop(self) -> None:
        # Refused here, the stays remain open in the ledger, and the next start repairs them.
        facts = self._book.close(datetime.now(UTC))
        if facts:
            self._recorder.tell(RecordActivity(facts.rows, facts.outage))
        self._recorder.tell(
            CloseGuild(guild_id=self._guild_id, at_utc=self._book.seen_until or datetime.now(UTC))
        )

    @override
    def shown_state(self) -> Mapping[str, object]:
        return {
            "in voice": sum(1 for _ in self._book.occupants()),
            "seen until": self._book.seen_until,
            "blind": self._book.blind is not None,
            "repeats within 1 s": self._book.repeats_within_1s,
        }

    @override
    async def on_receive(self, message: GuildMessage) -> Reply[Any] | None:
        match message:
            case VoiceChanged():
                self._write(self._book.change(message))
            case VoiceSnapshot():
                self._write(self._book.look(message))
            case MessageSeen():
                self._count(message)
            case Tick(at_utc=at):
                if self._book.saw(at):
                    self._tell_recorder(Watermark(guild_id=self._guild_id, at_utc=at))
            case SightLost(since_utc=since, cause=cause):
                self._book.lose_sight(since, cause)
            case HowIsTheGuild():
                return message.reply(self._report())
            case _:
                assert_never(message)
        return None

    def _write(self, facts: Facts) -> None:
        if facts:
            self._tell_recorder(RecordActivity(facts.rows, facts.outage))

    def _count(self, seen: MessageSeen) -> None:
        if seen.is_bot:
            return
        row = MessageRow(
            guild_id=self._guild_id,
            user_id=seen.user_id,
            channel_id=seen.channel_id,
            message_id=seen.message_id,
            at_utc=seen.at_utc,
            length=seen.length,
        )
        self._tell_recorder(RecordMessage(row))

    def _tell_recorder(self, message: RecorderMessage) -> None:
        if not self._recorder.offer(message):
            # The book is ahead of the ledger now; the next incarnation begins with the ledger's.
            raise RecorderBehindError(f"{self._recorder.name} refused what {self.name} recorded")

    def _report(self) -> GuildReport:
        return GuildReport(
            in_voice=tuple(
                Occupant(user_id=user, is_bot=False, channel_id=stay.channel_id, flags=stay.flags)
                for user, stay in self._book.occupants()
            ),
            blind=self._book.blind is not None,
            repeats_within_1s=self._book.repeats_within_1s,
        )


def _why_blind(memory: GuildMemory, *, again: bool) -> str:
    if again:
        return "the guild's actor crashed"
    return "shutdown" if memory.closed_cleanly else "killed"
