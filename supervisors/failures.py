"""What an operator hears when a command fails: one sentence and an exit code."""

from __future__ import annotations

import contextlib
import os
import sys
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

EX_USAGE = 2
EX_DATAERR = 65
EX_NOINPUT = 66
EX_UNAVAILABLE = 69
EX_SOFTWARE = 70
EX_OSFILE = 72
EX_CANTCREAT = 73
EX_IOERR = 74
EX_TEMPFAIL = 75
EX_PROTOCOL = 76
EX_NOPERM = 77
EX_CONFIG = 78
INTERRUPTED = 130
"""As a shell counts a command that Ctrl+C ended."""


class CommandError(Exception):
    """A command cannot do what was asked; the text is one sentence with the next step."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


def say(text: str) -> None:
    """Write to standard error; on a terminal no word is broken at its edge."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{folded(text, _columns())}\n")


def folded(text: str, width: int | None) -> str:
    r"""Break long lines between words, and indent what follows as their beginning.

    >>> print(folded("no bot runs on data;\n  start one", 12))
    no bot runs
    on data;
      start one
    """
    if width is None:
        return text
    return "\n".join(_folded(line, width) for line in text.split("\n"))


def _folded(line: str, width: int) -> str:
    if len(line) <= width:
        return line
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.fill(
        line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _columns() -> int | None:
    """Return the width of the terminal that standard error is; null if it is none."""
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):  # a pipe, or a stream without a file
        return None
    return columns or None  # some terminals do not know


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
