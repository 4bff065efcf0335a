"""The heartbeat of one gateway connection, as a task of the loop.

discord.py beats from a thread that calls back into the loop. A task ends with the loop
that it lives in, and may ask a quiet connection for a sign of life in between. It also
gives a silent connection up: discord.py sets a timer for each frame, which takes as long as
all the rest of a frame.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import discord

if TYPE_CHECKING:
    from actors.gateway.socket import GatewaySocket

HEARTBEAT: Final = 1
BROKEN = (OSError, RuntimeError, aiohttp.ClientError, discord.ConnectionClosed)
"""What sending on a connection raises that has just ended; its reader notices by itself."""


class Heart:
    """Beats as often as Discord wants, and when nothing was read for `probe_s`.

    After `silence_s` without any frame it closes the connection, which is then resumed.

    Takes the place of discord.py's KeepAliveHandler, so names and arguments are its own.
    """

    def __init__(self, *, ws: GatewaySocket, interval: float, shard_id: int | None = None) -> None:
        self.shard_id = shard_id
        self.latency = math.inf
        self._ws, self._interval_s = ws, interval
        self._probe_s = ws.line.settings.probe_s
        self._silence_s = ws.line.settings.silence_s
        self._sent = self._heard = time.perf_counter()
        self._answered = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to beat."""
        self._task = asyncio.get_running_loop().create_task(self._beat())

    def stop(self) -> None:
        """Beat no more."""
        if self._task is not None:
            self._task.cancel()

    def tick(self) -> None:
        """Note that a frame was read."""
        self._heard = time.perf_counter()

    def get_payload(self) -> dict[str, Any]:
        """Make the frame of a heartbeat."""
        return {"op": HEARTBEAT, "d": self._ws.sequence}

    def beat(self) -> dict[str, Any]:
        """Make the frame of a heartbeat that is sent now."""
        self._sent = time.perf_counter()
        return self.get_payload()

    def ack(self) -> None:
        """Note that Discord answered."""
        self.latency = self._ws.line.state.latency_s = time.perf_counter() - self._sent
        self._answered.set()

    async def sign_of_life(self) -> None:
        """Ask for an answer and wait for it: whatever Discord sent before has been read then."""
        self._answered.clear()
        await self._ws.send_as_json(self.beat())
        await self._answered.wait()

    async def _beat(self) -> None:
        step_s = min(self._interval_s, self._probe_s)
        try:
            while True:
                await asyncio.sleep(step_s)
                now = time.perf_counter()
                if now - self._heard > self._silence_s:
                    await self._ws.give_up()
                elif now - self._sent > self._interval_s - step_s:
                    await self._ws.send_heartbeat(self.beat())
                elif now - self._heard > step_s / 2:
                    # Through the limiter: discord.py keeps room for its own heartbeats only.
                    await self._ws.send_as_json(self.beat())
        except BROKEN:
            return
