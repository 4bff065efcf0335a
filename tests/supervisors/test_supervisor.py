"""A supervisor of a fixed list: order, limits, backoff, escalation, the end."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import pykka
import pytest
import trio

from actors.kernel.exits import Crashed, Stopped
from actors.kernel.system import ChildState, WhichChildren
from supervisors.child_spec import ChildSpec, Restart
from supervisors.intensity import Backoff, RestartIntensity
from supervisors.lives import RestartIntensityError, StartError
from supervisors.strategy import AutoShutdown, Strategy
from supervisors.supervisor import RestartDue, Supervisor
from tests.kernel.probes import Boom, Hold, Ping, Probe, Quit, Story, ThreadProbe, child
from tests.tree import supervisor

if TYPE_CHECKING:
    from trio.testing import MockClock

    from tests.tree import Tree

BOTH = pytest.mark.parametrize("kind", [Probe, ThreadProbe])
NO_JITTER = Backoff(base_s=0.5, cap_s=2, jitter=0, calm_s=60)


class Shared(Story):
    """A story that says whose line it is, and shares its lines with others."""

    def __init__(self, name: str, lines: list[Any], **slow: float) -> None:
        super().__init__(lines=lines, slow=slow)
        self.name = name

    def note(self, line: object) -> None:
        self.lines.append(f"{self.name} {line}")

    def fail(self, hook: str) -> None:
        if hook == "pre_start":
            self.lines.append(f"{self.name} ready")
        super().fail(hook)


async def test_children_start_in_order_each_once_the_one_before_is_ready(
    tree: Tree, autojump_clock: MockClock
) -> None:
    lines: list[str] = []
    await tree.grow(
        child("slow", Shared("slow", lines, pre_start=5)),
        child("slower", Shared("slower", lines, pre_start=7)),
        child("fast", Shared("fast", lines)),
    )

    assert trio.current_time() == pytest.approx(12)
    assert lines == ["slow ready", "slower ready", "fast ready"]
    assert tree.log == ["slow: started", "slower: started", "fast: started"]


async def test_children_stop_in_reverse_order_each_once_the_one_after_has_stopped(
    tree: Tree, autojump_clock: MockClock
) -> None:
    lines: list[str] = []
    names = ("first", "second", "third")
    await tree.grow(*(child(name, Shared(name, lines, post_stop=2)) for name in names))
    lines.clear()
    tree.log.clear()

    await tree.stop()

    assert trio.current_time() == pytest.approx(6)
    assert lines == ["third post_stop", "second post_stop", "first post_stop"]
    assert tree.log == [f"{name}: stopped, because root stops" for name in reversed(names)]


async def test_a_child_that_overruns_its_shutdown_time_is_killed_and_the_rest_stops_in_order(
    tree: Tree, autojump_clock: MockClock
) -> None:
    story = Story()
    await tree.grow(child("a", story), child("b", Story(slow={"post_stop": 100}), shutdown_s=3))

    assert await tree.stop() == Stopped()

    assert trio.current_time() == pytest.approx(3)
    assert [event.reason for event in tree.events[-2:]] == [
        "killed: it overran its shutdown time of 3 s",
        "stopped",
    ]
    assert story.lines == ["post_stop"]


@BOTH
@pytest.mark.parametrize("hook", ["__init__", "pre_start"])
async def test_a_first_start_that_fails_stops_what_had_started_and_fails_the_supervisor(
    tree: Tree, kind: type[Any], hook: str
) -> None:
    first, error = Story(), ValueError("boom")
    with pytest.raises(StartError, match="root did not start: b did not start") as caught:
        await tree.grow(
            child("a", first), child("b", Story(failing={hook: error}), kind), child("c", Story())
        )

    assert first.lines == ["post_stop"]
    assert tree.log == ["a: started", "a: stopped, because root stops"]
    assert caught.value.__cause__
    assert caught.value.__cause__.__cause__ is error


async def test_a_crash_right_after_the_start_is_a_crash_and_no_failed_start(
    tree: Tree, autojump_clock: MockClock
) -> None:
    tree.launch(supervisor("root", child("a", Story())))
    tree.directory.open("a", parent="root")
    tree.tell("a", Boom())
    await tree.settle()

    assert tree.life.reason is None
    assert tree.log == ["a: started", "a: restart", "a: started"]


async def test_a_start_that_takes_too_long_is_killed_and_counts_as_failed(
    tree: Tree, autojump_clock: MockClock
) -> None:
    with pytest.raises(StartError, match="a did not start: killed: it did not start within 4 s"):
        await tree.grow(child("a", Story(slow={"pre_start": 100}), start_s=4))
    assert trio.current_time() == pytest.approx(4)


async def test_a_constructor_that_raises_what_is_no_exception_fails_the_start_only(
    tree: Tree, autojump_clock: MockClock
) -> None:
    story = Story()
    await tree.grow(child("a", story), child("b", Story()), backoff=NO_JITTER)

    story.failing["__init__"] = SystemExit(1)
    tree.tell("a", Boom())
    await trio.sleep(1)

    assert await tree.ask("a", Ping()) == 2
    assert await tree.ask("b", Ping()) == 1
    assert tree.log[2:] == ["a: restart", "a: restart in 0.5 s", "a: started"]


async def test_a_spec_that_starts_nothing_is_a_failed_start_and_not_a_wait_for_ever(
    tree: Tree, autojump_clock: MockClock
) -> None:
    def start() -> Any:
        return None

    with pytest.raises(StartError) as caught:
        await tree.grow(ChildSpec(id="a", start=start, start_s=math.inf))

    assert "TypeError('a: the start() of its spec must start an actor, and started none')" in str(
        caught.value
    )


async def test_a_spec_that_starts_two_actors_is_a_failed_start_and_leaves_neither(
    tree: Tree, autojump_clock: MockClock
) -> None:
    def start() -> Any:
        Probe.start(Story())
        return Probe.start(Story())

    with pytest.raises(StartError, match="only a supervisor starts actors"):
        await tree.grow(ChildSpec(id="a", start=start))


async def test_a_restart_that_starts_two_actors_leaves_neither(
    tree: Tree, autojump_clock: MockClock
) -> None:
    story = Story()

    def start() -> Any:
        if story.starts == 1:
            Probe.start(story)
        return Probe.start(story)

    await tree.grow(ChildSpec(id="a", start=start), backoff=NO_JITTER)
    already = len(pykka.ActorRegistry.get_all())

    tree.crash("a")
    await trio.sleep(10)

    assert tree.log == ["a: started", "a: restart", "a: restart in 0.5 s", "a: started"]
    assert len(pykka.ActorRegistry.get_all()) == already


async def test_a_stop_asked_during_the_start_starts_nobody_else(
    tree: Tree, autojump_clock: MockClock
) -> None:
    tree.launch(supervisor("root", child("a", Story(slow={"pre_start": 5})), child("b", Story())))
    await trio.sleep(1)

    await tree.stop()

    assert tree.log == ["a: started", "a: stopped, because root stops"]


async def test_as_many_restarts_as_allowed_are_made_and_one_more_ends_the_supervisor(
    tree: Tree, autojump_clock: MockClock
) -> None:
    other = Story()
    await tree.grow(
        child("a", Story()),
        child("other", other),
        intensity=RestartIntensity(2, 100),
        backoff=Backoff(base_s=0.1, cap_s=0.1, jitter=0),
    )
    error = ValueError("the last")

    for _ in range(2):
        tree.tell("a", Boom())
        await trio.sleep(1)
    assert await tree.ask("a", Ping()) == 3
    tree.tell("a", Boom(error))
    await tree.settle()

    assert tree.log[-2:] == [
        "a: gave up: more than 2 restarts within 100 s",
        "other: stopped, because root stops",
    ]
    assert other.lines == ["post_stop"]
    assert isinstance(tree.life.reason, Crashed)
    assert isinstance(tree.life.reason.error, RestartIntensityError)
    assert str(tree.life.reason.error) == (
        "a: crashed: ValueError('the last'); that is more than 2 restarts within 100 s"
    )
    assert tree.life.reason.error.__cause__ is error
    assert tree.dead[-1][0] == "a"


async def test_a_supervisor_gives_up_over_a_kill_as_over_a_crash(
    tree: Tree, autojump_clock: MockClock
) -> None:
    await tree.grow(child("a", Story()), intensity=RestartIntensity(0, 100))

    tree.kill("a")
    await tree.settle()

    assert isinstance(tree.life.reason, Crashed)
    assert isinstance(tree.life.reason.error, RestartIntensityError)
    assert tree.life.reason.error.__cause__ is None
    assert str(tree.life.reason.error) == (
        "a: killed: a test; that is more than 0 restarts within 100 s"
    )


async def test_restarts_that_are_long_ago_do_not_count(
    tree: Tree, autojump_clock: MockClock
) -> None:
    await tree.grow(child("a", Story()), intensity=RestartIntensity(1, 10))

    for number in range(2, 8):
        tree.tell("a", Boom())
        await trio.sleep(11)
        assert await tree.ask("a", Ping()) == number


async def test_no_restart_allowed_means_that_the_first_crash_ends_the_supervisor(
    tree: Tree, autojump_clock: MockClock
) -> None:
    await tree.grow(child("a", Story()), intensity=RestartIntensity(0, 10))

    tree.tell("a", Boom())
    await tree.settle()

    assert isinstance(tree.life.reason, Crashed)


async def test_a_supervisor_that_gives_up_is_restarted_by_the_one_above_with_its_childrens_mail(
    tree: Tree, autojump_clock: MockClock
) -> None:
    a, beside = Story(), Story()
    group = supervisor(
        "group", child("a", a), child("b", Story()), intensity=RestartIntensity(1, 10)
    )
    await tree.grow(group, child("beside", beside))
    tree.log.clear()

    tree.tell("a", Boom(), Boom(), "kept")
    await tree.settle()

    assert tree.log == [
        "a: restart",
        "a: started",
        "a: gave up: more than 1 restarts within 10 s",
        "b: stopped, because group stops",
        "group: restart",
        "a: started",
        "b: started",
        "group: started",
    ]
    assert a.lines == ["kept"]
    assert beside.lines == []


async def test_a_fault_that_no_restart_heals_escalates_level_by_level_to_the_root(
    tree: Tree, autojump_clock: MockClock
) -> None:
    a = Story()
    once = RestartIntensity(1, 100)
    lower = supervisor("lower", child("a", a), intensity=once)
    upper = supervisor("upper", lower, intensity=once)
    await tree.grow(upper, intensity=once, backoff=NO_JITTER)
    error = ValueError("for ever")

    for _ in range(8):
        tree.tell("a", Boom(error))
    await trio.sleep(100)

    assert a.starts == 8  # (1 + 1) at each of three levels
    assert isinstance(tree.life.reason, Crashed)
    causes: list[BaseException] = []
    cause: BaseException | None = tree.life.reason.error
    while cause is not None:
        causes.append(cause)
        cause = cause.__cause__
    assert [type(cause) for cause in causes] == [RestartIntensityError] * 3 + [ValueError]


async def test_the_first_restart_comes_at_once_and_later_ones_wait_longer_and_longer(
    tree: Tree, autojump_clock: MockClock
) -> None:
    await tree.grow(child("a", Story()), intensity=RestartIntensity(100, 1000), backoff=NO_JITTER)
    waits = []

    for number in range(2, 8):
        tree.tell("a", Boom())
        began = trio.current_time()
        assert await tree.ask("a", Ping()) == number
        waits.append(round(trio.current_time() - began, 3))

    assert waits == [0, 0.5, 1, 2, 2, 2]


async def test_a_restart_that_comes_at_once_is_done_before_anything_else_is_heard(
    tree: Tree, autojump_clock: MockClock
) -> None:
    await tree.grow(child("a", Story()), child("b", Story()))

    tree.crash("a")
    tree.crash("b")
    await tree.settle()

    first, second = tree.log[2].partition(":")[0], tree.log[4].partition(":")[0]
    assert {first, second} == {"a", "b"}
    assert tree.log[2:] == [
        f"{name}: {action}" for name in (first, second) for action in ("restart", "started")
    ]


async def test_the_event_of_a_start_says_whether_it_is_the_first(
    tree: Tree, autojump_clock: MockClock
) -> None:
    await tree.grow(child("a", Story()))

    tree.crash("a")
    await tree.settle()

    assert [(e.action, e.reason) for e in tree.events if e.action == "started"] == [
        ("started", ""),
        ("started", "restarted"),
    ]


async def test_a_child_has_the_mailbox_that_its_spec_asks_for(
    tree: Tree, autojump_clock: MockClock
) -> None:
    await tree.grow(child("a", Story(), mailbox_capacity=2))

    for number in range(3):
        tree.tell("a", number)

    assert tree.dead == [("a", 2)]


async def test_a_timer_that_was_called_off_starts_no_sibling_that_has_finished_since(
    tree: Tree, autojump_clock: MockClock
) -> None:
    await tree.grow(
        child("a", Story()),
        child("b", Story()),
        child("c", Story(), restart=Restart.TRANSIENT),
        strategy=Strategy.REST_FOR_ONE,
        backoff=NO_JITTER,
    )
    tree.tell("b", Boom(), Boom())
    await tree.settle()
    tree.tell("a", Boom())
    await tree.settle()

    tree.tell("c", Quit())
    await trio.sleep(10)

    assert tree.log[-4:] == ["a: started", "b: started", "c: started", "c: not started again"]


async def test_a_calm_period_makes_the_next_crash_the_first_again(
    tree: Tree, autojump_clock: MockClock
) -> None:
    await tree.grow(child("a", Story()), intensity=RestartIntensity(100, 1000), backoff=NO_JITTER)
    for _ in range(3):
        tree.tell("a", Boom())
        await tree.ask("a", Ping())

    await trio.sleep(61)
    tree.tell("a", Boom())
    began = trio.current_time()
    await tree.ask("a", Ping())

    assert trio.current_time() == began


async def test_a_child_that_waits_for_its_restart_says_so_and_delays_no_sibling(
    tree: Tree, autojump_clock: MockClock
) -> None:
    await tree.grow(child("a", Story()), child("b", Story()), backoff=NO_JITTER)

    tree.tell("a", Boom(), Boom())
    await tree.settle()
    states = {report.name: report.state for report in tree.directory.census()}
    assert states["a"] is ChildState.WAITING
    tree.tell("b", Boom())
    began = trio.current_time()

    assert await tree.ask("b", Ping()) == 2
    assert trio.current_time() == began


async def test_a_crash_that_restarts_a_waiting_sibling_calls_its_own_timer_off(
    tree: Tree, autojump_clock: MockClock
) -> None:
    b = Story()
    await tree.grow(
        child("a", Story()), child("b", b), strategy=Strategy.REST_FOR_ONE, backoff=NO_JITTER
    )
    tree.tell("b", Boom(), Boom())
    await tree.settle()
    assert b.starts == 2

    tree.tell("a", Boom())
    await trio.sleep(10)

    assert b.starts == 3
    assert tree.log[-3:] == ["a: restart", "a: started", "b: started"]


async def test_a_timer_that_rang_before_it_was_called_off_shortens_no_later_wait(
    tree: Tree, autojump_clock: MockClock
) -> None:
    b = Story()
    await tree.grow(child("b", b), backoff=NO_JITTER)
    tree.tell("b", Boom(), Boom())
    await tree.settle()

    tree.tell("root", RestartDue("b", crashes=1))  # of the crash before
    await trio.sleep(0.4)
    assert b.starts == 2
    await trio.sleep(0.2)
    assert b.starts == 3


async def test_a_stop_finds_a_child_that_waits_for_its_restart(
    tree: Tree, autojump_clock: MockClock
) -> None:
    a = Story()
    await tree.grow(child("a", a), backoff=NO_JITTER)
    tree.tell("a", Boom(), Boom(), "waits")
    await tree.settle()

    assert await tree.stop() == Stopped()

    assert trio.current_time() == 0
    assert a.starts == 2
    assert tree.dead[-1] == ("a", "waits")


async def test_a_child_that_says_goodbye_is_shown_as_stopping(
    tree: Tree, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    await tree.grow(child("a", Story(slow={"post_stop": 2})))

    nursery.start_soon(tree.stop)
    await trio.sleep(1)

    assert [(r.name, r.state) for r in tree.directory.census()] == [
        ("root", ChildState.STOPPING),
        ("a", ChildState.STOPPING),
    ]
    await trio.sleep(2)


async def test_a_temporary_child_that_falls_with_a_sibling_stays_down(
    tree: Tree, autojump_clock: MockClock
) -> None:
    await tree.grow(
        child("a", Story()),
        child("b", Story(), restart=Restart.TEMPORARY),
        child("c", Story(), restart=Restart.TRANSIENT),
        strategy=Strategy.ONE_FOR_ALL,
    )
    tree.log.clear()

    tree.tell("b", Hold(1), "waits")
    tree.tell("a", Boom())
    await trio.sleep(2)

    assert tree.log[-3:] == ["a: restart", "a: started", "c: started"]
    assert tree.names == ["root", "a", "c"]
    assert ("b", "waits") in tree.dead


async def test_a_transient_child_that_had_finished_is_started_again_with_its_siblings(
    tree: Tree, autojump_clock: MockClock
) -> None:
    await tree.grow(
        child("a", Story()),
        child("b", Story(), restart=Restart.TRANSIENT),
        strategy=Strategy.ONE_FOR_ALL,
    )

    tree.tell("b", Quit())
    await tree.settle()
    assert tree.names == ["root", "a"]
    tree.tell("a", Boom())
    await tree.settle()

    assert tree.names == ["root", "a", "b"]


SIGNIFICANT: dict[str, Any] = {"significant": True, "restart": Restart.TRANSIENT}


@pytest.mark.parametrize(
    ("auto_shutdown", "ends_after"),
    [
        (AutoShutdown.NEVER, None),
        (AutoShutdown.ANY_SIGNIFICANT, 1),
        (AutoShutdown.ALL_SIGNIFICANT, 2),
    ],
    ids=["never", "any", "all"],
)
async def test_a_supervisor_stops_by_itself_when_its_significant_children_have_finished(
    tree: Tree, autojump_clock: MockClock, auto_shutdown: AutoShutdown, ends_after: int | None
) -> None:
    await tree.grow(
        child("a", Story(), **SIGNIFICANT),
        child("b", Story(), **SIGNIFICANT),
        child("ordinary", Story(), restart=Restart.TRANSIENT),
        auto_shutdown=auto_shutdown,
    )
    ended = []

    for name in ("ordinary", "a", "b"):
        if tree.life.reason is None:
            tree.tell(name, Quit())
            await tree.settle()
            ended.append(name)
    assert tree.life.reason == (None if ends_after is None else Stopped())
    assert len(ended) == 1 + (ends_after or 2)


async def test_a_significant_child_that_was_started_again_has_not_finished(
    tree: Tree, autojump_clock: MockClock
) -> None:
    await tree.grow(
        child("a", Story(), **SIGNIFICANT),
        child("b", Story(), **SIGNIFICANT),
        strategy=Strategy.ONE_FOR_ALL,
        auto_shutdown=AutoShutdown.ALL_SIGNIFICANT,
    )

    tree.tell("b", Boom())  # a is stopped and started with it
    await tree.settle()
    tree.tell("b", Quit())
    await tree.settle()

    assert tree.life.reason is None
    tree.tell("a", Quit())
    await tree.settle()
    assert tree.life.reason == Stopped()


async def test_a_significant_child_that_crashes_and_is_restarted_ends_nothing(
    tree: Tree, autojump_clock: MockClock
) -> None:
    await tree.grow(child("a", Story(), **SIGNIFICANT), auto_shutdown=AutoShutdown.ANY_SIGNIFICANT)

    tree.tell("a", Boom())
    await tree.settle()

    assert tree.life.reason is None
    assert await tree.ask("a", Ping()) == 2


async def test_a_supervisor_lists_its_children_in_start_order(tree: Tree) -> None:
    await tree.grow(child("b", Story()), child("a", Story(), ThreadProbe))

    reports = await tree.ask("root", WhichChildren())

    assert [(r.name, r.kind, r.state, r.parent) for r in reports] == [
        ("b", "Probe", ChildState.RUNNING, "root"),
        ("a", "ThreadProbe", ChildState.RUNNING, "root"),
    ]


async def test_a_supervisor_that_is_crashed_takes_its_children_down_and_starts_them_with_their_mail(
    tree: Tree, autojump_clock: MockClock
) -> None:
    a = Story()
    await tree.grow(supervisor("group", child("a", a)), child("b", Story()))
    tree.tell("a", Hold(1), "kept")
    await tree.settle()

    tree.crash("group")
    await tree.settle()

    assert a.lines == ["kept"]
    assert await tree.ask("b", Ping()) == 1
    assert tree.log[-3:] == ["group: restart", "a: started", "group: started"]


async def test_a_supervisors_own_mailbox_refuses_nothing_that_its_children_report(
    tree: Tree, autojump_clock: MockClock
) -> None:
    children = [child(f"probe-{n}", Story(), restart=Restart.TEMPORARY) for n in range(50)]
    await tree.start(
        ChildSpec(id="root", start=partial(Supervisor.start, children), mailbox_capacity=1)
    )

    for number in range(50):
        tree.crash(f"probe-{number}")
    await tree.settle()

    assert tree.names == ["root"]


async def test_a_listener_that_fails_takes_no_supervisor_down(
    tree: Tree, autojump_clock: MockClock
) -> None:
    def fail(_: object) -> None:
        raise ValueError("listener")

    tree.directory.supervision.insert(0, fail)
    await tree.grow(child("a", Story()))
    tree.tell("a", Boom())
    await tree.settle()

    assert tree.log == ["a: started", "a: restart", "a: started"]


async def test_two_children_of_one_name_are_refused_with_the_name(
    tree: Tree, autojump_clock: MockClock
) -> None:
    with pytest.raises(StartError, match="root: each child needs an id of its own"):
        await tree.grow(child("a", Story()), child("a", Story()))


async def test_two_supervisors_with_a_child_of_the_same_name_are_refused(
    tree: Tree, autojump_clock: MockClock
) -> None:
    with pytest.raises(StartError, match="two children are called a"):
        await tree.grow(
            supervisor("one", child("a", Story())), supervisor("two", child("a", Story()))
        )


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"id": ""}, "id must be a name without '/', not ''"),
        ({"id": "a/b"}, "id must be a name without '/', not 'a/b'"),
        ({"start_s": 0}, "start_s must be more than 0, not 0"),
        ({"shutdown_s": -1}, "shutdown_s must be more than 0, not -1"),
        ({"mailbox_capacity": 0}, "mailbox_capacity must be more than 0, not 0"),
        ({"significant": True}, "x: a permanent child never finishes"),
    ],
)
def test_a_child_spec_that_makes_no_sense_is_refused_with_its_value(
    fields: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}"):
        ChildSpec(**{"id": "x", "start": lambda: None, **fields})


def test_a_child_spec_has_limits_without_being_asked() -> None:
    spec = child("a", Story())

    assert (spec.start_s, spec.shutdown_s, spec.mailbox_capacity) == (30, 5, 1000)
    assert spec.restart is Restart.PERMANENT
    assert not spec.significant
