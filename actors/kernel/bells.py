"""The bell that wakes the thread of a blocking actor."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.kernel.mailbox import Mailbox


class ThreadBell:
    """Wakes the thread that reads a mailbox, from any thread."""

    __slots__ = ("_enough", "_insisted", "_mailbox", "_rung")

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._rung = threading.Event()
        self._enough = 1
        self._insisted = False

    def ring(self) -> None:
        """Wake the reader if there is enough to do; the mailbox calls this."""
        # While a batch gathers, only what closes it is worth waking a thread for.
        box = self._mailbox
        if self._enough == 1 or box.urgent or box.stop_asked or box.depth() >= self._enough:
            self._rung.set()

    def insist(self) -> None:
        """Wake the reader and let it never wait again: it is to end."""
        self._insisted = True
        self._rung.set()

    def wait(self, timeout: float | None) -> None:
        """Wait until there is mail or a stop, at most `timeout` seconds."""
        self._rung.clear()
        # Cleared first, then checked: what came in between is seen here.
        box = self._mailbox
        if box.empty() and not (box.stop_asked or self._insisted):
            self._rung.wait(timeout)

    def wait_for_batch(self, size: int, seconds: float) -> None:
        """Wait until `size` messages are there, somebody asks, or `seconds` have passed."""
        self._enough = size
        self._rung.clear()
        box = self._mailbox
        if not (box.urgent or box.stop_asked or box.depth() >= size or self._insisted):
            self._rung.wait(seconds)
        self._enough = 1
        box.urgent = False
