"""What broke in others' supervisors and stood for itself in no test of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
from typing_extensions import override

from actors.kernel.actor import Actor
from actors.kernel.errors import ActorError
from actors.kernel.system import ActorGone
from supervisors.child_spec import ChildSpec, Restart
from supervisors.dynamic import DynamicSupervisor, Template
from supervisors.intensity import Backoff, RestartIntensity
from supervisors.strategy import Strategy
from tests.kernel.probes import Boom, Do, Hold, Ping, Probe, Quit, Story, ThreadProbe, child

if TYPE_CHECKING:
    from trio.testing import MockClock

    from actors.kernel.messages import Reply
    from tests.tree import Tree

BOTH = pytest.mark.parametrize("kind", [Probe, ThreadProbe])


async def test_a_full_mailbox_does_not_keep_a_watcher_from_hearing_of_an_end(
    tree: Tree, autojump_clock: MockClock
) -> None:
    """actor-ts#310: a bounded mailbox threw away that somebody had terminated."""
    story = Story()
    await tree.grow(
        child("watcher", story, mailbox_capacity=2),
        child("mortal", Story(), restart=Restart.TEMPORARY),
    )
    await tree.ask("watcher", Do(lambda actor: actor.watch("mortal")))
    tree.tell("watcher", Hold(1))
    await tree.settle()

    tree.tell("watcher", "first", "second", "too many")
    tree.tell("mortal", Quit())
    await trio.sleep(2)

    assert story.lines[:2] == ["first", "second"]
    assert [line.name for line in story.lines if isinstance(line, ActorGone)] == ["mortal"]
    assert tree.dead == [("watcher", "too many")]


async def test_two_actors_that_ask_each_other_are_freed_by_their_time_limits(
    tree: Tree, autojump_clock: MockClock
) -> None:
    """dapr#2901, akka.net#123: A waits for B, which waits for A, for ever."""

    class Asker(Actor[Any]):
        def __init__(self, other: str) -> None:
            super().__init__()
            self._other = other

        @override
        async def on_receive(self, message: Any) -> Reply[Any] | None:
            if isinstance(message, Ping):
                return message.reply(1)
            await self._incarnation.directory.address(self._other).ask(Ping(), within=3)
            return None

    await tree.grow(child("a", "b", Asker), child("b", "a", Asker))

    tree.tell("a", "go")
    tree.tell("b", "go")
    await trio.sleep(2.9)
    assert "restart" not in "".join(tree.log)
    await trio.sleep(5)

    assert await tree.ask("a", Ping()) == 1
    assert await tree.ask("b", Ping()) == 1
    assert all("TooSlowError" in e.reason for e in tree.events if e.action == "restart")


async def test_an_ask_of_whoever_has_stopped_already_holds_up_a_stop_no_longer_than_its_limit(
    tree: Tree, autojump_clock: MockClock
) -> None:
    """orleans#5736: actors that call each other while they end."""
    heard: list[type[BaseException]] = []

    class Leaver(Probe):
        @override
        async def post_stop(self) -> None:
            try:
                await self._incarnation.directory.address("gone").ask(Ping(), within=2)
            except (ActorError, trio.TooSlowError) as error:
                heard.append(type(error))

    await tree.grow(child("leaver", Story(), Leaver), child("gone", Story()))
    began = trio.current_time()

    await tree.stop()

    assert len(heard) == 1
    assert trio.current_time() - began <= 2
    assert tree.log[-2:] == [
        "gone: stopped, because root stops",
        "leaver: stopped, because root stops",
    ]


@BOTH
@pytest.mark.parametrize("restart", Restart, ids=lambda r: r.value)
async def test_a_child_that_ends_at_the_very_moment_of_its_stop_ends_once(
    tree: Tree, kind: type[Any], restart: Restart
) -> None:
    """erlang/otp#5193: the race of a child's own exit with the supervisor's stop."""
    for act in (Quit(), Boom()):
        tree.log.clear()
        await tree.grow(child("a", Story(), kind, restart=restart), child("b", Story(), kind))

        tree.tell("a", act)
        tree.tell("b", act)
        with trio.fail_after(5):
            await tree.stop()

        ends = [line for line in tree.log if line.startswith("a: ") and line != "a: started"]
        assert sum("stopped" in line or "not started" in line for line in ends) <= 1
        assert tree.names == []


async def test_a_key_that_is_told_while_its_pool_stops_does_not_survive_it(
    tree: Tree, autojump_clock: MockClock
) -> None:
    """Thespian#27: a child that was made during the shutdown outlived it."""
    stories: dict[int, Story] = {}

    def start(key: int) -> Any:
        return Probe.start(stories.setdefault(key, Story(slow={"post_stop": 1})))

    await tree.grow(
        ChildSpec(id="pool", start=lambda: DynamicSupervisor.start(Template(start=start)))
    )
    pool = tree.directory.pool("pool")
    pool.tell(1, "hello")
    await tree.settle()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(tree.stop)
        await trio.sleep(0.5)
        pool.tell(2, "too late")

    assert 2 not in stories
    assert ("pool/2", "too late") in tree.dead
    assert tree.names == []


@BOTH
async def test_crashes_of_every_kind_of_actor_count_against_the_intensity(
    tree: Tree, kind: type[Any]
) -> None:
    """actor-ts#638: one kind of actor went past the budget."""
    await tree.grow(
        child("a", Story(), kind),
        intensity=RestartIntensity(2, 100),
        backoff=Backoff(base_s=0.001, cap_s=0.001),
    )

    for _ in range(3):
        tree.tell("a", Boom())
    with trio.fail_after(5):
        await tree.life.gone.wait()

    assert tree.log.count("a: started") == 3
    assert tree.log[-1] == "a: gave up: more than 2 restarts within 100 s"


async def test_crashes_that_keep_within_the_limit_go_on_for_ever(
    tree: Tree, autojump_clock: MockClock
) -> None:
    """protoactor#379: the window was counted from the last error, so it never came to an end."""
    await tree.grow(
        child("a", Story()),
        intensity=RestartIntensity(3, 10),
        backoff=Backoff(base_s=0.001, cap_s=0.001),
    )

    for number in range(2, 42):
        tree.tell("a", Boom())
        await trio.sleep(4)
        assert await tree.ask("a", Ping()) == number


async def test_siblings_that_stop_slower_than_the_period_keep_a_crash_loop_alive_as_in_otp(
    tree: Tree, autojump_clock: MockClock
) -> None:
    """erlang/otp#1287: an end that takes longer than the period makes the limit unreachable.

    Ours is the same arithmetic; the backoff makes the loop slow, and every turn is an event.
    """
    b = Story(slow={"post_stop": 4})
    await tree.grow(
        child("a", Story()),
        child("b", b),
        strategy=Strategy.ONE_FOR_ALL,
        intensity=RestartIntensity(1, 3),
        backoff=Backoff(base_s=1, cap_s=1, jitter=0),
    )

    for _ in range(10):
        tree.tell("a", Boom())
        await trio.sleep(6)

    assert tree.life.reason is None
    assert sum("restart" in line for line in tree.log) == 10


async def test_five_children_of_a_pool_that_fail_once_each_do_not_end_it(
    tree: Tree, autojump_clock: MockClock
) -> None:
    """actor-ts#917: a budget for each parent, so small that siblings used it up for each other."""
    stories: dict[int, Story] = {}

    def start(key: int) -> Any:
        return Probe.start(stories.setdefault(key, Story()))

    await tree.grow(
        ChildSpec(id="pool", start=lambda: DynamicSupervisor.start(Template(start=start)))
    )

    for key in range(5):
        tree.directory.pool("pool").tell(key, Boom())
    await trio.sleep(1)

    assert [story.starts for story in stories.values()] == [2] * 5
    assert "pool: restart" not in tree.log
