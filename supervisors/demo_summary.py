"""What the demo says when it is over: read from the ledger itself, after the bot has ended."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from storage.activity import ask_stored
from storage.database import StorageError, open_read_only
from supervisors.demo_hints import hints
from supervisors.failures import folded
from supervisors.words import counted, hours, span

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from supervisors.demo_drills import Crash
    from supervisors.demo_show import Show


@dataclass(frozen=True, slots=True)
class Ledger:
    """What is in the file."""

    rows: int
    closed: int
    still_open: int
    messages: int
    outages: int
    voice_s: float


def summary(
    show: Show, folder: Path, ran_s: float, exit_code: int, width: int | None = None
) -> tuple[str, bool]:
    """Sum the demo up, between words broken to `width` columns; true if all went as it should.

    `ran_s` is the time from the bot's connection to the order to stop.
    """
    sentences, whole = _sentences(show, folder, ran_s, exit_code)
    asked = ["Ask it:", *(f"  {command}" for command in hints(folder, runs=False))]
    return "\n".join([folded("\n".join(sentences), width), *asked]) + "\n", whole


def _sentences(show: Show, folder: Path, ran_s: float, exit_code: int) -> tuple[list[str], bool]:
    lines = [f"The demo ran for {span(ran_s)}, from the bot's connection to the order to stop."]
    whole = exit_code == 0
    lines.append(
        "Both programs ended cleanly."
        if whole
        else f"A program ended with exit code {exit_code}; see the logs in {folder}."
    )
    try:
        ledger = read_ledger(folder / "activity.duckdb")
    except StorageError as error:
        return [*lines, f"The ledger can't be read: {error}"], False
    lines.append(
        f"The local Discord told of {counted(show.fed, 'event')}. The ledger holds "
        f"{counted(ledger.rows, 'row')}, {counted(ledger.closed, 'session')} "
        f"(together {hours(ledger.voice_s)} in voice), {counted(ledger.messages, 'message')} "
        f"and {counted(ledger.outages, 'outage')}."
    )
    if ledger.still_open:
        whole = False
        left = counted(ledger.still_open, "session")
        lines.append(f"Left open: {left}, which must not happen.")
    else:
        lines.append("Every session that was open at the end is closed in it.")
    if show.crashes:
        lines.append(of_crashes(show.crashes))
    lines.append(f"Data and logs: {folder}")
    return lines, whole


def of_crashes(crashes: Sequence[Crash]) -> str:
    """Tell how the crashes on purpose ended."""
    times = {c.name: c.back_after_s for c in crashes if c.back_after_s is not None}
    back = [c.back_after_s for c in crashes if c.back_after_s is not None]
    count = f"{len(crashes)} crash{'' if len(crashes) == 1 else 'es'} on purpose"
    if not back:
        return f"{count}; the demo ended before its restart."
    slowest = max(times, key=lambda name: times[name])
    late = len(crashes) - len(back)
    rest = f", {late} was about to when the demo ended" if late else ""
    return (
        f"{count}: {len(back)} came back{rest}; median {median(back) * 1000:,.0f} ms, "
        f"at most {max(back) * 1000:,.0f} ms ({slowest})."
    )


def read_ledger(file: Path) -> Ledger:
    """Count what is in the file; the bot must have ended.

    Raises:
        StorageError: it is missing, in use or damaged.

    """
    connection = open_read_only(file)
    try:
        rows, closed, still_open, messages, outages, voice_s, _ = ask_stored(
            connection, "ledger_figures"
        )[0]
    finally:
        connection.close()
    return Ledger(rows, closed, still_open, messages, outages, voice_s)
