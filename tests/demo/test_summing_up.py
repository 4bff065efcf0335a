"""What the demo says when it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from storage.database import open_activity
from supervisors.demo import Demo, DemoOptions
from supervisors.demo_drills import Crash
from supervisors.demo_show import Show
from supervisors.demo_summary import of_crashes, summary

if TYPE_CHECKING:
    from pathlib import Path


def crash(name: str, back_after_s: float | None) -> Crash:
    return Crash(name=name, mail_kept=0, back_after_s=back_after_s)


def told(folder: Path, width: int | None, exit_code: int = 0) -> tuple[str, bool]:
    open_activity(folder / "activity.duckdb").close()
    show = Show(folder, crashes=[crash("gateway", 0.014), crash("storage", 0.371)])
    return summary(show, folder, 75.4, exit_code, width)


def test_it_tells_how_long_the_bot_was_there_and_what_the_ledger_holds(tmp_path: Path) -> None:
    text, whole = told(tmp_path, None)

    assert whole
    assert text.splitlines()[0] == (
        "The demo ran for 1m15s, from the bot's connection to the order to stop."
    )
    assert "0 sessions (together 0 s in voice)" in text
    assert "2 crashes on purpose: 2 came back; median 192 ms, at most 371 ms (storage)." in text


@pytest.mark.parametrize("width", [40, 60, 80])
def test_on_a_terminal_no_word_is_broken(tmp_path: Path, width: int) -> None:
    text, _ = told(tmp_path, width)
    sentences, _, commands = text.partition("Ask it:\n")

    assert all(len(line) <= width for line in sentences.splitlines() if " " in line)
    assert sentences.split() == told(tmp_path, None)[0].partition("Ask it:\n")[0].split()
    assert all(line.startswith("  ") for line in commands.splitlines())


def test_a_program_that_failed_makes_it_less_than_whole(tmp_path: Path) -> None:
    text, whole = told(tmp_path, None, exit_code=3)

    assert not whole
    assert f"A program ended with exit code 3; see the logs in {tmp_path}." in text


def test_a_crash_that_the_end_came_before_is_counted() -> None:
    assert of_crashes([crash("a", None)]) == (
        "1 crash on purpose; the demo ended before its restart."
    )
    assert "1 was about to when the demo ended" in of_crashes([crash("a", None), crash("b", 1)])


@pytest.mark.parametrize(
    ("options", "crashing"),
    [
        (DemoOptions(), True),
        (DemoOptions(duration_s=60), True),
        (DemoOptions(crashes=False), False),
        (DemoOptions(duration_s=5), False),
    ],
)
def test_no_crash_is_announced_that_will_not_come(
    tmp_path: Path, options: DemoOptions, crashing: bool
) -> None:
    assert Demo(options, tmp_path)._show.crashing is crashing
