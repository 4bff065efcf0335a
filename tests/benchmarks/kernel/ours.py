"""Ours: supervised actors with plain handlers, and one with a handler that waits."""

from __future__ import annotations

import gc
import math
import statistics
import threading
import time
from dataclasses import dataclass
from typing import Any

import trio
from typing_extensions import override

from actors.kernel.actor import Actor
from actors.kernel.messages import Reply, Request
from actors.kernel.system import SupervisionEvent
from supervisors.child_spec import ChildSpec
from supervisors.dynamic import DynamicSupervisor, Template
from supervisors.intensity import Backoff, RestartIntensity
from tests.benchmarks.kernel.works import (
    REPEATS,
    Amounts,
    amounts,
    burn,
    now,
    percentile,
    resident_bytes,
    tell_result,
)
from tests.tree import Tree

AT_ONCE = Backoff(base_s=1e-9, cap_s=1e-9, calm_s=2e-9)
"""Never waits before a restart, as OTP's supervisor does not."""

AS_OFTEN_AS_NEEDED = RestartIntensity(10**6, 1)


@dataclass(frozen=True, slots=True)
class Echo(Request[int]):
    number: int


class Counter(Actor[int]):
    """Counts down, and rings at zero."""

    left = 0
    done = trio.Event()

    @override
    def on_receive(self, message: int) -> None:
        Counter.left -= 1
        if not Counter.left:
            Counter.done.set()


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
    following: Any = None
    done = trio.Event()

    @override
    def on_receive(self, message: int) -> None:
        if message:
            self.following.tell(message - 1)
        else:
            Link.done.set()


class Fragile(Actor[str]):
    crashed = 0.0
    left = 0
    took: list[float] = []  # noqa: RUF012 - shared on purpose, by all incarnations
    done = trio.Event()

    @override
    def on_receive(self, message: str) -> None:
        if message == "crash":
            Fragile.crashed = now()
            raise ValueError
        Fragile.took.append(now() - Fragile.crashed)
        Fragile.left -= 1
        if not Fragile.left:
            Fragile.done.set()


class Watcher(Actor[Any]):
    @override
    def on_receive(self, message: Any) -> None:
        pass


def child(kind: type[Any], name: str = "it", capacity: float = math.inf) -> ChildSpec:
    return ChildSpec(id=name, start=kind.start, mailbox_capacity=capacity)


def pool(kind: type[Any]) -> ChildSpec:
    template = Template(start=lambda _key: kind.start(), max_children=math.inf, shutdown_s=60)
    return ChildSpec(
        id="pool",
        start=lambda: DynamicSupervisor.start(
            template, intensity=AS_OFTEN_AS_NEEDED, backoff=AT_ONCE
        ),
        shutdown_s=math.inf,
    )


async def tell(tree: Tree, n: int, kind: type[Counter] = Counter) -> float:
    await tree.grow(child(kind))
    address = tree.directory.address("it")
    Counter.left, Counter.done = n, trio.Event()
    send = address.tell
    began = now()
    for number in range(n):
        send(number)
    await Counter.done.wait()
    return now() - began


async def tell_watched(tree: Tree, n: int) -> float:
    """The same with a bound, watchers, a listener to supervision and dead letters kept."""
    heard: list[SupervisionEvent] = []
    tree.directory.supervision.append(heard.append)
    await tree.grow(child(Counter, capacity=n), *(child(Watcher, f"w{i}") for i in range(10)))
    for i in range(10):
        tree.directory.watch(f"w{i}", "it")
    Counter.left, Counter.done = n, trio.Event()
    send = tree.directory.address("it").tell
    began = now()
    for number in range(n):
        send(number)
    await Counter.done.wait()
    return now() - began


async def tell_stripped(tree: Tree, n: int) -> float:
    """The same past the address: no look-up, no bound, nothing that could be refused."""
    await tree.grow(child(Counter))
    cell = tree.directory.find("it")
    assert cell is not None
    Counter.left, Counter.done = n, trio.Event()
    put, wake = cell.mailbox._waiting.append, cell.mailbox.ring
    began = now()
    for number in range(n):
        put(number)  # type: ignore[arg-type]
    wake()
    await Counter.done.wait()
    return now() - began


async def thread_tell(tree: Tree, n: int) -> float:
    """Processor time of the thread that tells."""
    await tree.grow(child(Counter))
    Counter.left, Counter.done = n, trio.Event()
    send, spent = tree.directory.address("it").tell, list[float]()

    def produce() -> None:
        began = time.thread_time()
        for number in range(n):
            send(number)
        spent.append(time.thread_time() - began)

    thread = threading.Thread(target=produce)
    thread.start()
    await Counter.done.wait()
    thread.join()
    return spent[0]


async def ask(tree: Tree, n: int, kind: type[Any]) -> float:
    await tree.grow(child(kind))
    address = tree.directory.address("it")
    began = now()
    for number in range(n):
        assert await address.ask(Echo(number), within=5) == number
    return now() - began


async def ring(tree: Tree, actors: int, hops: int) -> float:
    def start(key: int) -> Any:
        ref = Link.start()
        ref._actor_weakref().following = tree.directory.address(f"ring/{(key + 1) % actors}")
        return ref

    template = Template(start=start, max_children=math.inf)
    await tree.grow(ChildSpec(id="ring", start=lambda: DynamicSupervisor.start(template)))
    Link.done = trio.Event()
    for key in range(1, actors):
        tree.directory.pool("ring").tell(key, actors)
    await trio.sleep(0.2)
    Link.done = trio.Event()
    began = now()
    tree.directory.pool("ring").tell(0, hops)
    await Link.done.wait()
    return now() - began


async def cycle(tree: Tree, n: int) -> float:
    await tree.grow(pool(Counter))
    Counter.left, Counter.done = n, trio.Event()
    children = tree.directory.pool("pool")
    began = now()
    for key in range(n):
        children.tell(key, 1)
    await Counter.done.wait()
    await tree.stop()
    return now() - began


async def memory(tree: Tree, n: int) -> float:
    await tree.grow(pool(Counter))
    Counter.left, Counter.done = n, trio.Event()
    children = tree.directory.pool("pool")
    before = resident_bytes()
    for key in range(n):
        children.tell(key, 1)
    await Counter.done.wait()
    gc.collect()
    return (resident_bytes() - before) / n


async def restart(tree: Tree, n: int) -> float:
    await tree.grow(pool(Fragile))
    children = tree.directory.pool("pool")
    Fragile.took.clear()
    for _ in range(n + 1):
        Fragile.left, Fragile.done = 1, trio.Event()
        children.tell(0, "crash")
        children.tell(0, "next")
        await Fragile.done.wait()
    return statistics.median(Fragile.took)


async def crowd(tree: Tree, n: int) -> float:
    await tree.grow(pool(Fragile))
    children = tree.directory.pool("pool")
    await tell_all(children, n, "next")
    began = now()
    Fragile.left, Fragile.done = n, trio.Event()
    for key in range(n):
        children.tell(key, "crash")
    for key in range(n):
        children.tell(key, "next")
    await Fragile.done.wait()
    return now() - began


async def tell_all(children: Any, n: int, message: str) -> None:
    Fragile.left, Fragile.done = n, trio.Event()
    for key in range(n):
        children.tell(key, message)
        if not key % 1000:
            await trio.sleep(0)
    await Fragile.done.wait()


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
        await tell(tree, n // 2, Busy)
        nursery.cancel_scope.cancel()
    # The first beat waited for the producer, which is no actor.
    return percentile(lateness[1:], 0.99)


async def bystander(tree: Tree, alive: int, crashing: int) -> tuple[float, float]:
    """Of so many actors, some crash at once: how long a bystander's answer takes, and who lives."""
    await tree.grow(pool(Fragile), child(Echoing, "bystander"))
    children = tree.directory.pool("pool")
    await tell_all(children, alive, "next")
    running = len(tree.directory.children("pool"))
    address, waits = tree.directory.address("bystander"), list[float]()

    async def ask_on() -> None:
        due = now()
        while not Fragile.done.is_set() or len(waits) < 100:
            assert await address.ask(Echo(1), within=5) == 1
            waits.append(now() - due)
            due = max(due + 0.0005, now())
            await trio.sleep(max(0.0, due - now()))

    async with trio.open_nursery() as nursery:
        Fragile.left, Fragile.done = crashing, trio.Event()
        nursery.start_soon(ask_on)
        await trio.sleep(0)
        for key in range(crashing):
            children.tell(key, "crash")
            children.tell(key, "next")
    return percentile(waits, 0.99), running


async def median_of(work: Any, *arguments: Any) -> float:
    took = []
    for _ in range(REPEATS):
        async with trio.open_nursery() as nursery:
            tree = Tree(nursery)
            gc.collect()
            took.append(await work(tree, *arguments))
            await tree.stop()
    return statistics.median(took)


async def main(amount: Amounts) -> None:
    tells, asks, hops, n = amount.tells, amount.asks, amount.hops, amount.actors
    async with trio.open_nursery() as nursery:
        tree = Tree(nursery)
        held = await memory(tree, n)  # first, while nothing lies about that could be used again
        await tree.stop()
    figures = {
        "tell": await median_of(tell, tells) / tells,
        "tell_watched": await median_of(tell_watched, tells) / tells,
        "tell_stripped": await median_of(tell_stripped, tells) / tells,
        "thread_tell": await median_of(thread_tell, tells) / tells,
        "hop": await median_of(ring, amount.ring, hops) / hops,
        "ask_idle": await median_of(ask, asks, Echoing) / asks,
        "ask_loop": await median_of(ask, asks, SlowlyEchoing) / asks,
        "cycle": await median_of(cycle, n) / n,
        "memory": held,
        "restart": await median_of(restart, amount.crashes),
        "crowd": await median_of(crowd, amount.crowd),
        "late": await median_of(late, tells),
    }
    async with trio.open_nursery() as nursery:
        tree = Tree(nursery)
        figures["bystander"], figures["alive"] = await bystander(tree, amount.alive, 1000)
        await tree.stop()
    tell_result(figures)


if __name__ == "__main__":
    trio.run(main, amounts())
