"""What Pykka's documentation promises of refs, the registry and futures, from any thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pykka
import pytest
import trio

from actors.kernel.futures import ReplyFuture
from supervisors.child_spec import Restart
from tests.kernel.probes import Ping, Probe, Story, ThreadProbe, child, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.tree import Tree

BOTH = pytest.mark.parametrize("kind", [Probe, ThreadProbe])


def the_ref(kind: type[Any]) -> pykka.ActorRef[Any]:
    (ref,) = pykka.ActorRegistry.get_by_class(kind)
    return ref


async def in_thread(work: Callable[..., Any], *args: object) -> Any:
    return await trio.to_thread.run_sync(lambda: work(*args))


@BOTH
async def test_a_ref_tells_and_asks_from_a_thread(tree: Tree, kind: type[Any]) -> None:
    story = Story()
    await tree.grow(child("probe", story, kind))
    ref = the_ref(kind)

    await in_thread(ref.tell, "hello")
    assert await in_thread(ref.ask, Ping()) == 1

    assert ref.is_alive()
    assert story.lines == ["hello"]


@BOTH
async def test_a_blocking_stop_returns_when_the_actor_has_stopped(
    tree: Tree, kind: type[Any]
) -> None:
    story = Story()
    await tree.grow(child("probe", story, kind, restart=Restart.TEMPORARY))
    ref = the_ref(kind)

    assert await in_thread(ref.stop) is True

    assert story.lines == ["post_stop"]
    assert not ref.is_alive()
    assert await in_thread(ref.stop) is False
    await until(lambda: tree.directory.find("probe") is None)


async def test_the_registry_stops_everyone_from_a_thread(tree: Tree) -> None:
    story = Story()
    await tree.grow(
        child("a", story, restart=Restart.TEMPORARY),
        child("b", story, ThreadProbe, restart=Restart.TEMPORARY),
    )

    assert await in_thread(pykka.ActorRegistry.stop_all) == [True, True, True]
    assert pykka.ActorRegistry.get_all() == []
    assert tree.life.reason is not None


async def test_a_blocking_get_in_the_trio_thread_is_an_error_and_not_a_standstill(
    tree: Tree,
) -> None:
    await tree.grow(child("probe", Story()))
    with pytest.raises(RuntimeError, match="would block the Trio thread"):
        the_ref(Probe).ask(Ping())


async def test_a_future_can_be_awaited_and_so_can_what_is_made_of_it(tree: Tree) -> None:
    await tree.grow(child("probe", Story()))
    ref = the_ref(Probe)

    assert await ref.ask(Ping(), block=False) == 1
    assert await ref.ask(Ping(), block=False).map(lambda n: n + 41) == 42


async def test_every_task_and_thread_that_waits_for_a_future_gets_its_value() -> None:
    future: ReplyFuture[str] = ReplyFuture()
    got: list[str] = []

    async def wait() -> None:
        got.append(await future.wait())

    async def wait_in_thread() -> None:
        got.append(await trio.to_thread.run_sync(lambda: future.get(timeout=5)))

    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(wait)
            nursery.start_soon(wait_in_thread)
        await until(lambda: len(future._waiters) == 4)
        await trio.to_thread.run_sync(future.set, "answer")

    assert got == ["answer"] * 4


def test_a_future_has_one_outcome_whoever_settles_it_first() -> None:
    for _ in range(200):
        future: ReplyFuture[str] = ReplyFuture()
        gate = threading.Barrier(2)

        def settle(future: ReplyFuture[str] = future, gate: threading.Barrier = gate) -> None:
            gate.wait()
            future.fail(ValueError("lost"))

        thread = threading.Thread(target=settle)
        thread.start()
        gate.wait()
        future.set("won")
        thread.join()
        assert (future._result is None) != (future._error is None)


def test_a_get_that_takes_too_long_says_how_long() -> None:
    with pytest.raises(pykka.Timeout, match=r"no reply within 0\.01 seconds"):
        ReplyFuture[str]().get(timeout=0.01)


def test_set_exception_takes_the_one_that_is_being_handled() -> None:
    future: ReplyFuture[str] = ReplyFuture()
    try:
        raise ValueError("handled")  # noqa: TRY301 - an exception must be at hand
    except ValueError:
        future.set_exception()

    with pytest.raises(ValueError, match="handled"):
        future.get()
    with pytest.raises(ValueError, match="needs an exception"):
        ReplyFuture[str]().set_exception()
