"""The crash log: counts equal crashes together and has the ledger keep them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import trio

from actors.kernel.crash_marks import headline, stack_text
from actors.kernel.errors import DrillError
from actors.kernel.redaction import redacted
from actors.recorder.protocol import RecordCrash
from storage.rows import CardState, CrashRow
from supervisors.version import VERSION
from supervisors.wire import utc

if TYPE_CHECKING:
    from actors.kernel.addresses import Address, Directory
    from actors.kernel.crash_marks import CrashSeen
    from actors.recorder.protocol import RecorderMessage

OWE = 200
"""Different crashes that wait here while the recorder takes none."""


class CrashLog:
    """Listens to the crashes of one directory, from its making on.

    It is no actor, as the event log: it must work while every actor is down. A
    thousand equal crashes at once are one row with a count. All of it runs in the
    Trio thread.
    """

    def __init__(self, directory: Directory, recorder: Address[RecorderMessage]) -> None:
        self._recorder = recorder
        self._owed: dict[str, CrashRow] = {}
        self._token = trio.lowlevel.current_trio_token()
        directory.crashes.append(self.note)

    @property
    def owed(self) -> tuple[CrashRow, ...]:
        """What waits for the recorder to take it, oldest first."""
        return tuple(self._owed.values())

    def note(self, crash: CrashSeen) -> None:
        """Count one crash; the recorder hears of it with all that happen at this moment."""
        key = f"{crash.card} {crash.kind}"
        known = self._owed.get(key)
        at_utc = utc(crash.at_utc_s)
        if known is not None:
            self._owed[key] = replace(
                known, count=known.count + 1, last_utc=at_utc, actor=crash.name
            )
        elif len(self._owed) < OWE:
            self._owed[key] = _row(crash)
        self._token.run_sync_soon(self.deliver, idempotent=True)

    def deliver(self) -> None:
        """Tell the recorder what it did not take before, oldest first."""
        for key, row in list(self._owed.items()):
            if not self._recorder.offer(RecordCrash(row)):
                return
            del self._owed[key]


def _row(crash: CrashSeen) -> CrashRow:
    on_purpose = isinstance(crash.error, DrillError)
    at_utc = utc(crash.at_utc_s)
    return CrashRow(
        card=crash.card,
        headline=headline(crash.error),
        stack=stack_text(crash.error),
        kind=crash.kind,
        actor=crash.name,
        in_hand="" if crash.in_hand is None else redacted(crash.in_hand),
        version=VERSION,
        count=1,
        first_utc=at_utc,
        last_utc=at_utc,
        born=CardState.IGNORED if on_purpose else CardState.OPEN,
    )
