"""How one incarnation ends: stopped, crashed or killed, and what each leaves behind."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

import pykka
import pytest
import trio

from actors.kernel.errors import UnsupervisedError
from actors.kernel.exits import Crashed, Killed, Stopped
from actors.kernel.system import ActorGone
from supervisors.child_spec import Restart
from supervisors.intensity import RestartIntensity
from tests.kernel.probes import (
    Boom,
    Do,
    FinishingProbe,
    FinishingThreadProbe,
    Hold,
    Ping,
    Probe,
    Quit,
    Story,
    ThreadProbe,
    child,
    until,
)

if TYPE_CHECKING:
    from trio.testing import MockClock

    from tests.tree import Tree

BOTH = pytest.mark.parametrize("kind", [Probe, ThreadProbe])
FINISHING = pytest.mark.parametrize("kind", [FinishingProbe, FinishingThreadProbe])
BASE_EXCEPTIONS = [
    SystemExit(3),
    KeyboardInterrupt(),
    GeneratorExit(),
    asyncio.CancelledError(),
    BaseExceptionGroup("group", [KeyboardInterrupt(), ValueError()]),
]


@BOTH
async def test_a_stop_overtakes_the_mail_that_waits(tree: Tree, kind: type[Any]) -> None:
    story = Story()
    await tree.grow(child("probe", story, kind))

    tree.tell("probe", Hold(0.05), "waits")
    await trio.sleep(0.01)
    assert await tree.stop() == Stopped()

    assert story.lines == ["post_stop"]
    assert tree.dead == [("probe", "waits")]


@FINISHING
async def test_an_actor_that_finishes_its_mail_handles_what_waits_before_it_stops(
    tree: Tree, kind: type[Any]
) -> None:
    story = Story()
    await tree.grow(child("probe", story, kind))

    tree.tell("probe", Hold(0.05), "one", "two")
    await trio.sleep(0.01)
    await tree.stop()

    assert story.lines == ["one", "two", "post_stop"]
    assert tree.dead == []


async def test_finishing_its_mail_is_bounded_by_the_shutdown_time(
    tree: Tree, autojump_clock: MockClock
) -> None:
    story = Story()
    await tree.grow(child("probe", story, FinishingProbe, shutdown_s=5))

    tree.tell("probe", "one", Hold(100), "two")
    await tree.settle()
    began = trio.current_time()
    await tree.stop()

    assert trio.current_time() - began == pytest.approx(5)
    assert story.lines == ["one"]
    assert tree.dead == [("probe", Hold(100)), ("probe", "two")]


@BOTH
async def test_the_message_in_hand_at_a_crash_is_a_dead_letter_and_is_not_tried_again(
    tree: Tree, kind: type[Any]
) -> None:
    story = Story()
    await tree.grow(child("probe", story, kind))
    boom = Boom()

    tree.tell("probe", "before", boom, "after")
    assert await tree.ask("probe", Ping()) == 2

    assert story.lines == ["before", "after"]
    assert tree.dead == [("probe", boom)]
    assert tree.directory.dead_letters[0].why == "in hand when crashed: ValueError('boom')"


@BOTH
@pytest.mark.parametrize("error", BASE_EXCEPTIONS, ids=lambda error: type(error).__name__)
async def test_whatever_a_handler_raises_ends_one_incarnation_and_no_bystander(
    tree: Tree, kind: type[Any], error: BaseException
) -> None:
    bystander = Story()
    await tree.grow(child("probe", Story(), kind), child("bystander", bystander, kind))

    tree.tell("probe", Boom(error))
    assert await tree.ask("probe", Ping()) == 2

    assert await tree.ask("bystander", Ping()) == 1
    assert tree.log == ["probe: started", "bystander: started", "probe: restart", "probe: started"]


async def test_a_cancellation_of_its_own_ends_one_incarnation_and_no_bystander(
    tree: Tree, autojump_clock: MockClock
) -> None:
    await tree.grow(child("probe", Story()), child("bystander", Story()))

    def cancel_its_own_work(actor: Probe) -> None:
        actor._nursery.cancel_scope.cancel()

    await tree.ask("probe", Do(cancel_its_own_work))
    await tree.settle()

    assert await tree.ask("probe", Ping()) == 2
    assert tree.events[2].reason.startswith("crashed: RuntimeError")
    assert await tree.ask("bystander", Ping()) == 1


async def test_work_beside_the_mailbox_does_not_delay_the_mail(
    tree: Tree, autojump_clock: MockClock
) -> None:
    story = Story()
    await tree.grow(child("probe", story))

    async def work(actor: Probe) -> None:
        await trio.sleep(10)
        actor.address.tell("the work is done")

    await tree.ask("probe", Do(lambda actor: actor.spawn(work, actor)))
    assert await tree.ask("probe", Ping(), within=1) == 1
    await trio.sleep(11)

    assert story.lines == ["the work is done"]


async def test_an_error_beside_the_mailbox_ends_the_incarnation_with_its_real_cause(
    tree: Tree, autojump_clock: MockClock
) -> None:
    await tree.grow(child("probe", Story()))

    async def fail() -> None:
        await trio.sleep(1)
        async with trio.open_nursery():  # wraps what it raises in a group
            raise ValueError("beside")

    await tree.ask("probe", Do(lambda actor: actor.spawn(fail)))
    tree.tell("probe", Hold(5))
    await trio.sleep(2)

    assert [event.reason for event in tree.events][1:] == [
        "crashed: ValueError('beside')",
        "restarted",
    ]
    assert tree.dead == [("probe", Hold(5))]


async def test_work_beside_the_mailbox_ends_with_the_actor(
    tree: Tree, autojump_clock: MockClock
) -> None:
    await tree.grow(child("probe", Story()))

    await tree.ask("probe", Do(lambda actor: actor.spawn(trio.sleep_forever)))
    began = trio.current_time()

    assert await tree.stop() == Stopped()
    assert trio.current_time() == began


@BOTH
@pytest.mark.parametrize("end", ["stop", "crash", "kill"])
async def test_what_an_actor_holds_is_closed_however_it_ends(
    tree: Tree, kind: type[Any], end: str
) -> None:
    closed: list[str] = []
    await tree.grow(child("probe", Story(), kind, restart=Restart.TEMPORARY))
    await tree.ask("probe", Do(lambda actor: actor.held.callback(closed.append, "closed") and None))

    cell = tree.directory.find("probe")
    assert cell
    assert cell.incarnation
    match end:
        case "stop":
            tree.tell("probe", Quit())
        case "crash":
            tree.tell("probe", Boom())
        case _:
            cell.incarnation.kill("a test")
    await until(lambda: tree.directory.find("probe") is None)

    assert closed == ["closed"]


@BOTH
async def test_a_killed_actor_does_not_say_goodbye(tree: Tree, kind: type[Any]) -> None:
    story = Story()
    await tree.grow(child("probe", story, kind))
    cell = tree.directory.find("probe")
    assert cell
    assert cell.incarnation

    cell.incarnation.kill("a test")
    assert await tree.ask("probe", Ping()) == 2

    assert story.lines == []
    assert tree.events[1].reason == "killed: a test"


async def test_a_kill_ends_a_handler_that_opened_a_nursery_and_fails_in_its_cleanup(
    tree: Tree, autojump_clock: MockClock
) -> None:
    class Stubborn(Probe):
        async def on_receive(self, message: object) -> Any:
            if message != "work":
                return await super().on_receive(message)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                try:
                    await trio.sleep_forever()
                finally:
                    raise ValueError("while being cancelled")

    await tree.grow(child("probe", Story(), Stubborn), child("bystander", Story()))
    tree.tell("probe", "work")
    await tree.settle()
    cell = tree.directory.find("probe")
    assert cell
    assert cell.incarnation

    cell.incarnation.kill("a test")
    assert await tree.ask("probe", Ping()) == 2

    assert await tree.ask("bystander", Ping()) == 1
    assert tree.events[2].reason == "killed: a test"


async def test_an_actor_that_swallows_its_cancellation_once_is_killed_all_the_same(
    tree: Tree, autojump_clock: MockClock
) -> None:
    class Greedy(Probe):
        async def on_receive(self, message: object) -> Any:
            if message != "work":
                return await super().on_receive(message)
            try:
                await trio.sleep_forever()
            except BaseException:  # noqa: BLE001 - the fault that this test is about
                self.story.note("swallowed")

    story = Story()
    await tree.grow(child("probe", story, Greedy))
    tree.tell("probe", "work")
    await tree.settle()
    cell = tree.directory.find("probe")
    assert cell
    assert cell.incarnation

    cell.incarnation.kill("a test")
    assert await tree.ask("probe", Ping()) == 2
    assert story.lines == ["swallowed"]


@BOTH
async def test_a_stop_that_a_crash_forestalled_does_not_greet_the_next_incarnation(
    tree: Tree, kind: type[Any]
) -> None:
    def stop_and_fail(actor: pykka.Actor) -> None:
        actor.stop()
        raise ValueError("boom")

    await tree.grow(child("probe", Story(), kind))

    with pytest.raises(Exception, match="crashed"):
        await tree.ask("probe", Do(stop_and_fail))
    assert await tree.ask("probe", Ping()) == 2
    assert await tree.ask("probe", Ping()) == 2
    assert tree.log == ["probe: started", "probe: restart", "probe: started"]


@BOTH
async def test_a_watcher_is_told_once_when_an_actor_is_gone_for_good_and_not_at_a_restart(
    tree: Tree, kind: type[Any]
) -> None:
    watcher = Story()
    await tree.grow(
        child("watched", Story(), restart=Restart.TRANSIENT), child("watcher", watcher, kind)
    )

    for _ in range(2):
        await tree.ask("watcher", Do(lambda actor: actor.watch("watched")))
    tree.tell("watched", Boom())
    assert await tree.ask("watched", Ping()) == 2
    assert watcher.lines == []
    tree.tell("watched", Quit())
    await until(lambda: watcher.lines)
    await tree.ask("watcher", Ping())

    assert watcher.lines == [ActorGone("watched", Stopped())]


async def test_a_watch_outlives_a_restart_of_the_watcher(
    tree: Tree, autojump_clock: MockClock
) -> None:
    watcher = Story()
    await tree.grow(child("watched", Story(), restart=Restart.TEMPORARY), child("watcher", watcher))

    await tree.ask("watcher", Do(lambda actor: actor.watch("watched")))
    tree.tell("watcher", Boom())
    await tree.settle()
    error = ValueError("gone")
    tree.tell("watched", Boom(error))
    await tree.settle()

    assert watcher.lines == [ActorGone("watched", Crashed(error))]


async def test_whoever_watches_an_actor_that_is_gone_already_is_told_at_once(
    tree: Tree, autojump_clock: MockClock
) -> None:
    watcher = Story()
    await tree.grow(child("watcher", watcher))

    await tree.ask("watcher", Do(lambda actor: actor.watch("nobody")))
    await tree.settle()

    assert watcher.lines == [ActorGone("nobody", Stopped())]


async def test_a_watcher_that_is_gone_itself_leaves_no_watch_and_no_dead_letter(
    tree: Tree, autojump_clock: MockClock
) -> None:
    await tree.grow(child("watched", Story()), child("watcher", Story(), restart=Restart.TEMPORARY))

    await tree.ask("watcher", Do(lambda actor: actor.watch("watched")))
    tree.tell("watcher", Quit())
    await tree.settle()
    cell = tree.directory.find("watched")
    assert cell
    assert cell.watchers == set()
    await tree.stop()
    assert tree.dead == []


@BOTH
async def test_a_stopped_actor_leaves_no_task_no_thread_no_cell_and_no_registry_entry(
    tree: Tree, kind: type[Any]
) -> None:
    await tree.grow()
    tasks, threads = len(tree.life.nursery.child_tasks), threading.active_count()
    registered = len(pykka.ActorRegistry.get_all())
    await tree.stop()
    bodies: list[weakref.ref[pykka.Actor]] = []
    probes = (child(f"probe-{i}", Story(), kind) for i in range(5))
    await tree.grow(*probes, intensity=RestartIntensity(5, 1))
    for i in range(5):
        await tree.ask(f"probe-{i}", Do(lambda actor: bodies.append(weakref.ref(actor))))
        tree.crash(f"probe-{i}")
        await until(partial(tree.log.__contains__, f"probe-{i}: restart"))
        assert await tree.ask(f"probe-{i}", Ping()) == 2
    assert len(pykka.ActorRegistry.get_all()) == registered + 5

    await tree.stop()
    await until(lambda: threading.active_count() <= threads)
    gc.collect()

    assert len(tree.life.nursery.child_tasks) == tasks - 1  # the root itself
    assert len(pykka.ActorRegistry.get_all()) == registered - 1
    assert tree.names == []
    assert [body for body in bodies if body() is not None] == []
    assert tree.directory._below == {"": {}}


async def test_only_a_supervisor_starts_actors(tree: Tree, autojump_clock: MockClock) -> None:
    with pytest.raises(UnsupervisedError, match="only a supervisor starts actors"):
        Probe.start(Story())
    await tree.grow(child("probe", Story()))

    # The actor inherits the place that it was started in, which must not serve twice.
    with pytest.raises(Exception, match="crashed") as caught:
        await tree.ask("probe", Do(lambda _: Probe.start(Story())))
    assert isinstance(caught.value.__cause__, UnsupervisedError)
    await tree.settle()
    assert len(pykka.ActorRegistry.get_by_class(Probe)) == 1


async def test_an_actor_kept_busy_lets_others_have_their_turn(tree: Tree) -> None:
    await tree.grow(child("flooded", Story(), mailbox_capacity=100_000), child("calm", Story()))
    tree.tell("flooded", *range(50_000))

    await tree.ask("calm", Ping())

    cell = tree.directory.find("flooded")
    assert cell
    assert cell.handled < 25_000


def test_killed_says_why() -> None:
    assert str(Killed("a test")) == "killed: a test"
