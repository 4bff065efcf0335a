"""The recorder: the one writer of the activity file."""

from __future__ import annotations

import contextlib
import math
import time
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, assert_never
from uuid import UUID, uuid4
from weakref import WeakKeyDictionary

import structlog
from typing_extensions import override

from actors.kernel.blocking import Batch, BatchActor
from actors.kernel.halting import Halt
from actors.recorder.file_watch import FileWatch
from actors.recorder.journal import Journal
from actors.recorder.protocol import (
    CloseGuild,
    Flush,
    JudgeCrash,
    LookAtFile,
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
    leave_log,
    open_activity,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from actors.kernel.halting import HaltProgram
    from actors.kernel.mailbox import Mailbox
    from actors.kernel.messages import Reply
    from actors.kernel.turn import ReplySlot

FULL_DISK_WAIT_S = 0.5
"""How long the recorder waits before it tries again to write to a full disk."""

LOOK_S = 5.0
"""How often the recorder looks whether its file is still there."""

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

# A restart must not go on with another file.
_watches: WeakKeyDictionary[Mailbox, FileWatch] = WeakKeyDictionary()


class RecorderActor(BatchActor[RecorderMessage]):
    """Writes what guilds tell into the ledger, one transaction a batch.

    State: the stays that go on and how far each guild was seen, as the tables
    have them. A crash at any point loses and doubles nothing: a batch stays in
    the mailbox until it is committed, and the row that it leaves in `batch` names
    the positions that it came from, so that none of them is stored twice.

    A full disk is waited out: nothing is taken from the mailbox meanwhile, and
    senders are refused once it is full. A file that was removed or replaced ends
    the program, because whatever is written to it from then on nobody can read.
    """

    batch_wait_s = 0.02
    """Measured at 5, 100 and 500 events/s: 20 ms cost the processor no more than 50 ms did and
    halved the time to the commit; 10 ms cost an eighth of a core more."""

    def __init__(self, file: Path, *, halt: HaltProgram | None = None) -> None:
        super().__init__()
        self._file = file
        self._halt = halt
        self._next_look = 0.0
        self._run_id = _runs.setdefault(self._incarnation.cell.mailbox, uuid4())

    @override
    def pre_start(self) -> None:
        mailbox = self._incarnation.cell.mailbox
        former = _watches.get(mailbox)
        if former is not None and former.is_lost():
            self._end(former.sentence())
            raise StorageError(former.sentence())
        self._connection = open_activity(self._file)
        self.held.callback(self._connection.close)
        self._watch = _watches.setdefault(mailbox, FileWatch(self._file))
        self.held.callback(self._leave_the_log_of_others)
        self._journal = Journal(recall(self._connection, self._run_id))
        self._writer = Writer(self._connection)
        self._look_again()

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
        self._look()
        answers: Answers = []
        for delivery in batch.deliveries:
            message = delivery.message
            is_new = delivery.position > self._journal.last_position
            if is_new and not isinstance(message, RecallGuild | NewestTime | Flush | LookAtFile):
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

    def _look(self) -> None:
        """See whether the file is still there, if it is time."""
        if time.monotonic() < self._next_look:
            return
        if not self._watch.is_lost():
            self._look_again()
            return
        self._next_look = math.inf
        self._end(self._watch.sentence())

    def _look_again(self) -> None:
        # The message is for quiet times; a crowded mailbox, which refuses it, looks by its batches.
        self._next_look = time.monotonic() + LOOK_S
        self.after(LOOK_S, LookAtFile())

    def _leave_the_log_of_others(self) -> None:
        """Before the file is closed: where it is lost, its log's name may be another process's."""
        if self._watch.is_lost():
            with contextlib.suppress(DatabaseFault):
                leave_log(self._connection)

    def _end(self, sentence: str) -> None:
        if self._halt is None:
            raise StorageError(sentence)
        halt = partial(self._halt, Halt(StorageError.exit_code, sentence))
        self._incarnation.home.call(halt)

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
                self._look()
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
            log.warning(str(problem), then="what waits is stored", waiting=mailbox.depth())

    def _bury(self, refused: list[tuple[object, str]]) -> None:
        if refused:
            row, why = refused[0]
            log.error("what a guild told contradicts the ledger", row=repr(row), why=why,
                      more=len(refused) - 1)  # fmt: skip
        for row, why in refused:
            self._incarnation.directory.bury(self.name, row, why)
