"""Refs to hosted actors: Pykka's, and the async twins of what would block."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pykka
import trio
from pykka.messages import (
    _ActorStop,  # pyright: ignore[reportPrivateUsage] - how Pykka's refs ask for a stop
)
from typing_extensions import override

from actors.kernel.pykka_futures import TrioFuture, stop_result

if TYPE_CHECKING:
    from collections.abc import Awaitable

A = TypeVar("A", bound=pykka.Actor)
T = TypeVar("T")


class TrioRef(pykka.ActorRef[A]):
    """A `pykka.ActorRef` that never blocks a Trio thread.

    What would block there is refused before anything is sent: `RuntimeError`.
    """

    @override
    def ask(self, message: Any, *, block: bool = True, timeout: float | None = None) -> Any:
        if block:
            refuse_to_block("ref.ask()", "await ref.ask_async(...)")
        return super().ask(message, block=block, timeout=timeout)

    @override
    def stop(self, *, block: bool = True, timeout: float | None = None) -> Any:
        if block:
            refuse_to_block("ref.stop()", "await ref.stop_async(), or ref.stop(block=False)")
        stopped = stop_result(self._send(_ActorStop()))
        return stopped.get(timeout=timeout) if block else stopped

    async def ask_async(self, message: Any, *, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - the twin of ask, with its arguments
        """Do as `ask`, but wait on Trio.

        Raises:
            pykka.Timeout: no reply within `timeout` seconds.
            Exception: whatever the actor raised.

        """
        return await _within(self._send(message), timeout)

    async def stop_async(self, *, timeout: float | None = None) -> bool:  # noqa: ASYNC109 - the twin of stop, with its arguments
        """Do as `stop`, but wait on Trio.

        Raises:
            pykka.Timeout: it did not stop within `timeout` seconds.

        """
        return await _within(stop_result(self._send(_ActorStop())), timeout)

    def _send(self, message: Any) -> TrioFuture[Any]:
        # The class of the actor makes the future, and ours makes one of ours.
        return cast("TrioFuture[Any]", super().ask(message, block=False))


async def stop_all_async(*, timeout: float | None = None) -> list[bool]:  # noqa: ASYNC109 - the twin of stop_all, with its arguments
    """Do as `pykka.ActorRegistry.stop_all`, but wait on Trio; threads are stopped too.

    Raises:
        pykka.Timeout: one of them did not stop within `timeout` seconds.

    """
    stopped: list[bool] = []
    for ref in reversed(pykka.ActorRegistry.get_all()):
        stop = partial(ref.stop, block=True, timeout=timeout)
        stopped.append(await trio.to_thread.run_sync(stop, abandon_on_cancel=True))
    return stopped


def refuse_to_block(what: str, instead: str) -> None:
    """Refuse to go on in a Trio thread.

    Raises:
        RuntimeError: we are in one.

    """
    if trio.lowlevel.in_trio_run():
        raise RuntimeError(f"{what} would block the Trio thread; use {instead}")


async def _within(answer: Awaitable[T], seconds: float | None) -> T:
    if seconds is None:
        return await answer
    with trio.move_on_after(seconds):
        return await answer
    raise pykka.Timeout(f"no reply within {seconds} seconds")
