"""The lens: stands before an actor's handler while somebody looks, and costs nothing else.

It hides the handler behind an attribute of the one actor object, which Python
finds first; without a lens the kernel calls the handler itself. The seam that
this needs: a kernel looks `on_receive` (for batches `on_batch`) up on the actor
at each turn, and tells the cell's lens of each new incarnation (`adopt`).
"""

from __future__ import annotations

import inspect
import time
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import pykka

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.kernel.cell import Cell

Watcher: TypeAlias = "Callable[[object, float, BaseException | None], object]"
"""Told (message or batch, seconds, error) after each turn, in the actor's own thread."""


class Obstacle(Protocol):
    """What a drill puts in the way of a handler."""

    async def in_task(self, message: object) -> bool:
        """Do harm before a turn; true if the message was the drill's own and is done with."""
        ...

    def in_thread(self, message: object) -> bool:
        """Do the same in a thread."""
        ...


class Lens:
    """Everybody who looks at one actor, whichever incarnation runs."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._watchers: tuple[Watcher, ...] = ()
        self._obstacle: Obstacle | None = None

    def stand_before(self, body: object) -> None:
        """Hide the handler of `body`, once, however often it is called."""
        name = _handler_name(body)
        handler = getattr(type(body), name).__get__(body)
        if isinstance(body, pykka.ThreadingActor):
            vars(body)[name] = self._in_thread(handler)
        elif inspect.iscoroutinefunction(handler):
            vars(body)[name] = self._in_task(handler)
        else:
            vars(body)[name] = self._in_no_task(handler)

    def add(self, watcher: Watcher) -> None:
        """Tell `watcher` of each turn from now on."""
        self._watchers = (*self._watchers, watcher)

    def remove(self, watcher: Watcher) -> None:
        """Tell `watcher` no more."""
        self._watchers = tuple(each for each in self._watchers if each != watcher)
        self._leave_if_unused()

    @property
    def obstacle(self) -> Obstacle | None:
        """What stands in the way of each turn, if anything does."""
        return self._obstacle

    @obstacle.setter
    def obstacle(self, obstacle: Obstacle | None) -> None:
        self._obstacle = obstacle
        self._leave_if_unused()

    def _leave_if_unused(self) -> None:
        if self._watchers or self._obstacle is not None:
            return
        life = self._cell.incarnation
        if life is not None and life.body is not None:
            vars(life.body).pop(_handler_name(life.body), None)
        if self._cell.lens is self:
            self._cell.lens = None

    def _in_task(self, handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
        async def on_receive(message: Any) -> Any:
            began, error = time.perf_counter(), None
            try:
                obstacle = self._obstacle
                if obstacle is not None and await obstacle.in_task(message):
                    return None
                return await handler(message)
            except BaseException as raised:
                error = raised
                raise
            finally:
                self._tell(message, time.perf_counter() - began, error)

        return on_receive

    def _in_no_task(self, handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
        may_wait = self._in_task(_waiting(handler))

        def on_receive(message: Any) -> Any:
            if self._obstacle is not None:
                return may_wait(message)
            began, error = time.perf_counter(), None
            try:
                return handler(message)
            except BaseException as raised:
                error = raised
                raise
            finally:
                self._tell(message, time.perf_counter() - began, error)

        return on_receive

    def _in_thread(self, handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def on_receive(message: Any) -> Any:
            began, error = time.perf_counter(), None
            try:
                obstacle = self._obstacle
                if obstacle is not None and obstacle.in_thread(message):
                    return None
                return handler(message)
            except BaseException as raised:
                error = raised
                raise
            finally:
                self._tell(message, time.perf_counter() - began, error)

        return on_receive

    def _tell(self, message: object, took_s: float, error: BaseException | None) -> None:
        for watcher in self._watchers:
            watcher(message, took_s, error)


def _waiting(handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Make a plain handler one that may be waited for."""

    async def on_receive(message: Any) -> Any:
        result = handler(message)
        return await result if inspect.iscoroutine(result) else result

    return on_receive


def lens_of(cell: Cell) -> Lens:
    """Return the lens before an actor, put there if there is none."""
    if cell.lens is None:
        cell.lens = Lens(cell)
        life = cell.incarnation
        if life is not None and life.body is not None:
            cell.lens.stand_before(life.body)
    return cell.lens


def _handler_name(body: object) -> str:
    return "on_batch" if hasattr(body, "on_batch") else "on_receive"
