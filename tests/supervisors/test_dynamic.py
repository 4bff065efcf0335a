"""A supervisor of children that come and go: keys, mail, limits, idle stops."""

from __future__ import annotations

import dataclasses
import math
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio

from actors.kernel.exits import Crashed, Stopped
from actors.kernel.system import (
    ChildState,
    StartChild,
    StartResult,
    StopChild,
    WhichChildren,
)
from supervisors.child_spec import ChildSpec, Restart
from supervisors.dynamic import DynamicSupervisor, Template
from supervisors.intensity import Backoff, RestartIntensity
from supervisors.lives import RestartIntensityError, StartError
from supervisors.strategy import Strategy
from tests.kernel.probes import Boom, Hold, Ping, Probe, Quit, Story, ThreadProbe, child, until
from tests.tree import supervisor

if TYPE_CHECKING:
    from trio.testing import MockClock

    from actors.kernel.addresses import Pool
    from tests.tree import Tree

NO_JITTER = Backoff(base_s=0.5, cap_s=2, jitter=0)
BOTH = pytest.mark.parametrize("kind", [Probe, ThreadProbe])


class Stories(dict[int, Story]):
    """A story for each key, made when it is looked at."""

    def __missing__(self, key: int) -> Story:
        self[key] = Story()
        return self[key]


def pool(stories: Stories, kind: type[Any] = Probe, **options: Any) -> ChildSpec:
    """Describe a dynamic supervisor called `pool`."""
    supervision = {name: options.pop(name) for name in ("intensity", "backoff") if name in options}
    template = Template(start=lambda key: kind.start(stories[key]), **options)
    return ChildSpec(
        id="pool",
        start=partial(DynamicSupervisor.start, template, **supervision),
        shutdown_s=math.inf,
        mailbox_capacity=math.inf,
    )


@pytest.fixture
def stories() -> Stories:
    return Stories()


@pytest.fixture
def probes(tree: Tree) -> Pool[Any]:
    return tree.directory.pool("pool")


@BOTH
async def test_the_first_message_to_a_key_starts_its_child_and_is_its_first_message(
    tree: Tree, probes: Pool[Any], stories: Stories, kind: type[Any]
) -> None:
    await tree.grow(pool(stories, kind))

    for number in range(100):
        probes.tell(81, number)
    assert await tree.ask("pool/81", Ping()) == 1

    assert stories[81].lines == list(range(100))
    assert probes.keys() == (81,)
    assert tree.names == ["root", "pool", "pool/81"]


async def test_threads_that_tell_new_keys_at_the_same_moment_lose_nothing(
    tree: Tree, probes: Pool[Any], stories: Stories
) -> None:
    await tree.grow(pool(stories))

    def send(sender: int) -> None:
        for key in range(100):
            probes.tell(key, sender)

    async with trio.open_nursery() as nursery:
        for sender in range(4):
            nursery.start_soon(trio.to_thread.run_sync, send, sender)
    await until(lambda: sum(len(story.lines) for story in stories.values()) == 400)

    assert all(sorted(story.lines) == [0, 1, 2, 3] for story in stories.values())
    assert all(story.starts == 1 for story in stories.values())


async def test_a_child_is_started_once_and_stopped_for_good_on_request(
    tree: Tree, probes: Pool[Any], stories: Stories, autojump_clock: MockClock
) -> None:
    await tree.grow(pool(stories))

    assert await tree.ask("pool", StartChild(7)) is StartResult.STARTED
    assert await tree.ask("pool", StartChild(7)) is StartResult.RUNNING
    probes.tell(7, Hold(1))
    probes.tell(7, "waits")
    await tree.settle()
    assert await tree.ask("pool", StopChild(7)) is True
    assert await tree.ask("pool", StopChild(7)) is False

    assert tree.names == ["root", "pool"]
    assert tree.dead == [("pool/7", "waits")]
    assert tree.log[1:] == ["pool/7: started", "pool/7: not started again"]
    probes.tell(7, "hello")
    await tree.settle()
    assert stories[7].lines == ["post_stop", "hello"]


async def test_a_child_asked_for_while_it_is_being_stopped_starts_once_the_old_one_is_gone(
    tree: Tree, stories: Stories, autojump_clock: MockClock
) -> None:
    await tree.grow(pool(stories))
    await tree.ask("pool", StartChild(7))
    stories[7].slow["post_stop"] = 2
    results: list[Any] = []

    async def ask(request: Any) -> None:
        results.append(await tree.ask("pool", request))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, StopChild(7))
        await tree.settle()
        nursery.start_soon(ask, StartChild(7))
        nursery.start_soon(ask, StartChild(7))

    assert sorted(map(str, results)) == ["StartResult.RUNNING", "StartResult.STARTED", "True"]
    assert trio.current_time() == pytest.approx(2)
    assert await tree.ask("pool/7", Ping()) == 2


async def test_a_child_that_overruns_its_shutdown_time_is_killed(
    tree: Tree, stories: Stories, autojump_clock: MockClock
) -> None:
    await tree.grow(pool(stories, shutdown_s=3))
    await tree.ask("pool", StartChild(7))
    stories[7].slow["post_stop"] = 100

    assert await tree.ask("pool", StopChild(7)) is True

    assert trio.current_time() == pytest.approx(3)
    assert tree.events[-1].reason == "killed: it overran its shutdown time of 3 s"


async def test_a_slow_start_delays_no_other_child(
    tree: Tree, stories: Stories, autojump_clock: MockClock
) -> None:
    await tree.grow(pool(stories))
    stories[1].slow["pre_start"] = 10
    results: list[tuple[int, float]] = []

    async def start(key: int) -> None:
        assert await tree.ask("pool", StartChild(key), within=20) is StartResult.STARTED
        results.append((key, trio.current_time()))

    async with trio.open_nursery() as nursery:
        for key in (1, 2):
            nursery.start_soon(start, key)
            await tree.settle()

    assert results == [(2, 0), (1, pytest.approx(10))]


async def test_no_more_children_run_than_allowed_and_the_mail_of_a_refused_one_is_dead(
    tree: Tree, probes: Pool[Any], stories: Stories, autojump_clock: MockClock
) -> None:
    await tree.grow(pool(stories, max_children=2))

    for key in (1, 2, 3):
        probes.tell(key, f"to {key}")
    await tree.settle()

    assert tree.names == ["root", "pool", "pool/1", "pool/2"]
    assert tree.dead == [("pool/3", "to 3")]
    assert tree.directory.dead_letters[0].why == "killed: pool has 2 children already"
    assert await tree.ask("pool", StartChild(3)) is StartResult.REFUSED
    await tree.ask("pool", StopChild(1))
    assert await tree.ask("pool", StartChild(3)) is StartResult.STARTED


async def test_a_crash_of_the_pool_does_not_let_a_refused_child_in(
    tree: Tree, probes: Pool[Any], stories: Stories, autojump_clock: MockClock
) -> None:
    await tree.grow(pool(stories, max_children=2))
    for key in (1, 2):
        probes.tell(key, "hello")
    await tree.settle()

    tree.crash("pool")
    probes.tell(3, "too many")
    await tree.settle()

    assert tree.names == ["root", "pool", "pool/1", "pool/2"]
    assert tree.dead == [("pool/3", "too many")]


@BOTH
async def test_a_pool_keeps_its_keys_and_their_mail_through_its_own_crash(
    tree: Tree, probes: Pool[Any], stories: Stories, kind: type[Any]
) -> None:
    await tree.grow(pool(stories, kind))
    for key in (1, 2, 3):
        assert await tree.ask("pool", StartChild(key)) is StartResult.STARTED

    tree.crash("pool")
    for key in (1, 2, 3, 4):  # 4 is new, and told while nobody supervises
        probes.tell(key, f"to {key}")
    await until(lambda: all(stories[key].lines == [f"to {key}"] for key in (1, 2, 3, 4)))

    assert [stories[key].starts for key in (1, 2, 3, 4)] == [2, 2, 2, 1]
    assert tree.dead == []
    assert await tree.ask("pool", StartChild(4)) is StartResult.RUNNING


async def test_a_pool_whose_supervisor_gave_up_leaves_its_mail_as_dead_letters(
    tree: Tree, probes: Pool[Any], stories: Stories, autojump_clock: MockClock
) -> None:
    await tree.grow(pool(stories), intensity=RestartIntensity(0, 1))
    probes.tell(1, Hold(5))
    await tree.settle()

    probes.tell(1, "one")
    tree.crash("pool")
    await tree.settle()
    probes.tell(2, "two")
    await tree.stop()
    probes.tell(3, "three")

    assert [(to, m) for to, m in tree.dead if not isinstance(m, StartChild)] == [
        ("pool/1", Hold(5)),
        ("pool/1", "one"),
        ("pool/2", "two"),
        ("pool/3", "three"),
    ]


async def test_an_idle_child_that_stops_loses_no_message_that_arrives_meanwhile(
    tree: Tree, probes: Pool[Any], stories: Stories, autojump_clock: MockClock
) -> None:
    await tree.grow(pool(stories, restart=Restart.TRANSIENT))
    probes.tell(1, "first")
    stories[1].slow["post_stop"] = 2
    probes.tell(1, Quit())
    await tree.settle()
    assert stories[1].lines == ["first", "post_stop"]

    probes.tell(1, "meanwhile")  # it is saying goodbye, and has not seen this
    stories[1].slow.clear()
    await trio.sleep(3)

    assert stories[1].lines == ["first", "post_stop", "meanwhile"]
    assert stories[1].starts == 2
    assert tree.dead == []


async def test_an_idle_child_that_stops_leaves_nothing_until_it_is_told_again(
    tree: Tree, probes: Pool[Any], stories: Stories, autojump_clock: MockClock
) -> None:
    await tree.grow(pool(stories, restart=Restart.TRANSIENT))
    probes.tell(1, Quit())
    await tree.settle()
    assert tree.names == ["root", "pool"]

    probes.tell(1, "again")
    await tree.settle()

    assert stories[1].lines == ["post_stop", "again"]


async def test_messages_told_at_every_moment_of_an_idle_stop_arrive_once_and_in_order(
    tree: Tree, probes: Pool[Any], stories: Stories
) -> None:
    await tree.grow(pool(stories, restart=Restart.TRANSIENT))

    def send() -> None:
        for number in range(600):
            probes.tell(1, number)
            if number % 3 == 0:
                probes.tell(1, Quit())

    await trio.to_thread.run_sync(send)
    await until(lambda: 599 in stories[1].lines)

    assert [line for line in stories[1].lines if line != "post_stop"] == list(range(600))
    assert stories[1].starts > 1
    assert tree.dead == []


@BOTH
async def test_a_child_that_crashes_is_restarted_with_backoff_and_disturbs_no_other(
    tree: Tree, probes: Pool[Any], stories: Stories, kind: type[Any]
) -> None:
    await tree.grow(pool(stories, kind, backoff=Backoff(base_s=0.02, jitter=0)))
    probes.tell(2, "hello")
    for _ in range(3):
        probes.tell(1, Boom())
    probes.tell(1, "after")
    await until(lambda: tree.log.count("pool/1: started") == 4)

    assert [line for line in tree.log if line.startswith("pool/1")] == [
        "pool/1: started",
        "pool/1: restart",
        "pool/1: started",
        "pool/1: restart in 0.02 s",
        "pool/1: started",
        "pool/1: restart in 0.04 s",
        "pool/1: started",
    ]
    assert await tree.ask("pool/1", Ping()) == 4
    assert stories[1].lines == ["after"]
    assert await tree.ask("pool/2", Ping()) == 1


@pytest.mark.parametrize("hook", ["__init__", "pre_start"])
@BOTH
async def test_a_child_that_does_not_start_is_tried_again_and_its_asker_is_told(
    tree: Tree, stories: Stories, hook: str, kind: type[Any]
) -> None:
    await tree.grow(pool(stories, kind))
    stories[1].failing[hook] = ValueError("not yet")

    with pytest.raises(StartError, match="pool/1 did not start: crashed: ValueError"):
        await tree.ask("pool", StartChild(1))
    await until(lambda: "pool/1: started" in tree.log)

    assert tree.log[1:] == ["pool/1: restart", "pool/1: started"]


@pytest.mark.parametrize("hook", ["__init__", "pre_start"])
async def test_a_child_that_never_starts_counts_against_the_pools_intensity(
    tree: Tree, probes: Pool[Any], stories: Stories, hook: str, autojump_clock: MockClock
) -> None:
    class Never(Story):
        def fail(self, hook_now: str) -> None:
            if hook_now == hook:
                raise ValueError("never")

    stories[1] = Never()
    await tree.grow(
        pool(stories, intensity=RestartIntensity(3, 100), backoff=NO_JITTER),
        intensity=RestartIntensity(0, 1),
    )

    probes.tell(1, "hello")
    await trio.sleep(60)

    assert [line for line in tree.log if "pool/1" in line] == [
        "pool/1: restart",
        "pool/1: restart in 0.5 s",
        "pool/1: restart in 1 s",
        "pool/1: gave up: more than 3 restarts within 100 s",
    ]
    assert isinstance(tree.life.reason, Crashed)


@pytest.mark.parametrize("hook", ["__init__", "pre_start"])
async def test_a_temporary_child_that_does_not_start_is_not_tried_again(
    tree: Tree, stories: Stories, hook: str, autojump_clock: MockClock
) -> None:
    await tree.grow(pool(stories, restart=Restart.TEMPORARY))
    stories[1].failing[hook] = ValueError("no")

    with pytest.raises(StartError):
        await tree.ask("pool", StartChild(1))
    await tree.settle()

    assert tree.names == ["root", "pool"]


async def test_a_child_that_is_stopped_while_it_waits_for_its_restart_stays_down(
    tree: Tree, probes: Pool[Any], stories: Stories, autojump_clock: MockClock
) -> None:
    await tree.grow(pool(stories, backoff=NO_JITTER))
    probes.tell(1, Boom())
    probes.tell(1, Boom())
    await tree.settle()

    assert await tree.ask("pool", StopChild(1)) is True
    await trio.sleep(5)

    assert stories[1].starts == 2
    assert tree.names == ["root", "pool"]


async def test_a_pool_stops_all_its_children_at_the_same_time(
    tree: Tree, stories: Stories, autojump_clock: MockClock
) -> None:
    await tree.grow(pool(stories))
    for key in (1, 2, 3):
        stories[key].slow["post_stop"] = 2
        await tree.ask("pool", StartChild(key))

    assert await tree.stop() == Stopped()

    assert trio.current_time() == pytest.approx(2)
    assert sorted(tree.log[-4:-1]) == [
        f"pool/{key}: stopped, because pool stops" for key in (1, 2, 3)
    ]


async def test_a_pool_falls_and_comes_back_with_a_sibling_and_keeps_its_keys(
    tree: Tree, probes: Pool[Any], stories: Stories, autojump_clock: MockClock
) -> None:
    await tree.grow(
        supervisor("group", child("a", Story()), pool(stories), strategy=Strategy.REST_FOR_ONE)
    )
    await tree.ask("pool", StartChild(1))
    probes.tell(1, Hold(2))
    probes.tell(1, "kept")
    await tree.settle()

    tree.tell("a", Boom())
    await trio.sleep(3)

    assert stories[1].lines == ["post_stop", "kept"]
    assert [r.name for r in await tree.ask("pool", WhichChildren())] == ["pool/1"]


async def test_the_templates_capacity_counts_whoever_opened_the_mailbox(
    tree: Tree, stories: Stories, autojump_clock: MockClock
) -> None:
    await tree.grow(pool(stories, mailbox_capacity=2))
    generous: Pool[Any] = tree.directory.pool("pool", capacity=100)

    generous.tell(1, Hold(1))
    await tree.settle()

    assert [generous.offer(1, number) for number in range(3)] == [True, True, False]


async def test_a_start_is_told_before_the_crash_that_follows_it_at_once(
    tree: Tree, probes: Pool[Any], stories: Stories, autojump_clock: MockClock
) -> None:
    await tree.grow(pool(stories))
    keys = range(20)

    for key in keys:  # who runs first in a pass of Trio's scheduler is chance, so many passes
        probes.tell(key, Boom())
        await tree.settle()

    for key in keys:
        assert [
            line.partition(": ")[2] for line in tree.log if line.startswith(f"pool/{key}:")
        ] == [
            "started",
            "restart",
            "started",
        ]


async def test_a_pools_own_mailbox_refuses_nothing_that_its_children_report(
    tree: Tree, probes: Pool[Any], stories: Stories, autojump_clock: MockClock
) -> None:
    spec = dataclasses.replace(pool(stories, restart=Restart.TEMPORARY), mailbox_capacity=1)
    await tree.grow(spec)
    for key in range(50):
        assert await tree.ask("pool", StartChild(key)) is StartResult.STARTED

    for key in range(50):
        tree.crash(f"pool/{key}")
    await tree.settle()

    assert tree.names == ["root", "pool"]


async def test_a_child_that_waits_for_its_restart_says_so(
    tree: Tree, probes: Pool[Any], stories: Stories, autojump_clock: MockClock
) -> None:
    await tree.grow(pool(stories, backoff=NO_JITTER))
    probes.tell(1, Boom())
    probes.tell(1, Boom())
    await tree.settle()

    (report,) = await tree.ask("pool", WhichChildren())
    assert report.state is ChildState.WAITING


async def test_a_timer_of_a_key_that_was_stopped_starts_nobody_and_breaks_nothing(
    tree: Tree, probes: Pool[Any], stories: Stories, autojump_clock: MockClock
) -> None:
    await tree.grow(pool(stories, backoff=NO_JITTER))
    for key in (1, 2):
        probes.tell(key, Boom())
        probes.tell(key, Boom())
    await tree.settle()

    for key in (1, 2):
        assert await tree.ask("pool", StopChild(key))
    assert await tree.ask("pool", StartChild(2)) is StartResult.STARTED
    await trio.sleep(5)

    assert probes.keys() == (2,)
    assert stories[2].starts == 3
    assert [line for line in tree.log if line.startswith("pool:")] == ["pool: started"]


async def test_a_child_that_starts_again_at_once_is_shown_as_starting(
    tree: Tree, probes: Pool[Any], stories: Stories, autojump_clock: MockClock
) -> None:
    await tree.grow(pool(stories))
    probes.tell(1, "hello")
    await tree.settle()
    stories[1].slow["pre_start"] = 2

    tree.crash("pool/1")
    await trio.sleep(1)

    assert tree.directory.census()[2].state is ChildState.STARTING
    await trio.sleep(2)
    assert tree.directory.census()[2].state is ChildState.RUNNING


async def test_the_event_of_a_start_says_whether_it_is_the_first_of_its_key(
    tree: Tree, probes: Pool[Any], stories: Stories, autojump_clock: MockClock
) -> None:
    await tree.grow(pool(stories))

    probes.tell(1, Boom())
    await tree.settle()

    starts = [e.reason for e in tree.events if (e.child, e.action) == ("pool/1", "started")]
    assert starts == ["", "restarted"]


async def test_a_pool_that_names_no_limit_makes_a_hundred_restarts_within_ten_seconds(
    tree: Tree, probes: Pool[Any], stories: Stories, autojump_clock: MockClock
) -> None:
    await tree.grow(pool(stories))

    for key in range(101):
        probes.tell(key, Boom())
    await tree.settle()

    gave_up = [line.partition(": ")[2] for line in tree.log if "gave up" in line]
    assert gave_up == ["gave up: more than 100 restarts within 10 s"]
    assert sum(line.endswith(": restart") for line in tree.log) == 100 + 1


@pytest.mark.parametrize("how", ["crash", "kill"])
async def test_a_pool_that_gives_up_says_over_whom_and_why(
    tree: Tree, probes: Pool[Any], stories: Stories, autojump_clock: MockClock, how: str
) -> None:
    never = RestartIntensity(0, 10)
    await tree.grow(pool(stories, intensity=never), intensity=never)
    probes.tell(1, "hello")
    probes.tell(2, "hello")
    await tree.settle()

    if how == "kill":
        tree.kill("pool/1")
    else:
        probes.tell(1, Boom())
    await tree.settle()

    assert isinstance(tree.life.reason, Crashed)
    error = tree.life.reason.error.__cause__
    said = "killed: a test" if how == "kill" else "crashed: ValueError('boom')"
    assert str(error) == f"pool/1: {said}; that is more than 0 restarts within 10 s"
    assert isinstance(error, RestartIntensityError)
    assert isinstance(error.__cause__, ValueError) == (how == "crash")
    assert stories[2].lines == ["hello", "post_stop"]
    assert "pool/2: stopped, because pool stops" in tree.log


def test_a_template_has_limits_without_being_asked() -> None:
    template = Template(start=lambda _: Probe.start(Story()))

    assert (template.start_s, template.shutdown_s) == (30, 5)
    assert (template.mailbox_capacity, template.max_children) == (1000, 10_000)
    assert template.restart is Restart.PERMANENT
