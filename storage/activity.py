"""The activity ledger: storing a batch, and reading back what the recorder must know."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from storage.crash_cards import enter
from storage.database import Appender, Connection, reading, writing
from storage.statements import query, upkeep
from storage.times import plain_utc, utc

if TYPE_CHECKING:
    from uuid import UUID

    from storage.rows import CrashCard, CrashRow, Verdict

Row: TypeAlias = tuple[Any, ...]
"""The values of one row in the order of the table's columns, batch_id last. Times are aware."""

TABLES = (
    "user_activity",
    "closed_session",
    "open_session",
    "message_seen",
    "outage",
    "supervision_event",
    "watermark",
    "batch",
)

NEWEST = """
SELECT greatest(
    (SELECT max(at_utc) FROM user_activity),
    (SELECT max(at_utc) FROM message_seen),
    (SELECT max(to_utc) FROM outage),
    (SELECT max(seen_until_utc) FROM watermark)
)
"""
"""What supervisors saw is left out: the computer's clock dates it, whatever that says."""

FACTS = ("user_activity", "message_seen", "outage", "supervision_event")


@dataclass(slots=True)
class BatchRows:
    """All that one transaction stores."""

    batch_id: int
    rows: dict[str, list[Row]] = field(default_factory=lambda: {table: [] for table in TABLES})
    """By table; all but `batch`, which is made from the fields here."""

    gone: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """(guild_id, user_id) whose row in `open_session` is no longer true."""

    settle_closed: bool = False
    """Some of `closed_session` may have an outage inside that came before this batch."""

    all_marks: bool = False
    """The rows for `watermark` are the state of all guilds: what it holds may go."""

    crashes: list[CrashRow | Verdict] = field(default_factory=list["CrashRow | Verdict"])
    """What changes crash cards, in order."""

    def facts(self) -> int:
        """Count the rows that are more than a watermark or a derived row."""
        return sum(len(self.rows[table]) for table in FACTS) + len(self.crashes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Which messages a batch is made from."""

    run_id: UUID
    first_position: int
    last_position: int


class Writer:
    """Long-lived appenders on one connection; for one thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._appenders: dict[str, Appender] = {
            table: connection.appender(table) for table in TABLES
        }

    def write(self, batch: BatchRows, run: Run) -> list[CrashCard]:
        """Store a batch in one transaction: all of it, or nothing and an exception.

        Returns the crash cards that came back after they were fixed.

        Raises:
            DatabaseFault: DuckDB refused; `database.explain` says why.

        """
        facts = batch.facts()
        if facts:
            now = datetime.now(UTC)
            row = (batch.batch_id, run.run_id, run.first_position, run.last_position, now, facts)
            batch.rows["batch"] = [row]
        try:
            with writing(self._connection):
                self._forget(batch)
                for table, rows in batch.rows.items():
                    if rows:
                        self._append(table, rows)
                self._settle(batch)
                return self._enter_crashes(batch)
        except BaseException:
            # What an appender holds after a failed flush would be in the next one.
            for appender in self._appenders.values():
                appender.clear()
            raise

    def _forget(self, batch: BatchRows) -> None:
        if batch.gone:
            guilds, users = zip(*batch.gone, strict=True)
            self._connection.execute(
                "DELETE FROM open_session WHERE (guild_id, user_id) IN "
                "(SELECT (unnest(?::UBIGINT[]), unnest(?::UBIGINT[])))",
                [list(guilds), list(users)],
            )
        if batch.all_marks:
            self._connection.execute("DELETE FROM watermark")

    def _append(self, table: str, rows: list[Row]) -> None:
        appender = self._appenders[table]
        appender.append_rows(rows)
        appender.flush()

    def _enter_crashes(self, batch: BatchRows) -> list[CrashCard]:
        return enter(self._connection, batch.crashes, batch.batch_id) if batch.crashes else []

    def _settle(self, batch: BatchRows) -> None:
        number = {"batch_id": batch.batch_id}
        if batch.settle_closed or batch.rows["outage"]:
            self._connection.execute(upkeep("settle_closed"), number)
        if batch.rows["outage"]:
            self._connection.execute(upkeep("settle_outages"), number)


@dataclass(frozen=True, slots=True)
class Stay:
    """A session that goes on."""

    channel_id: int
    started_earliest_utc: datetime
    started_latest_utc: datetime


@dataclass(slots=True)
class GuildState:
    """What the recorder keeps in memory of one guild; the tables hold the same."""

    stays: dict[int, Stay] = field(default_factory=dict[int, Stay])
    """By user_id."""

    seen_until_utc: datetime | None = None
    closed_cleanly: bool = False
    last_outage_utc: datetime | None = None
    """The end of its newest outage."""


@dataclass(slots=True)
class Memory:
    """What the recorder keeps in memory of the whole ledger."""

    guilds: dict[int, GuildState]
    last_batch_id: int
    last_position: int
    """What this run has stored comes from messages up to here; 0 if it stored nothing yet."""

    watermark_rows: int
    """How many rows `watermark` has, superseded ones too."""

    newest_utc: datetime | None = None
    """The latest time of any fact or watermark; null for an empty ledger."""


def recall(connection: Connection, run_id: UUID) -> Memory:
    """Read back what the tables say, in one transaction."""
    guilds: dict[int, GuildState] = {}

    def rows(sql: str, *parameters: object) -> list[Row]:
        return connection.execute(sql, list(parameters)).fetchall()

    with reading(connection):
        for guild_id, seen, closed in rows("FROM guild_state"):
            guilds[guild_id] = GuildState({}, utc(seen), closed)
        for guild_id, user_id, channel_id, earliest, latest in rows(
            "SELECT * EXCLUDE (batch_id) FROM open_session ORDER BY rowid"
        ):
            stays = guilds.setdefault(guild_id, GuildState()).stays
            stays[user_id] = Stay(channel_id, utc(earliest), utc(latest))
        for guild_id, last in rows("SELECT guild_id, max(to_utc) FROM outage GROUP BY guild_id"):
            guilds.setdefault(guild_id, GuildState()).last_outage_utc = utc(last)
        batch_id = rows("SELECT coalesce(max(batch_id), 0) FROM batch")[0][0]
        position = rows(
            "SELECT coalesce(max(last_position), 0) FROM batch WHERE run_id = ?", run_id
        )[0][0]
        marks = rows("SELECT count(*) FROM watermark")[0][0]
        newest = rows(NEWEST)[0][0]
    return Memory(guilds, batch_id, position, marks, None if newest is None else utc(newest))


def rebuild(connection: Connection) -> None:
    """Derive the sessions again from `user_activity` and `outage`, in one transaction.

    The rows are the very same as the recorder's. Not while a bot runs: its
    recorder would not know of it.
    """
    with writing(connection):
        connection.execute("DELETE FROM closed_session")
        connection.execute("DELETE FROM open_session")
        connection.execute(upkeep("rebuild_closed"))
        connection.execute(upkeep("rebuild_open"))


def ask_stored(connection: Connection, name: str, **parameters: object) -> list[Row]:
    """Run a query of `storage/queries/`; aware times in, naive UTC times out."""
    plain = {key: plain_utc(value) for key, value in parameters.items()}
    return connection.execute(query(name).sql, plain).fetchall()
