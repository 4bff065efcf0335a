"""What `main.py query` does: runs one SELECT on the ledger, in this process.

While the bot runs, it works on a copy that the bot takes; else on the file
itself, read-only. Nothing that is typed here can touch the bot.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import trio

from storage.adhoc import Answer, QueryError, ask
from storage.formats import as_csv, as_json, as_ndjson, as_table
from supervisors.control import (
    DEMO_FOLDER,
    NotRunningError,
    RefusedError,
    find_running,
    is_running,
    request,
)
from supervisors.failures import EX_DATAERR, EX_NOINPUT, EX_TEMPFAIL, INTERRUPTED, CommandError
from supervisors.ledger import LEDGER, last_written
from supervisors.output import Page, note, written_out

if TYPE_CHECKING:
    from collections.abc import Callable

COPY_S = 90.0
"""How long the bot may take to copy a large ledger."""

GRACE_S = 2.0
"""How long past its limit a statement may take to notice that it was stopped."""

WIDE = 4000
"""Columns of a table that goes to a file: nobody folds it to a screen."""

TEXTS: dict[str, Callable[[Answer], str]] = {
    "json": as_json,
    "ndjson": as_ndjson,
    "csv": as_csv,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One statement, and how its answer is wanted."""

    sql: str
    form: str
    """`table`, or one of `TEXTS`."""

    row_limit: int
    time_limit_s: float


@dataclass(frozen=True, slots=True)
class Source:
    """The file to read, and one sentence on what it is."""

    file: Path
    sentence: str


def answer_question(folder: Path, question: Question) -> None:
    """Print the answer; what it is made from, and whether it was cut, goes to stderr.

    Raises:
        CommandError: there is no ledger (66), the statement is wrong (65), or there
            is no answer in time (75).
        StorageError: the ledger can't be opened; it brings its exit code.

    """
    source = find_source(find_running(folder))
    answer = _asked(source.file, question)
    with written_out():
        if question.form == "table":
            Page(width=None if sys.stdout.isatty() else WIDE).print(as_table(answer))
        else:
            text = TEXTS[question.form](answer)
            sys.stdout.write(text if text.endswith("\n") or not text else f"{text}\n")
    note(source.sentence)
    if answer.cut:
        note(
            f"cut after {question.row_limit} rows, there are more: "
            f"--limit {question.row_limit * 10} shows more, or ask for less"
        )


def _asked(file: Path, question: Question) -> Answer:
    began = time.monotonic()
    try:
        return _in_time(
            partial(
                ask,
                file,
                question.sql,
                row_limit=question.row_limit,
                time_limit_s=question.time_limit_s,
            ),
            question.time_limit_s + GRACE_S,
        )
    except QueryError as error:
        too_slow = time.monotonic() - began >= question.time_limit_s
        raise CommandError(str(error), EX_TEMPFAIL if too_slow else EX_DATAERR) from error


def find_source(folder: Path) -> Source:
    """Find what to read: a fresh copy from the bot that runs, or else the ledger itself.

    Raises:
        CommandError: there is no ledger (66), or the bot can't give a copy (75).

    """
    if is_running(folder):
        try:
            copy = trio.run(partial(request, folder, within=COPY_S, do="snapshot"))
        except NotRunningError:
            pass  # it ended just now, and left its file
        except (RefusedError, trio.TooSlowError, OSError) as error:
            why = str(error) or "it took too long"
            raise CommandError(
                f"the bot on {folder} gave no copy of its ledger: {why}; try again in a moment",
                EX_TEMPFAIL,
            ) from error
        else:
            file = _from_here(folder, copy["path"])
            return Source(file, f"from the running bot, as of {copy['taken_utc']}")
    return _ledger(folder)


def _from_here(folder: Path, named: str) -> Path:
    """Find a copy that the bot may have named from its own working directory."""
    copy = Path(named)
    return copy if copy.is_absolute() else folder.joinpath(*copy.parts[-2:])


def _ledger(folder: Path) -> Source:
    file = folder / LEDGER
    if not file.exists():
        demo = DEMO_FOLDER / LEDGER
        other = (
            f"; the demo's is in {DEMO_FOLDER}, which BULKHEAD_STORAGE__FOLDER={DEMO_FOLDER} asks"
        )
        raise CommandError(
            f"there is no ledger yet: {file} does not exist; `main.py run` starts one"
            f"{other if demo.exists() else ''}",
            EX_NOINPUT,
        )
    return Source(
        file, f"no bot runs on {folder}; its ledger was last written {last_written(file)}"
    )


def _in_time(work: Callable[[], Answer], limit_s: float) -> Answer:
    """Wait for a statement on a thread of its own, so that Ctrl+C and the limit always work.

    DuckDB can't stop inside one call of a function; then the whole process ends.
    """
    results: queue.SimpleQueue[Answer | BaseException] = queue.SimpleQueue()

    def run() -> None:
        try:
            results.put(work())
        except BaseException as error:  # noqa: BLE001 - it is raised again on the main thread
            results.put(error)

    try:
        threading.Thread(target=run, name="query", daemon=True).start()
        result = results.get(timeout=limit_s)
    except queue.Empty:
        _leave(
            f"no answer within {limit_s - GRACE_S:g} s; ask for less, or give it more --timeout",
            EX_TEMPFAIL,
        )
    except KeyboardInterrupt:
        _leave("", INTERRUPTED)
    if isinstance(result, BaseException):
        raise result
    return result


def _leave(sentence: str, exit_code: int) -> NoReturn:
    if sentence:
        note(sentence)
    sys.stdout.flush()
    os._exit(exit_code)
