"""Pykka's futures on Trio: set once, awaited anywhere, combined without a thread."""

from __future__ import annotations

import asyncio
import contextlib
import math
import sys
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeGuard, TypeVar, cast

import pykka
import sniffio
import trio
from typing_extensions import override

from actors.kernel.crossing import Home
from actors.kernel.errors import AlreadySetError
from actors.kernel.futures import ReplyFuture

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from types import TracebackType

    from actors.kernel.futures import ExcInfo

T = TypeVar("T")
J = TypeVar("J")
M = TypeVar("M")
R = TypeVar("R")

_PYKKA: type[pykka.Future[Any]] = pykka.Future
"""Where the methods come from whose `self` is typed as a future of something special."""


class TrioFuture(ReplyFuture[T]):
    """A future that keeps every promise of `pykka.Future`.

    `get()` blocks a thread, `await` waits in Trio and in asyncio; what `map`,
    `filter`, `join` and `reduce` return can be awaited as well.
    """

    _first_counts: ClassVar[bool] = False
    """Whether a second outcome is ignored; otherwise it is an error."""

    def __init__(self) -> None:
        super().__init__()
        self._sources: tuple[pykka.Future[Any], ...] = ()
        """The futures that the get hook reads; empty if nobody knows."""
        self._traceback: TracebackType | None = None

    @override
    def set(self, value: T | None = None) -> None:
        """Set the value.

        Raises:
            AlreadySetError: there is a value, an error or a get hook already.

        """
        self._still_open()
        super().set(value)

    @override
    def set_exception(self, exc_info: ExcInfo | None = None) -> None:
        """Set an error, by default the one that is being handled.

        Raises:
            AlreadySetError: there is a value, an error or a get hook already.
            ValueError: no error was given, and none is being handled.

        """
        self._still_open()
        kind, error, found = exc_info or sys.exc_info()
        if error is None and kind is not None:
            error = kind()
        if not self._settled:
            self._traceback = found
        super().set_exception((kind, error, found))

    @override
    def set_get_hook(self, func: Callable[[float | None], T]) -> None:
        if self._settled:
            raise AlreadySetError("the future has its outcome already; make another one")
        super().set_get_hook(func)

    def _still_open(self) -> None:
        if self._get_hook is not None or (self._settled and not self._first_counts):
            raise AlreadySetError("the future has its outcome already; make another one")

    @override
    def _value(self) -> T:
        if self._error is not None:
            # The same trace each time, however often it was raised before.
            self._error.__traceback__ = self._traceback
        return super()._value()

    @override
    def filter(
        self: pykka.Future[Iterable[J]], func: Callable[[J], bool]
    ) -> pykka.Future[Iterable[J]]:
        return _reading(_PYKKA.filter(self, func), self)

    @override
    def join(self: pykka.Future[Any], *futures: pykka.Future[Any]) -> pykka.Future[Iterable[Any]]:
        return _reading(_PYKKA.join(self, *futures), self, *futures)

    @override
    def map(self, func: Callable[[T], M]) -> pykka.Future[M]:
        return _reading(super().map(func), self)

    @override
    def reduce(
        self: pykka.Future[Iterable[J]], func: Callable[[R, J], R], *args: R
    ) -> pykka.Future[R]:
        return _reading(_PYKKA.reduce(self, func, *args), self)

    def read(self, *sources: pykka.Future[Any]) -> Self:
        """Name the futures that the get hook reads, so that they are what is waited for."""
        self._sources = sources
        return self

    @override
    async def wait(self, within: float = math.inf) -> T:
        """Wait on Trio for the outcome and return it, or raise what it carries.

        Raises:
            trio.TooSlowError: there is none within so many seconds.

        """
        with trio.fail_after(within):
            return await self._wait_on_trio()

    async def _wait_on_trio(self) -> T:
        for leaf in self.leaves():
            if _is_plain(leaf):
                await leaf.arrive_on_trio()
            else:
                # A slot of its own: waiting for others' futures must not use up the pool.
                await trio.to_thread.run_sync(
                    _settle, leaf, abandon_on_cancel=True, limiter=trio.CapacityLimiter(1)
                )
        return self.get()

    async def _wait_on_asyncio(self) -> T:
        loop = asyncio.get_running_loop()
        for leaf in self.leaves():
            if _is_plain(leaf):
                await leaf.arrive_on_asyncio(loop)
            else:
                await loop.run_in_executor(None, _settle, leaf)
        return self.get()

    @override
    def __await__(self) -> Generator[Any, Any, T]:
        try:
            library = sniffio.current_async_library()
        except sniffio.AsyncLibraryNotFoundError:
            return self._block()
        wait = self._wait_on_asyncio if library == "asyncio" else self._wait_on_trio
        return wait().__await__()

    __iter__ = __await__

    def _block(self) -> Generator[Any, Any, T]:
        # Someone steps the coroutine by hand; Pykka's own futures block then too.
        yield
        return self.get()

    @property
    def is_derived(self) -> bool:
        """Whether a get hook makes the value, so that nobody will set it."""
        return self._get_hook is not None

    def leaves(self) -> Iterator[pykka.Future[Any]]:
        """List the futures that must have their outcome before this one has."""
        if not self._sources:
            yield self
        for source in self._sources:
            if isinstance(source, TrioFuture):
                yield from source.leaves()
            else:
                yield source

    async def arrive_on_trio(self) -> None:
        """Wait on Trio until there is an outcome."""
        if not self._settled:
            arrived, home = trio.Event(), Home()
            self._waiters.append(lambda: home.call(arrived.set))
            # Published first, then checked again: a thread may have settled in between.
            if not self._settled:
                await arrived.wait()

    async def arrive_on_asyncio(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait in asyncio until there is an outcome."""
        if not self._settled:
            arrived = asyncio.Event()

            def wake() -> None:
                # A loop that is closed has nobody left who waits.
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(arrived.set)

            self._waiters.append(wake)
            if not self._settled:
                await arrived.wait()


class AnswerFuture(TrioFuture[T]):
    """The answer to one request.

    Its first outcome counts and a second one is ignored: an actor that dies while
    it answers must not fail twice.
    """

    _first_counts = True


def _reading(made: pykka.Future[M], *sources: pykka.Future[Any]) -> pykka.Future[M]:
    # Pykka makes what it derives from a future by that future's own class.
    return cast("TrioFuture[M]", made).read(*sources)


def stop_result(answer: TrioFuture[Any]) -> TrioFuture[bool]:
    """Turn the answer to a stop into whether the actor was alive to be stopped."""

    def alive(timeout: float | None) -> bool:
        try:
            answer.get(timeout=timeout)
        except pykka.ActorDeadError:
            return False
        return True

    future: TrioFuture[bool] = TrioFuture()
    future.set_get_hook(alive)
    return future.read(answer)


def _is_plain(future: pykka.Future[Any]) -> TypeGuard[TrioFuture[Any]]:
    """Tell whether a future is one of ours that somebody will set."""
    return isinstance(future, TrioFuture) and not future.is_derived


def _settle(future: pykka.Future[Any]) -> None:
    """Block until `future` has its outcome, whatever that is."""
    with contextlib.suppress(Exception):
        future.get()
