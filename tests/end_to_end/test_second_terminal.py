"""An operator's second terminal: status and SQL while the bot works, and after it has stopped."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import trio

from tests.end_to_end.bot_process import ROOT, environment
from tests.end_to_end.stage import Story, finish, stage, watched

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.bot_process import Bot
    from tests.end_to_end.stage import Stage

pytestmark = pytest.mark.end_to_end

RATE = 200
COUNTED = "SELECT count(*) AS n, count(DISTINCT guild_id) AS guilds FROM user_activity"
HEAVY = "SELECT count(*) AS n FROM range(50000000) t(i) WHERE i % 7 = 3"
COMMANDS: dict[str, tuple[str, ...]] = {
    "status --json": ("status", "--json"),
    "status": ("status",),
    "query": ("query", COUNTED),
    "query --json": ("query", "--json", COUNTED),
    "query --csv": ("query", "--csv", COUNTED),
    "heavy query": ("query", "--json", HEAVY),
}


@dataclass(frozen=True)
class Ended:
    """How one command ended."""

    exit_code: int
    output: str
    errors: str
    took_s: float


@dataclass
class Watch:
    """What the bot did while others asked it things."""

    answers: int = 0
    slowest_s: float = 0.0
    rows_before: int = 0
    rows_after: int = 0


@dataclass
class Played:
    running: dict[str, Ended]
    stopped: dict[str, Ended]
    watch: Watch
    story: Story


async def play(folder: Path) -> Played:
    running: dict[str, Ended] = {}
    stopped: dict[str, Ended] = {}
    watch = Watch()
    async with stage() as here:
        async with watched(here, folder) as bot:
            seen_from = time.time()
            await here.load(RATE, 600)
            await bot.until(lambda status: (status["ledger"] or {}).get("activity_rows", 0) > 100)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(keep_asking, bot, watch)
                await in_pairs(here, folder, running)
                nursery.cancel_scope.cancel()
            story = await finish(here, bot, seen_from)
        await in_pairs(here, folder, stopped, frozenset({"status", "heavy query"}))
    return Played(running, stopped, watch, story)


async def in_pairs(
    here: Stage, folder: Path, found: dict[str, Ended], without: frozenset[str] = frozenset()
) -> None:
    """Run the commands, two at a time: there are two cores."""
    limit = trio.CapacityLimiter(2)

    async def one(name: str, arguments: tuple[str, ...]) -> None:
        async with limit:
            found[name] = await command(here, folder, arguments)

    async with trio.open_nursery() as nursery:
        for name in COMMANDS.keys() - without:
            nursery.start_soon(one, name, COMMANDS[name])


async def command(here: Stage, folder: Path, arguments: tuple[str, ...]) -> Ended:
    began = trio.current_time()
    with trio.fail_after(60):
        ended = await trio.run_process(
            [sys.executable, str(ROOT / "main.py"), *arguments],
            env=environment(here.discord, folder, COLUMNS="120"),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
    return Ended(
        ended.returncode,
        ended.stdout.decode(),
        ended.stderr.decode(),
        trio.current_time() - began,
    )


async def keep_asking(bot: Bot, watch: Watch) -> None:
    while True:
        began = trio.current_time()
        status = await bot.status()
        watch.answers += 1
        watch.slowest_s = max(watch.slowest_s, trio.current_time() - began)
        rows = (status["ledger"] or {}).get("activity_rows", 0)
        watch.rows_before = watch.rows_before or rows
        watch.rows_after = max(watch.rows_after, rows)
        await trio.sleep(0.05)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    played = trio.run(play, tmp_path_factory.mktemp("second_terminal"))
    for when in ("running", "stopped"):
        for name, ended in getattr(played, when).items():
            print(f"{when}: {name}: {ended.exit_code} after {ended.took_s:.2f} s")
    print(played.watch)
    return played


def test_status_as_json_is_the_whole_status(played: Played) -> None:
    ended = played.running["status --json"]
    status = json.loads(ended.output)

    assert ended.exit_code == 0
    assert status["link"]["link"] == "connected"
    assert {"root", "storage", "recorder", "guilds", "gateway"} <= {
        actor["name"] for actor in status["tree"]
    }
    assert status["ledger"]["activity_rows"] > 0


def test_status_for_people_names_every_part(played: Played) -> None:
    ended = played.running["status"]

    assert ended.exit_code == 0
    assert [
        name
        for name in ("storage", "recorder", "analyst", "snapshots", "guilds", "gateway", "console")
        if name not in ended.output
    ] == []


@pytest.mark.parametrize("when", ["running", "stopped"])
def test_a_question_is_answered_as_a_table_as_json_and_as_csv(played: Played, when: str) -> None:
    ended: dict[str, Ended] = getattr(played, when)
    as_json: list[dict[str, Any]] = json.loads(ended["query --json"].output)["rows"]
    as_csv = list(csv.DictReader(io.StringIO(ended["query --csv"].output)))

    assert [ended[name].exit_code for name in ("query", "query --json", "query --csv")] == [0, 0, 0]
    assert as_json[0]["n"] > 100
    assert as_json[0]["guilds"] == 3
    assert as_csv[0].keys() == {"n", "guilds"}
    assert int(as_csv[0]["guilds"]) == 3
    assert "guilds" in ended["query"].output


def test_after_the_stop_the_answer_is_the_whole_ledger(played: Played) -> None:
    asked: list[dict[str, Any]] = json.loads(played.stopped["query --json"].output)["rows"]

    assert asked[0]["n"] == len(played.story.ledger.facts)


def test_status_says_that_no_bot_runs_once_it_has_stopped(played: Played) -> None:
    ended = played.stopped["status --json"]

    assert ended.exit_code == 69
    assert "main.py run" in ended.errors


def test_the_bot_answers_and_records_while_others_ask(played: Played) -> None:
    watch = played.watch
    asked_s = max(ended.took_s for ended in played.running.values())

    assert watch.answers > 5
    assert watch.slowest_s < 2.0
    assert watch.rows_after - watch.rows_before > RATE * asked_s / 4


def test_the_ledger_is_right_although_others_read_it(played: Played) -> None:
    assert played.story.complaints() == []
    assert played.story.exit_code == 0
