"""The analyst: answers questions about the ledger while the recorder writes it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias, assert_never

from typing_extensions import override

from actors.analyst.protocol import (
    AnalystMessage,
    CrashCards,
    LedgerFigures,
    LedgerReport,
    MemberStats,
    RecentLine,
    StatsOfMember,
    TopVoice,
    VoiceTotal,
)
from actors.kernel.blocking import BlockingActor
from storage.activity import Row, ask_stored
from storage.crash_cards import cards
from storage.database import DatabaseFault, is_interrupt, join_activity, limit_time, reading
from storage.times import utc

if TYPE_CHECKING:
    from pathlib import Path

    from actors.kernel.messages import Reply
    from storage.rows import CrashCard

TIME_LIMIT_S = 2.0
"""How long one query may take; a slash command waits no longer."""

RECENT_LINES = 12

Answer: TypeAlias = (
    "Reply[MemberStats] | Reply[tuple[VoiceTotal, ...]] | Reply[LedgerFigures] | CardsReply"
)


CardsReply: TypeAlias = "Reply[tuple[CrashCard, ...]]"


class QueryTooSlowError(Exception):
    """The ledger did not answer in time."""


class AnalystActor(BlockingActor[AnalystMessage]):
    """Reads the ledger through a handle of its own, each answer from one state of it.

    State: none but the handle. A question that takes too long fails for its asker
    and for nobody else.
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    @override
    def pre_start(self) -> None:
        self._connection = join_activity(self._file)
        self.held.callback(self._connection.close)
        limit_time(self._connection, TIME_LIMIT_S)

    @override
    def on_receive(self, message: AnalystMessage) -> Reply[Any] | None:
        now_utc = datetime.now(UTC)
        try:
            with reading(self._connection):
                return self._answer(message, now_utc)
        except DatabaseFault as fault:
            if not is_interrupt(fault):
                raise
            slow = QueryTooSlowError(
                f"the ledger did not answer within {TIME_LIMIT_S:g} s; ask for a shorter time"
            )
            slow.__cause__ = fault
            self.answer_later().fail(slow)
            return None

    def _answer(self, message: AnalystMessage, now_utc: datetime) -> Answer:
        match message:
            case StatsOfMember():
                return message.reply(self._stats(message, now_utc))
            case TopVoice(guild_id=guild_id, since_utc=since_utc, limit=limit):
                rows = self._totals(guild_id, since_utc, now_utc, None, limit)
                return message.reply(tuple(_total(row) for row in rows))
            case CrashCards(card=card, limit=limit):
                return message.reply(tuple(cards(self._connection, card, limit)))
            case LedgerReport():
                return message.reply(self._figures())
            case _:
                assert_never(message)

    def _stats(self, asked: StatsOfMember, now_utc: datetime) -> MemberStats:
        window = {
            "guild_id": asked.guild_id,
            "user_id": asked.user_id,
            "since_utc": asked.since_utc,
            "now_utc": now_utc,
        }
        totals = self._totals(asked.guild_id, asked.since_utc, now_utc, asked.user_id, 1)
        nothing = VoiceTotal(user_id=asked.user_id, known_s=0.0, unknown_s=0.0, sessions=0)
        channels = ask_stored(self._connection, "voice_channels", **window)
        return MemberStats(
            voice=_total(totals[0]) if totals else nothing,
            rank=totals[0][4] if totals else None,
            messages=ask_stored(self._connection, "message_count", **window)[0][0],
            top_channels=tuple((channel_id, known_s) for channel_id, known_s in channels),
        )

    def _totals(
        self,
        guild_id: int,
        since_utc: datetime,
        now_utc: datetime,
        user_id: int | None,
        row_limit: int,
    ) -> list[Row]:
        return ask_stored(
            self._connection,
            "voice_totals",
            guild_id=guild_id,
            since_utc=since_utc,
            now_utc=now_utc,
            user_id=user_id,
            row_limit=row_limit,
        )

    def _figures(self) -> LedgerFigures:
        (figures,) = ask_stored(self._connection, "ledger_figures")
        activity_rows, closed, still_open, messages, outages, voice_s, last_batch_id = figures
        return LedgerFigures(
            activity_rows=activity_rows,
            sessions_closed=closed,
            sessions_open=still_open,
            messages=messages,
            outages=outages,
            voice_s=voice_s,
            last_batch_id=last_batch_id,
            recent=tuple(
                RecentLine(
                    guild_id=guild_id,
                    user_id=user_id,
                    channel_id=channel_id,
                    event=event,
                    origin=origin,
                    at_utc=utc(at_utc),
                )
                for guild_id, user_id, channel_id, event, origin, at_utc in ask_stored(
                    self._connection, "recent_lines", row_limit=RECENT_LINES
                )
            ),
        )


def _total(row: Row) -> VoiceTotal:
    user_id, known_s, unknown_s, sessions, _ = row
    return VoiceTotal(user_id=user_id, known_s=known_s, unknown_s=unknown_s, sessions=sessions)
