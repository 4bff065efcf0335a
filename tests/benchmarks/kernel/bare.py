"""The floor: what a deque and a Trio channel cost when nothing else is there."""

from __future__ import annotations

import threading
import time
from collections import deque

import trio

from tests.benchmarks.kernel.works import Amounts, amounts, best_of, now, tell_result, timed


class Bare:
    """An object with a queue; it counts down."""

    __slots__ = ("busy", "left", "next", "queue")

    def __init__(self, left: int = 0) -> None:
        self.queue: deque[int] = deque()
        self.left = left
        self.busy = False
        self.next = self

    def count(self, _message: int) -> None:
        self.left -= 1


def tell(n: int) -> None:
    bare = Bare(n)
    queue, count = bare.queue, bare.count
    put, take = queue.append, queue.popleft
    for number in range(n):
        put(number)
    while queue:
        count(take())
    assert bare.left == 0


def thread_tell(n: int) -> float:
    """Processor time of a thread that puts while another takes."""
    queue: deque[int] = deque()
    spent = 0.0

    def produce() -> None:
        nonlocal spent
        put = queue.append
        began = time.thread_time()
        for number in range(n):
            put(number)
        spent = time.thread_time() - began

    thread = threading.Thread(target=produce)
    thread.start()
    taken = 0
    while taken < n:
        while queue:
            queue.popleft()
            taken += 1
    thread.join()
    return spent


def ring(actors: int, hops: int) -> float:
    bares = [Bare() for _ in range(actors)]
    for bare, following in zip(bares, [*bares[1:], bares[0]], strict=True):
        bare.next = following
    ready: deque[Bare] = deque()

    def hop(target: Bare, left: int) -> None:
        target.queue.append(left)
        if not target.busy:
            target.busy = True
            ready.append(target)

    began = now()
    hop(bares[0], hops)
    while ready:
        bare = ready.popleft()
        while bare.queue:
            left = bare.queue.popleft()
            if left:
                hop(bare.next, left - 1)
        bare.busy = False
    return now() - began


async def channel(n: int) -> float:
    """Ask and answer over two channels, a task at each end."""
    there, asked = trio.open_memory_channel[int](1)
    back, answered = trio.open_memory_channel[int](1)

    async def echo() -> None:
        async for number in asked:
            await back.send(number)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(echo)
        began = now()
        for number in range(n):
            await there.send(number)
            assert await answered.receive() == number
        took = now() - began
        await there.aclose()
    return took


def main(amount: Amounts) -> None:
    tells, asks, hops, rounds = amount.tells, amount.asks, amount.hops, amount.rounds
    tell_result(
        {
            "tell": best_of(lambda: timed(lambda: tell(tells)), rounds) / tells,
            "thread_tell": best_of(lambda: thread_tell(tells), rounds) / tells,
            "hop": best_of(lambda: ring(amount.ring, hops), rounds) / hops,
            "ask_loop": best_of(lambda: trio.run(channel, asks), rounds) / asks,
        }
    )


if __name__ == "__main__":
    main(amounts())
