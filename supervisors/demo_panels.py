"""The parts of the demo's picture, each for the room that it is given."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from supervisors.demo_feed import ROOMY, feed_line
from supervisors.demo_fit import joined, whole
from supervisors.demo_hints import hints
from supervisors.screen import NARROW, called, header_line, ledger_line, tree_view
from supervisors.words import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from supervisors.demo_drills import Crash
    from supervisors.demo_show import Show

EDGES = 2
"""Lines that the edges of a panel take."""

SIDES = 4
"""Columns that its sides take."""

ENDS = "Ctrl+C ends it"
ELSEWHERE = f"{ENDS}; second terminal: "

LEGEND = (
    "mail: waiting messages",
    "stall: longest hold-up",
    "dead: undelivered",
)


def framed(content: RenderableType, title: str, style: str = "blue") -> Panel:
    """Put a part into a box."""
    return Panel(content, title=title, title_align="left", box=box.ROUNDED, border_style=style)


def head(show: Show, width: int) -> Text:
    """Say who runs, and what the demo is doing while it starts or ends."""
    assert show.status is not None
    line = header_line(show.status)
    if show.step:
        line = Text(f"{show.step}… ", style="bold yellow").append_text(line)
    return whole(line, width, "  ")


def tree(show: Show, width: int, height: int) -> Panel:
    """Show the supervision tree."""
    assert show.status is not None
    rows = height - EDGES - 1
    view = tree_view(show.status, width - SIDES, labels=show.labels, rows=rows)
    return framed(view, "supervision tree")


def tree_height(show: Show) -> int:
    """Return the lines that the whole tree takes, with its head and its edges."""
    assert show.status is not None
    return len(show.status["tree"]) + 1 + EDGES


def tree_sentence(show: Show, width: int) -> Text:
    """Tell of the tree in one line, where there is no room for more."""
    assert show.status is not None
    reports = show.status["tree"]
    down = [called(r["name"], show.labels) for r in reports if r["state"] != "running"]
    state = f"{' and '.join(down)} down" if down else f"{counted(len(reports), 'actor')} running"
    restarts = counted(sum(report["restarts"] for report in reports), "restart")
    parts = [Text(state, style="red" if down else "green"), Text(restarts)]
    return joined(parts, width, ", ")


def feed(show: Show, width: int, height: int) -> Panel:
    """Show the last things that happened in the local Discord."""
    inside = width - SIDES
    lines = feed_lines(show, inside, height - EDGES)
    title = "local Discord" if inside >= ROOMY else "local Discord (min:s)"
    return framed(Group(*lines or [Text("nothing yet", style="dim")]), title)


def feed_lines(show: Show, width: int, rows: int) -> list[Text]:
    """Return at most `rows` lines of the feed, the newest last."""
    return [feed_line(line, width) for line in list(show.feed)[-rows:]] if rows > 0 else []


def crashes(show: Show, width: int, height: int) -> Panel:
    """Show the last crashes on purpose, and how long each one took to heal."""
    if not show.crashes:
        return framed(Text("the first comes soon", style="dim"), "crashes on purpose", "red")
    lines = [_crash(crash, show, width - SIDES) for crash in show.crashes[EDGES - height :]]
    return framed(Group(*lines), f"crashes on purpose: {len(show.crashes)}", "red")


def _crash(crash: Crash, show: Show, width: int) -> Text:
    line = Text(called(crash.name, show.labels), style="bold")
    if crash.back_after_s is None:
        return joined([line.append(" is down", style="not bold red")], width, ", ")
    line.append(f" back in {crash.back_after_s * 1000:,.0f} ms", style="not bold green")
    kept = [Text(f"mail kept: {crash.mail_kept}", style="dim")] if crash.mail_kept else []
    return joined([line, *kept], width, ", ")


def figures(show: Show, width: int) -> Panel:
    """Show what is in the ledger, and who has most time in voice."""
    top = [Text(f"{name} {time}", style="not dim") for name, time in show.top_words]
    start = Text("most time in voice: ", style="dim")
    best = joined(top, width - SIDES - start.cell_len, ", ") if top else Text("nobody yet")
    lines = figures_line(show, width - SIDES), start.append_text(best)
    return framed(Group(*lines), "activity ledger")


def figures_line(show: Show, width: int) -> Text:
    """Say in one line what is in the ledger."""
    assert show.status is not None
    return whole(ledger_line(show.status), width, ", ")


def legend(tree_width: int, width: int) -> Text:
    """Explain the short words and signs of the picture."""
    signs = ("↻ restarts", *LEGEND) if tree_width - SIDES < NARROW else LEGEND
    return joined([Text(words, style="dim") for words in signs], width, "  ")


def foot(show: Show, width: int) -> list[Text]:
    """Say how to end it, and what to type elsewhere: whole commands, or none."""
    typed = list(takewhile(lambda command: len(command) <= width, hints(show.folder)))
    if not typed:
        return [Text(ENDS, style="dim")]
    if len(ELSEWHERE) + len(typed[0]) > width:
        return [Text(ELSEWHERE.rstrip(), style="dim"), *map(Text, typed)]
    fits = max(map(len, typed)) + len(ELSEWHERE) <= width
    indent = " " * len(ELSEWHERE) if fits else ""
    first = Text(ELSEWHERE, style="dim").append(typed[0], style="not dim")
    return [first, *(Text(indent + command) for command in typed[1:])]


def short_foot(show: Show, width: int, lines: int) -> list[Text]:
    """Give the foot at most `lines` lines; what would lead nowhere is left out."""
    kept = foot(show, width)[:lines]
    # An announcement without a command, and a setting without one that needs it.
    while kept and not re.search(r"main\.py.* (status|query)", kept[-1].plain):
        kept.pop()
    return kept or [Text(ENDS, style="dim")]
