"""The demo on a terminal: one picture, drawn anew several times a second."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Self

from rich import box
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console, Group
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from supervisors.demo_show import QUERY, FeedLine, Show, command, top_text
from supervisors.screen import WIDE, called, header_line, ledger_line, tree_view

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import RenderableType

    from supervisors.demo_drills import Crash

ROOMY = 40
"""Columns of the feed from which there is room for the time of day."""


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


def frame(show: Show, width: int, height: int) -> RenderableType:
    """Compose one picture of `width` columns and `height` lines."""
    if show.status is None:
        return _waiting(show)
    foot = _foot(show)
    tree_width = max(46, min(width * 7 // 12, WIDE))
    body_height = height - 1 - 4 - len(foot)
    right = Layout()
    crash_height = min(12, max(5, body_height // 3))
    right.split_column(
        Layout(_feed(show, body_height - crash_height - 2, width - tree_width - 4), ratio=1),
        Layout(_crashes(show, crash_height - 2), size=crash_height),
    )
    body = Layout()
    table = tree_view(show.status, tree_width - 4, labels=show.labels, rows=body_height - 3)
    body.split_row(Layout(_panel(table, "supervision tree"), size=tree_width), right)
    whole = Layout()
    whole.split_column(
        Layout(_head(show), size=1),
        Layout(body, ratio=1),
        Layout(_panel(_figures(show), "activity ledger"), size=4),
        Layout(Group(*foot), size=len(foot)),
    )
    return whole


def _panel(content: RenderableType, title: str, style: str = "blue") -> Panel:
    return Panel(content, title=title, title_align="left", box=box.ROUNDED, border_style=style)


def _waiting(show: Show) -> RenderableType:
    text = Text("\n  Bulkhead demo\n\n", style="bold")
    text.append(f"  {show.step}…\n\n", style="not bold yellow")
    return text.append(f"  its data and logs: {show.folder}", style="not bold dim")


def _head(show: Show) -> RenderableType:
    assert show.status is not None
    head = header_line(show.status)
    if show.step:
        return Text(f"{show.step}… ", style="bold yellow").append_text(head)
    return head


def _feed(show: Show, rows: int, width: int) -> RenderableType:
    lines = [_feed_line(line, width) for line in list(show.feed)[-max(1, rows) :]]
    return _panel(Group(*lines), "local Discord")


def _feed_line(line: FeedLine, width: int) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    if width >= ROOMY:
        text.append(f"{line.clock} ", style="dim")
    text.append(line.text)
    return text.append(f"  {line.guild}", style="cyan")


def _crashes(show: Show, rows: int) -> RenderableType:
    if not show.crashes:
        return _panel(Text("the first comes soon", style="dim"), "crashes on purpose", "red")
    lines = [_crash_line(crash, show) for crash in show.crashes[-rows:]]
    return _panel(Group(*lines), f"crashes on purpose: {len(show.crashes)}", "red")


def _crash_line(crash: Crash, show: Show) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(called(crash.name, show.labels), style="bold")
    if crash.back_after_s is None:
        return text.append(" is down", style="red")
    text.append(f" back in {crash.back_after_s * 1000:,.0f} ms", style="green")
    if crash.mail_kept:
        text.append(f", mail kept: {crash.mail_kept}", style="dim")
    return text


def _figures(show: Show) -> RenderableType:
    assert show.status is not None
    top = Text("most time in voice: ", style="dim", no_wrap=True, overflow="ellipsis")
    top.append(top_text(show) or "nobody yet", style="not dim")
    return Group(ledger_line(show.status), top)


def _foot(show: Show) -> list[Text]:
    ask = command(show.folder)
    foot = [Text(no_wrap=True, overflow="ellipsis") for _ in range(2)]
    foot[0].append("Ctrl+C ends; second terminal: ", style="dim").append(f"{ask} status --watch")
    foot[1].append(" " * 30).append(f'{ask} query "{QUERY}"')
    return foot


def draw_picture(show: Show, file: Path, width: int = 120, height: int = 34) -> None:
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
        # Rich's form fetches fonts from the web; who reads the README has one.
        form = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
        console.save_svg(str(file), title="main.py demo", code_format=form)
