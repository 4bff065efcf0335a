"""What `main.py check` sees on this machine: Python, packages, data folder, disk."""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from supervisors.failures import EX_CANTCREAT, EX_OSFILE, EX_SOFTWARE, tell
from supervisors.ledger import LEDGER, last_written, size_bytes
from supervisors.points import Point, skipped
from supervisors.wire import SOCKET_NAME, who_listens

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUIREMENTS = Path(__file__).parents[1] / "requirements" / "run.txt"
PIN = re.compile(r"^([\w.-]+)==(\S+)(\s*;)?", re.MULTILINE)

OLDEST, NEWEST = (3, 11), (3, 13)

SHOWN = 5
"""How many wrong packages are named."""

KILO = 1000

FULL = "has no space left"
"""What to do about it is said of the disk."""

LEAST_FREE_BYTES = 100_000_000
"""Besides the room for one copy of the ledger."""


def look_at_python() -> Point:
    """See that this Python is one that the packages are made for."""
    said = ".".join(str(part) for part in sys.version_info[:3])
    fits = OLDEST <= sys.version_info[:2] <= NEWEST
    return Point(
        name="Python",
        ok=fits,
        said=said,
        next=""
        if fits
        else "use Python 3.11, 3.12 or 3.13: `make clean`, then `make run PYTHON=python3.12`",
        exit_code=0 if fits else EX_OSFILE,
    )


def look_at_packages(requirements: Path = REQUIREMENTS) -> Point:
    """See that the packages are those that the requirements pin."""
    pins = PIN.findall(requirements.read_text(encoding="utf-8"))
    wrong = list(_other_versions(pins))
    if not wrong:
        return Point(name="packages", ok=True, said=f"{len(pins)} as pinned")
    return Point(
        name="packages",
        ok=False,
        said=f"{len(wrong)} not as pinned: {'; '.join(wrong[:SHOWN])}",
        next="`make clean`, then `make run`, installs what is pinned",
        exit_code=EX_OSFILE,
    )


def _other_versions(pins: list[tuple[str, str, str]]) -> Iterator[str]:
    for name, pinned, condition in pins:
        try:
            installed = version(name)
        except PackageNotFoundError:
            if not condition:  # else it is for other systems
                yield f"{name} is missing"
            continue
        if installed != pinned:
            yield f"{name} is {installed}, pinned is {pinned}"


def look_at_folder(folder: Path) -> Point:
    """See that the data folder is, or can be made, a folder that takes files."""
    pid = who_listens(folder / SOCKET_NAME)
    if pid is not None:
        who = f"process {pid}" if pid else "another user's process"
        return Point(name="data folder", ok=True, said=f"{folder}, a bot runs on it ({who})")
    there = _nearest(folder)
    why = _unwritable(there)
    if why:
        return Point(
            name="data folder",
            ok=False,
            said=f"{folder} can't be used: {'it' if there == folder else there} {why}",
            next="" if why == FULL else _way_out(there),
            exit_code=EX_CANTCREAT,
        )
    made = "" if there == folder else ", will be made at the first start"
    return Point(name="data folder", ok=True, said=f"{folder}, writable{made}")


def _way_out(folder: Path) -> str:
    if not folder.is_dir() or not shutil.disk_usage(folder).total:
        return "set storage.folder to another"
    return "give the bot's user the right to write there, or set storage.folder to another"


def _nearest(folder: Path) -> Path:
    """Return the folder, or of those above it the lowest that is there."""
    for there in (folder, *folder.absolute().parents):
        if os.path.lexists(there):
            return there
    return Path("/")


def _unwritable(folder: Path) -> str:
    if not folder.is_dir():
        return "is not a folder"
    try:
        # Permissions alone don't tell: it may be a read-only or a full disk.
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return FULL if error.errno == errno.ENOSPC else f"takes no files: {error.strerror}"


def look_at_ledger(folder: Path) -> Point:
    """See that the ledger, if there is one already, can be read."""
    file, name = folder / LEDGER, "ledger"
    if not file.exists():
        return Point(name=name, ok=True, said="none yet, the first start makes it")
    said = f"{_readable(size_bytes(file))}, last written {last_written(file)}"
    if who_listens(folder / SOCKET_NAME) is not None:
        return Point(name=name, ok=True, said=said)
    from storage.adhoc import ask  # noqa: PLC0415 - DuckDB takes a while to load

    try:
        ask(file, "SELECT 1", row_limit=1, time_limit_s=10)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this point's answer
        sentence, code = tell(error) or (f"{type(error).__name__}: {error}", EX_SOFTWARE)
        return Point(name=name, ok=False, said=sentence, exit_code=code)
    return Point(name=name, ok=True, said=said)


def look_at_disk(folder: Path) -> Point:
    """See that there is room for more facts and for a copy of the ledger."""
    there = _nearest(folder)
    total, _, free = shutil.disk_usage(there)
    if not total:
        return skipped("disk", f"{there} is on none")
    needed = LEAST_FREE_BYTES + size_bytes(folder / LEDGER)
    enough = free >= needed
    return Point(
        name="disk",
        ok=enough,
        said=f"{_readable(free)} free",
        next=""
        if enough
        else f"make room: {_readable(needed)} are needed, a copy of the ledger included",
        exit_code=0 if enough else EX_CANTCREAT,
    )


def _readable(size: float) -> str:
    """Write a number of bytes for people.

    >>> _readable(1_234_567)
    '1.23 MB'
    """
    for unit in ("bytes", "kB", "MB"):
        if size < KILO:
            return f"{size:.3g} {unit}"
        size /= KILO
    return f"{size:,.1f} GB"
