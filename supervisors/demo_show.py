"""What the demo knows and shows, and the two ways to show it: a screen, or plain lines."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TextIO

from rich import box
from rich.console import Console, Group
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from supervisors.control import DEMO_FOLDER
from supervisors.screen import WIDE, called, header_line, hours, ledger_line, tree_view

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import RenderableType

    from supervisors.demo_drills import Crash

FEED = 200
FIGURES_EVERY_S = 5.0
"""How often plain lines repeat the figures."""

QUERY = "FROM voice_session LIMIT 9"


@dataclass(frozen=True, slots=True)
class FeedLine:
    """One thing that happened in the local Discord, in words."""

    clock: str
    guild: str
    text: str


@dataclass(slots=True)
class Show:
    """Everything that the demo shows; whoever learns something writes it here."""

    folder: Path
    status: dict[str, Any] | None = None
    """The bot's last answer to `status`."""

    step: str = "starting"
    """What the demo is doing while it starts or ends; empty while it runs."""

    feed: deque[FeedLine] = field(default_factory=lambda: deque[FeedLine](maxlen=FEED))
    fed: int = 0
    """Feed lines so far, also those that `feed` holds no more."""

    crashes: list[Crash] = field(default_factory=list["Crash"])
    """Each crash is replaced by one that says how long it took, once that is known."""

    top: tuple[tuple[str, float], ...] = ()
    """Members with most voice time: (name, seconds)."""

    labels: dict[str, str] = field(default_factory=dict[str, str])
    """Guild names by the actor's name."""

    def heard(self, line: FeedLine) -> None:
        """Add a line to the feed."""
        self.feed.append(line)
        self.fed += 1


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
        for index, crash in enumerate(show.crashes):
            back = crash.back_after_s is not None
            if self._told.get(index) != back:
                self._told[index] = back
                self._say(f"crash: {crash.sentence}")
        if time.monotonic() - self._figures_at >= FIGURES_EVERY_S and show.status:
            self._figures_at = time.monotonic()
            self._say(header_line(show.status).plain)
            self._say(ledger_line(show.status).plain)
            if show.top:
                self._say(f"most time in voice: {top_text(show)}")
        self._stream.flush()

    def _say(self, text: str) -> None:
        self._stream.write(text + "\n")


def frame(show: Show, width: int, height: int) -> RenderableType:
    """Compose one picture of `width` columns and `height` lines."""
    if show.status is None:
        return _waiting(show)
    foot = _foot(show)
    tree_width = max(46, min(width * 11 // 20, WIDE))
    body_height = height - 1 - 4 - len(foot)
    right = Layout()
    crash_height = 5
    right.split_column(
        Layout(_feed(show, body_height - crash_height - 2), ratio=1),
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


def _feed(show: Show, rows: int) -> RenderableType:
    lines = [_feed_line(line) for line in list(show.feed)[-max(1, rows) :]]
    return _panel(Group(*lines), "local Discord")


def _feed_line(line: FeedLine) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{line.clock[-5:]} ", style="dim")
    text.append(f"{line.guild} ", style="cyan")
    return text.append(line.text)


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
    return text.append(f", mail kept: {crash.mail_kept}", style="dim")


def _figures(show: Show) -> RenderableType:
    assert show.status is not None
    top = Text("most time in voice: ", style="dim", no_wrap=True, overflow="ellipsis")
    top.append(top_text(show) or "nobody yet", style="not dim")
    return Group(ledger_line(show.status), top)


def top_text(show: Show) -> str:
    """Name the members with most voice time."""
    return ", ".join(f"{name} {hours(seconds)}" for name, seconds in show.top)


def _foot(show: Show) -> list[Text]:
    lines = [
        f"second terminal: {command(show.folder)} status --watch",
        f'                 {command(show.folder)} query "{QUERY}"',
    ]
    foot = [Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in lines]
    foot[0].append("   Ctrl+C ends", style="not dim")
    return foot


def command(folder: Path, *, runs: bool = True) -> str:
    """Return what an operator types, in the folder of the demo, to ask a bot of the demo.

    While it `runs` on the usual folder it is found without being named.
    """
    python = Path(sys.executable)
    here = Path.cwd()
    name = str(python.relative_to(here)) if python.is_relative_to(here) else str(python)
    found = runs and folder == DEMO_FOLDER.resolve()
    near = folder.relative_to(here) if folder.is_relative_to(here) else folder
    return f"{'' if found else f'BULKHEAD_STORAGE__FOLDER={near} '}{name} main.py"


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
        console.save_svg(str(file), title="main.py demo")
