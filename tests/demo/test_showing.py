"""The demo's picture at every size, and its lines."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from supervisors.control import DEMO_FOLDER
from supervisors.demo_drills import Crash
from supervisors.demo_lines import Lines
from supervisors.demo_screen import draw_picture, frame
from supervisors.demo_show import FeedLine, Show
from tests.supervisors.pictured import GUILDS, status

SIZES = pytest.mark.parametrize("size", [(80, 24), (100, 30), (140, 40), (60, 12), (300, 100)])


def show(**more: Any) -> Show:
    show = Show(DEMO_FOLDER.resolve(), status=status(), step="", labels=GUILDS)
    for number in range(300):
        show.heard(FeedLine(f"12:00:{number % 60:02}", "Harbour", f"Mira said {number}"))
    show.top = (("Mira", 7200.0), ("Jon", 90.0))
    show.crashes = [
        Crash(name="console", mail_kept=0, back_after_s=0.002),
        Crash(name="guilds/1203456789012345678", mail_kept=3, back_after_s=0.0123),
        Crash(name="gateway", mail_kept=0, back_after_s=None),
    ]
    for name, value in more.items():
        setattr(show, name, value)
    return show


def drawn(what: Show, width: int, height: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height)
    console.print(frame(what, width, height))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@SIZES
def test_the_picture_fills_the_terminal_and_no_more(size: tuple[int, int]) -> None:
    lines = drawn(show(), *size)

    assert len(lines) == size[1]
    assert max(map(cell_len, lines)) <= size[0]


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (140, 40)])
def test_the_picture_has_the_whole_tree_the_newest_news_and_the_figures(
    size: tuple[int, int],
) -> None:
    text = "\n".join(drawn(show(), *size))

    for report in status()["tree"]:
        assert GUILDS.get(report["name"], report["name"]) in text
    assert "Mira said 299" in text
    assert "Harbour back in 12 ms" in text
    assert "gateway is down" in text
    assert "1,234 rows" in text
    assert "Mira 2.0 h, Jon 1.5 min" in text
    assert "main.py status" in text
    assert "Ctrl+C ends" in text


def test_before_the_bot_answers_the_step_and_the_folder_are_shown(tmp_path: Path) -> None:
    text = "\n".join(drawn(Show(tmp_path, step="starting the bot"), 120, 24))

    assert "starting the bot…" in text
    assert str(tmp_path) in text


def test_while_it_ends_the_step_is_shown_in_the_head() -> None:
    assert drawn(show(step="stopping the bot"), 80, 24)[0].startswith("stopping the bot… Bulkhead")


def test_a_folder_that_is_not_the_usual_one_is_named_in_the_hints(tmp_path: Path) -> None:
    assert f"BULKHEAD_STORAGE__FOLDER={tmp_path}" in "".join(drawn(show(folder=tmp_path), 300, 40))
    assert "BULKHEAD_STORAGE__FOLDER" not in "".join(drawn(show(), 300, 40))


def test_the_picture_for_the_readme_is_an_svg_of_moderate_size(tmp_path: Path) -> None:
    draw_picture(show(), tmp_path / "demo.svg")

    svg = (tmp_path / "demo.svg").read_text()
    assert svg.startswith("<svg")
    assert len(svg) < 200_000
    assert "Harbour" in svg


def test_lines_tell_each_thing_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    what = Show(Path("x"), step="starting the bot", labels=GUILDS)
    lines.draw(what)
    what.step = ""
    what.heard(FeedLine("12:00:01", "Harbour", "Mira joined Lounge"))
    what.crashes.append(Crash(name="guilds/1203456789012345678", mail_kept=0, back_after_s=None))
    lines.draw(what)
    lines.draw(what)
    what.crashes[0] = Crash(name="guilds/1203456789012345678", mail_kept=2, back_after_s=0.004)
    lines.draw(what)
    monkeypatch.setattr("supervisors.demo_lines.FIGURES_EVERY_S", 0)
    what.status = status()
    lines.draw(what)

    assert stream.getvalue().splitlines() == [
        "starting the bot",
        "running; Ctrl+C ends the demo",
        "12:00:01 Harbour: Mira joined Lounge",
        "crash: guilds/1203456789012345678 (Harbour) crashed on purpose",
        "crash: guilds/1203456789012345678 (Harbour) crashed on purpose, back after 4 ms, mail kept: 2",  # noqa: E501 - one line is the point
        "Bulkhead 1.2.3  ● connected, 2 guilds  up 1h02m  pid 12345  stall 3 ms  dead 0",
        "1,234 rows, 321 sessions (+7 open), 34.3 h in voice, 991 messages, 1 outage",
    ]


def test_lines_miss_none_of_the_feed_that_is_still_kept() -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    what = show(crashes=[], status=None)
    lines.draw(what)

    told = [line for line in stream.getvalue().splitlines() if "Mira" in line]
    assert [line.rpartition(" ")[2] for line in told] == [str(n) for n in range(100, 300)]
