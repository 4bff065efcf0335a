"""Whether a path still names the file that was opened there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class FileWatch:
    """Knows the file that a path names now, and recognises it later; it opens nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity = _identity(path)

    def is_lost(self) -> bool:
        """Tell whether that file has no such name any more.

        What can't be looked at, as on a network that is away, may be there still.
        """
        try:
            return _identity(self._path) != self._identity
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False

    def sentence(self) -> str:
        """Say to the operator what a loss is."""
        name = self._path.name
        return (
            f"the ledger {self._path} was removed or replaced while the bot ran; put it and "
            f"{name}.wal back, or move what is left of both to another place, and start the "
            "bot again"
        )


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino
