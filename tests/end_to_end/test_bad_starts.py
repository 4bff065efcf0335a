"""A start that cannot work says so in one sentence, with its own exit code, and writes nothing."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import pytest
import trio

from tests.end_to_end.bot_process import ROOT, SOCKET, environment
from tests.end_to_end.stage import LEDGER, LEFT_BEHIND, stage, watched

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.end_to_end.stage import Stage

pytestmark = pytest.mark.end_to_end

LIMIT_S = 30.0

EXPECTED = {
    "malformed": (78, "log.level = 'loud' (environment variable BULKHEAD_LOG__LEVEL): it must be"),
    "no token": (78, "put BULKHEAD_DISCORD__TOKEN=your-token into .env"),
    "no folder": (73, "file"),
    "database locked": (75, "is in use by process"),
    "socket taken": (75, "stop that one first"),
    "second bot": (75, "is in use by process"),
    "wrong token": (77, "token"),
    "intents": (76, "Server Members Intent"),
}
"""The exit code of each start, and words that its sentence must have."""

BEHIND_THE_LEDGER = {"wrong token", "intents", "socket taken"}
"""These are found out when the ledger is open already: it may be there, whole and empty."""

HOLD = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); input()"


@dataclass(frozen=True)
class Refusal:
    """How a start ended."""

    exit_code: int
    sentence: str
    """The last line of stderr."""

    output: str
    """All of both streams."""

    before: dict[str, int]
    after: dict[str, int]
    """The files of the data folder with their sizes."""

    rows: int | None
    """Rows of activity in its ledger; null without one, or where it is somebody else's."""


async def play(base: Path) -> dict[str, Refusal]:
    found: dict[str, Refusal] = {}
    (base / "file").write_text("not a folder")
    async with stage() as here:
        async with trio.open_nursery() as nursery:
            for name, folder, extra in (
                ("wrong token", "token", {"BULKHEAD_DISCORD__TOKEN": "this.is.wrong"}),
                ("malformed", "malformed", {"BULKHEAD_LOG__LEVEL": "loud"}),
                ("no token", "none", {"BULKHEAD_DISCORD__TOKEN": ""}),
                ("no folder", "file", {}),
            ):
                nursery.start_soon(refused, here, found, name, base / folder, extra)
            await with_others(here, found, base)
        # Last, because it holds for every bot that connects from now on.
        await here.discord.do("set", intents_allowed=0)
        await refused(here, found, "intents", base / "intents")
    return found


async def with_others(here: Stage, found: dict[str, Refusal], base: Path) -> None:
    """Start where something is taken: the database, the socket, the whole folder."""
    for name in ("locked", "socket"):
        (base / name).mkdir()
    with holding(base / "locked" / LEDGER), listening(base / "socket" / SOCKET):
        async with watched(here, base / "bot") as bot, trio.open_nursery() as nursery:
            for name, folder in (
                ("database locked", "locked"),
                ("socket taken", "socket"),
                ("second bot", "bot"),
            ):
                nursery.start_soon(refused, here, found, name, base / folder)
        assert bot.process.returncode is not None


async def refused(
    here: Stage,
    found: dict[str, Refusal],
    name: str,
    folder: Path,
    extra: dict[str, str] | None = None,
) -> None:
    before = files(folder)
    with trio.fail_after(LIMIT_S):
        ended = await trio.run_process(
            [sys.executable, str(ROOT / "main.py"), "run"],
            env=environment(here.discord, folder) | (extra or {}),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
    errors, output = ended.stderr.decode(), ended.stdout.decode()
    found[name] = Refusal(
        exit_code=ended.returncode,
        sentence=(errors.strip().splitlines() or [""])[-1],
        output=output + errors,
        before=before,
        after=files(folder),
        rows=rows_in(folder / LEDGER) if name in BEHIND_THE_LEDGER else None,
    )


def rows_in(file: Path) -> int | None:
    """Count the facts of a ledger; the file must be whole."""
    if not file.exists():
        return None
    with duckdb.connect(str(file), read_only=True) as ledger:
        rows = ledger.execute("SELECT count(*) FROM user_activity").fetchall()
    return int(rows[0][0])


def files(folder: Path) -> dict[str, int]:
    if not folder.is_dir():
        return {}
    return {
        str(file.relative_to(folder)): file.stat().st_size
        for file in folder.rglob("*")
        if file.is_file() or file.is_socket()
    }


@contextlib.contextmanager
def holding(file: Path) -> Iterator[None]:
    """Hold a database open, as any other DuckDB client may."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            process.kill()


@contextlib.contextmanager
def listening(path: Path) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind(str(path))
        taken.listen()
        yield


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Refusal]:
    found = trio.run(play, tmp_path_factory.mktemp("bad_starts"))
    for name, refusal in found.items():
        print(f"{name}: {refusal.exit_code}, {refusal.sentence}")
    return found


@pytest.mark.parametrize("name", EXPECTED)
def test_the_exit_code_tells_programs_what_is_wrong(
    refusals: dict[str, Refusal], name: str
) -> None:
    assert refusals[name].exit_code == EXPECTED[name][0], refusals[name].output


@pytest.mark.parametrize("name", EXPECTED)
def test_the_last_line_tells_people_what_is_wrong_and_what_to_do(
    refusals: dict[str, Refusal], name: str
) -> None:
    sentence = refusals[name].sentence

    assert EXPECTED[name][1] in sentence
    assert len(sentence) < 500
    assert re.search(
        r"[;,:] .*\b(stop|put|correct|take|give|choose|switch|make|see|copy)\b", sentence
    )


@pytest.mark.parametrize("name", EXPECTED)
def test_nobody_sees_a_stack_trace(refusals: dict[str, Refusal], name: str) -> None:
    # In a log of JSON lines a stack trace is a list of frames.
    assert not re.search(r'Traceback|"frames"', refusals[name].output), refusals[name].output
    assert "this.is.wrong" not in refusals[name].output


@pytest.mark.parametrize("name", EXPECTED)
def test_nothing_is_left_behind(refusals: dict[str, Refusal], name: str) -> None:
    assert not LEFT_BEHIND.findall(refusals[name].output), refusals[name].output


@pytest.mark.parametrize("name", sorted(EXPECTED.keys() - BEHIND_THE_LEDGER - {"second bot"}))
def test_nothing_is_written(refusals: dict[str, Refusal], name: str) -> None:
    assert refusals[name].after == refusals[name].before


@pytest.mark.parametrize("name", sorted(BEHIND_THE_LEDGER))
def test_a_ledger_that_was_opened_is_whole_and_empty(
    refusals: dict[str, Refusal], name: str
) -> None:
    assert refusals[name].rows in {None, 0}
    assert not [file for file in refusals[name].after if file.endswith((".wal", ".tmp"))]


def test_different_faults_have_different_codes(refusals: dict[str, Refusal]) -> None:
    kinds = {
        "settings": {"malformed", "no token"},
        "in use": {"database locked", "socket taken", "second bot"},
        "folder": {"no folder"},
        "token": {"wrong token"},
        "intents": {"intents"},
    }
    codes = [{refusals[name].exit_code for name in names} for names in kinds.values()]

    assert all(len(each) == 1 for each in codes)
    assert len(set.union(*codes)) == len(kinds)
