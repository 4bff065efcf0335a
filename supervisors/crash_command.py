"""What `main.py crashes` does: lists crash cards, shows one, and notes what is done about it.

A running bot is asked; without one, the ledger is read, and a verdict written, here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from storage.crash_cards import cards, judge
from storage.database import DatabaseFault, first_line, open_activity, open_read_only
from storage.rows import CardState, Verdict
from supervisors.control import find_running, is_running
from supervisors.crash_requests import MOST, no_card
from supervisors.failures import EX_IOERR, EX_USAGE, CommandError
from supervisors.ledger import LEDGER
from supervisors.operator import ask_bot
from supervisors.output import Page, written_out
from supervisors.screen import WIDE
from supervisors.version import VERSION
from supervisors.wire import plain
from supervisors.words import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.console import RenderableType

    from storage.rows import CrashCard

COLOURS = {"open": "red", "fixed": "green", "ignored": "dim"}
LISTED = 50


def show_crashes(folder: Path, card: str | None, *, state: str | None, as_json: bool) -> None:
    """Print all cards, or one; with a `state`, note it on that one first.

    Raises:
        CommandError: there is no such card (2), or the bot does not answer (75).
        StorageError: the ledger can't be opened; it brings its exit code.

    """
    folder = find_running(folder)
    found = _asked(folder, card, state) if is_running(folder) else plain(_read(folder, card, state))
    with written_out():
        page = Page(highlight=False)
        if as_json:
            page.file.write(json.dumps({"cards": found}) + "\n")
        elif card is not None:
            page.print(card_view(found[0]))
        else:
            page.print(list_view(found, page.width))


def _asked(folder: Path, card: str | None, state: str | None) -> list[dict[str, Any]]:
    if state is not None:
        answer = ask_bot(folder, do="judge", card=card, state=state)
    else:
        chosen = {} if card is None else {"card": card}
        answer = ask_bot(folder, do="crashes", limit=LISTED, **chosen)
    found: list[dict[str, Any]] = answer["cards"]
    return found


def _read(folder: Path, card: str | None, state: str | None) -> list[CrashCard]:
    wanted = None if card is None else card.upper()
    file = folder / LEDGER
    if wanted is not None and state is not None:
        open_read_only(file).close()  # nobody's verdict makes a new ledger
        connection = open_activity(file)
        judge(connection, Verdict(card=wanted, state=CardState(state), version=VERSION))
    else:
        connection = open_read_only(file)
    try:
        found = cards(connection, wanted, LISTED)
        if wanted is not None and not found:
            known = (each.card for each in cards(connection, None, MOST))
            raise CommandError(no_card(wanted, known), EX_USAGE)
    except DatabaseFault as fault:
        raise CommandError(
            f"{file} has no crash cards that can be read ({first_line(fault)}); "
            "start the bot once, which brings an older ledger up to date",
            EX_IOERR,
        ) from fault
    finally:
        connection.close()
    return found


def list_view(found: Sequence[Mapping[str, Any]], width: int) -> RenderableType:
    """Show cards in a list of `width` columns, newest first."""
    if not found:
        return Text("No actor has crashed yet.")
    wide = width >= WIDE
    table = Table(box=None, pad_edge=False, header_style="dim", expand=True)
    for title in ("card", "state", "times", "last (UTC)", *(["kinds"] if wide else [])):
        justify: Any = "right" if title == "times" else "left"
        table.add_column(title, no_wrap=True, justify=justify)
    table.add_column("error", no_wrap=True, overflow="ellipsis", ratio=1)
    for card in found:
        colour = COLOURS[card["state"]]
        table.add_row(
            Text(card["card"], "bold" if card["state"] == "open" else "dim"),
            Text(_standing(card), colour),
            f"{card['count']:,}",
            card["last_utc"][:16].replace("T", " "),
            *([", ".join(card["kinds"])] if wide else []),
            Text(card["headline"]),
        )
    return table


def _standing(card: Mapping[str, Any]) -> str:
    if card["state"] == "fixed":
        return f"fixed in {card['fixed_in']}"
    return "came back" if card["state"] == "open" and card["reopened_utc"] else card["state"]


def card_view(card: Mapping[str, Any]) -> RenderableType:
    """Show one card with its stack."""
    head = Text(card["card"], "bold").append(f"  {card['headline']}", "not bold")
    head.append(f"  {_standing(card)}", f"not bold {COLOURS[card['state']]}")
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("times", f"{counted(card['count'], 'crash').replace('crashs', 'crashes')}")
    table.add_row("first", f"{card['first_utc'][:19].replace('T', ' ')} UTC")
    table.add_row("last", f"{card['last_utc'][:19].replace('T', ' ')} UTC, {card['last_actor']}")
    table.add_row("kinds", ", ".join(card["kinds"]))
    table.add_row("in hand", card["last_in_hand"] or "no message")
    table.add_row("version", card["last_version"])
    if card["reopened_utc"]:
        back = card["reopened_utc"][:19].replace("T", " ")
        table.add_row("came back", f"{back} UTC, after it was fixed in {card['fixed_in']}")
    stack = Text(card["stack"] or "(no stack: it was crashed from outside)")
    return Group(head, table, Text(), stack)
