"""The event log: what supervisors saw and did, for the log, for status and for the ledger."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import structlog

from actors.recorder.protocol import RecordSupervision

if TYPE_CHECKING:
    from actors.kernel.addresses import Address, Directory
    from actors.kernel.system import SupervisionEvent
    from actors.recorder.protocol import RecorderMessage

KEEP = 200
"""Events that status can show."""

OWE = 1000
"""Events that wait here while the recorder takes none."""

log = structlog.get_logger(__name__)


class EventLog:
    """Listens to the supervisors of one directory, from its making on.

    It is no actor: it must work while every actor is down, and it makes no events
    itself, so an event can't cause another. All of it runs in the Trio thread.
    """

    def __init__(self, directory: Directory, recorder: Address[RecorderMessage]) -> None:
        self._recorder = recorder
        self._recent: deque[SupervisionEvent] = deque(maxlen=KEEP)
        self._owed: deque[SupervisionEvent] = deque()
        self.dropped = 0
        """Events that are in the log but will not be in the ledger."""
        directory.supervision.append(self.note)

    @property
    def recent(self) -> tuple[SupervisionEvent, ...]:
        """The last events, newest last."""
        return tuple(self._recent)

    @property
    def owed(self) -> int:
        """How many events wait for the recorder to take them."""
        return len(self._owed)

    def note(self, event: SupervisionEvent) -> None:
        """Keep one event, log it and tell the recorder."""
        self._recent.append(event)
        _write(event)
        if len(self._owed) >= OWE:
            self._owed.popleft()
            self.dropped += 1
        self._owed.append(event)
        self.deliver()

    def deliver(self) -> None:
        """Tell the recorder what it did not take before, oldest first."""
        # `offer` buries nothing: a refusal here leaves no trace but the event itself.
        while self._owed and self._recorder.offer(RecordSupervision(self._owed[0])):
            self._owed.popleft()


def is_alarming(reason: str, action: str) -> bool:
    """Tell whether an operator wants to see an event first.

    >>> is_alarming("crashed: ValueError('x')", "restart"), is_alarming("restarted", "started")
    (True, False)
    """
    return reason.startswith(("crashed", "killed")) or action.startswith("gave up")


def _write(event: SupervisionEvent) -> None:
    alarming = is_alarming(event.reason, event.action)
    write = log.warning if alarming else log.info
    write(
        "supervision",
        supervisor=event.supervisor,
        child=event.child,
        reason=event.reason,
        action=event.action,
    )
