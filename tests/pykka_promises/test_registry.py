"""What Pykka's documentation promises of `ActorRegistry`."""

from __future__ import annotations

from typing import Any, cast

import pykka

from tests.kernel.probes import eventually
from tests.pykka_promises.runtimes import Gated, Life, Runtime, Teller


class Apple(pykka.Actor):
    def __init__(self, life: Life) -> None:
        super().__init__()
        self._life = life

    def on_receive(self, message: Any) -> None:
        self._life.lines.append((type(self).__name__, message))


class Pear(Apple):
    """Of another class by name, and of Apple's by descent."""


def test_whoever_runs_is_found_by_all_means(runtime: Runtime, life: Life) -> None:
    apple, pear = runtime.make(Apple), runtime.make(Pear)
    refs = [apple.start(life), pear.start(life), apple.start(life)]
    registry = pykka.ActorRegistry

    assert registry.get_all() == refs
    assert registry.get_by_class(cast(Any, Apple)) == refs
    assert registry.get_by_class(runtime.actor_class) == refs
    assert registry.get_by_class(apple) == [refs[0], refs[2]]
    assert registry.get_by_class(pear) == [refs[1]]
    assert registry.get_by_class_name("Apple") == [refs[0], refs[2]]
    assert registry.get_by_class_name("Pear") == [refs[1]]
    assert registry.get_by_class_name("Plum") == []
    assert registry.get_by_urn(refs[1].actor_urn) is refs[1]
    assert registry.get_by_urn("urn:uuid:of-nobody") is None


def test_whoever_stops_is_forgotten(runtime: Runtime, life: Life) -> None:
    kind = runtime.make(Apple)
    first, second = kind.start(life), kind.start(life)
    first.stop(timeout=5)

    assert pykka.ActorRegistry.get_all() == [second]
    assert pykka.ActorRegistry.get_by_urn(first.actor_urn) is None


def test_whoever_crashes_is_forgotten(runtime: Runtime, life: Life) -> None:
    runtime.make(Teller).start(life).tell(ValueError("boom"))
    eventually(lambda: pykka.ActorRegistry.get_all() == [])


def test_the_list_is_a_copy(runtime: Runtime, life: Life) -> None:
    ref = runtime.make(Apple).start(life)
    pykka.ActorRegistry.get_all().clear()
    assert pykka.ActorRegistry.get_all() == [ref]


def test_a_ref_may_be_registered_by_hand_and_unregistered_twice(
    runtime: Runtime, life: Life
) -> None:
    ref = runtime.make(Apple).start(life)
    for _ in range(2):
        pykka.ActorRegistry.unregister(ref)
        assert pykka.ActorRegistry.get_all() == []
    pykka.ActorRegistry.register(ref)
    assert pykka.ActorRegistry.get_all() == [ref]


def test_a_broadcast_reaches_all_or_those_of_a_class_or_of_its_name(
    runtime: Runtime, life: Life
) -> None:
    apple, pear = runtime.make(Apple).start(life), runtime.make(Pear).start(life)

    def heard(message: str, target: Any = None) -> list[Any]:
        life.lines.clear()
        pykka.ActorRegistry.broadcast(message, target_class=target)
        for ref in (apple, pear):
            ref.proxy().actor_urn.get(timeout=5)
        return sorted(life.lines)

    assert heard("all") == [("Apple", "all"), ("Pear", "all")]
    assert heard("by class", Pear) == [("Pear", "by class")]
    assert heard("by descent", Apple) == [("Apple", "by descent"), ("Pear", "by descent")]
    assert heard("by name", "Apple") == [("Apple", "by name")]
    assert heard("nobody", "Plum") == []


def test_stop_all_stops_the_last_started_first(runtime: Runtime) -> None:
    life = Life()

    class Numbered(pykka.Actor):
        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

        def on_stop(self) -> None:
            life.lines.append(self.number)

    kind = runtime.make(Numbered)
    for n in range(5):
        kind.start(n)

    assert pykka.ActorRegistry.stop_all(timeout=5) == [True] * 5
    assert life.lines == [4, 3, 2, 1, 0]
    assert pykka.ActorRegistry.get_all() == []
    assert pykka.ActorRegistry.stop_all() == []


def test_stop_all_need_not_wait(runtime: Runtime, life: Life) -> None:
    kind = runtime.make(Gated)
    kind.start(life).tell("wait")
    kind.start(life)
    stops = pykka.ActorRegistry.stop_all(block=False)
    life.go_on.set()

    assert [stop.get(timeout=5) for stop in stops] == [True, True]
