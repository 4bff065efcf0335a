"""Twenty times kill -9 under load: what was acknowledged stays, and nothing is made up."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb
import pytest
import trio

from tests.end_to_end.bot_process import running_bot
from tests.end_to_end.stage import (
    LEDGER,
    Story,
    complaints_now,
    finish,
    settle,
    stage,
    until,
    watched,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.stage import Stage

pytestmark = pytest.mark.end_to_end

KILLS, RATE = 20, 200
NEWBORN = 3
DURING_START = 5
"""Each fifth kill comes while the bot still starts."""

SEED = int(os.environ.get("KILL_SEED", time.time_ns() % 1_000_000))


@dataclass
class Life:
    """One life of the bot, and what its death left."""

    watched_after_s: float | None
    """From the start until it had seen every guild; null if it was killed before."""

    acknowledged: tuple[int, int] = (0, 0)
    """The last batch and the rows of activity that it said were written."""

    killed_at: float = 0.0
    kept: tuple[int, int] = (0, 0)
    """The same, as found in the file after the kill."""


@dataclass
class Deaths:
    lives: list[Life] = field(default_factory=list)
    complaints_in_the_open: list[str] = field(default_factory=list)
    """What the oracle said while the last bot ran and members were in voice."""

    newborn: list[bool] = field(default_factory=list)
    """For each kill while a ledger was being made: whether the next start could use it."""


async def play(folder: Path) -> tuple[Story, Deaths]:
    chance, deaths = random.Random(SEED), Deaths()
    async with stage("--seed", str(SEED)) as here:
        # What was before the first look is nobody's claim; so look once while all is quiet.
        async with watched(here, folder) as bot:
            seen_from = time.time()
            await bot.stop()
        for number in range(NEWBORN):
            deaths.newborn.append(await die_newborn(here, folder / f"new{number}", chance))
        await here.load(RATE, 600)
        for number in range(1, KILLS + 1):
            early = number % DURING_START == 0
            deaths.lives.append(await live_and_die(here, folder, chance, early=early))
        async with watched(here, folder) as bot:
            await settle(here, bot)
            deaths.complaints_in_the_open = await complaints_now(here, bot, seen_from)
            story = await finish(here, bot, seen_from)
    return story, deaths


async def live_and_die(here: Stage, folder: Path, chance: random.Random, *, early: bool) -> Life:
    began = trio.current_time()
    async with running_bot(here.discord, folder) as bot:
        if early:
            await trio.sleep(chance.uniform(0.2, 2.0))
            life = Life(None)
        else:
            await bot.until_watching(len(here.guilds))
            life = Life(trio.current_time() - began)
            await trio.sleep(chance.uniform(0.0, 1.0))
            ledger = (await bot.until(lambda status: status["ledger"] is not None))["ledger"]
            life.acknowledged = ledger["last_batch_id"], ledger["activity_rows"]
        life.killed_at = time.time()
        bot.kill()
        await bot.process.wait()
    if (folder / LEDGER).exists():
        life.kept = in_the_file(folder / LEDGER)
    return life


async def die_newborn(here: Stage, folder: Path, chance: random.Random) -> bool:
    """Kill a bot while it makes its ledger, and see whether the next one can go on."""
    async with running_bot(here.discord, folder) as bot:
        await until((folder / LEDGER).exists, "it makes its ledger")
        await trio.sleep(chance.uniform(0.0, 0.1))
        bot.kill()
        await bot.process.wait()
    async with watched(here, folder) as bot:
        return await bot.stop() == 0


def in_the_file(path: Path) -> tuple[int, int]:
    with duckdb.connect(str(path), read_only=True) as ledger:
        tables = ledger.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'batch'")
        if tables.fetchall() == [(0,)]:
            return 0, 0
        rows = ledger.execute(
            "SELECT coalesce(max(batch_id), 0), (SELECT count(*) FROM user_activity) FROM batch"
        ).fetchall()
    return int(rows[0][0]), int(rows[0][1])


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Story, Deaths]:
    print(f"KILL_SEED={SEED}")
    story, deaths = trio.run(play, tmp_path_factory.mktemp("kills"))
    for number, life in enumerate(deaths.lives, 1):
        print(f"{number:2}", life)
    return story, deaths


def test_what_was_acknowledged_before_a_kill_is_in_the_file_after_it(
    played: tuple[Story, Deaths],
) -> None:
    _, deaths = played

    assert len(deaths.lives) == KILLS
    lost = [
        life
        for life in deaths.lives
        if life.kept[0] < life.acknowledged[0] or life.kept[1] < life.acknowledged[1]
    ]
    assert not lost


def test_a_kill_while_the_ledger_is_made_leaves_one_that_the_next_start_can_use(
    played: tuple[Story, Deaths],
) -> None:
    assert played[1].newborn == [True] * NEWBORN


def test_most_lives_recorded_something(played: tuple[Story, Deaths]) -> None:
    _, deaths = played
    told = [life.acknowledged for life in deaths.lives if life.watched_after_s is not None]

    assert told == sorted(told)
    assert len(set(told)) > KILLS / 2, "a test of kills needs lives that record something"


def test_no_batch_is_written_twice_and_none_is_missing(played: tuple[Story, Deaths]) -> None:
    story, _ = played
    with duckdb.connect(str(story.folder / LEDGER), read_only=True) as ledger:
        batches = ledger.execute(
            "SELECT count(*), count(DISTINCT batch_id), max(batch_id) FROM batch"
        ).fetchall()
        orphans = ledger.execute(
            "SELECT count(*) FROM user_activity ANTI JOIN batch USING (batch_id)"
        ).fetchall()

    assert batches[0][0] == batches[0][1] == batches[0][2]
    assert orphans == [(0,)]


def test_after_the_last_start_exactly_who_is_in_voice_has_an_open_session(
    played: tuple[Story, Deaths],
) -> None:
    _, deaths = played

    assert deaths.complaints_in_the_open == []


def test_the_ledger_is_right_with_what_is_unknown_as_bounds(played: tuple[Story, Deaths]) -> None:
    assert played[0].complaints() == []


def test_the_moment_of_each_kill_lies_in_a_blind_time_of_each_guild(
    played: tuple[Story, Deaths],
) -> None:
    story, deaths = played
    blind = story.ledger.blind
    first = next(n for n, life in enumerate(deaths.lives) if life.acknowledged[1])

    for life in deaths.lives[first:]:
        guilds = {b.guild_id for b in blind if b.since <= life.killed_at <= b.until}
        assert len(guilds) == 3, life
