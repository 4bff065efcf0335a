"""What our runtime adds to Pykka's promises: async hooks and twins, the kernel's services."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pykka
import pytest
import trio
from pykka.messages import ProxySetAttr

from actors.kernel.errors import ActorCrashedError
from actors.kernel.messages import Request
from actors.kernel.pykka_actor import TrioActor
from actors.kernel.pykka_futures import AnswerFuture, TrioFuture
from actors.kernel.pykka_refs import stop_all_async
from supervisors.child_spec import ChildSpec, Restart
from supervisors.host import TrioHost
from tests.kernel.probes import eventually, until
from tests.pykka_promises.runtimes import BLOCKING, PYKKA, TRIO, Gated, Life, Teller

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.tree import Tree


class Slow(TrioActor):
    """Every hook and method is async."""

    def __init__(self, life: Life) -> None:
        super().__init__()
        self._life = life

    async def on_start(self) -> None:  # type: ignore[override]  # ours may be async
        await self._note("on_start")

    async def on_stop(self) -> None:  # type: ignore[override]  # ours may be async
        await self._note("on_stop")

    async def on_failure(self, *_: object) -> None:  # type: ignore[override]  # ours may be async
        await self._note("on_failure")

    async def on_receive(self, message: Any) -> Any:
        await self._note(message)
        if isinstance(message, BaseException):
            raise message
        return message

    async def double(self, n: int) -> int:
        await trio.sleep(0.001)
        return n * 2

    async def hold(self) -> None:
        await trio.sleep_forever()

    async def through(self, other: pykka.ActorProxy[Any]) -> int:
        n: int = await other.double(21)
        return n

    async def _note(self, line: object) -> None:
        await trio.sleep(0.001)
        self._life.lines.append(line)


@pytest.fixture
def host() -> Iterator[TrioHost]:
    with TrioHost() as host:
        yield host


@pytest.fixture
async def here() -> AsyncIterator[TrioHost]:
    """A host in the Trio run of the test."""
    async with trio.open_nursery() as nursery:
        host: TrioHost = await nursery.start(TrioHost().serve)
        yield host
        await host.stop_async()


@pytest.mark.usefixtures("host")
def test_every_hook_and_method_may_be_async(life: Life) -> None:
    ref = Slow.start(life)
    error = ValueError("boom")

    assert ref.ask("hello", timeout=5) == "hello"
    assert ref.proxy().double(4).get(timeout=5) == 8
    assert ref.stop(timeout=5)
    assert life.lines == ["on_start", "hello", "on_stop"]
    Slow.start(life).tell(error)
    life.comes_to("on_start", "hello", "on_stop", "on_start", error, "on_failure")


def test_an_async_actor_waits_for_another_and_delays_nobody(host: TrioHost, life: Life) -> None:
    slow, other = Slow.start(life).proxy(), Slow.start(life).proxy()
    held = Slow.start(life).proxy()
    held.hold()

    assert slow.through(other).get(timeout=5) == 42
    host.stop(within=0)


@pytest.mark.usefixtures("host")
def test_an_awaitable_reply_is_the_reply() -> None:
    class Giver(TrioActor):
        def on_receive(self, message: Any) -> Any:
            future: TrioFuture[Any] = TrioFuture()
            future.set(message)
            return future

    assert Giver.start().ask("inside", timeout=5).get() == "inside"


@pytest.mark.usefixtures("host")
def test_more_actors_may_block_at_once_than_trio_has_threads_by_default(life: Life) -> None:
    kind = BLOCKING.make(Gated)
    answers = [kind.start(life).ask("wait", block=False) for _ in range(50)]

    eventually(lambda: len(life.lines) == 50)
    life.go_on.set()
    assert pykka.get_all(answers, timeout=5) == ["wait"] * 50


@pytest.mark.usefixtures("host")
def test_an_actor_on_trio_and_one_in_a_thread_of_pykka_ask_each_other(life: Life) -> None:
    class Threaded(pykka.ThreadingActor):
        def half(self, ref: Any) -> Any:
            return ref.ask("from a thread", timeout=5)

    class OnTrio(TrioActor):
        async def ask_there(self, ref: Any, mine: Any) -> Any:
            return await trio.to_thread.run_sync(lambda: ref.proxy().half(mine).get(timeout=5))

    threaded = Threaded.start()
    answer = OnTrio.start().proxy().ask_there(threaded, TRIO.make(Teller).start(life))
    assert answer.get(timeout=5) == "from a thread"
    threaded.stop()


async def test_what_would_block_the_trio_thread_is_refused_before_anything_is_sent(
    here: TrioHost, life: Life
) -> None:
    ref = here.start(TRIO.make(Teller), life)
    proxy = ref.proxy()
    for what in (
        lambda: ref.ask("hello"),
        ref.stop,
        lambda: setattr(proxy, "value", 1),
        lambda: ref.ask("sent", block=False).get(),
        pykka.ActorRegistry.stop_all,
        here.stop,
        TrioHost().open,
    ):
        with pytest.raises(RuntimeError, match="would block the Trio thread"):
            what()

    assert await ref.ask("hello", block=False) == "hello"
    assert life.lines == ["on_start", "sent", "hello"]


async def test_each_of_them_has_an_async_twin(here: TrioHost, life: Life) -> None:
    ref: Any = here.start(TRIO.make(Teller), life)

    assert await ref.ask_async("hello") == "hello"
    assert await ref.ask_async("hello", timeout=5) == "hello"
    assert await ref.ask(ProxySetAttr(attr_path=("value",), value=1), block=False) is None
    assert await ref.proxy().value == 1
    assert await ref.proxy().value.map(lambda n: n + 1) == 2
    assert await ref.proxy().value.join(ref.proxy().value).reduce(lambda x, y: x + y) == 2
    assert await ref.stop(block=False) is True
    assert await ref.stop(block=False) is False
    second: Any = here.start(TRIO.make(Teller), life)
    assert await second.stop_async() is True
    assert await second.stop_async(timeout=5) is False
    with pytest.raises(pykka.ActorDeadError):
        await second.ask_async("late")


async def test_a_twin_may_take_too_long(here: TrioHost, life: Life) -> None:
    ref: Any = here.start(BLOCKING.make(Gated), life)

    with pytest.raises(pykka.Timeout, match=r"no reply within 0\.01 seconds"):
        await ref.ask_async("wait", timeout=0.01)
    with pytest.raises(pykka.Timeout):
        await ref.stop_async(timeout=0.01)
    life.go_on.set()
    await until(lambda: not ref.is_alive())


async def test_stop_all_has_a_twin_that_stops_threads_too(here: TrioHost, life: Life) -> None:
    here.start(TRIO.make(Teller), life)
    PYKKA.make(Teller).start(life)

    assert await stop_all_async(timeout=5) == [True, True]
    assert pykka.ActorRegistry.get_all() == []


async def test_a_future_that_waits_uses_no_thread(here: TrioHost, life: Life) -> None:
    ref: Any = here.start(Slow, life)
    held = ref.proxy().hold()
    before = threading.active_count()
    with trio.move_on_after(0.05):
        async with trio.open_nursery() as nursery:
            for _ in range(60):
                nursery.start_soon(held.map(bool).join(held).wait)
            await trio.sleep(0.02)
            assert threading.active_count() == before
    here.stop_soon(within=0)


async def test_futures_of_others_may_be_joined(life: Life) -> None:
    foreign: pykka.ThreadingFuture[int] = pykka.ThreadingFuture()
    ours: TrioFuture[int] = TrioFuture()
    hooked: TrioFuture[int] = TrioFuture()
    hooked.set_get_hook(lambda _timeout: 3)
    timer = threading.Timer(0.01, foreign.set, (1,))
    timer.start()
    ours.set(2)

    assert list(await ours.join(foreign, hooked)) == [2, 1, 3]


async def test_an_error_passes_through_an_awaited_future() -> None:
    future: AnswerFuture[int] = AnswerFuture()
    waits = future.map(lambda n: n + 1)
    timer = threading.Timer(0.01, future.fail, (LookupError("lost"),))
    timer.start()

    with pytest.raises(LookupError, match="lost"):
        await waits


def test_an_asyncio_loop_that_closed_harms_nobody_who_answers() -> None:
    import asyncio  # noqa: PLC0415 - nobody else here lives in asyncio

    future: AnswerFuture[int] = AnswerFuture()

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await future

    asyncio.run(give_up())
    future.set(1)
    assert future.get() == 1


class Boom(Request[int]):
    """Ask for a crash."""


class Phoenix(TrioActor):
    """A plain actor for a supervisor's tree."""

    def __init__(self, life: Life) -> None:
        super().__init__()
        self._life = life
        life.lines.append("born")

    async def on_receive(self, message: Any) -> Any:
        self._life.lines.append(message)
        if isinstance(message, Boom) or message == "boom":
            await trio.sleep(0.001)
            raise ValueError("boom")
        return message

    def on_stop(self) -> None:
        self._life.lines.append("on_stop")

    def remind(self) -> str:
        self._body.after(0.001, "later")
        self._body.spawn(self._beside)
        return self._body.name

    async def _beside(self) -> None:
        self._life.lines.append("beside")


def spec(life: Life, **options: Any) -> ChildSpec:
    return ChildSpec(id="phoenix", start=partial(Phoenix.start, life), **options)


async def test_a_supervisor_restarts_it_with_its_mail(tree: Tree, life: Life) -> None:
    await tree.grow(spec(life))
    (old,) = pykka.ActorRegistry.get_by_class(Phoenix)
    address: Any = tree.directory.address("phoenix")
    for message in ("boom", "after the crash"):
        address.tell(message)
    with trio.fail_after(5):
        assert await address.ask("asked", within=5) == "asked"

    assert life.lines == ["born", "boom", "born", "after the crash", "asked"]
    assert not old.is_alive()
    (new,) = pykka.ActorRegistry.get_by_class(Phoenix)
    assert new.is_alive()
    assert [report.kind for report in tree.directory.census()] == ["Supervisor", "Phoenix"]
    assert tree.dead == [("phoenix", "boom")]


async def test_a_late_stop_by_an_old_ref_does_not_stop_the_next_incarnation(
    tree: Tree, life: Life
) -> None:
    await tree.grow(spec(life))
    old: Any = pykka.ActorRegistry.get_by_class(Phoenix)[0]
    old.tell("boom")
    await until(lambda: life.lines == ["born", "boom", "born"])
    old.is_alive = lambda: True  # holds the window open between the check and the put

    assert await old.stop_async() is False
    assert await old.ask_async("handled by the next") == "handled by the next"
    assert life.lines == ["born", "boom", "born", "handled by the next"]


async def test_who_asks_by_address_learns_of_a_crash_as_everywhere(tree: Tree, life: Life) -> None:
    await tree.grow(spec(life))

    with pytest.raises(ActorCrashedError) as caught:
        await tree.ask("phoenix", Boom())
    assert isinstance(caught.value.__cause__, ValueError)


async def test_a_supervisor_stops_it_in_order(tree: Tree, life: Life) -> None:
    await tree.grow(spec(life, restart=Restart.TEMPORARY))
    await tree.stop()
    assert life.lines == ["born", "on_stop"]


async def test_the_kernels_services_are_at_hand(tree: Tree, life: Life) -> None:
    await tree.grow(spec(life))
    (ref,) = pykka.ActorRegistry.get_by_class(Phoenix)

    assert await ref.proxy().remind() == "phoenix"
    await until(lambda: sorted(life.lines) == ["beside", "born", "later"])
    with pytest.raises(RuntimeError, match="does not run yet"):
        _ = Phoenix(life)._body


async def test_what_came_after_a_stop_is_a_dead_letter(here: TrioHost, life: Life) -> None:
    ref = here.start(BLOCKING.make(Gated), life)
    ref.tell("wait")
    await until(lambda: bool(life.lines))
    stop = ref.stop(block=False)
    ref.tell("late")
    life.go_on.set()
    assert await stop

    assert [(each.message, each.why) for each in here.directory.dead_letters] == [
        ("late", "it came after the stop")
    ]


@pytest.mark.usefixtures("host")
def test_what_waits_at_a_crash_is_a_dead_letter(host: TrioHost, life: Life) -> None:
    ref, error = BLOCKING.make(Gated).start(life), ValueError("boom")
    ref.tell("wait")
    life.comes_to("wait")
    for message in (error, "never handled"):
        ref.tell(message)
    life.go_on.set()

    eventually(lambda: host.directory.census() == ())
    dead = [each.message for each in host.directory.dead_letters]
    assert dead == [error, "never handled"]


@pytest.mark.usefixtures("host")
def test_an_actor_killed_inside_a_nursery_of_its_own_is_killed_and_did_not_fail(
    host: TrioHost, life: Life
) -> None:
    class Nested(Slow):
        async def on_receive(self, message: Any) -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                nursery.start_soon(trio.sleep_forever)

    ref = Nested.start(life)
    answer = ref.ask("wait", block=False)
    life.comes_to("on_start")
    began = time.monotonic()

    assert host.stop(within=0.02) is False

    assert time.monotonic() - began < 2
    with pytest.raises(pykka.ActorDeadError):
        answer.get(timeout=5)
    assert life.lines == ["on_start"]
