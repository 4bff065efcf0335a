"""The demo in a pipe or a log: one line for each thing that happens, no colours."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Self, TextIO

from supervisors.demo_show import Show, top_text
from supervisors.screen import header_line, ledger_line

if TYPE_CHECKING:
    from types import TracebackType

FIGURES_EVERY_S = 5.0
"""How often the figures are repeated."""


class Lines:
    """One line for each thing that happens, for pipes and logs."""

    every_s = 0.25

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._step = ""
        self._fed = 0
        self._told: dict[int, bool] = {}
        self._figures_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def draw(self, show: Show) -> None:
        """Print what is new since the last call.

        Raises:
            BrokenPipeError: nobody reads any more.

        """
        if show.step != self._step:
            self._step = show.step
            self._say(show.step or "running; Ctrl+C ends the demo")
        new = min(show.fed - self._fed, len(show.feed))
        for line in list(show.feed)[len(show.feed) - new :]:
            self._say(f"{line.clock} {line.guild}: {line.text}")
        self._fed = show.fed
        self._tell_crashes(show)
        if time.monotonic() - self._figures_at >= FIGURES_EVERY_S and show.status:
            self._figures_at = time.monotonic()
            self._say(header_line(show.status).plain)
            self._say(ledger_line(show.status).plain)
            if show.top:
                self._say(f"most time in voice: {top_text(show)}")
        self._stream.flush()

    def _tell_crashes(self, show: Show) -> None:
        """Tell each crash before its return, also when both came between two calls."""
        for index, crash in enumerate(show.crashes):
            label = show.labels.get(crash.name, "")
            if index not in self._told:
                self._told[index] = False
                self._say(f"crash: {replace(crash, back_after_s=None).sentence(label)}")
            if crash.back_after_s is not None and not self._told[index]:
                self._told[index] = True
                self._say(f"crash: {crash.sentence(label)}")

    def _say(self, text: str) -> None:
        self._stream.write(text + "\n")
