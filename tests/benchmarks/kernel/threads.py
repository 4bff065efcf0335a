"""Pykka's own runtime: a thread for each actor."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import pykka

from tests.benchmarks.kernel.works import (
    Amounts,
    amounts,
    best_of,
    now,
    resident_bytes,
    tell_result,
)

logging.getLogger("pykka").disabled = True


class Counter(pykka.ThreadingActor):
    use_daemon_thread = True

    def __init__(self, left: int) -> None:
        super().__init__()
        self.left = left
        self.done = threading.Event()

    def on_receive(self, message: Any) -> Any:
        self.left -= 1
        if not self.left:
            self.done.set()


class Echo(pykka.ThreadingActor):
    def on_receive(self, message: Any) -> Any:
        return message


class Link(pykka.ThreadingActor):
    def __init__(self, done: threading.Event) -> None:
        super().__init__()
        self.done = done
        self.following: pykka.ActorRef[Any] | None = None

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, pykka.ActorRef):
            self.following = message
        elif message and self.following:
            self.following.tell(message - 1)
        else:
            self.done.set()


class Restarter(pykka.ThreadingActor):
    """Starts a child again, which is then told the next message."""

    def on_receive(self, message: Any) -> Any:
        child = Fragile.start(self.actor_ref, message)
        child.tell("next")


class Fragile(pykka.ThreadingActor):
    def __init__(self, above: pykka.ActorRef[Any], story: Story) -> None:
        super().__init__()
        self.above, self.story = above, story

    def on_receive(self, message: Any) -> Any:
        if message == "crash":
            self.story.crashed = now()
            raise ValueError
        self.story.healed(self.actor_ref)

    def on_failure(self, *_error: object) -> None:
        self.above.tell(self.story)


class Story:
    def __init__(self) -> None:
        self.crashed = 0.0
        self.took: list[float] = []
        self.ref: Any = None
        self.up = threading.Event()

    def healed(self, ref: Any) -> None:
        if self.crashed:
            self.took.append(now() - self.crashed)
        self.ref = ref
        self.up.set()


def tell(n: int) -> float:
    ref = Counter.start(n)
    actor = ref._actor_weakref()
    assert actor is not None
    done = actor.done
    began = now()
    for number in range(n):
        ref.tell(number)
    done.wait()
    took = now() - began
    ref.stop()
    return took


def thread_tell(n: int) -> float:
    ref = Counter.start(n)
    began = time.thread_time()
    for number in range(n):
        ref.tell(number)
    took = time.thread_time() - began
    ref.stop()
    return took


def ask(n: int) -> float:
    ref = Echo.start()
    began = now()
    for number in range(n):
        assert ref.ask(number) == number
    took = now() - began
    ref.stop()
    return took


def ring(actors: int, hops: int, rounds: int) -> float:
    done = threading.Event()
    refs = [Link.start(done) for _ in range(actors)]
    for ref, following in zip(refs, [*refs[1:], refs[0]], strict=True):
        ref.ask(following)
    took = list[float]()
    for _ in range(rounds):
        began = now()
        refs[0].tell(hops)
        done.wait()
        done.clear()
        took.append(now() - began)
    pykka.ActorRegistry.stop_all()
    return min(took)


def cycle(n: int) -> tuple[float, float]:
    """Start, first message, stop; and the bytes of an idle one."""
    before, began = resident_bytes(), now()
    refs = [Echo.start() for _ in range(n)]
    for future in [ref.ask(1, block=False) for ref in refs]:
        future.get()
    took, held = now() - began, resident_bytes() - before
    began = now()
    for future in [ref.stop(block=False) for ref in refs]:
        future.get()
    return took + now() - began, held / n


def restart(n: int) -> float:
    story, above = Story(), Restarter.start()
    above.ask(story)
    for _ in range(n):
        story.up.wait()
        story.up.clear()
        story.ref.tell("crash")
    story.up.wait()
    pykka.ActorRegistry.stop_all()
    return sorted(story.took)[n // 2]


def main(amount: Amounts) -> None:
    tells, asks, hops, n = amount.tells, amount.asks, amount.hops, amount.threads
    took, held = cycle(n)
    tell_result(
        {
            "tell": best_of(lambda: tell(tells), amount.rounds) / tells,
            "thread_tell": best_of(lambda: thread_tell(tells), amount.rounds) / tells,
            "hop": ring(amount.ring, hops, amount.long_rounds) / hops,
            "ask_idle": best_of(lambda: ask(asks), amount.rounds) / asks,
            "cycle": took / n,
            "memory": held,
            "restart": restart(amount.crashes),
        }
    )


if __name__ == "__main__":
    main(amounts())
