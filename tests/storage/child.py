"""A recorder in a process of its own, to be killed, locked out by, or starved of space.

`python -m tests.storage.child VERB FILE`; what it has to say is one line each on stdout.
"""

from __future__ import annotations

import contextlib
import itertools
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from actors.recorder.protocol import Flush, RecordActivity, RecordMessage
from storage.database import StorageError, open_activity
from tests.storage.facts import join, leave, move, written
from tests.storage.living import storage

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def child(verb: str, file: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a verb; the process is killed at the end of the block."""
    command = [sys.executable, "-m", "tests.storage.child", verb, str(file)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        try:
            yield process
        finally:
            process.kill()


async def write_for_ever(file: Path) -> None:
    """Tell a member's joins, moves and leaves; print how many rows are acknowledged."""
    async with storage(file) as directory:
        recorder = directory.address("recorder")
        for number in itertools.count():
            for user_id in range(100):
                user = number * 100 + user_id
                recorder.tell(RecordActivity((join(user, 1, number),)))
                recorder.tell(RecordActivity(move(user, 1, 2, number + 0.5)))
                recorder.tell(RecordActivity((leave(user, 2, number + 0.7),)))
            await recorder.ask(Flush(), within=10)
            print((number + 1) * 400, flush=True)


async def meet_a_full_disk(file: Path) -> None:
    """Write with no space, then with space; print the state in both."""
    async with storage(file) as directory:
        recorder = directory.address("recorder")
        recorder.tell(RecordActivity((join(1, 1, 0),)))
        await recorder.ask(Flush(), within=10)
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        size = file.with_name(file.name + ".wal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        for number in range(50):
            recorder.tell(RecordMessage(written(7, number)))
        recorder.tell(RecordActivity((leave(1, 1, 60),)))
        with trio.move_on_after(1):
            await recorder.ask(Flush(), within=10)
        (report,) = (each for each in directory.census() if each.name == "recorder")
        print(report.depth >= 51, report.restarts, flush=True)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        await recorder.ask(Flush(), within=10)
        (report,) = (each for each in directory.census() if each.name == "recorder")
        print(report.restarts, flush=True)


def hold(file: Path) -> None:
    """Keep the file open until stdin, and so this process, is done."""
    try:
        connection = open_activity(file)
    except StorageError as error:
        sys.exit(error.exit_code)
    print("held", flush=True)
    sys.stdin.read()
    connection.close()


if __name__ == "__main__":
    match sys.argv[1], Path(sys.argv[2]):
        case "write", file:
            trio.run(write_for_ever, file)
        case "starve", file:
            trio.run(meet_a_full_disk, file)
        case _, file:
            hold(file)
