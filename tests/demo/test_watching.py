"""What the demo learns from its two programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import trio

from supervisors import demo_watch
from supervisors.demo_children import Child
from supervisors.demo_question import question
from supervisors.demo_show import Show
from supervisors.demo_tail import LONGEST, readable
from supervisors.demo_watch import Watch

if TYPE_CHECKING:
    from pathlib import Path

TOTALS = {
    "1": {"7": 50.0, "8": 40.0, "9": 30.0, "5": 29.0},
    "2": {"4": 50.0, "3": 40.0, "2": 30.0, "5": 29.0},
}


async def totals(_folder: Path, *, do: str, guild_id: str, limit: int) -> dict[str, Any]:
    assert do == "top"
    best = sorted(TOTALS[guild_id].items(), key=lambda item: -item[1])[:limit]
    return {"top": [{"user_id": user, "known_s": seconds} for user, seconds in best]}


async def test_who_is_fourth_everywhere_may_be_first_in_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_watch, "request", totals)
    show = Show(tmp_path)
    watch = Watch(show, tmp_path, "", ())
    watch._guilds = {"1": "Harbour", "2": "Den"}
    watch._names = {"5": "Mira"}

    with trio.move_on_after(0.1):
        await watch._follow_top()

    assert show.top[0] == ("Mira", 58.0)
    assert len(show.top) == 3


WORLD = {
    "guilds": [
        {
            "channels": [{"id": "71", "name": "Lounge"}, {"id": "72", "name": "It's quiet"}],
            "members": [{"id": str(2**63 + 5), "name": "O'Hara"}, {"id": "8", "name": "Jon"}],
        },
        {"channels": [{"id": "73", "name": "Den"}], "members": [{"id": "8", "name": "Jon"}]},
    ]
}


def test_the_question_names_members_and_channels_and_keeps_who_has_no_name() -> None:
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE voice_session"
        "(user_id UBIGINT, channel_id UBIGINT, known_s DOUBLE, started_latest_utc TIMESTAMP)"
    )
    rows = [
        (2**63 + 5, 71, 60.4, "2026-01-02 12:00:00"),
        (2**63 + 5, 72, 30.0, "2026-01-02 12:05:00"),
        (8, 73, 20.0, "2026-01-02 12:00:00"),
        (9, 70, 10.0, "2026-01-02 12:00:00"),
    ]
    connection.executemany("INSERT INTO voice_session VALUES (?, ?, ?, ?)", rows)

    answer = connection.execute(question(WORLD)).fetchall()

    assert answer == [
        ("O'Hara", 2, 90.0, "It's quiet"),
        ("Jon", 1, 20.0, "Den"),
        ("9", 1, 10.0, None),
    ]
    connection.close()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"event": "ended", "level": "info", "exit_code": 0}', "info ended exit_code=0"),
        (
            '{"level": "warning", "event": "x", "action": "gave up", "on": true, "why": null}',
            'warning x action="gave up" on=true',
        ),
        (
            '{"event": "x", "exception": [{"exc_type": "KeyError", "exc_value": "7"}]}',
            'x error="KeyError: 7"',
        ),
        ('{"event": "x", "exception": []}', "x"),
        ("[1, 2]", "[1, 2]"),
        ('{"cut in the mid', '{"cut in the mid'),
        ("Fatal Python error: Aborted", "Fatal Python error: Aborted"),
    ],
)
def test_a_line_of_the_log_is_told_for_people(line: str, told: str) -> None:
    assert readable(line) == told


def test_a_line_without_end_is_cut() -> None:
    assert len(readable("x" * 1000)) == LONGEST


async def test_the_end_of_a_log_is_five_lines_at_most(tmp_path: Path) -> None:
    log = tmp_path / "bot.log"
    log.write_text("".join(f'{{"event": "e{n}", "level": "info"}}\n' for n in range(9)))
    process = await trio.lowlevel.open_process(["false"])
    await process.wait()

    sentence = str(Child("the bot", process, log).ended_early())
    log.write_text("")
    nothing = str(Child("the bot", process, log).ended_early())

    lines = "".join(f"\n  info e{n}" for n in range(4, 9))
    assert sentence == f"the bot ended with exit code 1; the end of its log, {log}:{lines}"
    assert nothing == f"the bot ended with exit code 1; {log} is empty"
