"""Crossing threads: how anything reaches the one thread that Trio runs in."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import trio

if TYPE_CHECKING:
    from collections.abc import Callable


class Home:
    """The Trio run that an actor, a future or a supervisor belongs to."""

    __slots__ = ("_ident", "_token")

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._ident = threading.get_ident()

    def call(self, function: Callable[[], object]) -> None:
        """Call `function` in the Trio thread: now if we are there, soon if not.

        `function` must not raise: from another thread that would end the run.
        A run that is over calls nothing, because nobody is left to be told.
        """
        if threading.get_ident() == self._ident:
            function()
            return
        try:
            self._token.run_sync_soon(function)
        except trio.RunFinishedError:
            return

    def is_here(self) -> bool:
        """Tell whether the caller is in the Trio thread, where nothing may block."""
        return threading.get_ident() == self._ident
