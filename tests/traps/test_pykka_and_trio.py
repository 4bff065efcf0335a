"""Traps of Pykka and Trio that no other test stands for."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pytest
import trio
from typing_extensions import override

from actors.kernel.actor import Actor
from actors.kernel.errors import ActorError
from tests.kernel.probes import Boom, Do, Ping, Probe, Quit, Story, ThreadProbe, child, until
from tests.tree import Tree

if TYPE_CHECKING:
    from trio.testing import MockClock

    from actors.kernel.messages import Reply

BOTH = pytest.mark.parametrize("kind", [Probe, ThreadProbe])


@BOTH
async def test_an_ask_that_races_the_end_of_its_actor_is_answered_or_refused(
    tree: Tree, kind: type[Any]
) -> None:
    """H1: in Pykka an ask between the last look at the inbox and its closing waits for ever."""
    await tree.grow(child("bystander", Story(), kind))
    outcomes: list[object] = []

    def ask(name: str) -> None:
        for _ in range(20):
            try:
                outcomes.append(tree.directory.address(name).ask_from_thread(Ping(), within=5))
            except ActorError as error:
                outcomes.append(type(error))

    async with trio.open_nursery() as askers:
        for number in range(10):
            name = f"racer{number}"
            racer = Tree(askers)
            racer.directory = tree.directory
            await racer.start(child(name, Story(), kind))
            for _ in range(3):
                askers.start_soon(trio.to_thread.run_sync, ask, name)
            await trio.sleep(0.001)
            tree.tell(name, Quit())
            await racer.life.gone.wait()
            await racer.stop()

    assert len(outcomes) == 10 * 3 * 20
    assert trio.TooSlowError not in outcomes
    assert await tree.ask("bystander", Ping()) == 1


@BOTH
async def test_a_blocking_stop_in_the_trio_thread_is_an_error_and_not_a_standstill(
    tree: Tree, kind: type[Any]
) -> None:
    """H10: an actor that stops itself and waits for it, or is stopped so from the loop."""
    await tree.grow(child("probe", Story(), kind))
    refs: list[Any] = []
    await tree.ask("probe", Do(lambda actor: refs.append(actor.actor_ref)))

    with pytest.raises(RuntimeError, match="would block the Trio thread"):
        refs[0].stop(block=True)


def test_a_thread_that_tells_when_the_run_is_over_breaks_nothing() -> None:
    """H11: what raises in a callback of run_sync_soon ends the whole run; a late one has no run."""
    telling, over = threading.Event(), threading.Event()

    def tell(tree: Tree) -> None:
        while not over.is_set():
            tree.directory.address("probe").tell("late")
            telling.set()
        tree.directory.address("probe").tell("last")

    async def main() -> tuple[Tree, threading.Thread]:
        async with trio.open_nursery() as nursery:
            tree = Tree(nursery)
            await tree.grow(child("probe", Story()))
            thread = threading.Thread(target=tell, args=(tree,))
            thread.start()
            await until(telling.is_set)
            await tree.stop()
        return tree, thread

    tree, thread = trio.run(main)
    over.set()
    thread.join(5)

    assert not thread.is_alive()
    assert tree.dead[-1] == ("probe", "last")


async def test_a_handler_that_fails_in_a_nursery_of_its_own_crashes_with_the_real_cause(
    tree: Tree, autojump_clock: MockClock
) -> None:
    """H12: what leaves a nursery is a group, and deciders look for the error inside."""

    class Nested(Actor[Any]):
        def __init__(self, _story: Story) -> None:
            super().__init__()

        @override
        async def on_receive(self, message: Any) -> Reply[Any] | None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._fail)
            return None

        async def _fail(self) -> None:
            raise ValueError("inside")

    await tree.grow(child("nested", Story(), Nested))

    tree.tell("nested", "anything")
    await tree.settle()

    assert tree.events[1].reason == "crashed: ValueError('inside')"


async def test_more_blocking_actors_than_trio_has_threads_do_not_wait_for_each_other(
    tree: Tree,
) -> None:
    """H14: trio.to_thread has 40 places; whoever shares them can starve."""
    everybody = threading.Barrier(50)

    def meet(_actor: object) -> int:
        return everybody.wait(5)

    await tree.grow(*(child(f"p{n}", Story(), ThreadProbe) for n in range(50)))
    met: list[int] = []

    async def ask(number: int) -> None:
        met.append(await tree.ask(f"p{number}", Do(meet), within=10))

    async with trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(ask, number)

    assert sorted(met) == list(range(50))


MINE: ContextVar[str] = ContextVar("mine", default="nobody's")


@BOTH
async def test_what_an_actor_sets_in_its_context_no_other_actor_sees(
    tree: Tree, kind: type[Any]
) -> None:
    """A worker that serves many actors in turn has one context, unless somebody takes care."""
    await tree.grow(*(child(name, Story(), kind) for name in "ab"))

    await tree.ask("a", Do(lambda actor: bool(MINE.set(actor.name))))

    assert await tree.ask("b", Do(lambda _: MINE.get())) == "nobody's"
    assert await tree.ask("a", Do(lambda _: MINE.get())) == "a"
    assert MINE.get() == "nobody's"
    tree.tell("a", Boom())
    assert await tree.ask("a", Do(lambda _: MINE.get())) == "nobody's"


async def test_a_tree_in_which_nothing_happens_costs_no_turn_of_the_scheduler(
    tree: Tree, autojump_clock: MockClock
) -> None:
    """Somebody's terminating actor span; so might one that waits, idles or lets a backoff pass."""

    class Turns(trio.abc.Instrument):
        count = 0

        @override
        def before_task_step(self, task: trio.lowlevel.Task) -> None:
            self.count += 1

    await tree.grow(*(child(f"p{n}", Story()) for n in range(20)))
    tree.tell("p0", Boom())
    await tree.settle()
    tree.tell("p0", Boom())
    await tree.settle()
    turns = Turns()
    trio.lowlevel.add_instrument(turns)

    await trio.sleep(0.2)

    trio.lowlevel.remove_instrument(turns)
    assert turns.count <= 3
