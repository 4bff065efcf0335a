"""Tells whoever keeps a program alive that its main thread has ended."""

from __future__ import annotations

import threading
import weakref
from typing import Protocol


class Keeper(Protocol):
    """What may keep the program alive."""

    def program_ends(self) -> None:
        """Note that the main thread has ended; any thread calls this."""


class EndOfProgram:
    """Watches the main thread, in one thread for the whole process."""

    def __init__(self) -> None:
        self._keepers: list[weakref.ref[Keeper]] = []
        self._adding = threading.Lock()
        self._thread: threading.Thread | None = None

    def tell(self, keeper: Keeper) -> None:
        """Tell `keeper` when the main thread has ended, unless it is forgotten by then."""
        with self._adding:
            self._keepers = [ref for ref in self._keepers if ref() is not None]
            self._keepers.append(weakref.ref(keeper))
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._watch, name="end of program", daemon=True
                )
                self._thread.start()

    def _watch(self) -> None:
        threading.main_thread().join()
        with self._adding:
            keepers = [ref() for ref in self._keepers]
        for keeper in keepers:
            if keeper is not None:
                keeper.program_ends()


end_of_program = EndOfProgram()
