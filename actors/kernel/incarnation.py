"""One life of one actor, as its supervisor holds it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

import trio

from actors.kernel.causes import one_line
from actors.kernel.errors import UnsupervisedError
from actors.kernel.exits import Crashed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from actors.kernel.addresses import Directory
    from actors.kernel.cell import Cell
    from actors.kernel.crew import Crew
    from actors.kernel.crossing import Home
    from actors.kernel.exits import ExitReason


class Body(Protocol):
    """What an incarnation can do to the actor that runs in it."""

    def kill(self, why: str) -> None:
        """End at once, without `post_stop`."""

    def crash(self, error: BaseException) -> None:
        """End as if `error` had escaped a hook."""

    def in_hand(self) -> object | None:
        """Return the message that is being handled, null between turns."""

    def shown_state(self) -> Mapping[str, object]:
        """Name what operators may see of its state."""
        ...


class Place(Protocol):
    """Where lives are lived: below a supervisor, or in a nursery for the root of a tree."""

    @property
    def crew(self) -> Crew:
        """Who works for the whole tree."""
        ...

    @property
    def nursery(self) -> trio.Nursery:
        """Where the tasks of the whole tree run; for the root, where it was started."""
        ...

    def add(self, life: Incarnation) -> None:
        """Take in a life that begins."""

    def close(self, life: Incarnation, reason: ExitReason) -> None:
        """Let the end of a life be reported, once nothing of it is left."""


class Incarnation:
    """The place where one life of an actor runs, and the handle to end it."""

    __slots__ = (
        "_body", "_gone", "_on_exit", "_place", "_ready",
        "cell", "directory", "last_in_hand", "reason", "started",
    )  # fmt: skip

    def __init__(
        self,
        cell: Cell,
        directory: Directory,
        place: Place,
        on_exit: Callable[[Incarnation, ExitReason], None],
    ) -> None:
        self.cell = cell
        self.directory = directory
        self.started = False
        """Whether `pre_start` ever returned; a crash right after it is no failed start."""
        self.reason: ExitReason | None = None
        self.last_in_hand: object | None = None
        """The message that was being handled when it ended; null if none was."""
        self._place = place
        self._on_exit = on_exit
        self._body: Body | None = None
        # Made when somebody waits: most lives begin and end with nobody waiting.
        self._ready: trio.Event | None = None
        self._gone: trio.Event | None = None

    @property
    def crew(self) -> Crew:
        """Who works for the whole tree."""
        return self._place.crew

    @property
    def nursery(self) -> trio.Nursery:
        """Where the tasks of the whole tree run; for the root, the one that it was started in."""
        return self._place.nursery

    @property
    def home(self) -> Home:
        """The Trio run that this belongs to."""
        return self._place.crew.home

    @property
    def ready(self) -> trio.Event:
        """Set once `pre_start` has returned, or the life is over."""
        if self._ready is None:
            self._ready = _event(is_set=self.started or self.reason is not None)
        return self._ready

    @property
    def gone(self) -> trio.Event:
        """Set once the life is over."""
        if self._gone is None:
            self._gone = _event(is_set=self.reason is not None)
        return self._gone

    def host(self, start: Callable[[], object]) -> None:
        """Call `start`, and give the actor that it starts to this incarnation."""
        outer = getattr(_hosting, "life", None)
        _hosting.life = self
        try:
            start()
        finally:
            _hosting.life = outer

    @property
    def taken(self) -> bool:
        """Whether an actor lives here already, or did."""
        return self._body is not None

    @property
    def body(self) -> Body | None:
        """The actor that lives here, null before it is made."""
        return self._body

    def adopt(self, body: Body, kind: str) -> None:
        """Take in the actor that was just made."""
        self._body = body
        self._place.add(self)
        self.cell.began(kind)
        self.cell.incarnation = self
        self.cell.supervises = bool(getattr(body, "supervises", False))
        if self.cell.lens is not None:
            self.cell.lens.stand_before(body)

    def settled(self) -> None:
        """Note that `pre_start` has returned; not said by a thread that was given up since."""
        if self.reason is None:
            self.started = True
            self.cell.ready()
            if self._ready is not None:
                self._ready.set()

    def over(self, reason: ExitReason) -> None:
        """End; the supervisor hears of it once nothing is left. Only the first reason counts."""
        if self._body is None:
            self.report(reason)
        elif self.reason is None:
            self._place.close(self, reason)

    def report(self, reason: ExitReason) -> None:
        """Note the end and tell the supervisor."""
        if self.reason is not None:
            return
        self.reason = reason
        if isinstance(reason, Crashed):
            self.cell.last_error = one_line(reason.error)
            self.cell.card = self.directory.crashed(self.cell, reason.error, self.last_in_hand)
        self.cell.mailbox.attach(None)
        # As in OTP: a suspension is of one life.
        self.cell.mailbox.suspended = False
        # A stop that a crash forestalled must not greet the next incarnation.
        self.cell.mailbox.answer_stops()
        self.cell.ended()
        for event in (self._ready, self._gone):
            if event is not None:
                event.set()
        self._on_exit(self, reason)

    def kill(self, why: str) -> None:
        """End the life at once, without `post_stop`."""
        if self._body is not None and self.reason is None:
            self._body.kill(why)

    def crash(self, error: BaseException) -> None:
        """End the life as if `error` had escaped a hook."""
        if self._body is not None and self.reason is None:
            self._body.crash(error)


def _event(*, is_set: bool) -> trio.Event:
    event = trio.Event()
    if is_set:
        event.set()
    return event


_hosting = threading.local()
"""Whose `start` this thread is in; no context variable, which each actor would inherit."""


def current() -> Incarnation:
    """Return the incarnation that the caller starts an actor in.

    Raises:
        UnsupervisedError: nobody supervises the actor.

    """
    life: Incarnation | None = getattr(_hosting, "life", None)
    if life is None or life.taken:
        raise UnsupervisedError(
            "only a supervisor starts actors; put a ChildSpec in supervisors/tree.py"
        )
    return life
