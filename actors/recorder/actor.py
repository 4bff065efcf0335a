"""The recorder: the one writer of the activity file."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeAlias, assert_never
from uuid import UUID, uuid4
from weakref import WeakKeyDictionary

import structlog
from typing_extensions import override

from actors.kernel.blocking import Batch, BatchActor
from actors.recorder.journal import Journal
from actors.recorder.protocol import (
    CloseGuild,
    Flush,
    JudgeCrash,
    NewestTime,
    RecallGuild,
    RecordActivity,
    RecordCrash,
    RecorderMessage,
    RecordMessage,
    RecordSupervision,
    Watermark,
)
from storage.activity import BatchRows, Run, Writer, recall
from storage.database import (
    DatabaseFault,
    DiskFullError,
    StorageError,
    explain,
    is_fatal,
    open_activity,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from actors.kernel.mailbox import Mailbox
    from actors.kernel.messages import Reply
    from actors.kernel.turn import ReplySlot

FULL_DISK_WAIT_S = 0.5
"""How long the recorder waits before it tries again to write to a full disk."""

log = structlog.get_logger(__name__)

Answers: TypeAlias = "list[tuple[ReplySlot, Callable[[], Reply[Any]]]]"
Facts: TypeAlias = (
    RecordActivity
    | RecordMessage
    | Watermark
    | CloseGuild
    | RecordSupervision
    | RecordCrash
    | JudgeCrash
)

# Positions belong to a mailbox, and a mailbox to one process: together they name each message.
_runs: WeakKeyDictionary[Mailbox, UUID] = WeakKeyDictionary()


class RecorderActor(BatchActor[RecorderMessage]):
    """Writes what guilds tell into the ledger, one transaction a batch.

    State: the stays that go on and how far each guild was seen, as the tables
    have them. A crash at any point loses and doubles nothing: a batch stays in
    the mailbox until it is committed, and the row that it leaves in `batch` names
    the positions that it came from, so that none of them is stored twice.

    A full disk is waited out: nothing is taken from the mailbox meanwhile, and
    senders are refused once it is full.
    """

    batch_wait_s = 0.02
    """Measured at 5, 100 and 500 events/s: 20 ms cost the processor no more than 50 ms did and
    halved the time to the commit; 10 ms cost an eighth of a core more."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file
        self._run_id = _runs.setdefault(self._incarnation.cell.mailbox, uuid4())

    @override
    def pre_start(self) -> None:
        connection = open_activity(self._file)
        self.held.callback(connection.close)
        self._journal = Journal(recall(connection, self._run_id))
        self._writer = Writer(connection)

    @override
    def shown_state(self) -> Mapping[str, object]:
        # Single values only: the thread may be in the middle of a batch.
        return {
            "last batch": self._journal.last_batch_id,
            "stored up to position": self._journal.last_position,
            "refused in this batch": len(self._journal.refused),
        }

    @override
    def on_batch(self, batch: Batch[RecorderMessage]) -> None:
        answers: Answers = []
        for delivery in batch.deliveries:
            message = delivery.message
            is_new = delivery.position > self._journal.last_position
            if is_new and not isinstance(message, RecallGuild | NewestTime | Flush):
                self._take(message)
            slot = delivery.reply_to
            if slot is not None and isinstance(
                message, RecallGuild | NewestTime | Flush | JudgeCrash
            ):
                answers.append((slot, self._answer(message)))
        refused = self._journal.refused
        self._store(batch)
        self._bury(refused)
        for slot, answer in answers:
            slot.send(answer())

    def _answer(
        self, request: RecallGuild | NewestTime | Flush | JudgeCrash
    ) -> Callable[[], Reply[Any]]:
        """Prepare what is sent after the commit."""
        if isinstance(request, Flush | JudgeCrash):
            return lambda: request.reply(self._journal.last_batch_id)
        # As it is now: what comes later in the batch may say more.
        if isinstance(request, NewestTime):
            newest = request.reply(self._journal.newest_utc)
            return lambda: newest
        reply = request.reply(self._journal.recall(request.guild_id))
        return lambda: reply

    def _take(self, message: Facts) -> None:
        match message:
            case RecordActivity(rows, outage):
                self._journal.activity(rows, outage)
            case RecordMessage(row):
                self._journal.message(row)
            case Watermark(guild_id=guild_id, at_utc=at_utc):
                self._journal.watermark(guild_id, at_utc)
            case CloseGuild(guild_id=guild_id, at_utc=at_utc):
                self._journal.watermark(guild_id, at_utc, closed_cleanly=True)
            case RecordSupervision(event):
                self._journal.supervision(event)
            case RecordCrash(row):
                self._journal.crash(row)
            case JudgeCrash(verdict):
                self._journal.crash(verdict)
            case _:
                assert_never(message)

    def _store(self, batch: Batch[RecorderMessage]) -> None:
        rows = self._journal.rows()
        if rows is None:
            self._journal.nothing_to_store()
            return
        last_position = batch.deliveries[-1].position
        self._write(rows, Run(
            run_id=self._run_id,
            first_position=batch.deliveries[0].position,
            last_position=last_position,
        ))  # fmt: skip
        self._journal.committed(last_position)

    def _write(self, rows: BatchRows, run: Run) -> None:
        waited = False
        while True:
            try:
                back = self._writer.write(rows, run)
            except DatabaseFault as fault:
                self._see_whether_it_heals(fault, say=not waited)
                waited = True
                time.sleep(FULL_DISK_WAIT_S)
            else:
                for card in back:
                    log.warning(
                        "a crash that was fixed is back", card=card.card, fixed_in=card.fixed_in
                    )
                return

    def _see_whether_it_heals(self, fault: DatabaseFault, *, say: bool) -> None:
        """Return if the disk is full and nobody wants an end; raise whatever else it is."""
        problem = explain(fault, self._file)
        mailbox = self._incarnation.cell.mailbox
        if is_fatal(fault):
            raise StorageError(f"{self._file} can't be used until it is opened again: {fault}")
        if not isinstance(problem, DiskFullError):
            raise fault
        if not self._going_on(mailbox):
            raise problem
        if say:
            log.warning(str(problem), waiting=mailbox.depth())

    def _bury(self, refused: list[tuple[object, str]]) -> None:
        if refused:
            row, why = refused[0]
            log.error("what a guild told contradicts the ledger", row=repr(row), why=why,
                      more=len(refused) - 1)  # fmt: skip
        for row, why in refused:
            self._incarnation.directory.bury(self.name, row, why)
