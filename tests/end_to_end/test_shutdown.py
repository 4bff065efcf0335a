"""A clean end under load: on time, with everything written, and nothing left behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import sys
import termios
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb
import pytest
import trio

from tests.end_to_end.bot_process import ROOT, Bot, environment
from tests.end_to_end.ledger import read
from tests.end_to_end.stage import (
    LEDGER,
    LEFT_BEHIND,
    Story,
    finish,
    stage,
    until,
    until_recorded,
    watched,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.end_to_end.ledger import Ledger
    from tests.end_to_end.stage import Member, Stage

pytestmark = pytest.mark.end_to_end

RATE, LOAD_S = 200, 2.0
WITHIN_S = 10.0
WAITING = 4


class Insisted(NamedTuple):
    """How a bot ended that was told twice."""

    exit_code: int
    after_s: float
    log: str


class HungUp(NamedTuple):
    """How a bot ended whose terminal was closed while members waited for an answer."""

    exit_code: int
    ledger: Ledger
    answers: list[dict[str, Any]]


class Played(NamedTuple):
    first: Story
    second: Story
    insisted: Insisted
    hung_up: HungUp


async def play(folder: Path) -> Played:
    async with stage() as here:
        first = await one_life(here, folder, signal.SIGTERM)
        second = await one_life(here, folder, signal.SIGINT, first.seen_from)
        insisted = await insist(here, folder)
    return Played(first, second, insisted, await hang_up(folder / "terminal"))


async def one_life(here: Stage, folder: Path, number: int, seen_from: float | None = None) -> Story:
    async with watched(here, folder) as bot:
        seen_from = seen_from or time.time()
        await here.load(RATE, 600)
        # Not a wait for a condition: it is to be in the middle of the load.
        await trio.sleep(LOAD_S)
        return await finish(here, bot, seen_from, number)


async def insist(here: Stage, folder: Path) -> Insisted:
    async with watched(here, folder) as bot:
        # A Discord that has stopped does not close the connection, so a clean end takes long.
        here.discord.process.send_signal(signal.SIGSTOP)
        try:
            bot.process.send_signal(signal.SIGTERM)
            await until(lambda: "stopping" in bot.log, "it has begun to stop", 5)
            began = trio.current_time()
            exit_code = await bot.stop(WITHIN_S, signal.SIGINT)
            after_s = trio.current_time() - began
        finally:
            here.discord.process.send_signal(signal.SIGCONT)
        return Insisted(exit_code, after_s, bot.log)


async def hang_up(folder: Path) -> HungUp:
    answers: list[dict[str, Any]] = []

    async def use(member: Member, channel_id: str) -> None:
        answers.append(await member.use("stats me", channel_id))

    async with stage() as here, in_a_terminal(here, folder) as (bot, master):
        await bot.until_watching()
        guild = here.guilds[0]
        for member in guild.people[:WAITING]:
            await member.voice(guild.voice[0])
        await until_recorded(bot, WAITING)
        await here.discord.do("set", rest_delay_ms=500)
        async with trio.open_nursery() as nursery:
            for member in guild.people[:WAITING]:
                nursery.start_soon(use, member, guild.text[0])
            await trio.sleep(0.2)
            os.close(master)
            # The kernel has told it; a shell would, too.
            exit_code = await bot.stop(WITHIN_S, signal.SIGHUP)
    return HungUp(exit_code, read(folder / LEDGER), answers)


@contextlib.asynccontextmanager
async def in_a_terminal(here: Stage, folder: Path) -> AsyncIterator[tuple[Bot, int]]:
    """Run a bot in a terminal of its own; who closes the descriptor closes the terminal."""
    master, slave = os.openpty()

    def own_the_terminal() -> None:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    process = await trio.lowlevel.open_process(
        [sys.executable, str(ROOT / "main.py"), "run"],
        env=environment(here.discord, folder),
        cwd=ROOT,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        preexec_fn=own_the_terminal,
    )
    os.close(slave)
    try:
        yield Bot(process, folder), master
    finally:
        with trio.CancelScope(shield=True):
            if process.poll() is None:
                process.kill()
            await process.wait()


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    played = trio.run(play, tmp_path_factory.mktemp("shutdown"))
    print(f"SIGTERM {played.first.stop_s:.3f} s, SIGINT {played.second.stop_s:.3f} s")
    print(f"insisted {played.insisted.after_s:.3f} s")
    return played


@pytest.mark.parametrize("life", ["first", "second"])
def test_a_signal_ends_it_with_code_0_in_time_under_load(played: Played, life: str) -> None:
    story: Story = getattr(played, life)

    assert story.exit_code == 0, story.log
    assert story.stop_s < WITHIN_S


@pytest.mark.parametrize("life", ["first", "second"])
def test_every_open_session_is_closed_with_origin_shutdown(played: Played, life: str) -> None:
    story: Story = getattr(played, life)
    closed = [f for f in story.ledger.facts if f.origin == "shutdown" and f.at >= story.seen_until]

    assert [s for s in story.ledger.sessions if s.ended_latest is None] == []
    assert {f.event for f in closed} == {"disconnect"}
    assert len({f.guild_id for f in closed}) == 3


@pytest.mark.parametrize("life", ["first", "second"])
def test_all_that_was_seen_until_the_signal_is_in_the_ledger(played: Played, life: str) -> None:
    assert getattr(played, life).complaints() == []


@pytest.mark.parametrize("life", ["first", "second"])
def test_the_log_tells_of_nothing_left_behind(played: Played, life: str) -> None:
    log = getattr(played, life).log

    assert not [line for line in log.splitlines() if LEFT_BEHIND.search(line)]
    assert not [line for line in log.splitlines() if re.search(r"\b(error|critical)\b", line)]


def test_the_log_says_once_what_to_try_and_nothing_of_what_discord_py_does(played: Played) -> None:
    log = played.first.log

    assert log.count("in Discord try /help; in a second terminal: main.py status") == 1
    assert "Shard ID" not in log


def test_the_next_start_says_that_the_gap_was_a_shutdown(played: Played) -> None:
    with duckdb.connect(str(played.second.folder / LEDGER), read_only=True) as ledger:
        causes = ledger.execute(
            "SELECT cause, count(DISTINCT guild_id) FROM outage GROUP BY cause"
        ).fetchall()

    assert causes == [("shutdown", 3)]


def test_a_second_signal_leaves_at_once(played: Played) -> None:
    insisted = played.insisted

    assert insisted.exit_code == 128 + signal.SIGINT, insisted.log
    assert insisted.after_s < 1.0
    assert "leaving at once" in insisted.log


def test_a_terminal_that_is_closed_ends_it_as_cleanly_as_a_signal(played: Played) -> None:
    hung_up = played.hung_up

    assert hung_up.exit_code == 0
    assert len(hung_up.ledger.sessions) == WAITING
    assert [s for s in hung_up.ledger.sessions if s.ended_latest is None] == []
    assert {f.origin for f in hung_up.ledger.facts if f.event == "disconnect"} == {"shutdown"}


def test_whoever_waits_for_an_answer_when_the_bot_is_stopped_gets_one(played: Played) -> None:
    answers = played.hung_up.answers

    assert [answer for answer in answers if not answer["answered"] or answer["errors"]] == []
    assert len(answers) == WAITING
