"""What Pykka's documentation promises of `Future`."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
import types
from typing import TYPE_CHECKING, Any

import pykka
import pytest

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

    from tests.pykka_promises.runtimes import Runtime


@pytest.fixture
def future(runtime: Runtime) -> pykka.Future[Any]:
    made: pykka.Future[Any] = runtime.future_class()
    return made


def stepped(coroutine: Coroutine[Any, Any, Any] | Generator[Any, Any, Any]) -> Any:
    """Run a coroutine without any event loop."""
    while True:
        try:
            coroutine.send(None)
        except StopIteration as done:
            return done.value


def fail(future: pykka.Future[Any], error: BaseException) -> None:
    try:
        raise error
    except type(error):
        future.set_exception()


def test_a_value_is_got_as_often_as_one_likes(future: pykka.Future[Any]) -> None:
    value = object()
    future.set(value)

    assert future.get() is value
    assert future.get(timeout=0) is value
    assert repr(future) == "<pykka.Future>"


def test_nothing_is_a_value(future: pykka.Future[Any]) -> None:
    future.set()
    assert future.get() is None


def test_get_waits_for_a_value(future: pykka.Future[Any]) -> None:
    timer = threading.Timer(0.02, future.set, ("late",))
    timer.start()
    assert future.get(timeout=5) == "late"
    timer.join()


def test_get_may_take_too_long(future: pykka.Future[Any]) -> None:
    began = time.monotonic()
    with pytest.raises(pykka.Timeout, match=r"0\.02 seconds"):
        future.get(timeout=0.02)
    assert time.monotonic() - began < 2
    with pytest.raises(pykka.Timeout):
        future.get(timeout=0)


def test_an_error_is_raised_as_often_as_one_likes(future: pykka.Future[Any]) -> None:
    error = LookupError("lost")
    fail(future, error)

    for _ in range(3):
        with pytest.raises(LookupError) as caught:
            future.get()
        assert caught.value is error


def test_an_error_may_be_given(future: pykka.Future[Any], runtime: Runtime) -> None:
    future.set_exception((LookupError, LookupError("given"), None))
    with pytest.raises(LookupError, match="given"):
        future.get()

    by_class = runtime.future_class()
    by_class.set_exception((LookupError, None, None))
    with pytest.raises(LookupError):
        by_class.get()


def test_an_error_keeps_its_trace_however_often_it_is_raised(future: pykka.Future[Any]) -> None:
    try:
        int("not a number")
    except ValueError:
        set_trace = traceback.extract_tb(sys.exc_info()[2])
        future.set_exception()

    lengths = set()
    for _ in range(3):
        with pytest.raises(ValueError, match="not a number") as caught:
            future.get()
        trace = traceback.extract_tb(caught.tb)
        lengths.add(len(trace))
        assert [frame.name for frame in trace][-len(set_trace) :] == [f.name for f in set_trace]
        assert trace[-1].lineno == set_trace[-1].lineno
    assert len(lengths) == 1


def test_a_future_may_hold_a_future(future: pykka.Future[Any], runtime: Runtime) -> None:
    inner = runtime.future_class()
    inner.set("inside")
    future.set(inner)

    assert future.get() is inner


def test_a_future_is_set_once(future: pykka.Future[Any], runtime: Runtime) -> None:
    from queue import Full  # noqa: PLC0415 - what Pykka raises, needed nowhere else

    future.set(1)
    ways: list[Any] = [future.set, lambda: fail(future, LookupError()), lambda: hook(future)]
    for again in ways:
        with pytest.raises(Full):
            again()
    assert future.get() == 1

    hooked = runtime.future_class()
    hook(hooked)
    ways = [hooked.set, lambda: fail(hooked, LookupError())]
    for again in ways:
        with pytest.raises(Full):
            again()
    assert hooked.get() == "from the hook"


def hook(future: pykka.Future[Any]) -> None:
    future.set_get_hook(lambda _timeout: "from the hook")


@pytest.mark.parametrize("value", ["made", None])
def test_a_get_hook_is_called_once_with_the_timeout(
    future: pykka.Future[Any], value: object
) -> None:
    asked: list[float | None] = []

    def make(timeout: float | None) -> object:
        asked.append(timeout)
        return value

    future.set_get_hook(make)

    assert future.get(timeout=3) is value
    assert future.get(timeout=4) is value
    assert asked == [3]


@pytest.mark.parametrize("settled_before", [True, False])
def test_await_waits_in_any_loop_or_in_none(
    future: pykka.Future[Any], settled_before: bool
) -> None:
    async def wait() -> Any:
        return await future

    if settled_before:
        future.set(1)
    else:
        threading.Timer(0.02, future.set, (1,)).start()

    assert stepped(wait()) == 1
    assert asyncio.run(wait()) == 1


def test_await_in_asyncio_waits_for_a_value(future: pykka.Future[Any]) -> None:
    async def wait() -> Any:
        return await future.map(lambda n: n + 1)

    threading.Timer(0.02, future.set, (1,)).start()
    assert asyncio.run(wait()) == 2


def test_await_raises_the_error(future: pykka.Future[Any]) -> None:
    async def wait() -> None:
        await future

    fail(future, LookupError("lost"))
    with pytest.raises(LookupError, match="lost"):
        stepped(wait())
    with pytest.raises(LookupError, match="lost"):
        asyncio.run(wait())


def test_a_generator_may_yield_from_a_future(future: pykka.Future[Any]) -> None:
    @types.coroutine
    def wait() -> Generator[Any, Any, Any]:
        return (yield from future)

    future.set(1)
    assert stepped(wait()) == 1


def test_filter_keeps_what_passes(future: pykka.Future[Any], runtime: Runtime) -> None:
    big = future.filter(lambda n: n > 10)
    assert isinstance(big, runtime.future_class)
    future.set(range(8, 14))

    assert big.get(timeout=0) == [11, 12, 13]


def test_join_lists_what_all_hold(future: pykka.Future[Any], runtime: Runtime) -> None:
    second, third = runtime.future_class(), runtime.future_class()
    joined = future.join(second, third)
    for each, value in ((third, False), (future, "abc"), (second, 123)):
        each.set(value)

    assert joined.get(timeout=0) == ["abc", 123, False]


def test_map_passes_the_value_on_as_a_whole(future: pykka.Future[Any], runtime: Runtime) -> None:
    length = future.map(len)
    twice = length.map(lambda n: n * 2)
    future.set([1, 2, 3])

    assert length.get(timeout=0) == 3
    assert twice.get(timeout=0) == 6
    record = runtime.future_class()
    record.set({"name": "value"})
    assert record.map(lambda r: r["name"]).get() == "value"


def test_reduce_folds_from_the_left(future: pykka.Future[Any], runtime: Runtime) -> None:
    future.set(["a", "b", "c"])
    nothing = runtime.future_class()
    nothing.set([])

    assert future.reduce(lambda x, y: x + y).get() == "abc"
    assert future.reduce(lambda x, y: x + y, ">").get() == ">abc"
    assert nothing.reduce(lambda x, y: x + y, 5).get() == 5
    with pytest.raises(TypeError):
        nothing.reduce(lambda x, y: x + y).get()


@pytest.mark.parametrize(
    "derive",
    [lambda f: f.filter(bool), lambda f: f.reduce(lambda x, y: x + y)],
    ids=["filter", "reduce"],
)
def test_what_is_not_iterable_is_a_type_error(future: pykka.Future[Any], derive: Any) -> None:
    derived = derive(future)
    future.set(1)
    with pytest.raises(TypeError):
        derived.get()


DERIVED = pytest.mark.parametrize(
    "derive",
    [
        lambda f, g: f.filter(g),
        lambda f, g: f.map(lambda ns: [g(n) for n in ns]),
        lambda f, g: f.reduce(lambda _, n: g(n), 0),
        lambda f, g: f.join(f).map(lambda both: [g(n) for n in both[0]]),
    ],
    ids=["filter", "map", "reduce", "join"],
)


@DERIVED
def test_what_is_derived_is_worked_out_once(future: pykka.Future[Any], derive: Any) -> None:
    seen: list[int] = []

    def note(n: int) -> int:
        seen.append(n)
        return n

    derived = derive(future, note)
    future.set([1, 2])

    assert derived.get() == derived.get()
    assert seen == [1, 2]


@DERIVED
def test_what_is_derived_keeps_the_timeout(future: pykka.Future[Any], derive: Any) -> None:
    with pytest.raises(pykka.Timeout):
        derive(future, bool).get(timeout=0.01)


@DERIVED
def test_an_error_passes_through_what_is_derived(future: pykka.Future[Any], derive: Any) -> None:
    derived = derive(future, bool)
    fail(future, LookupError("lost"))
    with pytest.raises(LookupError, match="lost"):
        derived.get()


def test_get_all_waits_for_all(runtime: Runtime) -> None:
    futures = [runtime.future_class() for _ in range(3)]
    with pytest.raises(pykka.Timeout):
        pykka.get_all(futures, timeout=0.01)
    for n, each in enumerate(futures):
        each.set(n)

    assert pykka.get_all(futures) == [0, 1, 2]
    assert pykka.get_all(iter(futures)) == [0, 1, 2]


def test_threads_may_all_wait_for_one_future(future: pykka.Future[Any]) -> None:
    got: list[object] = []
    threads = [threading.Thread(target=lambda: got.append(future.get(timeout=5))) for _ in range(5)]
    for thread in threads:
        thread.start()
    future.set("all")
    for thread in threads:
        thread.join()

    assert got == ["all"] * 5
