"""First starts that end early, each in a process of its own, and the starts after them.

`python -m tests.storage.first_starts VERB FOLDER`; one line on stdout for each of them.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.database import DiskFullError, StorageError, open_activity

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

NAME = "activity.duckdb"

STEPS = {
    *(("c_call", name) for name in ("connect", "execute", "close", "link", "unlink", "fsync")),
    *(("return", name) for name in ("hardlink_to", "unlink", "publish", "_make", "_migrate")),
}
"""What a profiler sees where a start is killed: before a step, or right after one."""


def in_a_process(work: Callable[[], object]) -> int:
    """Run it in a fork, and return how that ended; below zero is minus a signal."""
    # Nothing of DuckDB runs in this process, so no thread is missed by the fork.
    child = os.fork()
    if not child:
        try:
            work()
        except StorageError as error:
            print(type(error).__name__, error, flush=True)
            os._exit(error.exit_code)
        except BaseException as error:  # noqa: BLE001 - a fork must never run what its parent runs
            print(repr(error), flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def start(file: Path) -> None:
    connection = open_activity(file)
    connection.execute("INSERT INTO outage VALUES (1, now(), now(), 'x', 1)")
    connection.close()


def killed_at_call(number: int, file: Path) -> None:
    """Be killed at the so-manieth call from `storage/` of anything that changes a file."""
    calls = count(1)

    def look(frame: FrameType, event: str, what: Any) -> None:
        step = what.__name__ if event == "c_call" else frame.f_code.co_name
        if (event, step) in STEPS and next(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(look)
    open_activity(file)
    sys.setprofile(None)


def killed_after(seconds: float, file: Path) -> None:
    # Killed by its default action, wherever the process is, in DuckDB's code too.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    start(file)


def without_space(size: int, file: Path) -> None:
    with contextlib.suppress(DiskFullError):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        open_activity(file)
        raise AssertionError("there was space")


def seen(folder: Path) -> str:
    """Start once more and tell how that went: its exit code, and the files after it."""
    code = in_a_process(lambda: start(folder / NAME))
    return f"{code} {','.join(sorted(path.name for path in folder.iterdir()))}"


def every_call(base: Path) -> None:
    for number in count(1):
        folder = base / str(number)
        ended = in_a_process(lambda: killed_at_call(number, folder / NAME))  # noqa: B023 - runs now
        if ended == 0:
            break
        folder.mkdir(exist_ok=True)
        print("call", number, ended, seen(folder), flush=True)


def any_time(base: Path) -> None:
    for number in range(1, 9):
        folder = base / str(number)
        ended = in_a_process(lambda: killed_after(number * 0.03, folder / NAME))  # noqa: B023 - runs now
        folder.mkdir(exist_ok=True)
        print("time", number, ended, seen(folder), flush=True)


def any_space(base: Path) -> None:
    for size in (0, 4096, 12_288, 100_000):
        folder = base / str(size)
        ended = in_a_process(lambda: without_space(size, folder / NAME))  # noqa: B023 - runs now
        print("space", size, ended, seen(folder), flush=True)


def full(base: Path) -> None:
    def no_space() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
        start(base / NAME)

    ended = in_a_process(no_space)
    print("full", ended, ",".join(path.name for path in base.iterdir()), flush=True)


if __name__ == "__main__":
    verbs = {"calls": every_call, "times": any_time, "space": any_space, "full": full}
    verbs[sys.argv[1]](Path(sys.argv[2]))
