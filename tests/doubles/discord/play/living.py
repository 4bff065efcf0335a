"""The living scenario: people who come, talk, move and go, by a seeded generator."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from tests.doubles.discord.play import habits
from tests.doubles.discord.play.acts import Acts
from tests.doubles.discord.play.plans import Plans

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from tests.doubles.discord.command_use import Uses
    from tests.doubles.discord.gateway.hub import Hub
    from tests.doubles.discord.world import World

EVENTS_A_SECOND = 1.0


class Living:
    """Moves the world at `speed` events a second, spread unevenly as an evening is."""

    def __init__(self, world: World, hub: Hub, uses: Uses, *, seed: int, speed: float) -> None:
        self._hub = hub
        self._chance = random.Random(seed)
        self._speed = speed
        self._plans = Plans()
        self._task: asyncio.Task[None] | None = None
        self._beside: set[asyncio.Task[None]] = set()
        self._acts = Acts(
            world=world,
            hub=hub,
            uses=uses,
            chance=self._chance,
            plans=self._plans,
            beside=self.beside,
        )

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    def gather(self) -> None:
        """Put some people into voice, as a guild is when a bot first comes."""
        self._acts.gather()

    def start(self) -> None:
        if not self.running:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stand still; what people had planned waits for the next start."""
        tasks = [task for task in (self._task, *self._beside) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._task = None

    def beside(self, work: Coroutine[None, None, None]) -> None:
        """Run something that waits, without holding up the others."""
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def _run(self) -> None:
        while True:
            rate = EVENTS_A_SECOND * habits.liveliness(self._plans.now_s)
            pause = self._chance.expovariate(rate)
            await asyncio.sleep(pause / self._speed)
            self._plans.now_s += pause
            async with self._hub.turn:
                if not self._plans.do_one():
                    self._acts.impulse()
