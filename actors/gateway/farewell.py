"""How a client ends: what Discord has sent is read, who waits is answered, nothing is left."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import Coroutine

    import discord

    from actors.gateway.socket import GatewaySocket

LAST_WORDS_S = 0.5
"""How long an end waits for what Discord may still have sent."""

log = structlog.get_logger(__name__)


async def undisturbed(ending: Coroutine[Any, Any, None]) -> None:
    """Run `ending` to its end, however often the caller is cancelled meanwhile."""
    task = asyncio.ensure_future(ending)
    disturbed = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            disturbed = True
    task.result()
    if disturbed:
        raise asyncio.CancelledError


async def hear_last_words(socket: GatewaySocket) -> bool:
    """Read all that Discord sent before now; return whether it gave a sign of life."""
    asking = asyncio.ensure_future(socket.sign_of_life())
    done, _ = await asyncio.wait([asking], timeout=LAST_WORDS_S)
    return bool(done) and asking.exception() is None


async def say_goodbye(socket: GatewaySocket, reader: asyncio.Task[None]) -> None:
    """End the session; read all that Discord sent before it knew.

    Else whoever used a command in that moment would hear nothing.
    """
    reader.cancel()
    await asyncio.wait([reader], timeout=LAST_WORDS_S)
    if reader.done():
        leaving = asyncio.ensure_future(socket.read_until_closed())
        await asyncio.wait([leaving], timeout=LAST_WORDS_S)
        if not leaving.cancel():
            leaving.exception()  # seen: a connection that is gone has no last words


async def close(
    client: discord.Client, within_s: float, *, spared: set[asyncio.Task[Any] | None]
) -> None:
    """Close within bounds and leave no task but those that are `spared`.

    Not asyncio.timeout: what close() waits for may wait again when it is cancelled.
    """
    ending = asyncio.all_tasks()
    closing = asyncio.ensure_future(client.close())
    await asyncio.wait([closing], timeout=within_s)
    if not closing.done():
        log.warning("the connection did not close in time and was dropped", limit_s=within_s)
    left = asyncio.all_tasks() - spared
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=LAST_WORDS_S)
    for task in (ending | left) - spared:
        if task.done() and not task.cancelled():
            task.exception()  # seen: else asyncio reports it as forgotten
    await client.http.close()
    # aiohttp's sockets close in the loop's next turns.
    await asyncio.sleep(0)
