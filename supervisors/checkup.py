"""What `main.py check` does: looks at everything that a start needs, and changes nothing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from rich.text import Text

from supervisors.checkup_discord import PERMISSIONS, PORTAL, ask_discord
from supervisors.checkup_host import (
    look_at_disk,
    look_at_folder,
    look_at_ledger,
    look_at_packages,
    look_at_python,
)
from supervisors.control import is_running
from supervisors.failures import EX_CONFIG
from supervisors.output import Page, written_out
from supervisors.points import Point, skipped
from supervisors.setting_catalogue import Effective, effective
from supervisors.setting_sources import read_entries
from supervisors.settings import SettingsError, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from supervisors.settings import Settings

MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("-", "dim")}

SETTING_NEXT = "correct it or take it out"

FOLDER_FIRST = "the data folder comes first"

TOKEN_NEXT = (
    f"at {PORTAL} make a New Application, open Bot, Reset Token, "
    "and write BULKHEAD_DISCORD__TOKEN=that-token into .env"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """Everything that was found."""

    points: tuple[Point, ...]
    settings: tuple[Effective, ...]
    invite: str | None
    bot_runs: bool = False
    """On this data folder, already."""

    @property
    def exit_code(self) -> int:
        """The code of the first point that failed, 0 if none did."""
        return next((p.exit_code for p in self.points if p.ok is False), 0)


def run_checkup(*, as_json: bool) -> int:
    """Look at everything, print it, and return the exit code."""
    found = look_at_everything()
    with written_out():
        if as_json:
            body = {"ok": found.exit_code == 0, "exit_code": found.exit_code, **asdict(found)}
            print(json.dumps(body, indent=2))  # noqa: T201 - the command's answer
        else:
            console = Page(highlight=False)
            for line in _lines(found):
                console.print(line, soft_wrap=True)
    return found.exit_code


def look_at_everything() -> Checkup:
    """Look at settings, this machine and Discord, in the order in which a start needs them."""
    try:
        settings = load_settings()
    except SettingsError as error:
        return _without_settings(error)
    folder = settings.storage.folder.absolute()
    shown = tuple(effective(settings, read_entries()[0]))
    findings = ask_discord(settings.discord)
    data = look_at_folder(folder)
    ledger = skipped("ledger", FOLDER_FIRST) if data.ok is False else look_at_ledger(folder)
    points = (
        Point(name="settings", ok=True, said=f"{len(shown)}, all in order"),
        look_at_python(),
        look_at_packages(),
        data,
        ledger,
        look_at_disk(folder),
        *_missing_token(settings),
        *findings.points,
    )
    return Checkup(
        points=points,
        settings=shown,
        invite=findings.invite,
        bot_runs=is_running(folder),
    )


def _missing_token(settings: Settings) -> Iterator[Point]:
    if settings.discord.token is None:
        yield Point(
            name="token", ok=False, said="there is none yet", next=TOKEN_NEXT, exit_code=EX_CONFIG
        )
        yield skipped("members intent", "that needs a token")


def _without_settings(error: SettingsError) -> Checkup:
    wrong = [_wrong_setting(fault) for fault in error.faults]
    if any(SETTING_NEXT in fault for fault in error.faults):
        wrong[-1] = replace(wrong[-1], next=SETTING_NEXT)
    others = ("data folder", "ledger", "disk", "Discord", "token", "members intent")
    return Checkup(
        points=(
            *wrong,
            look_at_python(),
            look_at_packages(),
            *(skipped(name, "the settings come first") for name in others),
        ),
        settings=(),
        invite=None,
    )


def _wrong_setting(fault: str) -> Point:
    # What to do is the same for each of them, so it is said once.
    said = fault.removesuffix(f"; {SETTING_NEXT}")
    return Point(name="settings", ok=False, said=said, exit_code=EX_CONFIG)


def _lines(found: Checkup) -> Iterator[Text]:
    widths = [
        max((len(row) for row in column), default=0)
        for column in ([s.name for s in found.settings], [s.value for s in found.settings])
    ]
    for setting in found.settings:
        yield Text(f"  {setting.name:{widths[0]}}  {setting.value:{widths[1]}}  ").append(
            setting.origin, "dim"
        )
    width = max(len(point.name) for point in found.points)
    for point in found.points:
        mark, style = MARKS[point.ok]
        yield Text(mark, style).append(f" {point.name:{width}}  {point.said}", "default")
        if point.next:
            yield Text(f"  {'':{width}}  → {point.next}")
    if found.invite:
        yield Text(f"\nInvite it to a server ({', '.join(PERMISSIONS)}):\n{found.invite}")
    yield Text(f"\n{_outlook(found)}")


def _outlook(found: Checkup) -> str:
    if found.exit_code == 0 and found.bot_runs:
        return "All is in order, and a bot runs here already; `main.py status` shows it."
    if found.exit_code == 0:
        return "All is in order: `make run` connects to Discord."
    if any(p.name == "token" and p.exit_code == EX_CONFIG for p in found.points):
        if found.bot_runs:
            return "A bot runs here already; without a token no other can be started."
        return "Until there is a token, `make run` shows the demo."
    return "Not in order yet; correct what is marked with ✗, first to last."
