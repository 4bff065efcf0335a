"""The runtimes that Pykka's promises are held against, and actors that tell what they lived."""

from __future__ import annotations

import threading
import types
from dataclasses import dataclass, field
from typing import Any

import pykka

from actors.kernel.pykka_actor import TrioActor
from actors.kernel.pykka_futures import TrioFuture
from tests.kernel.probes import eventually


class BlockingTrioActor(TrioActor):
    """Ours, with plain hooks in worker threads."""

    may_block = True


@dataclass(frozen=True)
class Runtime:
    """One way to run Pykka actors."""

    name: str
    actor_class: type[Any]
    future_class: type[Any]

    @property
    def is_ours(self) -> bool:
        return self.actor_class is not pykka.ThreadingActor

    def make(self, plain: type[Any], **attributes: object) -> type[Any]:
        """Make a class of plain hooks and methods an actor class of this runtime."""
        return type(plain.__name__, (plain, self.actor_class), attributes)


PYKKA = Runtime("ThreadingActor", pykka.ThreadingActor, pykka.ThreadingFuture)
TRIO = Runtime("TrioActor", TrioActor, TrioFuture)
BLOCKING = Runtime("TrioActor that may block", BlockingTrioActor, TrioFuture)
RUNTIMES = (PYKKA, TRIO, BLOCKING)


@dataclass
class Life:
    """What one actor lived through, seen from outside, and what is to go wrong in it."""

    lines: list[Any] = field(default_factory=list)
    failing: dict[str, BaseException] = field(default_factory=dict)
    go_on: threading.Event = field(default_factory=threading.Event)

    def comes_to(self, *lines: object) -> None:
        """Wait until the story so far is exactly this."""
        eventually(lambda: self.lines == list(lines) or len(self.lines) > len(lines))
        assert self.lines == list(lines)


class Teller(pykka.Actor):
    """A plain Pykka class: notes its hooks and messages; raises the errors it is sent."""

    def __init__(self, life: Life) -> None:
        super().__init__()
        self._life = life

    def on_start(self) -> None:
        self._note("on_start")

    def on_stop(self) -> None:
        self._note("on_stop")

    def on_failure(self, kind: Any, error: Any, trace: Any) -> None:
        assert kind is type(error)
        assert isinstance(trace, types.TracebackType)
        self._note(("on_failure", error))

    def on_receive(self, message: Any) -> Any:
        self._life.lines.append(message)
        if isinstance(message, BaseException):
            raise message
        return message

    def _note(self, line: Any) -> None:
        self._life.lines.append(line)
        error = self._life.failing.get(line if isinstance(line, str) else line[0])
        if error is not None:
            raise error


class Gated(pykka.Actor):
    """Waits at the gate with its first message, so that others queue behind it."""

    def __init__(self, life: Life) -> None:
        super().__init__()
        self._life = life

    def on_receive(self, message: Any) -> Any:
        self._life.lines.append(message)
        if message == "wait":
            assert self._life.go_on.wait(5)
        elif isinstance(message, Exception):
            raise message
        elif message == "stop yourself":
            self.stop()
        return message

    def on_stop(self) -> None:
        self._life.lines.append("on_stop")
