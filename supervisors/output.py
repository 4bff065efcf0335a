"""Standard output and error of the commands, in pipes and on terminals."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from typing_extensions import override

from supervisors.failures import EX_IOERR, CommandError

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import TextIO


@contextlib.contextmanager
def written_out() -> Generator[None]:
    """Flush what the block prints; whoever stops reading early has what they wanted.

    Raises:
        CommandError: standard output takes no more, for instance because a disk is full.

    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _to_nowhere()
    except OSError as error:
        _to_nowhere()
        raise CommandError(
            f"the answer could not be written: {error.strerror}; send it somewhere else", EX_IOERR
        ) from error


class Page(Console):
    """A Rich console that leaves a closed pipe to `written_out`."""

    @override
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def let_go_of_lost_streams() -> None:
    """Forget what can't be written any more, because the terminal or the reader is gone.

    The interpreter would try once more when it ends, and end with 120 for it.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            _to_nowhere(stream)


def _to_nowhere(stream: TextIO | None = None) -> None:
    """Keep the interpreter from flushing the rest once more when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, (stream or sys.stdout).fileno())
    os.close(nowhere)
