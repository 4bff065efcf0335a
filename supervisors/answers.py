"""What goes back to an operator: answers, refusals, and streams of lines."""

from __future__ import annotations

import reprlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from actors.kernel.addresses import Directory
    from actors.kernel.cell import Cell

NAMES = 30
"""Names of actors that a refusal lists."""

LARGEST = 2**63 - 1
"""The largest whole number that is taken: a signed column of 64 bits holds no larger one."""

Say: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]
"""Sends one more line to the asker."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the asker, and what is done once it is on its way."""

    body: dict[str, Any]
    then: Callable[[], object] | None = None
    stream: Callable[[Say], Awaitable[dict[str, Any]]] | None = None
    """Says line after line and returns what the last one holds, under `end`.

    Cancelled when the asker hangs up.
    """


class RequestError(Exception):
    """The operator asked for what can't be done; the text is the answer."""


def refusal(sentence: str) -> Answer:
    """Say no, and why."""
    return Answer({"ok": False, "error": sentence})


def number(request: dict[str, Any], key: str, default: int | None = None) -> int:
    """Read a whole number that a database column can hold; ids come as text too.

    Raises:
        RequestError: it is none.

    """
    value = request.get(key, default)
    if isinstance(value, str) and value.isdecimal() and len(value) <= len(str(LARGEST)):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise RequestError(f"{key} must be a whole number, not {reprlib.repr(value)}")
    if value > LARGEST:
        raise RequestError(f"{key} must be at most {LARGEST}, not {reprlib.repr(value)}")
    return value


def seconds(request: dict[str, Any], key: str, default: float, most: float) -> float:
    """Read a time in seconds, more than 0 and at most `most`.

    Raises:
        RequestError: it is none.

    """
    value = request.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
        raise RequestError(f"{key} must be more than 0 and at most {most:g} seconds, not {value!r}")
    return float(value)


def find_actor(directory: Directory, name: object) -> Cell:
    """Find an actor by its name.

    Raises:
        RequestError: there is none; the text names the nearest, or those there are.

    """
    cell = directory.find(name) if isinstance(name, str) else None
    if cell is not None:
        return cell
    names = [each.name for each in directory.cells()]
    near = get_close_matches(str(name), names, n=1, cutoff=0.5)
    ends = [each for each in names if name and each.endswith(f"/{name}")]
    if ends or near:
        raise RequestError(f"no actor is called {name}; did you mean {(ends or near)[0]}?")
    more = [f"and {len(names) - NAMES} more"] if len(names) > NAMES else []
    raise RequestError(f"no actor is called {name}; there are: {', '.join(names[:NAMES] + more)}")
