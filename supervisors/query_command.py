"""What `main.py query` does: runs one SELECT on the ledger, in this process.

While the bot runs, it works on a copy that the bot takes; else on the file
itself, read-only. Nothing that is typed here can touch the bot.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import trio

from storage.adhoc import Answer, ask
from storage.formats import as_csv, as_json, as_ndjson, note
from storage.query_faults import too_slow
from storage.tables import as_table
from supervisors.control import (
    DEMO_FOLDER,
    NotRunningError,
    RefusedError,
    find_running,
    how_to_start,
    is_running,
    request,
)
from supervisors.failures import EX_NOINPUT, EX_TEMPFAIL, INTERRUPTED, CommandError, say
from supervisors.ledger import LEDGER, last_written
from supervisors.output import Page, written_out

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
    """Print the answer; what it is made from, and how much of it there is, goes to stderr.

    Raises:
        CommandError: there is no ledger (66), or the bot can't give a copy (75).
        QueryError: the statement is wrong, or asks for too much; it brings its exit code.
        StorageError: the ledger can't be opened; it brings its exit code.

    """
    source = find_source(find_running(folder))
    answer = _asked(source.file, question)
    with written_out():
        if question.form == "table":
            page = Page(width=None if sys.stdout.isatty() else WIDE)
            page.print(as_table(answer, page.width))
        else:
            text = TEXTS[question.form](answer)
            sys.stdout.write(text if text.endswith("\n") or not text else f"{text}\n")
    more = f": --limit {question.row_limit * 10} shows them, or ask for less" if answer.cut else ""
    say(f"{source.sentence}: {note(answer)}{more}")


def _asked(file: Path, question: Question) -> Answer:
    work = partial(
        ask,
        file,
        question.sql,
        row_limit=question.row_limit,
        time_limit_s=question.time_limit_s,
    )
    return _in_time(work, question.time_limit_s)


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
            return Source(file, f"from the running bot, as of {_to_the_second(copy['taken_utc'])}")
    return _ledger(folder)


def _from_here(folder: Path, named: str) -> Path:
    """Find a copy that the bot may have named from its own working directory."""
    copy = Path(named)
    return copy if copy.is_absolute() else folder.joinpath(*copy.parts[-2:])


def _to_the_second(iso: str) -> str:
    """Shorten a time of the bot.

    >>> _to_the_second("2026-11-25T03:03:13.688108+00:00")
    '2026-11-25T03:03:13Z'
    """
    return f"{datetime.fromisoformat(iso).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _ledger(folder: Path) -> Source:
    file = folder / LEDGER
    if not file.exists() and (DEMO_FOLDER / LEDGER).exists():
        say(f"asking the ledger of the last demo ({DEMO_FOLDER}), because {folder} has none")
        folder, file = DEMO_FOLDER, DEMO_FOLDER / LEDGER
    if not file.exists():
        raise CommandError(
            f"there is no ledger yet: {file} does not exist; {how_to_start()}", EX_NOINPUT
        )
    return Source(file, f"from {file}, last written {last_written(file)} (no bot runs on it)")


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
        result = results.get(timeout=limit_s + GRACE_S)
    except queue.Empty:
        error = too_slow(limit_s)
        _leave(str(error), error.exit_code)
    except KeyboardInterrupt:
        _leave("", INTERRUPTED)
    if isinstance(result, BaseException):
        raise result
    return result


def _leave(sentence: str, exit_code: int) -> NoReturn:
    if sentence:
        say(sentence)
    sys.stdout.flush()
    os._exit(exit_code)
