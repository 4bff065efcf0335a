"""The heartbeat of one gateway connection, as a task of the loop.

discord.py beats from a thread that calls back into the loop. A task ends with the loop
that it lives in, and may ask a quiet connection for a sign of life in between. It also
gives a silent connection up: discord.py sets a timer for each frame, which takes as long as
all the rest of a frame.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import discord

if TYPE_CHECKING:
    from actors.gateway.socket import GatewaySocket

HEARTBEAT: Final = 1
IN_TIME: Final = 0.9
"""The part of Discord's interval after which a heartbeat is sent, so that none is late."""

SHORTEST_S: Final = 0.05
"""A shorter interval than this, nobody means."""

BROKEN = (OSError, RuntimeError, aiohttp.ClientError, discord.ConnectionClosed)
"""What sending on a connection raises that has just ended; its reader notices by itself."""


class Heart:
    """Beats as often as Discord wants, when nothing was read for `probe_s`, and when asked.

    After `silence_s` without any frame, or without the answer that ends a doubt, it gives
    the connection up, which is then resumed.

    Takes the place of discord.py's KeepAliveHandler, so names and arguments are its own.
    """

    def __init__(self, *, ws: GatewaySocket, interval: float, shard_id: int | None = None) -> None:
        self.shard_id = shard_id
        self.latency = math.inf
        self._ws, self._interval_s = ws, max(interval, SHORTEST_S) * IN_TIME
        self._probe_s = ws.line.settings.probe_s
        self._silence_s = ws.line.settings.silence_s
        self._sent = self._heard = time.perf_counter()
        self._beats = self._answers = 0
        self._doubted: tuple[int, float] | None = None
        """The answer that ends the doubt, by its number, and when it was asked for."""
        self._wanted, self._answered = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to beat."""
        self._ws.line.state.on_doubt = self.ask
        if self._ws.line.state.doubt_utc is not None:
            self.ask()
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
        self._beats += 1
        return {"op": HEARTBEAT, "d": self._ws.sequence}

    def beat(self) -> dict[str, Any]:
        """Make the frame of a heartbeat that is sent now."""
        self._sent = time.perf_counter()
        return self.get_payload()

    def ack(self) -> None:
        """Note that Discord answered; it answers each heartbeat once, in order."""
        self.latency = self._ws.line.state.latency_s = time.perf_counter() - self._sent
        self._answers += 1
        self._answered.set()
        if self._doubted is not None and self._answers >= self._doubted[0]:
            self._doubted = None
            self._ws.line.state.proven()

    def ask(self) -> None:
        """Beat at once: what is read is in doubt until the answer to that."""
        since = time.perf_counter() if self._doubted is None else self._doubted[1]
        self._doubted = self._beats + 1, since
        self._wanted.set()

    async def sign_of_life(self) -> None:
        """Ask for an answer and wait for it: whatever Discord sent before has been read then."""
        beat, number = self.beat(), self._beats
        await self._ws.send_as_json(beat)
        while self._answers < number:
            self._answered.clear()
            await self._answered.wait()

    async def _beat(self) -> None:
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._pause_s()):
                        await self._wanted.wait()
                now = time.perf_counter()
                if self._is_dead(now):
                    self._ws.give_up()
                    return
                if self._wanted.is_set() or now >= self._sent + self._interval_s:
                    self._wanted.clear()
                    await self._ws.send_heartbeat(self.beat())
                elif now >= self._probe_at():
                    # Through the limiter: discord.py keeps room for its own heartbeats only.
                    await self._ws.send_as_json(self.beat())
        except BROKEN:
            return

    def _probe_at(self) -> float:
        return max(self._heard, self._sent) + self._probe_s

    def _dead_at(self) -> float:
        since = self._heard if self._doubted is None else min(self._heard, self._doubted[1])
        return since + self._silence_s

    def _is_dead(self, now: float) -> bool:
        return now >= self._dead_at()

    def _pause_s(self) -> float:
        due = min(self._sent + self._interval_s, self._probe_at(), self._dead_at())
        return max(due - time.perf_counter(), 0.0)
