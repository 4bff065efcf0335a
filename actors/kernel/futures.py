"""The reply to one request, waited for on Trio or in a thread."""

from __future__ import annotations

import math
import sys
import threading
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import pykka
import trio
from pykka._future import (
    _Unset,  # pyright: ignore[reportPrivateUsage] - what a future holds before its hook was called
)
from typing_extensions import override

from actors.kernel.waiting import Parked, alarm

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import TracebackType

    ExcInfo: TypeAlias = tuple[
        type[BaseException] | None, BaseException | None, TracebackType | None
    ]

T = TypeVar("T")

_settling = threading.Lock()
"""Held for three assignments, so that one lock serves all futures."""


class ReplyFuture(pykka.Future[T]):
    """A `pykka.Future` that is set from any thread, once.

    A second `set` is ignored: an actor that dies while it answers must not turn
    its own end into a second fault. `abandoned` means that nobody waits any
    more, so the request need not be handled at all. Any number of tasks and
    threads may wait.
    """

    # On the class until they change: most futures live for microseconds.
    _get_hook: Any = None
    _get_hook_result: Any = _Unset()
    _settled = False
    _result: Any = None
    _error: BaseException | None = None
    abandoned = False

    def __init__(self) -> None:  # pyright: ignore[reportMissingSuperCall] - the two fields above
        self._waiters: list[Callable[[], object]] = []

    @property
    def settled(self) -> bool:
        """Whether the answer, or the error in its place, is there."""
        return self._settled

    @override
    def set(self, value: T | None = None) -> None:
        self._settle(value, None)

    @override
    def set_exception(self, exc_info: ExcInfo | None = None) -> None:
        _, error, _ = exc_info or sys.exc_info()
        if error is None:
            raise ValueError("set_exception() needs an exception, given or being handled")
        self._settle(None, error)

    def fail(self, error: BaseException) -> None:
        """Set `error` as the answer."""
        self._settle(None, error)

    def _settle(self, result: T | None, error: BaseException | None) -> None:
        with _settling:
            if self._settled:
                return
            self._result, self._error = result, error
            self._settled = True
        for wake in self._waiters:
            wake()

    async def wait(self, within: float = math.inf) -> T:
        """Wait on Trio for the reply and return it, or raise what it carries.

        Raises:
            trio.TooSlowError: no reply within so many seconds.

        """
        if self._get_hook is not None:
            with trio.fail_after(within):
                return await trio.to_thread.run_sync(self.get, abandon_on_cancel=True)
        if not self._settled:
            parked = Parked()
            self._waiters.append(parked.wake)
            # Published first, then checked again: a thread may have settled in between.
            if not self._settled:
                if within != math.inf:
                    alarm().set(within, self, parked)
                await parked.wait()
                if not self._settled:
                    raise trio.TooSlowError
        return self._value()

    @override
    def __await__(self) -> Generator[Any, Any, T]:
        return self.wait().__await__()

    @override
    def get(self, *, timeout: float | None = None) -> T:
        """Block a thread until the reply is there.

        Raises:
            RuntimeError: called in a Trio thread, which it would stop.
            pykka.Timeout: no reply within `timeout` seconds.

        """
        if self._get_hook is not None:
            # What `map`, `filter`, `join` and `ActorRef.stop` return: Pykka's own lazy futures.
            return super().get(timeout=timeout)
        if not self._settled:
            if _inside_trio():
                raise RuntimeError("Future.get() would block the Trio thread; await the future")
            arrived = threading.Event()
            self._waiters.append(arrived.set)
            if not self._settled and not arrived.wait(timeout):
                raise pykka.Timeout(f"no reply within {timeout} seconds")
        return self._value()

    def _value(self) -> T:
        if self._error is not None:
            raise self._error
        result: T = self._result
        return result


def _inside_trio() -> bool:
    try:
        trio.lowlevel.current_trio_token()
    except RuntimeError:
        return False
    return True
