"""Ours: supervised actors with plain handlers, and one with a handler that waits."""

from __future__ import annotations

import gc
import math
import statistics
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import trio
from typing_extensions import override

from actors.kernel.actor import Actor
from actors.kernel.messages import Reply, Request
from supervisors.child_spec import ChildSpec
from supervisors.dynamic import DynamicSupervisor, Template
from supervisors.intensity import Backoff, RestartIntensity
from tests.benchmarks.kernel.works import (
    Amounts,
    amounts,
    burn,
    now,
    percentile,
    resident_bytes,
    tell_result,
)
from tests.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.kernel.addresses import Address
    from actors.kernel.system import SupervisionEvent

AT_ONCE = Backoff(base_s=1e-9, cap_s=1e-9, calm_s=2e-9)
"""Never waits before a restart, as OTP's supervisor does not."""

AS_OFTEN_AS_NEEDED = RestartIntensity(10**6, 1)


@dataclass(frozen=True, slots=True)
class Echo(Request[int]):
    number: int


class Tally:
    """What the actors of one measurement share: counts down, and rings at zero."""

    __slots__ = ("crashed", "done", "left", "took")

    def __init__(self, left: int = 0) -> None:
        self.took: list[float] = []
        self.crashed = 0.0
        self.expect(left)

    def expect(self, left: int) -> None:
        self.left, self.done = left, trio.Event()

    def count(self) -> None:
        self.left -= 1
        assert self.left >= 0, "a message of the round before"
        if not self.left:
            self.done.set()


class Counter(Actor[int]):
    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self.tally = tally

    @override
    def on_receive(self, message: int) -> None:
        tally = self.tally
        tally.left -= 1
        if not tally.left:
            tally.done.set()


class Busy(Counter):
    @override
    def on_receive(self, message: int) -> None:
        burn()
        super().on_receive(message)


class Echoing(Actor[Echo]):
    @override
    def on_receive(self, message: Echo) -> Reply[int]:
        return message.reply(message.number)


class SlowlyEchoing(Actor[Echo]):
    """Its handler may wait, so it is asked over the loop."""

    @override
    async def on_receive(self, message: Echo) -> Reply[int]:
        return message.reply(message.number)


class Link(Actor[int]):
    def __init__(self, tally: Tally, following: Address[int]) -> None:
        super().__init__()
        self.tally, self.following = tally, following

    @override
    def on_receive(self, message: int) -> None:
        if message:
            self.following.tell(message - 1)
        else:
            self.tally.count()


class Fragile(Actor[str]):
    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self.tally = tally

    @override
    def on_receive(self, message: str) -> None:
        tally = self.tally
        if message == "crash":
            tally.crashed = now()
            raise ValueError
        tally.took.append(now() - tally.crashed)
        tally.left -= 1
        if not tally.left:
            tally.done.set()


class Watcher(Actor[Any]):
    @override
    def on_receive(self, message: Any) -> None:
        pass


def child(
    kind: type[Any], *arguments: object, name: str = "it", capacity: float = math.inf
) -> ChildSpec:
    return ChildSpec(id=name, start=lambda: kind.start(*arguments), mailbox_capacity=capacity)


def pool(kind: type[Any], tally: Tally) -> ChildSpec:
    template = Template(start=lambda _key: kind.start(tally), max_children=math.inf, shutdown_s=60)
    return ChildSpec(
        id="pool",
        start=lambda: DynamicSupervisor.start(
            template, intensity=AS_OFTEN_AS_NEEDED, backoff=AT_ONCE
        ),
        shutdown_s=math.inf,
    )


async def tell(tree: Tree, n: int, rounds: int, kind: type[Counter] = Counter) -> float:
    tally = Tally()
    await tree.grow(child(kind, tally))
    return await flood(tree.directory.address("it").tell, n, tally, rounds)


async def flood(send: Callable[[int], object], n: int, tally: Tally, rounds: int) -> float:
    """Seconds from the first of `n` messages to the end of the last; the best of all rounds."""
    took = list[float]()
    for _ in range(rounds):
        tally.expect(n)
        await trio.lowlevel.checkpoint()
        began = now()
        for number in range(n):
            send(number)
        await tally.done.wait()
        took.append(now() - began)
    return min(took)


async def tell_watched(tree: Tree, n: int, rounds: int) -> float:
    """The same with a bound, watchers, a listener to supervision and dead letters kept."""
    heard: list[SupervisionEvent] = []
    tree.directory.supervision.append(heard.append)
    tally = Tally(n)
    watchers = (child(Watcher, name=f"w{i}") for i in range(10))
    await tree.grow(child(Counter, tally, capacity=n), *watchers)
    for i in range(10):
        tree.directory.watch(f"w{i}", "it")
    return await flood(tree.directory.address("it").tell, n, tally, rounds)


async def tell_stripped(tree: Tree, n: int, rounds: int) -> float:
    """The same past the address: no look-up, no bound, nothing that could be refused."""
    tally = Tally(n)
    await tree.grow(child(Counter, tally))
    cell = tree.directory.find("it")
    assert cell is not None
    box, put = cell.mailbox, cell.mailbox.waiting.append

    def send(number: int) -> None:
        put(number)
        if box.asleep:
            box.ring()

    return await flood(send, n, tally, rounds)


async def thread_tell(tree: Tree, n: int, rounds: int) -> float:
    """Processor time of the thread that tells."""
    tally = Tally(n)
    await tree.grow(child(Counter, tally))
    send, spent = tree.directory.address("it").tell, list[float]()

    def produce() -> None:
        began = time.thread_time()
        for number in range(n):
            send(number)
        spent.append(time.thread_time() - began)

    for _ in range(rounds):
        tally.expect(n)
        thread = threading.Thread(target=produce)
        thread.start()
        await tally.done.wait()
        thread.join()
    return min(spent)


async def ask(tree: Tree, n: int, rounds: int, kind: type[Any]) -> float:
    await tree.grow(child(kind))
    address, took = tree.directory.address("it"), list[float]()
    request = Echo(1)
    for _ in range(rounds):
        began = now()
        for _ in range(n):
            await address.ask(request, within=5)
        took.append(now() - began)
    return min(took)


async def ring(tree: Tree, actors: int, hops: int, rounds: int) -> float:
    tally, links = Tally(), tree.directory.pool("ring")

    def start(key: int) -> Any:
        return Link.start(tally, links.address((key + 1) % actors))

    template = Template(start=start, max_children=math.inf)
    await tree.grow(ChildSpec(id="ring", start=lambda: DynamicSupervisor.start(template)))
    tally.expect(actors)
    for key in range(actors):
        links.tell(key, 0)
    await tally.done.wait()
    took, first = list[float](), links.address(0)
    for _ in range(rounds):
        tally.expect(1)
        await trio.lowlevel.checkpoint()
        began = now()
        first.tell(hops)
        await tally.done.wait()
        took.append(now() - began)
    return min(took)


async def cycle(tree: Tree, n: int) -> float:
    tally = Tally(n)
    await tree.grow(pool(Counter, tally))
    children = tree.directory.pool("pool")
    began = now()
    for key in range(n):
        children.tell(key, 1)
    await tally.done.wait()
    await tree.stop()
    return now() - began


async def memory(tree: Tree, n: int) -> float:
    tally = Tally(n)
    await tree.grow(pool(Counter, tally))
    children = tree.directory.pool("pool")
    before = resident_bytes()
    for key in range(n):
        children.tell(key, 1)
    await tally.done.wait()
    gc.collect()
    return (resident_bytes() - before) / n


async def restart(tree: Tree, n: int) -> float:
    tally = Tally()
    await tree.grow(pool(Fragile, tally))
    children = tree.directory.pool("pool")
    for _ in range(n + 1):
        tally.expect(1)
        children.tell(0, "crash")
        children.tell(0, "next")
        await tally.done.wait()
    return statistics.median(tally.took)


async def crowd(tree: Tree, n: int) -> float:
    tally = Tally()
    await tree.grow(pool(Fragile, tally))
    children = tree.directory.pool("pool")
    await tell_all(children, n, tally)
    began = now()
    tally.expect(n)
    for key in range(n):
        children.tell(key, "crash")
    for key in range(n):
        children.tell(key, "next")
    await tally.done.wait()
    return now() - began


async def tell_all(children: Any, n: int, tally: Tally) -> None:
    tally.expect(n)
    for key in range(n):
        children.tell(key, "next")
        if not key % 1000:
            await trio.lowlevel.checkpoint()
    await tally.done.wait()


async def late(tree: Tree, n: int) -> float:
    """How late a heartbeat of 1 ms is while one actor is flooded; the 99th percentile."""
    lateness: list[float] = []

    async def beat() -> None:
        while True:
            due = now() + 0.001
            await trio.sleep(0.001)
            lateness.append(now() - due)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(beat)
        await tell(tree, n, 1, Busy)
        nursery.cancel_scope.cancel()
    # The first beat waited for the producer, which is no actor.
    return percentile(lateness[1:], 0.99)


async def bystander(tree: Tree, alive: int, crashing: int) -> tuple[float, float]:
    """Of so many actors, some crash at once: how long a bystander's answer takes, and who lives."""
    tally = Tally()
    await tree.grow(pool(Fragile, tally), child(Echoing, name="bystander"))
    children = tree.directory.pool("pool")
    await tell_all(children, alive, tally)
    running = len(tree.directory.children("pool"))
    address, waits = tree.directory.address("bystander"), list[float]()

    async def ask_on() -> None:
        due = now()
        while not tally.done.is_set() or len(waits) < 100:
            assert await address.ask(Echo(1), within=5) == 1
            waits.append(now() - due)
            due = max(due + 0.0005, now())
            await trio.sleep(max(0.0, due - now()))

    async with trio.open_nursery() as nursery:
        tally.expect(crashing)
        nursery.start_soon(ask_on)
        await trio.lowlevel.checkpoint()
        for key in range(crashing):
            children.tell(key, "crash")
            children.tell(key, "next")
    return percentile(waits, 0.99), running


async def once(work: Any, *arguments: Any) -> Any:
    """Do a work on a tree of its own."""
    async with trio.open_nursery() as nursery:
        tree = Tree(nursery)
        tree.directory.supervision.clear()  # the tree's own, which keeps every event
        gc.collect()
        done = await work(tree, *arguments)
        await tree.stop()
        return done


async def best_of(rounds: int, work: Any, *arguments: Any) -> float:
    took: list[float] = [await once(work, *arguments) for _ in range(rounds)]
    return min(took)


async def main(amount: Amounts) -> None:
    tells, asks, hops, n = amount.tells, amount.asks, amount.hops, amount.actors
    few, many = amount.long_rounds, amount.rounds
    figures = {
        # First, while nothing lies about that could be used again.
        "memory": await once(memory, amount.idle),
        "tell": await once(tell, tells, many) / tells,
        "tell_watched": await once(tell_watched, tells, many) / tells,
        "tell_stripped": await once(tell_stripped, tells, many) / tells,
        "thread_tell": await once(thread_tell, tells, many) / tells,
        "hop": await once(ring, amount.ring, hops, many) / hops,
        "ask_idle": await once(ask, asks, many, Echoing) / asks,
        "ask_loop": await once(ask, asks, many, SlowlyEchoing) / asks,
        "cycle": await best_of(many // 2, cycle, n) / n,
        "restart": await once(restart, amount.crashes),
        "crowd": await best_of(few, crowd, amount.crowd),
        "late": await best_of(few, late, amount.flood),
    }
    waited, alive = await once(bystander, amount.alive, 1000)
    figures |= {"bystander": waited, "alive": alive}
    tell_result(figures)


if __name__ == "__main__":
    trio.run(main, amounts())
