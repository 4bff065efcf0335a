"""What tells one crash from another: the short id that equal crashes share. Pure.

Equal are crashes of one type that took the same way through our code. Line
numbers, addresses and ids count for nothing, so that an id outlives an unrelated
edit, a restart and a move to another folder.
"""

from __future__ import annotations

import hashlib
import re
import traceback
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

if TYPE_CHECKING:
    from types import CodeType

ROOT = Path(__file__).resolve().parents[2]

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without I, L, O and U, which are misread, or spell words."""

ID_LETTERS = 5
INNERMOST = 24
"""Frames that count, from the place of the crash outwards."""

CAUSES = 8
PLUMBING = ("actors/kernel/", "trio/", "pykka/", "outcome/", "trio_asyncio/")
"""Who calls handlers; where anything else is on the way, these say nothing."""

_VARYING = re.compile(r"0x[0-9a-fA-F]+|\b[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}\b|\d+")

Way: TypeAlias = "tuple[CodeType, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashSeen:
    """An actor has just crashed; the directory tells this to all who listen."""

    card: str
    """Equal for equal crashes; see `card_id`."""

    name: str
    kind: str
    error: BaseException
    in_hand: object | None
    """The message that was being handled, null if none was. To be redacted by who shows it."""

    at_utc_s: float


def card_id(error: BaseException) -> str:
    """Name a crash in five letters, equal for equal crashes.

    >>> card_id(ValueError("item 7 at 0x7f01")) == card_id(ValueError("item 8 at 0x55e2"))
    True
    >>> card_id(ValueError("x")) == card_id(KeyError("x"))
    False
    """
    return _lettered(_mark(error, CAUSES))


def _mark(error: BaseException, causes: int) -> str:
    """Say all that counts of an error and of what caused it."""
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    way = _way(error)
    # Without a stack only the words tell errors of one type apart.
    mark = f"{kind}\n{_ours(way) if way else without_ids(str(error), 200)}"
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        parts = sorted({_mark(each, causes - 1) for each in group.exceptions}) if causes else []
        mark = "\n".join((mark, *parts))
    cause = error.__cause__
    return f"{mark}\nfrom {_mark(cause, causes - 1)}" if cause is not None and causes else mark


def _way(error: BaseException) -> Way:
    codes: list[CodeType] = []
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        # A recursion ends at a depth that is chance.
        if code not in codes[-4:]:
            codes.append(code)
        step = step.tb_next
    return tuple(codes[-INNERMOST:])


@lru_cache(maxsize=1024)
def _ours(way: Way) -> str:
    places = [place(code.co_filename, code.co_qualname) for code in way]
    own = [each for each in places if not each.startswith(PLUMBING)]
    return "\n".join(own or places)


@lru_cache(maxsize=1024)
def _lettered(mark: str) -> str:
    number = int.from_bytes(hashlib.sha256(mark.encode()).digest()[:8], "big")
    return "".join(LETTERS[(number >> (5 * place)) & 31] for place in range(ID_LETTERS))


def place(filename: str, function: str) -> str:
    """Name a function by where it is in the project or in a package, on any machine.

    >>> place("/x/lib/python3.11/site-packages/duckdb/a.py", "run")
    'duckdb/a.py run'
    """
    return f"{short_file(filename)} {function}"


def short_file(filename: str) -> str:
    """Cut what belongs to one machine off the name of a source file."""
    for mark in ("site-packages/", "lib/python3."):
        _, found, rest = filename.rpartition(mark)
        if found:
            return rest.partition("/")[2] if mark.startswith("lib") else rest
    file = Path(filename)
    return file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else file.name


def stack_text(error: BaseException, limit: int = 8000) -> str:
    """Write the stack for people: innermost last, without what belongs to one machine or member.

    Lines of source are part of it, values are not; what an error says is left to `headline`.
    """
    lines = [
        f"{short_file(frame.filename)}:{frame.lineno} in {frame.name}\n    {frame.line}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    text = "\n".join(lines)
    if error.__cause__ is not None:
        cause = error.__cause__
        text = f"{stack_text(cause, limit)}\n{headline(cause)}\n\nwhich caused\n{text}"
    return text if len(text) <= limit else f"…\n{text[-limit:]}"


def headline(error: BaseException, limit: int = 200) -> str:
    """Say in one line what an error is, without ids and addresses.

    >>> headline(KeyError(123456789012345678))
    'KeyError: #'
    """
    said = without_ids(str(error), limit)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def without_ids(text: str, limit: int) -> str:
    """Take numbers, ids and addresses out of the first line of a text.

    >>> without_ids("<Guild object at 0x7f0a> has 3 of 12", 100)
    '<Guild object at #> has # of #'
    """
    return _VARYING.sub("#", text.partition("\n")[0])[:limit]
