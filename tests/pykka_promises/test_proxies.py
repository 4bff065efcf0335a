"""What Pykka's documentation promises of proxies."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import TYPE_CHECKING, Any, cast

import pykka
import pykka.debug
import pytest
from pykka.typing import ActorMemberMixin, proxy_field, proxy_method

from tests.kernel.probes import eventually
from tests.pykka_promises.runtimes import Life, Runtime

if TYPE_CHECKING:
    from collections.abc import Iterator


class Inner:
    pykka_traversable = True
    depth = 2

    def where(self) -> str:
        return "inner"


class Outer:
    def __init__(self) -> None:
        self.inner = Inner()
        self.depth = 1

    def where(self) -> str:
        return "outer"


@pykka.traversable
class Marked:
    def where(self) -> str:
        return "marked"


class Untold:
    value = "reached"


class Desk(pykka.Actor):
    """An actor with everything that a proxy may reach."""

    attribute = "of the class"
    _hidden = "hidden"
    outer = pykka.traversable(Outer())
    marked = Marked()
    untold = Untold()

    def __init__(self, life: Life | None = None) -> None:
        super().__init__()
        self._life = life or Life()
        self.own = "of the object"
        self._volume = 1

    @property
    def volume(self) -> int:
        self._life.lines.append("volume was read")
        return self._volume

    @volume.setter
    def volume(self, value: int) -> None:
        self._volume = value

    @property
    def fixed(self) -> int:
        return 7

    def add(self, a: int, *, b: int = 10) -> int:
        return a + b

    def put(self, value: str) -> None:
        self.own = value

    def fail(self) -> None:
        raise LookupError("not here")

    def grow(self, name: str) -> None:
        setattr(self, name, lambda: f"grown: {name}")

    def through_myself(self, name: str) -> pykka.Future[Any]:
        call: pykka.Future[Any] = getattr(self.actor_ref.proxy(), name)()
        return call

    def spread(self, left: int) -> None:
        self._life.lines.append(left)
        if left:
            self.actor_ref.proxy().spread(left - 1)

    def on_failure(self, *_: object) -> None:
        self._life.lines.append("on_failure")

    def on_stop(self) -> None:
        self._life.lines.append("on_stop")


@pytest.fixture
def proxy(runtime: Runtime, life: Life) -> pykka.ActorProxy[Any]:
    made: pykka.ActorProxy[Any] = runtime.make(Desk).start(life).proxy()
    return made


def test_a_proxy_says_whose_it_is(proxy: pykka.ActorProxy[Any]) -> None:
    assert repr(proxy) == f"<ActorProxy for {proxy.actor_ref}, attr_path=()>"
    assert isinstance(proxy.actor_ref, pykka.ActorRef)


def test_proxies_of_one_actor_and_path_are_equal(proxy: pykka.ActorProxy[Any]) -> None:
    same = proxy.actor_ref.proxy()

    assert proxy == same
    assert hash(proxy) == hash(same)
    assert {proxy: "found"}[same] == "found"
    assert proxy != proxy.outer
    assert proxy.outer == same.outer
    assert proxy != "something else"


def test_dir_lists_what_the_actor_has(proxy: pykka.ActorProxy[Any]) -> None:
    names = dir(proxy)

    assert {"attribute", "own", "volume", "add", "outer", "actor_ref", "_actor_proxies"} <= {*names}
    assert "_hidden" not in names


def test_an_attribute_is_read_by_a_future(proxy: pykka.ActorProxy[Any]) -> None:
    assert isinstance(proxy.attribute, pykka.Future)
    assert proxy.attribute.get() == "of the class"
    assert proxy.own.get() == "of the object"
    assert proxy.fixed.get() == 7


def test_an_attribute_is_set_by_assignment(proxy: pykka.ActorProxy[Any]) -> None:
    proxy.own = "new"
    proxy.attribute = "new too"
    proxy.volume = 11

    assert proxy.own.get() == "new"
    assert proxy.attribute.get() == "new too"
    assert proxy.volume.get() == 11


def test_an_error_in_an_assignment_is_raised_there(proxy: pykka.ActorProxy[Any]) -> None:
    with pytest.raises(AttributeError):
        proxy.fixed = 8


@pytest.mark.parametrize("name", ["_hidden", "nothing_of_that_name"])
def test_what_is_private_or_not_there_is_an_error_at_once(
    proxy: pykka.ActorProxy[Any], name: str
) -> None:
    with pytest.raises(AttributeError, match=rf"has no attribute '{name}'"):
        getattr(proxy, name)
    assert proxy.actor_ref.is_alive()


def test_making_a_proxy_reads_no_property(proxy: pykka.ActorProxy[Any], life: Life) -> None:
    assert life.lines == []
    assert proxy.volume.get() == 1
    assert life.lines == ["volume was read"]


def test_a_method_is_called_by_a_future(proxy: pykka.ActorProxy[Any]) -> None:
    assert proxy.add(1).get() == 11
    assert proxy.add(1, b=2).get() == 3
    assert proxy.put("changed").get() is None
    assert proxy.own.get() == "changed"


def test_calls_keep_their_order(proxy: pykka.ActorProxy[Any]) -> None:
    for n in range(50):
        proxy.put(str(n))
    assert proxy.own.get() == "49"


def test_a_deferred_call_has_no_future(proxy: pykka.ActorProxy[Any]) -> None:
    assert isinstance(proxy.put, pykka.CallableProxy)
    defer: Any = proxy.put.defer
    assert defer("changed") is None
    assert proxy.own.get() == "changed"


def test_an_error_in_a_call_is_raised_by_its_future(proxy: pykka.ActorProxy[Any]) -> None:
    with pytest.raises(LookupError, match="not here"):
        proxy.fail().get()


def test_an_error_in_a_deferred_call_calls_on_failure(
    proxy: pykka.ActorProxy[Any], life: Life
) -> None:
    proxy.fail.defer()

    life.comes_to("on_failure")
    eventually(lambda: not proxy.actor_ref.is_alive())


def test_methods_added_later_are_found(proxy: pykka.ActorProxy[Any]) -> None:
    proxy.grow("leaf").get()
    assert proxy.leaf().get() == "grown: leaf"


def test_an_actor_may_use_a_proxy_to_itself(proxy: pykka.ActorProxy[Any], life: Life) -> None:
    proxy.grow("leaf")
    assert proxy.through_myself("leaf").get(timeout=5).get(timeout=5) == "grown: leaf"
    proxy.spread(3)
    life.comes_to(3, 2, 1, 0)


def test_work_through_itself_lets_a_stop_in(proxy: pykka.ActorProxy[Any], life: Life) -> None:
    proxy.spread(10**9)
    proxy.stop()

    assert proxy.actor_ref.actor_stopped.wait(5)
    eventually(lambda: life.lines[-1] == "on_stop")


def test_an_actor_that_keeps_a_proxy_to_itself_in_the_open_is_warned(
    runtime: Runtime, pykka_log: pytest.LogCaptureFixture
) -> None:
    class Mirror(pykka.Actor):
        def __init__(self) -> None:
            super().__init__()
            self.me = self.actor_ref.proxy()

    proxy = runtime.make(Mirror).start().proxy()

    with pytest.raises(AttributeError, match="has no attribute 'me'"):
        proxy.me  # noqa: B018 - the access is what fails
    assert "attribute 'me' is a proxy to itself" in pykka_log.text


def test_stop_through_a_proxy(proxy: pykka.ActorProxy[Any], life: Life) -> None:
    assert proxy.stop().get() is None
    assert proxy.actor_ref.actor_stopped.wait(5)
    life.comes_to("on_stop")


def test_traversable_attributes_are_proxies_themselves(proxy: pykka.ActorProxy[Any]) -> None:
    assert isinstance(proxy.outer, pykka.ActorProxy)
    assert proxy.outer.where().get() == "outer"
    assert proxy.outer.depth.get() == 1
    assert proxy.outer.inner.where().get() == "inner"
    assert proxy.outer.inner.depth.get() == 2
    assert proxy.marked.where().get() == "marked"


def test_an_attribute_of_a_traversable_one_can_be_set(proxy: pykka.ActorProxy[Any]) -> None:
    proxy.outer.inner.depth = 20
    assert proxy.outer.inner.depth.get() == 20


def test_an_attribute_that_is_not_marked_is_returned_as_it_is(
    proxy: pykka.ActorProxy[Any],
) -> None:
    assert isinstance(proxy.untold, pykka.Future)
    assert proxy.untold.get() is Desk.untold
    with pytest.raises(AttributeError):
        getattr(proxy.untold, "value")  # noqa: B009 - no checker may know better


def test_an_object_with_slots_cannot_be_marked() -> None:
    class Slotted:
        __slots__ = ("value",)

    with pytest.raises(ValueError, match="slots"):
        pykka.traversable(Slotted())


def test_a_proxy_to_a_dead_actor_cannot_be_made_and_an_old_one_says_so(
    proxy: pykka.ActorProxy[Any],
) -> None:
    ref = proxy.actor_ref
    ref.stop(timeout=5)

    with pytest.raises(pykka.ActorDeadError):
        ref.proxy()
    with pytest.raises(pykka.ActorDeadError):
        proxy.add(1).get()
    with pytest.raises(pykka.ActorDeadError):
        proxy.add.defer(1)
    assert proxy.actor_ref is ref


def test_a_proxy_can_be_given_to_another_actor(
    runtime: Runtime, proxy: pykka.ActorProxy[Any]
) -> None:
    class Customer(pykka.Actor):
        def __init__(self, desk: Any) -> None:
            super().__init__()
            self._desk = desk

        def order(self) -> pykka.Future[int]:
            future: pykka.Future[int] = self._desk.add(30, b=12)
            return future

    assert runtime.make(Customer).start(proxy).proxy().order().get().get(timeout=5) == 42


def test_a_double_in_place_of_a_method_is_called_in_the_actor(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    where: list[int] = []
    kind = runtime.make(Desk)

    def double(_self: object, a: int) -> int:
        where.append(threading.get_ident())
        return -a

    monkeypatch.setattr(kind, "add", double)

    assert kind.start().proxy().add(5).get() == -5
    assert where != [threading.get_ident()]


def test_a_typed_proxy_is_a_proxy(runtime: Runtime) -> None:
    class TypedDesk(ActorMemberMixin, pykka.ActorProxy[Any]):
        attribute = proxy_field(Desk.attribute)
        add = proxy_method(Desk.add)

    typed = cast("TypedDesk", runtime.make(Desk).start().proxy())

    assert typed.attribute.get() == "of the class"
    assert typed.add(1, b=2).get() == 3
    assert typed.stop().get() is None


@contextlib.contextmanager
def a_busy_actor(runtime: Runtime, life: Life) -> Iterator[None]:
    class Busy(pykka.Actor):
        def on_receive(self, message: Any) -> None:
            life.lines.append(message)
            life.go_on.wait(5)

    runtime.make(Busy).start().tell("busy")
    life.comes_to("busy")
    yield
    life.go_on.set()


def test_the_stacks_of_all_threads_show_what_an_actor_does(
    runtime: Runtime, life: Life, pykka_log: pytest.LogCaptureFixture
) -> None:
    with a_busy_actor(runtime, life):
        pykka.debug.log_thread_tracebacks()

    stacks = [r.getMessage() for r in pykka_log.records if r.levelno == logging.CRITICAL]
    assert any("life.go_on.wait(5)" in stack for stack in stacks)
