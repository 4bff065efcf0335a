"""One life of one actor, as its supervisor holds it."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol, cast

import trio

from actors.kernel.crossing import Home
from actors.kernel.errors import UnsupervisedError
from actors.kernel.exits import Crashed

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from actors.kernel.addresses import Directory
    from actors.kernel.cell import Cell
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


class Incarnation:
    """The place where one life of an actor runs, and the handle to end it."""

    def __init__(
        self,
        cell: Cell,
        directory: Directory,
        nursery: trio.Nursery,
        on_exit: Callable[[Incarnation, ExitReason], None],
    ) -> None:
        self.cell = cell
        self.directory = directory
        self.nursery = nursery
        self.home = Home()
        self.ready = trio.Event()
        """Set once `pre_start` has returned, or the life is over."""
        self.started = False
        """Whether `pre_start` ever returned; a crash right after it is no failed start."""
        self.gone = trio.Event()
        self.reason: ExitReason | None = None
        self.last_in_hand: object | None = None
        """The message that was being handled when it ended; null if none was."""
        self._on_exit = on_exit
        self._body: Body | None = None

    @contextlib.contextmanager
    def hosting(self) -> Generator[None]:
        """Give the actor that is started in this block to this incarnation."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

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
            self.ready.set()

    def over(self, reason: ExitReason) -> None:
        """Note the end; the supervisor hears of it. Only the first reason counts."""
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
        self.ready.set()
        self.gone.set()
        self._on_exit(self, reason)

    def kill(self, why: str) -> None:
        """End the life at once, without `post_stop`."""
        if self._body is not None and self.reason is None:
            self._body.kill(why)

    def crash(self, error: BaseException) -> None:
        """End the life as if `error` had escaped a hook."""
        if self._body is not None and self.reason is None:
            self._body.crash(error)


_current: ContextVar[Incarnation] = ContextVar("_current")


def current() -> Incarnation:
    """Return the incarnation that the caller starts an actor in.

    Raises:
        UnsupervisedError: nobody supervises the actor.

    """
    life = _current.get(None)
    # An actor inherits the context it was started in; that place is taken by itself.
    if life is None or life.taken:
        raise UnsupervisedError(
            "only a supervisor starts actors; put a ChildSpec in supervisors/tree.py"
        )
    return life


def root_cause(error: BaseException) -> BaseException:
    """Unwrap groups that hold one error, so that reports name the real cause.

    >>> root_cause(ExceptionGroup("outer", [ExceptionGroup("inner", [ValueError("x")])]))
    ValueError('x')
    """
    group = as_group(error)
    while group is not None and len(group.exceptions) == 1:
        error = group.exceptions[0]
        group = as_group(error)
    return error


def as_group(error: BaseException) -> BaseExceptionGroup[BaseException] | None:
    """Return `error` if it is a group, typed as one."""
    is_group = isinstance(error, BaseExceptionGroup)
    return cast("BaseExceptionGroup[BaseException]", error) if is_group else None


def one_line(error: BaseException, limit: int = 160) -> str:
    """Show an error as status pages do: its type and its first line, cut at `limit`."""
    first = str(error).partition("\n")[0]
    text = f"{type(error).__name__}: {first}" if first else type(error).__name__
    return text if len(text) <= limit else text[: limit - 1] + "…"
