"""How a new database gets its name: when it is whole, and never in place of another file.

A process that ends at any point leaves no file of that name, or a whole one. What it was
making has a name of its own, which the next that makes one removes.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

UNFINISHED = ".new"

FOLDER_WAIT_S = 5.0
"""How long another process may take to make its file."""


@contextlib.contextmanager
def alone_in(folder: Path) -> Generator[None]:
    """Run the block while no other process runs one for this folder.

    A file system without such locks, as some on a network are, leaves them out.

    Raises:
        TimeoutError: another process does, for more than FOLDER_WAIT_S.
        OSError: the folder can't be opened.

    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(handle)
        yield
    finally:
        os.close(handle)


def is_missing(path: Path) -> bool:
    """Tell whether there is no database: no file, or an empty one that has no log."""
    if log_of(path).exists():
        return False
    try:
        return path.stat().st_size == 0
    except FileNotFoundError:
        return True


def log_of(path: Path) -> Path:
    """Name the write-ahead log of a database."""
    return path.with_name(path.name + ".wal")


def unfinished_name(path: Path) -> Path:
    """Choose a name beside `path` that nobody else chooses."""
    return path.with_name(f"{path.name}.{secrets.token_hex(4)}{UNFINISHED}")


def remove_leftovers(path: Path) -> None:
    """Remove what processes left behind that ended while they made `path`."""
    for leftover in path.parent.glob(f"{path.name}.*{UNFINISHED}*"):
        leftover.unlink(missing_ok=True)


def publish(unfinished: Path, path: Path) -> None:
    """Give a database that nobody holds open its name; if that is taken, do nothing.

    Raises:
        OSError: it can't be done.

    """
    _sync(unfinished, os.O_RDONLY)
    if path.exists() and is_missing(path):
        path.unlink()
    with contextlib.suppress(FileExistsError):
        _name(unfinished, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder survive a power cut."""
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def _name(unfinished: Path, path: Path) -> None:
    try:
        path.hardlink_to(unfinished)
    except FileExistsError:
        raise
    except OSError:
        # Some file systems have no hard links; a rename would replace a file.
        if path.exists():
            raise
        unfinished.rename(path)
    else:
        unfinished.unlink()


def _lock(handle: int) -> None:
    end = time.monotonic() + FOLDER_WAIT_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise TimeoutError from None
            time.sleep(0.02)
        except OSError:
            return
        else:
            return


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
