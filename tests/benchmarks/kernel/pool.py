"""xoscar in one process: an asyncio pool of actors without serialisation."""

from __future__ import annotations

import asyncio
from typing import Any

import xoscar

from tests.benchmarks.kernel.works import Amounts, amounts, now, tell_result


class Counter(xoscar.Actor):  # type: ignore[misc]  # xoscar has no types
    def __init__(self, left: int) -> None:
        super().__init__()
        self.left = left

    def hit(self, _message: int) -> None:
        self.left -= 1
        if not self.left:
            DONE.set()

    def echo(self, message: int) -> int:
        return message


class Link(xoscar.StatelessActor):  # type: ignore[misc]  # xoscar has no types
    following: Any

    async def link(self, uid: str, address: str) -> None:
        self.following = await xoscar.actor_ref(uid=uid, address=address)

    async def hop(self, left: int) -> None:
        if left:
            await self.following.hop.tell(left - 1)
        else:
            DONE.set()


DONE = asyncio.Event()


async def run(amount: Amounts) -> dict[str, float]:
    pool = await xoscar.create_actor_pool("127.0.0.1", n_process=0)
    async with pool:
        at = pool.external_address
        tells, asks, hops, n = amount.tells, amount.asks, amount.hops, amount.ring
        counter = await xoscar.create_actor(Counter, tells, address=at, uid="counter")
        began = now()
        for number in range(tells):
            await counter.hit.tell(number)
        await DONE.wait()
        figures = {"tell": (now() - began) / tells}
        began = now()
        for number in range(asks):
            assert await counter.echo(number) == number
        figures["ask_idle"] = (now() - began) / asks
        links = [await xoscar.create_actor(Link, address=at, uid=f"link-{i}") for i in range(n)]
        for i, link in enumerate(links):
            await link.link(f"link-{(i + 1) % n}", at)
        DONE.clear()
        began = now()
        await links[0].hop.tell(hops)
        await DONE.wait()
        figures["hop"] = (now() - began) / hops
        began = now()
        own = [await xoscar.create_actor(Counter, 9, address=at, uid=f"c-{i}") for i in range(n)]
        for each in own:
            await each.echo(1)
        for each in own:
            await xoscar.destroy_actor(each)
        figures["cycle"] = (now() - began) / n
    return figures


if __name__ == "__main__":
    tell_result(asyncio.run(run(amounts())))
