"""What an operator reads: every width, every state, and nothing that is only colour."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from actors.kernel.system import ChildState
from supervisors.screen import STATES, event_line, header_line, ledger_line, status_view, tree_view
from tests.supervisors.pictured import GUILDS, actor, event, status

if TYPE_CHECKING:
    from rich.console import RenderableType

WIDTHS = pytest.mark.parametrize("width", [80, 100, 140, 200])


def drawn(picture: RenderableType, width: int, **options: Any) -> str:
    console = Console(file=io.StringIO(), width=width, **options)
    console.print(picture)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@WIDTHS
def test_each_line_fits_and_each_actor_is_named_in_full(width: int) -> None:
    text = drawn(status_view(status(), width), width)

    assert max(cell_len(line) for line in text.splitlines()) <= width
    for report in status()["tree"]:
        assert len(re.findall(rf"(?<![\w/]){re.escape(report['name'])} +● running", text)) == 1


@WIDTHS
def test_a_pipe_gets_no_escape_codes(width: int) -> None:
    assert "\x1b" not in drawn(status_view(status(), width), width)
    assert "\x1b" in drawn(status_view(status(), width), width, force_terminal=True)


def test_the_tree_is_drawn_with_the_lines_between_parents_and_children() -> None:
    lines = drawn(tree_view(status(), 80), 80).splitlines()

    assert [re.split(r"  +●", line)[0] for line in lines[1:]] == [
        "root",
        "├─ storage",
        "│  ├─ recorder",
        "│  └─ analyst",
        "├─ guilds",
        "│  ├─ guilds/1203456789012345678",
        "│  └─ guilds/1203456789012345679",
        "├─ discord",
        "│  └─ gateway",
        "├─ console",
        "└─ watchdog",
    ]


def test_every_state_there_is_has_a_sign_and_a_word() -> None:
    assert set(STATES) == {state.value for state in ChildState}
    for state in ChildState:
        tree = [actor("root", ""), actor("gateway", "root", state=state.value)]
        assert f"{STATES[state.value][0]} {state.value}" in drawn(tree_view({"tree": tree}, 80), 80)


def test_a_narrow_tree_keeps_signs_and_figures() -> None:
    text = drawn(tree_view(status(), 45, labels=GUILDS), 45)

    assert re.search(r"│  └─ ● Compile & Chill +0 +1,234 +0 +1m40s", text)
    assert re.search(r"├─ ● recorder +12 +1,234", text)


def test_a_wide_tree_tells_the_last_error() -> None:
    tree = [actor("root", ""), actor("gateway", "root", last_error="ValueError: bad frame")]

    assert "ValueError: bad frame" in drawn(tree_view({"tree": tree}, 120), 120)
    assert "ValueError" not in drawn(tree_view({"tree": tree}, 80), 80)


def test_a_tree_that_is_too_long_says_how_much_is_not_shown() -> None:
    text = drawn(tree_view(status(), 80, rows=5), 80)

    assert len(text.splitlines()) == 6
    assert text.splitlines()[-1].strip() == "and 7 more"


def test_a_restart_stands_out_for_some_seconds() -> None:
    def styled(uptime_s: float) -> str:
        tree = [actor("gateway", "", restarts=1, uptime_s=uptime_s)]
        return drawn(tree_view({"tree": tree}, 80), 80, force_terminal=True)

    assert "\x1b[1;33mgateway" in styled(2)
    assert "\x1b[1;33m" not in styled(20)


@pytest.mark.parametrize(
    ("link", "words"),
    [
        (None, "gateway silent"),
        ({"link": "resuming", "guilds": 3}, "resuming"),
        ({"link": "connected", "guilds": 1}, "connected, 1 guild "),
    ],
)
def test_the_head_tells_how_the_bot_stands_with_discord(link: Any, words: str) -> None:
    assert words in header_line(status(link=link)).plain


def test_what_does_not_answer_is_said_and_the_rest_is_shown() -> None:
    broken = status(link=None, ledger=None, responsiveness=None)

    text = drawn(status_view(broken, 80), 80)

    assert "the analyst does not answer" in text
    assert "watchdog" in text
    assert "stall" not in text


def test_the_ledger_is_told_in_one_line() -> None:
    assert ledger_line(status()).plain == (
        "1,234 rows, 321 sessions (+7 open), 34.3 h in voice, 991 messages, 1 outage"
    )


def test_events_dead_letters_and_stalls_are_told_below_the_tree() -> None:
    letters = [{"to": "guilds/1", "message": "Tick()", "why": "in hand when crashed"}]
    health = {"worst_ms": 90.0, "stalls": 1, "last_stack": "actors/x.py:1 in f\n  File"}
    text = drawn(
        status_view(
            status(
                supervision=[
                    event("a", "restart", "crashed: DrillError('a was crashed on purpose (why)')"),
                    event("a", "started", "restarted"),
                ],
                dead_letters={"count": 1, "recent": letters},
                responsiveness=health,
            ),
            120,
        ),
        120,
    )

    assert "12:34:56  a  crashed on purpose (why), restart" in text
    assert "12:34:56  a  started" in text
    assert "guilds/1  Tick()  in hand when crashed" in text
    assert "last stall: actors/x.py:1 in f" in text
    assert "dead 1" in text


@pytest.mark.parametrize(("height", "shown"), [(24, 7), (40, 8), (15, 3)])
def test_the_newest_events_are_shown_and_the_others_counted(height: int, shown: int) -> None:
    many = status(supervision=[event(f"child{number}", "started") for number in range(20)])

    lines = drawn(status_view(many, 80, height), 80).splitlines()

    assert len(lines) <= height
    assert "child19" in lines[-1]
    assert sum("child" in line for line in lines) == shown
    assert f"what supervisors did, and {20 - shown} more before" in [line.strip() for line in lines]
    assert "more before" not in drawn(status_view(status(), 80, height), 80)


def test_text_from_outside_is_never_read_as_markup() -> None:
    tree = [actor("root", "", last_error="KeyError: '[bold]x[/bold]'")]

    assert "[bold]x[/bold]" in drawn(tree_view({"tree": tree}, 120), 120)


@pytest.mark.parametrize("actors", [3, 14, 500])
def test_on_a_screen_the_newest_event_is_always_to_be_seen(actors: int) -> None:
    many = status() | {
        "tree": [actor("root", ""), *(actor(f"a{n}", "root") for n in range(actors))],
        "supervision": [event(f"child{number}", "started") for number in range(20)],
    }

    lines = drawn(status_view(many, 80, 24), 80).splitlines()

    assert any("child19" in line for line in lines[:24])
    assert any("a0 " in line for line in lines[:24])


def test_the_card_of_a_crash_stands_beside_it() -> None:
    tree = [actor("root", "", last_error="ValueError: x", card="K7QF2")]
    crashed = event("a", "restart", "crashed: ValueError('x')") | {"card": "K7QF2"}

    assert "K7QF2 ValueError: x" in drawn(tree_view({"tree": tree}, 120), 120)
    assert "crashed: ValueError('x'), card K7QF2, restart" in event_line(crashed).plain
