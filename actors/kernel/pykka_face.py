"""What Pykka's face costs, brought down: the URN, the stopped flag, the registry.

Pykka makes a UUID and a lock for each actor and keeps its registry as a list, so that a start
takes 8 µs and the end of one among many a walk along all. What its documentation promises of
the three holds here too.
"""

from __future__ import annotations

import itertools
import threading
import uuid
from typing import TYPE_CHECKING, Any

import pykka
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_family = str(uuid.uuid4())[:24]
_numbers = itertools.count(1)
_making = threading.Lock()


def new_urn() -> str:
    """Make a URN that no other actor has: a random part for this process, and a number."""
    return f"urn:uuid:{_family}{next(_numbers):012x}"


class LateEvent(threading.Event):
    """A `threading.Event` that makes its lock when somebody waits, which is hardly ever."""

    _condition: threading.Condition | None = None
    _flag = False

    def __init__(self) -> None:  # pyright: ignore[reportMissingSuperCall] - it makes the lock
        """Make nothing yet."""

    @property
    def _cond(self) -> threading.Condition:
        with _making:
            if self._condition is None:
                self._condition = threading.Condition()
            return self._condition

    @override
    def set(self) -> None:
        self._flag = True
        # Set first, then looked for: whoever waits makes the lock first, then looks at the flag.
        if self._condition is not None:
            super().set()


class Registry(list["pykka.ActorRef[Any]"]):
    """Stands in for the list of refs in Pykka's registry; finds and removes without a walk."""

    def __init__(self, refs: Iterable[pykka.ActorRef[Any]] = ()) -> None:
        super().__init__()
        self._refs = dict.fromkeys(refs)

    @override
    def append(self, ref: pykka.ActorRef[Any], /) -> None:
        self._refs[ref] = None

    @override
    def remove(self, ref: pykka.ActorRef[Any], /) -> None:
        del self._refs[ref]

    @override
    def __contains__(self, ref: object, /) -> bool:
        return ref in self._refs

    @override
    def __iter__(self) -> Iterator[pykka.ActorRef[Any]]:
        return iter(list(self._refs))

    @override
    def __len__(self) -> int:
        return len(self._refs)

    @override
    def __getitem__(self, index: Any, /) -> Any:
        refs: Any = list(self._refs)
        return refs[index]


def register(ref: pykka.ActorRef[Any]) -> None:
    """Do as Pykka's registry does, but make no debug line for each start."""
    with _lock:
        _refs.append(ref)


def unregister(ref: pykka.ActorRef[Any]) -> None:
    """Do as Pykka's registry does, but make no debug line for each end."""
    with _lock:
        if ref in _refs:
            _refs.remove(ref)


# Pykka has no seam for it; its lock is held, so that no ref is lost between the two.
_pykka: Any = pykka.ActorRegistry
_lock = _pykka._actor_refs_lock  # noqa: SLF001 - the lock of the list that is replaced
with _lock:
    _refs = Registry(_pykka._actor_refs)  # noqa: SLF001 - it has no seam
    _pykka._actor_refs = _refs  # noqa: SLF001 - it has no seam
