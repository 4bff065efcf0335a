"""Showing messages and state to operators without showing what members said or secrets."""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Mapping, Sized
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

LARGE = 1_000_000
"""Numbers from here on are ids of Discord rather than figures; only their end is shown."""

TELLING_DIGITS = 4

SECRETIVE = re.compile(r"token|secret|password|credential|content|text|body", re.IGNORECASE)
"""Names of fields whose values are not even described."""

PYKKAS_OWN = frozenset({"actor_ref", "actor_urn", "actor_inbox", "actor_stopped", "held"})


def redacted(message: object, limit: int = 160) -> str:
    """Show a message in one line: its type, its figures, and no text or whole id.

    >>> @dataclasses.dataclass
    ... class Said:
    ...     user_id: int
    ...     content: str
    ...     length: int
    >>> redacted(Said(user_id=123456789012345678, content="hello", length=5))
    'Said(user_id=…5678, content=***, length=5)'
    """
    if not dataclasses.is_dataclass(message) or isinstance(message, type):
        return type(message).__name__
    shown = (
        f"{field.name}={redacted_value(getattr(message, field.name), field.name)}"
        for field in dataclasses.fields(message)
    )
    line = f"{type(message).__name__}({', '.join(shown)})"
    return line if len(line) <= limit else line[: limit - 1] + "…"


def redacted_value(value: object, name: str = "") -> str:  # noqa: PLR0911 - one return for each kind of value
    """Show one value in a few characters; `name` is the field that it is in.

    >>> [redacted_value(v) for v in (True, 7, 123456789012345678, "hello", (1, 2), None)]
    ['True', '7', '…5678', '5 characters', '2 items', 'None']
    """
    if value is None or isinstance(value, bool):
        return str(value)
    if SECRETIVE.search(name):
        return "***"
    if isinstance(value, enum.Enum):
        return str(value.value)
    if isinstance(value, int | float):
        whole = str(value)
        return f"…{whole[-TELLING_DIGITS:]}" if abs(value) >= LARGE else whole
    if isinstance(value, datetime | timedelta):
        return str(value)
    if isinstance(value, str | bytes):
        return f"{len(value)} characters"
    if isinstance(value, Sized):
        return f"{len(value)} item{'' if len(value) == 1 else 's'}"
    return type(value).__name__


def plain_attributes(actor: object) -> Mapping[str, object]:
    """Show an actor's public attributes that are figures, names of states, times or paths.

    Text is told by its length, collections by their size; secrets are left out.
    """
    shown: dict[str, object] = {}
    for name, value in list(vars(actor).items()):
        if name.startswith("_") or name in PYKKAS_OWN or SECRETIVE.search(name) or callable(value):
            continue
        shown[name] = shown_value(value)
    return shown


def shown_value(value: object) -> Any:
    """Keep what JSON can say and nobody minds; describe the rest."""
    if value is None or isinstance(value, bool | int | float | datetime):
        return value
    if isinstance(value, enum.Enum):
        return cast("object", value.value)
    return str(value) if isinstance(value, Path) else redacted_value(value)
