"""The last place where an error of the command line can be told.

What is known becomes a sentence and an exit code; of what nobody foresaw, the
stack trace goes to a file.
"""

from __future__ import annotations

import os
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from typer import TyperException

from supervisors.failures import EX_SOFTWARE, say, tell

if TYPE_CHECKING:
    from collections.abc import Callable

FAULTS = "faults.log"
"""In the data folder: the stack traces of what should not have happened."""

FAULTS_LIMIT_BYTES = 1_000_000


def exit_code_of(program: Callable[[], object]) -> int:
    """Run the command line to its end; say in a sentence on stderr what went wrong.

    An operator never sees a stack trace: one that nobody foresaw goes to a file.
    """
    try:
        ended = program()
    except TyperException as error:
        return _misused(error)
    except (Exception, KeyboardInterrupt, BaseExceptionGroup) as error:  # noqa: BLE001 - the last place to tell it
        sentence, code = tell(error) or (_unforeseen(error), EX_SOFTWARE)
        if sentence:
            say(sentence)
        return code
    return ended if isinstance(ended, int) else 0


def _misused(error: TyperException) -> int:
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "main.py"
    said = _in_one_line(error.format_message().rstrip("."))
    say(f"{said}{'' if said.endswith(('?', '...')) else '.'} See `{path} --help`.")
    return error.exit_code


def _in_one_line(said: str) -> str:
    r"""Leave out all but the first line of what was typed; Typer shows the breaks as `\x0a`.

    >>> _in_one_line(r"No such option: --one\x0atwo (Possible options: --on)")
    'No such option: --one ...'
    """
    first, broken, _ = said.replace("\n", r"\x0a").partition(r"\x0a")
    return f"{first} ..." if broken else said


def _unforeseen(error: BaseException) -> str:
    # Late, because the settings may be what failed.
    from supervisors.settings import SettingsError, load_settings  # noqa: PLC0415

    folder, secret = None, ""
    try:
        settings = load_settings()
        folder = settings.storage.folder
        secret = settings.discord.token.get_secret_value() if settings.discord.token else ""
    except SettingsError:
        pass  # then there is no data folder for the stack trace, and no token in it
    file = keep(error, folder, secret)
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    if secret:
        what = what.replace(secret, "***")
    where = f"the details are in {file}" if file else "the details could not be written anywhere"
    return f"This should not have happened: {what}; {where}, please report it."


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
