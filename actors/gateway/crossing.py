"""Crossing between Trio and asyncio, which share the gateway's thread, with types."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import trio_asyncio  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs] - it has no types

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator, Awaitable, Callable

P = ParamSpec("P")
R = TypeVar("R")

_untyped = cast("Any", trio_asyncio)


@contextlib.asynccontextmanager
async def asyncio_loop(
    on_stray: Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object],
) -> AsyncGenerator[None]:
    """Run an asyncio loop inside Trio; errors that nobody awaits go to `on_stray`.

    Without that trio-asyncio raises them here, and one forgotten callback ends it all.
    """
    async with _untyped.open_loop() as loop:
        loop.set_exception_handler(on_stray)
        yield


async def on_asyncio(function: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs) -> R:
    """From Trio, await something of asyncio's; a cancellation is passed on and waited for."""
    return cast("R", await _untyped.aio_as_trio(function)(*args, **kwargs))


async def on_trio(function: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs) -> R:
    """From asyncio, await something of Trio's."""
    return cast("R", await _untyped.trio_as_aio(function)(*args, **kwargs))
