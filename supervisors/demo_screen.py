"""The demo on a terminal: one picture, drawn anew several times a second."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Self

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.live import Live

from supervisors.demo_layout import frame

if TYPE_CHECKING:
    from types import TracebackType

    from supervisors.demo_show import Show


class Screen:
    """The whole terminal, drawn anew several times a second; restored at the end."""

    every_s = 0.125

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(
            console=console,
            screen=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def draw(self, show: Show) -> None:
        """Draw what is known now."""
        width, height = self._console.size
        self._live.update(frame(show, width, height), refresh=True)


def draw_picture(show: Show, file: Path, width: int = 112, height: int = 25) -> None:
    """Save what is shown as an SVG picture."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(
            record=True,
            width=width,
            height=height,
            file=nowhere,
            force_terminal=True,
            color_system="truecolor",
        )
        console.print(frame(show, width, height))
        console.print()  # the picture ends within the last line
        console.save_svg(str(file), title="main.py demo", code_format=_form())


def _form() -> str:
    """Change Rich's form: no fonts from the web, and letters as high as a line of boxes."""
    local = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    return local.replace("font-size: {char_height}px", "font-size: 21px")
