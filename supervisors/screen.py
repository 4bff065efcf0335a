"""How the state of a bot looks to people: Rich renderables made of the status object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from supervisors.event_log import is_alarming
from supervisors.words import counted, hours, span, why

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import RenderableType

WIDE = 100
"""Columns from which there is room for the last error."""

NARROW = 64
"""Columns below which states are signs, without words."""

FRESH_S = 6.0
"""A restart stands out for so long."""

STATES = {
    "running": ("●", "green"),
    "starting": ("◐", "yellow"),
    "waiting": ("◌", "magenta"),
    "stopping": ("◑", "yellow"),
    "stopped": ("○", "red"),
    "suspended": ("⏸", "cyan"),
}

EVENTS = 8
FEWEST_EVENTS = 3
LINES_BESIDE = 6
"""Of the status on a screen: two on top, two empty ones, and two headings."""

BUSY = 100
"""More waiting mail than this is marked."""

Status = dict[str, Any]
"""The object that the control socket's `status` answers with."""


def status_view(status: Status, width: int, height: int | None = None) -> RenderableType:
    """Show the whole bot to a terminal, or a pipe, of `width` columns.

    With a `height` in lines the newest events are what is left of it, and at least a few.
    """
    rows, events = _shares(len(status["tree"]), height)
    parts: list[RenderableType] = [
        header_line(status),
        _cut(Text("ledger: ").append_text(ledger_line(status))),
        Text(),
        tree_view(status, width, rows=rows),
        Text(),
        _heading(len(status["supervision"]) - events),
        *(event_line(event) for event in status["supervision"][-events:]),
    ]
    letters = status["dead_letters"]["recent"][-3:]
    if letters:
        parts += [Text(), Text("last dead letters", style="bold"), *map(_letter_line, letters)]
    health = status["responsiveness"]
    if health is not None and health["last_stack"]:
        place = str(health["last_stack"]).partition("\n")[0]
        parts += [Text(), _cut(Text(f"last stall: {place}", style="yellow"))]
    return Group(*parts)


def _shares(actors: int, height: int | None) -> tuple[int | None, int]:
    """Say how many lines the tree may have (null: all it needs) and how many the events.

    >>> _shares(14, None), _shares(14, 24), _shares(14, 40), _shares(500, 24)
    ((None, 8), (14, 4), (14, 8), (15, 3))
    """
    if height is None:
        return None, EVENTS
    room = height - LINES_BESIDE
    rows = max(1, min(actors, room - FEWEST_EVENTS))
    return rows, max(1, min(EVENTS, room - rows))


def header_line(status: Status) -> Text:
    """Say in one line who runs, whether Discord is there, and whether anything is wrong."""
    line = Text(f"Bulkhead {status['version']}", style="bold")
    line.append("  ")
    line.append_text(_link(status["link"]))
    line.append(f"  up {span(status['uptime_s'])}  pid {status['pid']}", style="not bold")
    health = status["responsiveness"]
    if health is not None:
        style = "not bold yellow" if health["stalls"] else "not bold dim"
        line.append(f"  stall {health['worst_ms']:.0f} ms", style=style)
    letters = status["dead_letters"]["count"]
    line.append(f"  dead {letters:,}", style="not bold yellow" if letters else "not bold dim")
    return _cut(line)


def _link(link: Mapping[str, Any] | None) -> Text:
    if link is None:
        return Text("○ gateway silent", style="red")
    if link["link"] != "connected":
        return Text(f"◐ {link['link']}", style="yellow")
    return Text(f"● connected, {counted(link['guilds'], 'guild')}", style="green")


def ledger_line(status: Status) -> Text:
    """Say in one line what the ledger holds."""
    ledger = status["ledger"]
    if ledger is None:
        return Text("the analyst does not answer", style="red")
    figures = [
        counted(ledger["activity_rows"], "row"),
        f"{counted(ledger['sessions_closed'], 'session')} (+{ledger['sessions_open']:,} open)",
        f"{hours(ledger['voice_s'])} in voice",
        counted(ledger["messages"], "message"),
        counted(ledger["outages"], "outage"),
    ]
    return _cut(Text(", ".join(figures)))


def tree_view(
    status: Status,
    width: int,
    *,
    labels: Mapping[str, str] | None = None,
    rows: int | None = None,
) -> Table:
    """Show the supervision tree in `width` columns and at most `rows` lines below its head.

    `labels` gives actors a human name, shown in place of their own.
    """
    table = _table(width)
    reports = list(_with_branches(status["tree"]))
    shown = reports if rows is None or len(reports) <= rows else reports[: max(0, rows - 1)]
    for branch, report in shown:
        table.add_row(*_cells(branch, report, labels or {}, width))
    if len(shown) < len(reports):
        table.add_row(Text(f"and {len(reports) - len(shown)} more", style="dim"))
    return table


def _table(width: int) -> Table:
    narrow, wide = width < NARROW, width >= WIDE
    padding = (0, 1, 0, 0) if narrow else (0, 1)
    table = Table(box=None, padding=padding, pad_edge=False, header_style="dim", expand=True)
    table.add_column("actor", no_wrap=True, overflow="ellipsis", ratio=None if wide else 1)
    if not narrow:
        table.add_column("state", no_wrap=True)
    for title in ("mail", "done" if narrow else "handled", "↻" if narrow else "restarts", "up"):
        table.add_column(title, justify="right", no_wrap=True)
    if wide:
        table.add_column("last error", no_wrap=True, overflow="ellipsis", ratio=1)
    return table


def _with_branches(tree: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Pair each report with the lines that lead to it."""
    last = {report["parent"]: report["name"] for report in tree}
    leads: dict[str, str] = {}
    for report in tree:
        name, parent = report["name"], report["parent"]
        if parent not in leads:
            leads[name] = ""
            yield "", report
            continue
        ends = last[parent] == name
        leads[name] = leads[parent] + ("   " if ends else "│  ")
        yield leads[parent] + ("└─ " if ends else "├─ "), report


def _cells(
    branch: str, report: Mapping[str, Any], labels: Mapping[str, str], width: int
) -> list[Text]:
    glyph, colour = STATES[report["state"]]
    restarts, depth = report["restarts"], report["depth"]
    fresh = "bold yellow" if is_fresh(report) else ""
    name = Text(branch, style="dim")
    if width < NARROW:
        name.append(f"{glyph} ", style=f"not dim {colour}")
    name.append(called(report["name"], labels), style=f"not dim {fresh}")
    cells = [
        name,
        Text(f"{glyph} {report['state']}", style=colour),
        Text(f"{depth:,}", style="yellow" if depth > BUSY else "" if depth else "dim"),
        Text(f"{report['handled']:,}"),
        Text(f"{restarts:,}", style=fresh or ("" if restarts else "dim")),
        Text(span(report["uptime_s"])),
        _last_error(report),
    ]
    if width < NARROW:
        del cells[1]
    return cells if width >= WIDE else cells[:-1]


def _last_error(report: Mapping[str, Any]) -> Text:
    card = report.get("card")
    text = Text(f"{card} " if card else "", style="yellow" if is_fresh(report) else "")
    return text.append(report["last_error"], style="not yellow dim")


def called(name: str, labels: Mapping[str, str]) -> str:
    """Name an actor for people, by its human name if it has one.

    >>> called("guilds/81", {"guilds/81": "Harbour"}), called("gateway", {})
    ('Harbour', 'gateway')
    """
    return labels.get(name, name)


def is_fresh(report: Mapping[str, Any]) -> bool:
    """Tell whether an actor has just come back."""
    return bool(report["restarts"] > 0 and report["uptime_s"] < FRESH_S)


def event_line(event: Mapping[str, str]) -> Text:
    """Show one supervision event: when, who, why, and what was done about it."""
    reason, action = event["reason"], event["action"]
    line = Text(f"{event['at_utc'][11:19]}  ", style="dim")
    line.append(f"{event['child']}  ", style="not dim")
    if is_alarming(reason, action):
        line.append(f"{why(reason)}, ", style="not dim red")
    if event.get("card"):
        line.append(f"card {event['card']}, ", style="not dim yellow")
    line.append(action, style="not dim green" if action == "started" else "not dim")
    return _cut(line)


def _heading(hidden: int) -> Text:
    line = Text("what supervisors did", style="bold")
    return line.append(f", and {hidden} more before", style="not bold dim") if hidden > 0 else line


def _letter_line(letter: Mapping[str, str]) -> Text:
    line = Text(f"{letter['to']}  ")
    line.append(f"{letter['message']}  ", style="dim")
    return _cut(line.append(letter["why"], style="yellow"))


def _cut(line: Text) -> Text:
    line.no_wrap, line.overflow = True, "ellipsis"
    return line
