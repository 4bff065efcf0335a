"""What `main.py drill` does: has the running bot harmed on purpose, and prints the report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from supervisors.control import find_running
from supervisors.failures import EX_SOFTWARE
from supervisors.operator import follow_bot
from supervisors.output import Page, written_out
from supervisors.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from rich.console import RenderableType


def run_drill(folder: Path, *, as_json: bool, **order: Any) -> int:
    """Drill one actor and print what was measured; return 0 if the tree was whole in time.

    `order` is what the verb takes: what, name, limit_s, for_s, each_ms, yes.

    Raises:
        CommandError: the bot refuses (2), does not answer (75), or none runs (69).

    """
    page = Page(highlight=False)

    def heard(line: dict[str, Any]) -> None:
        if "said" in line and not as_json:
            page.print(Text(line["said"], "dim"), soft_wrap=True)
            page.file.flush()

    with written_out():
        report = follow_bot(find_running(folder), heard, do="drill", **order)
        if as_json:
            page.file.write(json.dumps(report) + "\n")
        else:
            page.print(drill_view(report))
    return 0 if report["recovered"] else EX_SOFTWARE


def drill_view(report: Mapping[str, Any]) -> RenderableType:
    """Show what was measured."""
    who = f"{report['what']} {report['name']}"
    head = (
        Text(f"✓ {who}: whole again after {report['recovery_ms']:,.1f} ms", "green")
        if report["recovered"]
        else Text(f"✗ {who}: not whole again within {report['limit_s']:g} s; taken back", "red")
    )
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for what, said in _figures(report):
        table.add_row(f"  {what}", said)
    return Group(head, table)


def _figures(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "restarts", f"{report['restarts']:,}"
    yield "messages lost", f"{report['messages_lost']:,}"
    if "refused" in report:
        taken = f"{report['accepted']:,} taken in {report['filled_ms']:,.1f} ms"
        yield "flood", f"{taken}, {report['refused']:,} refused"
    if "turns_slowed" in report:
        slowed = counted(report["turns_slowed"], "turn")
        yield "slowed", f"{slowed}; at most {report['most_waiting']:,} waiting"
    bystander = report["bystander"]
    asks = f"{bystander['answered']:,} asks of {bystander['name']} answered"
    if bystander["p50_ms"] is not None:
        asks += f", p50 {bystander['p50_ms']:g} ms, p99 {bystander['p99_ms']:g} ms"
    if bystander["unanswered"]:
        asks += f"; {bystander['unanswered']:,} not answered"
    yield "meanwhile", asks
