"""The journal: turns what guilds tell into rows, by what the ledger says already.

It decides by state, so that the ledger can always be paired: for each member
joins and leaves alternate, and a leave names the channel of the join before it.
A guild keeps to that; where one does not, it is a fault of ours, and then

- a join where the member is already is a repeat, and refused;
- a join elsewhere ends the former stay first: a `disconnect` of origin `outage`,
  which happened at some time since that stay began;
- a leave from elsewhere ends the former stay likewise and is refused itself;
- a leave of someone who is in no channel is refused;
- half a move whose other half was refused is a join like any other;
- an outage counts only from the end of the one before it.

What is refused stays in `refused` with its reason, for the dead letters.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from actors.recorder.protocol import GuildMemory
from storage.activity import BatchRows, GuildState, Memory, Row, Stay
from storage.rows import ActivityRow, Event, MessageRow, OpenSession, Origin, OutageRow

if TYPE_CHECKING:
    from uuid import UUID

    from actors.kernel.system import SupervisionEvent
    from storage.rows import CrashRow, Verdict

KEEP_WATERMARKS = 20_000
"""Rows of `watermark` after which the superseded ones are removed."""


class Journal:
    """The rows of the batch in hand, and the state that they lead to."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.refused: list[tuple[object, str]] = []
        """(row or message, why) of the batch in hand."""
        self._begin()

    def _begin(self) -> None:
        self._batch = BatchRows(self._memory.last_batch_id + 1)
        self._touched: dict[tuple[int, int], bool] = {}
        """Members whose stay changed, and whether `open_session` has a row of them."""
        self._marked: dict[int, GuildState] = {}
        self.refused = []

    @property
    def last_batch_id(self) -> int:
        """The number of the last batch with facts."""
        return self._memory.last_batch_id

    @property
    def newest_utc(self) -> datetime | None:
        """The latest time of any fact, the batch in hand included."""
        return self._memory.newest_utc

    @property
    def last_position(self) -> int:
        """What this run has stored comes from messages up to here."""
        return self._memory.last_position

    def activity(self, rows: tuple[ActivityRow, ...], outage: OutageRow | None = None) -> None:
        """Take facts that belong together; a time that is no time refuses all of them."""
        if why := _misfit(rows, outage):
            self.refused.append(((rows, outage), why))
            return
        if outage is not None:
            self._outage(outage)
        halves: set[UUID] = set()
        for row in rows:
            self._reached(row.at_utc)
            # What was read late does not prove that all before it was read.
            guild = self._guild(row.guild_id, row.earliest_utc)
            if row.event is Event.CONNECT:
                self._join(guild, row, halves)
            else:
                self._leave(guild, row, halves)

    def message(self, row: MessageRow) -> None:
        """Take a message that was seen."""
        if why := _unfit(row.at_utc):
            self.refused.append((row, why))
            return
        self._reached(row.at_utc)
        self._add("message_seen", (
            row.guild_id, row.user_id, row.channel_id, row.message_id, row.at_utc, row.length,
        ))  # fmt: skip

    def supervision(self, event: SupervisionEvent) -> None:
        """Take what a supervisor saw or did."""
        at_utc = datetime.fromtimestamp(event.at_utc_s, UTC)
        row = (event.supervisor, event.child, event.reason, event.action, at_utc)
        self._add("supervision_event", row, event.card or None)

    def crash(self, entry: CrashRow | Verdict) -> None:
        """Take what changes a crash card."""
        self._batch.crashes.append(entry)

    def watermark(self, guild_id: int, at_utc: datetime, *, closed_cleanly: bool = False) -> None:
        """Note until when a guild was seen, and whether that was the end of it."""
        if why := _unfit(at_utc):
            self.refused.append(((guild_id, at_utc), why))
            return
        self._guild(guild_id, at_utc).closed_cleanly = closed_cleanly

    def recall(self, guild_id: int) -> GuildMemory:
        """Tell what the ledger knows of a guild, the batch in hand included."""
        guild = self._memory.guilds.get(guild_id, GuildState())
        return GuildMemory(
            open_sessions=tuple(
                OpenSession(
                    user_id=user_id, channel_id=stay.channel_id, since_utc=stay.started_latest_utc
                )
                for user_id, stay in guild.stays.items()
            ),
            seen_until_utc=guild.seen_until_utc,
            closed_cleanly=guild.closed_cleanly and not guild.stays,
        )

    def rows(self) -> BatchRows | None:
        """Finish the batch in hand; null if there is nothing to store."""
        batch = self._batch
        for key, was_stored in self._touched.items():
            stay = self._memory.guilds[key[0]].stays.get(key[1])
            if was_stored:
                batch.gone.append(key)
            if stay is not None:
                self._add("open_session", (*key, *_values(stay)))
        self._write_marks(batch)
        return batch if self._marked or batch.facts() else None

    def committed(self, last_position: int) -> None:
        """Note that the batch in hand is stored; the next one begins."""
        memory = self._memory
        marks = len(self._batch.rows["watermark"])
        memory.watermark_rows = marks + (0 if self._batch.all_marks else memory.watermark_rows)
        if self._batch.facts():
            memory.last_batch_id = self._batch.batch_id
            memory.last_position = last_position
        self._begin()

    def nothing_to_store(self) -> None:
        """Note that the batch in hand was empty; the next one begins."""
        self._begin()

    def _write_marks(self, batch: BatchRows) -> None:
        guilds = self._memory.guilds
        batch.all_marks = self._memory.watermark_rows > KEEP_WATERMARKS + len(guilds)
        # A batch of watermarks alone leaves no row in `batch`, and takes no number.
        number = batch.batch_id if batch.facts() else self._memory.last_batch_id
        batch.rows["watermark"] = [
            (guild_id, guild.seen_until_utc, guild.closed_cleanly, number)
            for guild_id, guild in (guilds if batch.all_marks else self._marked).items()
            if guild.seen_until_utc is not None
        ]

    def _reached(self, at_utc: datetime) -> None:
        newest = self._memory.newest_utc
        if newest is None or newest < at_utc:
            self._memory.newest_utc = at_utc

    def _guild(self, guild_id: int, seen_utc: datetime) -> GuildState:
        self._reached(seen_utc)
        guild = self._marked.get(guild_id)
        if guild is None:
            guild = self._memory.guilds.get(guild_id)
            if guild is None:
                guild = self._memory.guilds[guild_id] = GuildState()
            self._marked[guild_id] = guild
        if guild.seen_until_utc is None or guild.seen_until_utc < seen_utc:
            guild.seen_until_utc = seen_utc
        guild.closed_cleanly = False
        return guild

    def _outage(self, row: OutageRow) -> None:
        guild = self._guild(row.guild_id, row.to_utc)
        last = guild.last_outage_utc
        since = row.from_utc if last is None else max(last, row.from_utc)
        if since >= row.to_utc:
            self.refused.append((row, "it is no longer than nothing, or recorded already"))
            return
        guild.last_outage_utc = row.to_utc
        self._add("outage", (row.guild_id, since, row.to_utc, row.cause))

    def _join(self, guild: GuildState, row: ActivityRow, halves: set[UUID]) -> None:
        stay = guild.stays.get(row.user_id)
        if stay is not None:
            if stay.channel_id == row.channel_id:
                self.refused.append((row, "the member is in that channel already"))
                return
            self.refused.append((row, f"stored, though no leave from {stay.channel_id} came first"))
            self._end_unseen(guild, stay, row)
        if row.move_id in halves:
            row = replace(row, move_id=None)
        self._touch(row, was_in=stay is not None)
        guild.stays[row.user_id] = Stay(row.channel_id, row.earliest_utc, row.latest_utc)
        self._fact(row)

    def _leave(self, guild: GuildState, row: ActivityRow, halves: set[UUID]) -> None:
        stay = guild.stays.get(row.user_id)
        if stay is not None and stay.channel_id == row.channel_id:
            self._end(guild, stay, row)
            return
        if row.move_id is not None:
            halves.add(row.move_id)
        where = "no channel" if stay is None else f"{stay.channel_id}"
        self.refused.append((row, f"the member was in {where}"))
        if stay is not None:
            self._end_unseen(guild, stay, row)

    def _end_unseen(self, guild: GuildState, stay: Stay, row: ActivityRow) -> None:
        latest = max(stay.started_latest_utc, row.latest_utc)
        end = replace(
            row,
            channel_id=stay.channel_id,
            event=Event.DISCONNECT,
            earliest_utc=stay.started_latest_utc,
            latest_utc=latest,
            origin=Origin.OUTAGE,
            move_id=None,
        )
        self._end(guild, stay, end)

    def _end(self, guild: GuildState, stay: Stay, row: ActivityRow) -> None:
        self._touch(row, was_in=True)
        del guild.stays[row.user_id]
        self._fact(row)
        self._add("closed_session", (
            row.guild_id, row.user_id, *_values(stay), row.earliest_utc, row.latest_utc, 0,
        ))  # fmt: skip
        last = guild.last_outage_utc
        if last is not None and last > stay.started_latest_utc:
            self._batch.settle_closed = True

    def _touch(self, row: ActivityRow, *, was_in: bool) -> None:
        self._touched.setdefault((row.guild_id, row.user_id), was_in)

    def _fact(self, row: ActivityRow) -> None:
        self._add("user_activity", (
            row.guild_id, row.user_id, row.channel_id, row.event.value,
            row.at_utc, row.earliest_utc, row.latest_utc, row.origin.value,
            row.move_id, int(row.flags),
        ))  # fmt: skip

    def _add(self, table: str, values: Row, *later: object) -> None:
        # Columns that a migration added stand behind the batch.
        self._batch.rows[table].append((*values, self._batch.batch_id, *later))


def _values(stay: Stay) -> tuple[int, datetime, datetime]:
    return (stay.channel_id, stay.started_earliest_utc, stay.started_latest_utc)


def _misfit(rows: tuple[ActivityRow, ...], outage: OutageRow | None) -> str:
    """Say what is wrong with the times of any of them; empty if nothing is."""
    if outage is not None and (why := _unfit(outage.to_utc, outage.from_utc, outage.to_utc)):
        return why
    for row in rows:
        if why := _unfit(row.at_utc, row.earliest_utc, row.latest_utc):
            return why
    return ""


def _unfit(
    at_utc: datetime, earliest_utc: datetime | None = None, latest_utc: datetime | None = None
) -> str:
    """Say what is wrong with the times of a row; empty if nothing is."""
    for time in (at_utc, earliest_utc, latest_utc):
        if time is not None and time.tzinfo is None:
            return f"a time needs a zone: {time.isoformat()}"
    if earliest_utc is not None and latest_utc is not None and earliest_utc > latest_utc:
        return f"its bounds are the wrong way round: {earliest_utc} is later than {latest_utc}"
    return ""
