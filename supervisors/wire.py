"""The control socket, seen from both ends: where it is and how values look on it."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import os
import socket
import struct
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import orjson

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

SOCKET_NAME = "bulkhead.sock"
"""In the data folder of the bot that listens."""

LINE_LIMIT = 64 * 1024
"""Bytes of one request; an answer may be longer."""

SHORT_ENOUGH = 100
"""Bytes of a path that every system takes; Linux allows 107, macOS 103."""

SAFE_INTEGER = 2**53
"""JSON readers that hold numbers as doubles keep integers up to this exactly."""


def plain(value: Any) -> Any:  # noqa: PLR0911 - one return for each kind of value
    """Turn messages, reports and rows into what JSON can say.

    Times become ISO text in UTC. An integer that a double can't hold, such as a
    Discord id, becomes text.

    >>> plain({"id": 2**60, "n": 1, "state": enum.Enum("S", {"UP": "up"}).UP})
    {'id': '1152921504606846976', 'n': 1, 'state': 'up'}
    """
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if value is None or isinstance(value, bool | float | str):
        return value
    if isinstance(value, int):
        return value if abs(value) <= SAFE_INTEGER else str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Mapping):
        mapping = cast("Mapping[Any, Any]", value)  # type: ignore[redundant-cast]  # not to basedpyright
        return {str(key): plain(item) for key, item in mapping.items()}
    if isinstance(value, list | tuple | AbstractSet):
        return [plain(item) for item in cast("Iterable[Any]", value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: plain(getattr(value, field.name)) for field in fields}
    return str(value)


def line(value: Any) -> bytes:
    """Write `value` as one line of JSON; ids in it went through `plain` before."""
    return orjson.dumps(value, default=plain) + b"\n"


def utc(unix_s: float) -> datetime:
    """Turn Unix seconds into an aware time."""
    return datetime.fromtimestamp(unix_s, tz=UTC)


@contextlib.contextmanager
def short_path(path: Path) -> Generator[str]:
    """Name a socket file so that the system takes it, however deep its folder is.

    The name holds inside the block only.

    Raises:
        OSError: the folder can't be opened, or this system has no short name for it.

    """
    if len(os.fsencode(path)) <= SHORT_ENOUGH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        near = f"/proc/self/fd/{folder}/{path.name}"
        yield near if Path("/proc/self/fd").exists() else os.path.relpath(path)
    finally:
        os.close(folder)


def who_listens(path: Path) -> int | None:
    """Return the process id that listens on a socket file, null for nobody; never waits.

    Zero stands for a process that does not say which one it is.
    """
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(0)
        try:
            with short_path(path) as name:
                probe.connect(name)
        except (BlockingIOError, PermissionError):
            return 0  # alive, but its queue of connections is full, or it is somebody else's
        except OSError:
            return None
        if not hasattr(socket, "SO_PEERCRED"):
            return 0  # not a Linux
        size = struct.calcsize("3i")
        credentials = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        return int(struct.unpack("3i", credentials)[0])
