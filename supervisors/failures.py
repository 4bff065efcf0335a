"""What an operator hears when a command fails: one sentence and an exit code."""

from __future__ import annotations

import os
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

EX_USAGE = 2
EX_DATAERR = 65
EX_NOINPUT = 66
EX_UNAVAILABLE = 69
EX_SOFTWARE = 70
EX_CANTCREAT = 73
EX_IOERR = 74
EX_TEMPFAIL = 75
EX_PROTOCOL = 76
EX_NOPERM = 77
INTERRUPTED = 130
"""As a shell counts a command that Ctrl+C ended."""

FAULTS = "faults.log"
"""In the data folder: the stack traces of what should not have happened."""

FAULTS_LIMIT_BYTES = 1_000_000


class CommandError(Exception):
    """A command cannot do what was asked; the text is one sentence with the next step."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


def tell(error: BaseException) -> tuple[str, int] | None:
    """Find the sentence and the exit code that an error brings, if it is a known one.

    >>> tell(CommandError("there is no bot", 69))
    ('there is no bot', 69)
    >>> tell(KeyError("x")) is None
    True
    """
    for cause in _causes(error):
        if isinstance(cause, KeyboardInterrupt):
            return "", INTERRUPTED
        code = getattr(cause, "exit_code", None)
        if isinstance(code, int):
            return str(cause), code
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    yield error
    grouped: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    for inner in grouped:
        yield from _causes(inner)
    if error.__cause__ is not None:
        yield from _causes(error.__cause__)


def keep(error: BaseException, folder: Path | None, secret: str = "") -> Path | None:
    """Write down the stack trace of an error that nobody foresaw; return where.

    It goes to the data folder if there is one, else among the temporary files.
    `secret` is starred. None: it could not be written anywhere.
    """
    text = "".join(traceback.format_exception(error))
    if secret:
        text = text.replace(secret, "***")
    entry = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, process {os.getpid()}\n{text}\n"
    try:
        return _append(folder / FAULTS, entry) if folder and folder.is_dir() else _apart(entry)
    except OSError:
        return None


def _append(file: Path, entry: str) -> Path:
    full = file.exists() and file.stat().st_size > FAULTS_LIMIT_BYTES
    with file.open("w" if full else "a", encoding="utf-8") as stream:
        stream.write(entry)
    return file


def _apart(entry: str) -> Path:
    # A name that nobody can guess: the folder is shared.
    number, name = tempfile.mkstemp(prefix="bulkhead-fault-", suffix=".log")
    with os.fdopen(number, "w", encoding="utf-8") as stream:
        stream.write(entry)
    return Path(name)
