"""The whole demo as a newcomer runs it: real processes, in a pipe and on a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shlex
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAIN = Path(__file__).resolve().parents[2] / "main.py"

pytestmark = pytest.mark.end_to_end


def command(*arguments: str) -> list[str]:
    return [sys.executable, str(MAIN), *arguments]


def clean() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("BULKHEAD_")}


def ask(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the second terminal."""
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env=clean(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def typed(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    """Type a hint into a shell in the second terminal."""
    return subprocess.run(
        line,
        shell=True,
        cwd=folder,
        env=clean(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


class Running:
    """A demo in a pipe, its output as far as it has come."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            command("demo", *arguments),
            cwd=folder,
            env=clean(),
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.lines: list[str] = []
        self.leaving = False
        """Stop reading, as `head` does."""
        self.errors = ""
        self._readers = [threading.Thread(target=work) for work in (self._read, self._read_errors)]
        for reader in self._readers:
            reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            while not self.leaving and (line := stream.readline()):
                self.lines.append(line)

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stream:
            self.errors = stream.read()

    def until(self, pattern: str) -> None:
        until(lambda: any(re.search(pattern, line) for line in list(self.lines)), self.told)

    def told(self) -> str:
        return "".join(self.lines) + self.errors

    def end(self, number: int | None = None) -> int:
        """Wait for its end, after a signal if there is one; return the exit code."""
        if number is not None:
            self.process.send_signal(number)
        code = self.process.wait(30)
        for reader in self._readers:
            reader.join(10)
        return code


def until(right: Callable[[], bool], told: Callable[[], str], within: float = 30) -> None:
    deadline = time.monotonic() + within
    while not right():
        assert time.monotonic() < deadline, told()
        time.sleep(0.02)


def programs_of(pid: int) -> list[int]:
    # Whichever thread started them.
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    programs = [int(text) for task in tasks for text in task.read_text().split()]
    assert len(programs) == 2, "the local Discord and the bot"
    return programs


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def demo(folder: Path, *arguments: str) -> Iterator[Running]:
    """Run a demo until it is under way; afterwards nothing of it may be left."""
    running = Running(folder, *arguments)
    programs: list[int] = []
    try:
        running.until("^running")
        programs = programs_of(running.process.pid)
        yield running
    finally:
        running.process.kill()
        running.end()
        until(lambda: not any(map(is_alive, programs)), lambda: f"{programs} are left", within=10)


@dataclass
class Story:
    """What was seen of one demo."""

    exit_code: int
    lines: list[str]
    errors: str
    status: subprocess.CompletedProcess[str]
    query: subprocess.CompletedProcess[str]
    question: subprocess.CompletedProcess[str]
    second: subprocess.CompletedProcess[str]
    folder: Path

    @property
    def told(self) -> str:
        return "".join(self.lines) + self.errors


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """A short demo in a pipe, while somebody asks from a second terminal."""
    folder = tmp_path_factory.mktemp("demo")
    with demo(folder, "--duration", "9s", "--speed", "8x", "--seed", "3") as running:
        status = ask(folder, "status", "--json")
        second = ask(folder, "demo")
        running.until("back after")
        query = ask(folder, "query", "--ndjson", "SELECT count(*) AS rows FROM user_activity")
        question = typed(folder, f"{shlex.join(command('query', '-'))} < data/demo/voice.sql")
        exit_code = running.end()
    return Story(exit_code, running.lines, running.errors, status, query, question, second, folder)


def test_it_ends_by_itself_with_all_well(story: Story) -> None:
    assert story.exit_code == 0, story.told
    assert story.errors == ""
    assert "Both programs ended cleanly." in story.told


def test_it_tells_what_happened_and_what_came_of_it_without_escape_codes(story: Story) -> None:
    assert "\x1b" not in story.told
    assert re.search(r"^\d\d:\d\d:\d\d .+: .+ joined ", story.told, re.MULTILINE)
    assert re.search(r"^crash: guilds/\d+ \(.+\) crashed on purpose$", story.told, re.MULTILINE)
    assert re.search(r"back after \d+ ms, mail kept: \d+$", story.told, re.MULTILINE)
    assert re.search(r"^\d+ rows?, .+ in voice, ", story.told, re.MULTILINE)


def test_its_summary_is_read_from_the_ledger_in_which_nothing_is_open(story: Story) -> None:
    assert "Every session that was open at the end is closed in it." in story.told
    assert re.search(r"The ledger holds [1-9]\d* rows, [1-9]\d* sessions", story.told)
    assert re.search(r"\d crash(es)? on purpose: \d came back", story.told)
    assert "The demo ran for 9s, from the bot's connection to the order to stop." in story.told


def test_its_question_is_answered_with_names_while_it_runs_and_afterwards(story: Story) -> None:
    afterwards = typed(story.folder, story.lines[-1])
    for answer in (story.question, afterwards):
        assert answer.returncode == 0, answer.stderr
        assert re.search(r"member +┃ stays ┃ seconds ┃ last_seen_in", answer.stdout)
        names = re.findall(r"^│ (\w+) +│ +\d+ │ +\d+ │", answer.stdout, re.MULTILINE)
        assert set(names) & set(re.findall(r": (\w+) ", story.told))
        assert not any(map(str.isdigit, names))
    assert "no bot runs on it" in afterwards.stderr


def test_a_second_terminal_finds_it_without_being_told_where(story: Story) -> None:
    found = "asking the demo (data/demo)"
    for answer in (story.status, story.query):
        assert answer.returncode == 0, answer.stderr
        assert found in answer.stderr
    status: dict[str, Any] = json.loads(story.status.stdout)
    assert status["link"]["link"] == "connected"
    assert json.loads(story.query.stdout)["rows"] > 0


def test_a_second_demo_is_told_that_one_runs(story: Story) -> None:
    assert story.second.returncode == 75
    assert "data/demo already; end it first, or take an empty folder: " in story.second.stderr
    assert '--folder PATH, or with make: make run ARGS="--folder PATH"' in story.second.stderr


def test_its_data_and_logs_stay_and_are_where_it_says(story: Story) -> None:
    folder = story.folder / "data/demo"
    assert f"Data and logs: {folder}" in story.told
    assert {"activity.duckdb", "bot.log", "discord.log"} <= {p.name for p in folder.iterdir()}
    assert not (folder / "bulkhead.sock").exists()


def test_killed_it_takes_both_programs_with_it(tmp_path: Path) -> None:
    with demo(tmp_path, "--no-crashes") as running:
        assert running.end(signal.SIGKILL) == -signal.SIGKILL
    # The end of `demo` has seen both programs end.
    assert ask(tmp_path, "status").returncode == 69


def test_a_bot_that_dies_ends_it_with_the_log_and_its_exit_code(tmp_path: Path) -> None:
    with demo(tmp_path, "--no-crashes") as running:
        (bot,) = [
            pid
            for pid in programs_of(running.process.pid)
            if "main.py" in Path(f"/proc/{pid}/cmdline").read_text()
        ]
        os.kill(bot, signal.SIGKILL)
        code = running.end()

    assert code == 70
    log = tmp_path / "data/demo/bot.log"
    assert running.errors.startswith(f"the bot ended by signal 9; the end of its log, {log}:\n")
    lines = running.errors.splitlines()[1:]
    assert 1 <= len(lines) <= 5
    assert all(re.match(r"  (info|warning|error) \w", line) for line in lines), lines
    assert "child=" in running.errors
    assert '{"' not in running.errors
    assert "Traceback" not in running.errors


def test_a_port_in_use_is_told_as_the_local_discord_tells_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = ask(tmp_path, "demo", "--port", str(port))

    assert answer.returncode == 71, answer.stderr
    assert str(port) in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_folder_with_something_else_in_it_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/activity.duckdb").write_text("a real bot's")

    answer = ask(tmp_path, "demo", "--folder", "mine")

    assert answer.returncode == 73
    assert "mine is not empty and no demo made it; take an empty folder: " in answer.stderr
    assert (tmp_path / "mine/activity.duckdb").read_text() == "a real bot's"


def test_a_reader_that_leaves_ends_it_quietly(tmp_path: Path) -> None:
    with demo(tmp_path, "--no-crashes", "--speed", "8x") as running:
        running.leaving = True
        code = running.end()

    assert code == 0
    assert running.errors == ""


@contextlib.contextmanager
def terminal(columns: int, rows: int) -> Iterator[tuple[int, int]]:
    """Open a terminal: the end of the one who looks, and the one of the program."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
    try:
        yield ours, theirs
    finally:
        os.close(ours)


def test_on_a_terminal_it_draws_and_ctrl_c_gives_the_terminal_back(tmp_path: Path) -> None:
    seen = bytearray()
    with terminal(100, 30) as (ours, theirs):
        process = subprocess.Popen(
            command("demo", "--no-crashes"),
            cwd=tmp_path,
            env=clean() | {"TERM": "xterm"},
            preexec_fn=lambda: os.login_tty(theirs),  # noqa: PLW1509 - one call, no lock
        )
        os.close(theirs)

        def look() -> None:
            with contextlib.suppress(OSError):  # a terminal whose program has ended
                while part := os.read(ours, 4096):
                    seen.extend(part)

        looking = threading.Thread(target=look)
        looking.start()
        try:
            until(lambda: b"supervision tree" in seen, lambda: seen.decode(errors="replace"))
            programs = programs_of(process.pid)
            os.write(ours, b"\x03")
            code = process.wait(30)
        finally:
            process.kill()
            process.wait()
            looking.join(10)

    text = seen.decode()
    assert code == 0, text[-2000:]
    drawn, left, after = text.rpartition("\x1b[?1049l")
    assert left, "the terminal was not given back"
    assert "\x1b[?1049h" in drawn
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l")
    assert "Every session that was open at the end is closed in it." in after
    assert not any(map(is_alive, programs))


def test_output_that_can_not_be_written_ends_it_with_a_sentence(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        answer = subprocess.run(
            command("demo"),
            cwd=tmp_path,
            env=clean(),
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            check=False,
        )

    assert answer.returncode == 74
    assert "could not be written: No space left on device" in answer.stderr


def test_a_signal_before_the_bot_is_connected_ends_it_too(tmp_path: Path) -> None:
    running = Running(tmp_path)
    try:
        running.until("^starting the local Discord")
        assert running.end(signal.SIGTERM) == 0
    finally:
        running.process.kill()
        running.end()
    assert "The demo was ended before the bot was connected." in running.told()
