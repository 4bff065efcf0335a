"""The demo's picture at every size, and its lines."""

from __future__ import annotations

import html
import io
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from supervisors.control import DEMO_FOLDER
from supervisors.demo_children import ROOT
from supervisors.demo_drills import Crash
from supervisors.demo_feed import feed_line
from supervisors.demo_hints import hints
from supervisors.demo_layout import frame
from supervisors.demo_lines import Lines
from supervisors.demo_screen import draw_picture
from supervisors.demo_show import FeedLine, Show
from tests.supervisors.pictured import GUILDS, status

LARGE = [(80, 24), (100, 30), (140, 40), (300, 100)]
SMALL = [(60, 12), (80, 10), (80, 15), (60, 20), (46, 15), (45, 15), (40, 12), (20, 8), (9, 2)]
SIZES = pytest.mark.parametrize("size", LARGE + SMALL)


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever this Python is, hints are as long as after `make run`."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.executable", str(ROOT / ".venv/bin/python"))


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
@pytest.mark.parametrize("crashing", [True, False])
def test_no_picture_is_larger_than_the_terminal(size: tuple[int, int], crashing: bool) -> None:
    lines = drawn(show(crashing=crashing), *size)

    assert len(lines) <= size[1]
    assert max(map(cell_len, lines)) <= size[0]
    corners = [sum(line.count(corner) for line in lines) for corner in "╭╮╰╯"]
    assert len(set(corners)) == 1, "a box has lost its edges"


@pytest.mark.parametrize("size", LARGE)
def test_a_large_picture_fills_the_terminal(size: tuple[int, int]) -> None:
    assert len(drawn(show(), *size)) == size[1]


@pytest.mark.parametrize("size", LARGE)
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
    assert "main.py status --watch" in text
    assert "main.py query - < data/demo/voice.sql" in text
    assert "Ctrl+C ends it" in text


@pytest.mark.parametrize("size", [(60, 12), (80, 10), (40, 12), (20, 8)])
def test_a_small_picture_tells_in_lines_what_fits_whole(size: tuple[int, int]) -> None:
    lines = drawn(show(), *size)

    assert len(lines) == size[1]
    assert lines[0].startswith("Bulkhead 1.2.3")
    assert lines[1].startswith("11 actors running")
    assert lines[2].startswith("1,234 rows")
    assert "Mira said 299" in lines[-2]
    assert lines[-1].startswith("Ctrl+C ends it")
    assert "│" not in "".join(lines)
    assert "…" not in "".join(lines)


def test_a_small_picture_names_who_is_down() -> None:
    state = status()
    state["tree"][2]["state"] = "waiting"

    assert "recorder down, 0 restarts" in "\n".join(drawn(show(status=state), 60, 12))


def test_without_crashes_their_room_goes_to_the_feed() -> None:
    with_them, without = ("\n".join(drawn(show(crashing=on), 80, 24)) for on in (True, False))

    assert "crashes on purpose" in with_them
    assert "crash" not in without
    assert without.count("Mira said") > with_them.count("Mira said") + 3


@pytest.mark.parametrize(
    ("size", "explained"),
    [((80, 24), False), ((80, 30), True), ((100, 26), True), ((100, 18), False), ((140, 40), True)],
)
def test_short_words_are_explained_where_there_is_room(
    size: tuple[int, int], explained: bool
) -> None:
    text = "\n".join(drawn(show(), *size))

    assert ("mail: waiting messages" in text) is explained
    assert ("↻ restarts" in text) is (explained and size[0] < 134)


@pytest.mark.parametrize("size", LARGE + SMALL)
def test_hints_are_whole_or_not_there(size: tuple[int, int]) -> None:
    for line in drawn(show(), *size):
        if "main.py" in line:
            assert line.rstrip().endswith(
                ("main.py status --watch", "main.py query - < data/demo/voice.sql")
            )


FAR_MOVE = FeedLine("12:00:01", "Compile & Chill", "Zofia moved from Pairing A to Quiet Room")


@pytest.mark.parametrize(
    ("width", "told"),
    [
        (70, "12:00:01 Zofia moved from Pairing A to Quiet Room  Compile & Chill"),
        (52, "12:00:01 Zofia moved to Quiet Room  Compile & Chill"),
        (44, "12:00:01 Zofia → Quiet Room  Compile & Chill"),
        (36, "00:01 CC Zofia moved to Quiet Room"),
        (30, "00:01 CC Zofia → Quiet Room"),
        (20, "Zofia → Quiet Room"),
    ],
)
def test_news_are_told_in_the_longest_form_that_fits(width: int, told: str) -> None:
    assert feed_line(FAR_MOVE, width).plain == told


@pytest.mark.parametrize(
    ("width", "told"),
    [
        (70, "12:00:01 Jon used /help: answered at once  Harbour"),
        (36, "00:01 Ha Jon used /help"),
    ],
)
def test_nobody_is_answered_in_no_time(width: int, told: str) -> None:
    line = FeedLine("12:00:01", "Harbour", "Jon used /help: answered in 0.00 s")

    assert feed_line(line, width).plain == told


@pytest.mark.parametrize(
    "text", ["Oskar in #photos: I joined the choir and moved to Rome", "Ines did something else"]
)
def test_what_members_write_is_cut_but_not_reworded(text: str) -> None:
    told = feed_line(FeedLine("12:00:01", "Harbour", text), 30).plain

    assert cell_len(told) <= 30
    words = told.removeprefix("00:01 Ha ").removesuffix("…")
    assert text.replace("in #", "#").startswith(words)


def test_before_the_bot_answers_the_step_and_the_folder_are_shown(tmp_path: Path) -> None:
    text = "\n".join(drawn(Show(tmp_path, step="starting the bot"), 120, 24))

    assert "starting the bot…" in text
    assert str(tmp_path) in text


def test_while_it_ends_the_step_is_shown_in_the_head() -> None:
    assert drawn(show(step="stopping the bot"), 80, 24)[0].startswith("stopping the bot… Bulkhead")


def test_a_folder_that_is_not_the_usual_one_is_told_to_the_shell_once(tmp_path: Path) -> None:
    text = "\n".join(drawn(show(folder=tmp_path), 300, 40))

    assert text.count("BULKHEAD_STORAGE__FOLDER") == 1
    assert f"export BULKHEAD_STORAGE__FOLDER={tmp_path}" in text
    assert f"main.py query - < {tmp_path}/voice.sql" in text
    assert "BULKHEAD_STORAGE__FOLDER" not in "".join(drawn(show(), 300, 40))


def test_a_hint_can_be_pasted_whatever_the_folder_is_called(tmp_path: Path) -> None:
    folder = tmp_path / "it's here"

    setting, watch, ask = hints(folder)

    assert shlex.split(setting) == ["export", f"BULKHEAD_STORAGE__FOLDER={folder}"]
    assert shlex.split(watch)[-2:] == ["status", "--watch"]
    assert shlex.split(ask)[-4:] == ["query", "-", "<", str(folder / "voice.sql")]


def test_a_setting_is_not_hinted_at_without_the_command_that_needs_it(tmp_path: Path) -> None:
    for height in range(15, 31):
        lines = drawn(show(folder=tmp_path / ("x" * 20)), 80, height)
        if any("export" in line for line in lines):
            assert any("status --watch" in line for line in lines)


def test_after_the_end_the_ledger_is_named_where_another_would_be_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BULKHEAD_STORAGE__FOLDER", raising=False)
    folder = DEMO_FOLDER.resolve()

    assert len(hints(folder, runs=False)) == 1
    Path("data").mkdir()
    Path("data/activity.duckdb").touch()
    setting, _ask = hints(folder, runs=False)
    assert setting == "export BULKHEAD_STORAGE__FOLDER=data/demo"


def test_the_picture_for_the_readme_is_an_svg_of_moderate_size(tmp_path: Path) -> None:
    draw_picture(show(), tmp_path / "demo.svg")

    svg = (tmp_path / "demo.svg").read_text()
    assert svg.startswith("<svg")
    assert len(svg) < 200_000
    assert "Harbour" in svg
    # The last line of text ends well above the end of the picture.
    texts = re.findall(r'<text [^>]*y="([\d.]+)"[^>]*>([^<]*)</text>', svg)
    lines = [float(y) for y, text in texts if html.unescape(text).strip()]
    end = re.search(r'clip-terminal">\s*<rect [^>]*height="([\d.]+)"', svg)
    assert end is not None
    assert max(lines) < float(end[1]) - 20


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


def test_lines_tell_a_crash_before_its_return_also_when_both_came_between_two_looks() -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    back = Crash(name="recorder", mail_kept=1, back_after_s=0.004)
    for _ in range(2):
        lines.draw(Show(Path("x"), crashes=[back]))

    assert stream.getvalue().splitlines() == [
        "starting",
        "crash: recorder crashed on purpose",
        "crash: recorder crashed on purpose, back after 4 ms, mail kept: 1",
    ]


def test_lines_miss_none_of_the_feed_that_is_still_kept() -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    what = show(crashes=[], status=None)
    lines.draw(what)

    told = [line for line in stream.getvalue().splitlines() if "Mira" in line]
    assert [line.rpartition(" ")[2] for line in told] == [str(n) for n in range(100, 300)]
