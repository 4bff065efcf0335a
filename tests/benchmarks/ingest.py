"""From a voice event on the socket to a committed row, beside the usual way to write a bot.

Ours is the whole bot, `main.py run`; the peer is `peer_aiosqlite.py`. Both are processes of
their own against the same kind of local Discord, one after the other, round by round. Two
things are measured: how many events a second go through when they come as fast as the socket
takes them, and how long an event takes to its commit at a steady rate.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict, deque
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import trio

from tests.benchmarks.report import Figure, publish
from tests.doubles.discord.process import LocalDiscord, local_discord
from tests.end_to_end.bot_process import running_bot
from tests.end_to_end.ledger import changes as changes_of
from tests.end_to_end.oracle import Change, steps

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

Commit = tuple[int, int, float]
"""Guild, member, Unix time."""

PATIENCE_S = 240
PEERS = {"FULL": "discord.py + aiosqlite", "NORMAL": "discord.py + aiosqlite, no fsync"}


@dataclass
class Measured:
    """What one kind of bot showed, a value for each round."""

    rate: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Contestant:
    """A bot that is ready, seen from outside."""

    rows: Callable[[], Awaitable[int]]
    """How many rows it has committed."""

    rows_for: Callable[[list[dict[str, Any]]], int]
    """How many rows these changes are to it."""

    finish: Callable[[], Awaitable[list[Commit]]]
    """End it and read when each change was committed."""


async def drive(
    discord: LocalDiscord, bot: Contestant, into: Measured, options: argparse.Namespace
) -> None:
    """Send a burst, then a steady load, to a bot that is ready; match commits with the truth."""
    await discord.do("burst", count=options.events)
    burst = await changes(discord, 0)
    await until_rows(bot.rows, bot.rows_for(burst))
    await discord.do("load", rate=options.rate, seconds=options.seconds)
    await trio.sleep(options.seconds + 1)
    every = await changes(discord, 0)
    await until_rows(bot.rows, bot.rows_for(every))
    commits = await bot.finish()
    waits = delays(every, commits)
    ends = [at for _, _, at in sorted(commits, key=lambda c: c[2])[: len(burst)]]
    into.rate.append(len(burst) / (ends[-1] - burst[0]["at"]))
    steady = sorted(waits[len(burst) :])
    into.p50_ms.append(1000 * steady[len(steady) // 2])
    into.p99_ms.append(1000 * steady[int(len(steady) * 0.99)])


async def changes(discord: LocalDiscord, since: int) -> list[dict[str, Any]]:
    """Every change of a person's voice channel."""
    truth = await discord.do("truth", since=since)
    return [each for each in truth["changes"] if not each["is_bot"]]


def delays(truth: list[dict[str, Any]], commits: list[Commit]) -> list[float]:
    """Seconds from each change to its commit; the n-th of a member belongs to the n-th."""
    kept: dict[tuple[int, int], deque[float]] = defaultdict(deque)
    for guild, user, at in commits:
        kept[guild, user].append(at)
    return [
        kept[int(each["guild_id"]), int(each["user_id"])].popleft() - each["at"] for each in truth
    ]


async def until_rows(rows: Callable[[], Awaitable[int]], wanted: int) -> None:
    """Wait until so many changes are committed."""
    with trio.fail_after(PATIENCE_S):
        while await rows() < wanted:  # noqa: ASYNC110 - another process is asked
            await trio.sleep(0.5)


async def ours(into: Measured, options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "data"
        async with quiet(options) as discord, running_bot(discord, folder) as bot:
            await bot.until_watching(guilds=1)

            async def rows() -> int:
                ledger = (await bot.status())["ledger"]
                return 0 if ledger is None else int(ledger["activity_rows"])

            async def finish() -> list[Commit]:
                code = await bot.stop()
                assert code == 0, bot.log
                return committed(folder / "activity.duckdb")

            await drive(discord, Contestant(rows, ledger_rows, finish), into, options)


def ledger_rows(truth: list[dict[str, Any]]) -> int:
    """How many rows our ledger holds for these changes: two for each move."""
    members: dict[tuple[int, int], list[Change]] = defaultdict(list)
    for each in changes_of(truth):
        members[each.guild_id, each.user_id].append(each)
    return sum(len(steps(own)) for own in members.values())


def committed(path: Path) -> list[Commit]:
    """Read when each change was committed: a move is two rows of one commit."""
    with duckdb.connect(str(path), read_only=True) as ledger:
        return ledger.execute(
            "SELECT guild_id, user_id, epoch(committed_utc) FROM user_activity JOIN batch "
            "USING (batch_id) WHERE origin = 'gateway' AND (event = 'connect' OR move_id IS NULL) "
            "ORDER BY user_activity.rowid"
        ).fetchall()


@contextlib.asynccontextmanager
async def quiet(options: argparse.Namespace) -> AsyncIterator[LocalDiscord]:
    arguments = ("--scenario", "quiet", "--guilds", "1", "--members", str(options.members))
    async with local_discord(*arguments) as discord:
        yield discord


async def theirs(into: Measured, synchronous: str, options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "voice.sqlite"
        async with quiet(options) as discord, trio.open_nursery() as nursery:
            script = Path(__file__).with_name("peer_aiosqlite.py")
            urls = (discord.api_url, discord.gateway_url, discord.token)
            peer: trio.Process = await nursery.start(
                partial(
                    trio.run_process,
                    [sys.executable, str(script), *urls, str(file), synchronous],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            )
            assert peer.stdin is not None
            assert peer.stdout is not None
            lines = Lines(peer.stdout)
            with trio.fail_after(30):
                assert await lines.next() == "ready"

            async def rows() -> int:
                assert peer.stdin is not None
                await peer.stdin.send_all(b"?\n")
                return int(json.loads(await lines.next())["rows"])

            async def finish() -> list[Commit]:
                assert peer.stdin is not None
                await peer.stdin.aclose()
                with trio.fail_after(30):
                    await peer.wait()
                with contextlib.closing(sqlite3.connect(file)) as store:
                    return store.execute(
                        "SELECT guild_id, user_id, at FROM committed ORDER BY rowid"
                    ).fetchall()

            await drive(discord, Contestant(rows, len, finish), into, options)


class Lines:
    """The lines of a stream."""

    def __init__(self, stream: trio.abc.ReceiveStream) -> None:
        self._stream, self._rest = stream, b""

    async def next(self) -> str:
        while b"\n" not in self._rest:
            part = await self._stream.receive_some()
            if not part:
                raise EOFError("the peer has ended")
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()


async def measure(options: argparse.Namespace) -> list[Figure]:
    """Run all rounds and compare medians."""
    mine = Measured()
    others = {synchronous: Measured() for synchronous in PEERS}
    for number in range(options.rounds):
        await ours(mine, options)
        for synchronous, measured in others.items():
            await theirs(measured, synchronous, options)
        print(f"round {number + 1} of {options.rounds} done", file=sys.stderr)
    figures = []
    for synchronous, measured in others.items():
        named = {"peer_name": PEERS[synchronous]}
        for figure, unit, a, b in (
            ("voice events from socket to commit", "events/s", mine.rate, measured.rate),
            (f"delay to commit at {options.rate:g}/s, median", "ms", mine.p50_ms, measured.p50_ms),
            (f"delay to commit at {options.rate:g}/s, p99", "ms", mine.p99_ms, measured.p99_ms),
        ):
            figures.append(
                Figure(
                    figure=figure,
                    unit=unit,
                    ours=statistics.median(a),
                    peer=statistics.median(b),
                    **named,
                )
            )
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    # Below the bound of a guild's mailbox: past it the guild is blind and the rows are fewer.
    parser.add_argument("--events", type=int, default=8_000)
    parser.add_argument("--members", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    publish(trio.run(measure, options), options.json)


if __name__ == "__main__":
    main()
