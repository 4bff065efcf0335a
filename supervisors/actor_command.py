"""What `main.py actor`, `trace`, `suspend` and `resume` do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from rich.console import Group
from rich.table import Table
from rich.text import Text

from supervisors.control import find_running
from supervisors.operator import ask_bot, follow_bot
from supervisors.output import Page, written_out
from supervisors.screen import STATES, tree_view
from supervisors.words import counted, milliseconds, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from rich.console import Console, RenderableType

CHILDREN = 40
"""Children that are listed; a pool may have thousands."""


def show_actor(folder: Path, name: str, *, as_json: bool) -> None:
    """Print all that may be known of one actor.

    Raises:
        CommandError: there is no such actor (2), or no bot (69).

    """
    answer = ask_bot(find_running(folder), do="actor", name=name)
    with written_out():
        page = Page(highlight=False)
        if as_json:
            del answer["ok"]
            _write(page, answer)
        else:
            page.print(actor_view(answer, page.width))


def actor_view(answer: Mapping[str, Any], width: int) -> RenderableType:
    """Show one actor to a terminal of `width` columns."""
    actor = answer["actor"]
    report = actor["report"]
    glyph, colour = STATES[report["state"]]
    head = Text(report["name"], "bold").append(f"  {report['kind']}  ", "not bold")
    head.append(f"{glyph} {report['state']}", f"not bold {colour}")
    head.append(f"  up {span(report['uptime_s'])}", "not bold")
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for what, said in (*_facts(actor), *_count(answer["count"])):
        facts.add_row(what, said)
    parts: list[RenderableType] = [head, facts]
    if actor["shown_state"]:
        parts += [Text(), Text("state", "bold"), _state(actor["shown_state"])]
    if answer["children"]:
        tree = [{**child, "parent": report["name"]} for child in answer["children"]]
        whole = {"tree": [report, *tree]}
        parts += [Text(), tree_view(whole, width, rows=CHILDREN + 1)]
    return Group(*parts)


def _facts(actor: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    report = actor["report"]
    bound = "no bound" if actor["capacity"] is None else f"room for {actor['capacity']:,.0f}"
    kinds = ", ".join(f"{kind} {count}" for kind, count in actor["waiting"].items())
    yield "mail", f"{report['depth']:,} waiting ({bound}){': ' if kinds else ''}{kinds}"
    if actor["in_hand"]:
        yield "in hand", actor["in_hand"]
    yield "handled", f"{report['handled']:,}, {counted(report['restarts'], 'restart')}"
    times = actor["times"]
    if times is not None:
        figures = " ".join(
            f"{name} {milliseconds(times[key])}"
            for name, key in (("p50", "p50_s"), ("p99", "p99_s"), ("worst", "worst_s"))
        )
        yield "a turn takes", f"{figures} ({counted(times['samples'], 'sample')} of its kind)"
    if actor["turn_s"] is not None:
        yield "at most", f"{actor['turn_s']:g} s, then it counts as hung and is killed"
    if report["last_error"]:
        yield "last error", report["last_error"]
    if report["card"]:
        yield "crash card", f"{report['card']} (main.py crashes {report['card']})"


def _count(count: Mapping[str, int] | None) -> Iterator[tuple[str, str]]:
    if count is not None:
        yield (
            "children",
            ", ".join(
                (
                    f"{count['active']:,} of {count['specs']:,} run",
                    counted(count["supervisors"], "supervisor"),
                    counted(count["workers"], "worker"),
                )
            ),
        )


def _state(shown: Mapping[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in shown.items():
        table.add_row(f"  {name}", _said(value))
    return table


def _said(value: Any) -> str:
    if isinstance(value, list):
        items = cast("list[Any]", value)  # type: ignore[redundant-cast]  # not to basedpyright
        return ", ".join(map(_said, items)) or "none"
    return "none" if value is None else str(value)


def trace_actor(folder: Path, name: str, *, for_s: float, as_json: bool) -> None:
    """Print the turns of one actor as they end, for so many seconds.

    Raises:
        CommandError: there is no such actor (2), or no bot (69).

    """
    with written_out():
        page = Page(highlight=False)

        def heard(line: dict[str, Any]) -> None:
            turn = line.get("turn")
            if turn is not None and as_json:
                _write(page, turn)
            elif turn is not None:
                page.print(_turn_line(turn), soft_wrap=True)
            page.file.flush()

        end = follow_bot(find_running(folder), heard, do="trace", name=name, for_s=for_s)
        if as_json:
            _write(page, {"end": end})
        else:
            missed = f", {end['missed']:,} more were too many to show" if end["missed"] else ""
            turns = counted(end["turns"], "turn")
            page.print(Text(f"{turns} of {name} in {for_s:g} s{missed}", "dim"))


def _turn_line(turn: Mapping[str, Any]) -> Text:
    line = Text(f"{turn['at_utc'][11:23]}  ", "dim")
    line.append(f"{milliseconds(turn['took_ms'] / 1000):>9}  ", "not dim")
    line.append(turn["message"], "not dim")
    return line.append(f"  {turn['error']}", "not dim red") if turn["error"] else line


def hold_actor(folder: Path, name: str, *, do: str, as_json: bool) -> None:
    """Suspend or resume one actor, as `do` says.

    Raises:
        CommandError: there is no such actor, or it can't be done now (2); no bot (69).

    """
    answer = ask_bot(find_running(folder), do=do, name=name)
    with written_out():
        page = Page(highlight=False)
        if as_json:
            del answer["ok"]
            _write(page, answer)
            return
        waiting = counted(answer["waiting"], "message")
        if do == "suspend":
            page.print(
                f"{name} is suspended: its mail waits ({waiting} now), and a stop still works; "
                f"`main.py resume {name}` lets it go on, and so does a restart.",
                soft_wrap=True,
            )
        else:
            page.print(f"{name} goes on, with {waiting} waiting.", soft_wrap=True)


def _write(page: Console, value: object) -> None:
    page.file.write(json.dumps(value) + "\n")
