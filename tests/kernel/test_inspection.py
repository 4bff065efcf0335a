"""Looking into actors while they work: their state, their turns; and holding their mail."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import trio

from actors.kernel.inspection import Trace, resume, suspend, view
from actors.kernel.meter import Histogram
from actors.kernel.redaction import redacted
from actors.kernel.sampling import TURNS_EACH, Sampler, TurnWatch
from actors.kernel.system import ChildCount, ChildState, CountChildren, StopChild
from supervisors.child_spec import Restart
from supervisors.dynamic import DynamicSupervisor, Template
from supervisors.watchdog import WatchdogActor
from tests.kernel.probes import (
    BatchProbe,
    Boom,
    Do,
    FinishingProbe,
    Hold,
    Ping,
    Probe,
    Story,
    ThreadProbe,
    child,
    until,
)
from tests.tree import supervisor

if TYPE_CHECKING:
    from actors.kernel.cell import Cell
    from tests.tree import Tree

ALL = pytest.mark.parametrize("kind", [Probe, ThreadProbe, BatchProbe])
BOTH = pytest.mark.parametrize("kind", [Probe, ThreadProbe])
SNOWFLAKE = 123_456_789_012_345_678


@dataclass(frozen=True)
class Said:
    """A message with everything that must not be shown."""

    user_id: int
    content: str
    nick: str
    length: int


def cell(tree: Tree, name: str = "probe") -> Cell:
    found = tree.directory.find(name)
    assert found is not None
    return found


def state(tree: Tree, name: str = "probe") -> ChildState:
    return cell(tree, name).report().state


@ALL
async def test_a_suspended_actor_leaves_its_mail_alone_until_it_is_resumed(
    tree: Tree, kind: type[Any]
) -> None:
    story = Story()
    await tree.grow(child("probe", story, kind))
    await tree.ask("probe", Ping())
    before = list(story.lines)

    suspend(cell(tree))
    tree.tell("probe", "a", "b")
    with pytest.raises(trio.TooSlowError):
        await tree.ask("probe", Ping(), within=0.05)
    assert (story.lines, cell(tree).mailbox.depth()) == (before, 3)
    assert state(tree) is ChildState.SUSPENDED

    resume(cell(tree))
    assert await tree.ask("probe", Ping()) == 1
    assert len(story.lines) > len(before)
    assert state(tree) is ChildState.RUNNING


@BOTH
async def test_a_suspended_actor_still_stops(tree: Tree, kind: type[Any]) -> None:
    story = Story()
    await tree.grow(child("probe", story, kind))
    suspend(cell(tree))
    tree.tell("probe", "never handled")

    await tree.stop()

    assert story.lines == ["post_stop"]
    assert ("probe", "never handled") in tree.dead


async def test_a_suspended_actor_that_finishes_its_mail_does_so_before_it_stops(
    tree: Tree,
) -> None:
    story = Story()
    await tree.grow(child("probe", story, FinishingProbe))
    suspend(cell(tree))
    tree.tell("probe", "kept")

    await tree.stop()

    assert story.lines == ["kept", "post_stop"]


@BOTH
async def test_a_suspension_ends_with_the_incarnation(tree: Tree, kind: type[Any]) -> None:
    await tree.grow(child("probe", Story(), kind))
    suspend(cell(tree))

    tree.crash("probe")

    assert await tree.ask("probe", Ping()) == 2
    assert not cell(tree).mailbox.suspended


async def test_a_suspended_actors_mailbox_keeps_its_bound(tree: Tree) -> None:
    await tree.grow(child("probe", Story(), mailbox_capacity=2))
    suspend(cell(tree))

    assert [tree.directory.address("probe").offer(n) for n in range(3)] == [True, True, False]


@ALL
async def test_a_trace_tells_each_turn_through_a_restart(tree: Tree, kind: type[Any]) -> None:
    await tree.grow(child("probe", Story(), kind))
    await tree.ask("probe", Ping())
    seen: list[tuple[str, str]] = []
    with Trace(cell(tree), time.time) as trace, trio.fail_after(5):
        tree.tell("probe", Said(SNOWFLAKE, "secret words", "Ann", 12))
        while not seen:
            seen += [(turn.message, turn.error) for turn in await trace.next()]
        tree.tell("probe", Boom())
        await until(lambda: cell(tree).starts > 1)
        await tree.ask("probe", Do(lambda _: None))
        while not any("Do(" in message for message, _ in seen):
            seen += [(turn.message, turn.error) for turn in await trace.next()]
        assert trace.missed == 0

    assert seen[0] == ("Said(user_id=…5678, content=***, nick=3 characters, length=12)", "")
    assert any(message.startswith("Boom(") and error == "ValueError" for message, error in seen)
    await tree.ask("probe", Ping())
    assert cell(tree).lens is None, "nothing stays before the handler"
    life = cell(tree).incarnation
    assert life is not None
    assert not {"on_receive", "on_batch"} & set(vars(life.body))


async def test_a_trace_that_nobody_reads_is_bounded_and_counts_what_it_left_out(
    tree: Tree,
) -> None:
    await tree.grow(child("probe", Story()))
    with Trace(cell(tree), time.time, at_most=10) as trace:
        tree.tell("probe", *range(25))
        await tree.settle()
        turns = await trace.next()

        assert (len(turns), trace.missed) == (10, 15)


@BOTH
async def test_a_view_shows_the_message_in_hand_and_what_waits(tree: Tree, kind: type[Any]) -> None:
    story = Story()
    await tree.grow(child("probe", story, kind))
    tree.tell("probe", Hold(60), "text that nobody may read", Ping(), Ping())
    await until(lambda: cell(tree).mailbox.depth() == 3)

    seen = view(tree.directory, cell(tree))

    assert seen.in_hand == "Hold(seconds=60)"
    assert seen.waiting == {"Ping": 2, "str": 1}
    assert seen.report.depth == 3
    assert "nobody may read" not in str(seen)
    story.go_on.set()
    life = cell(tree).incarnation
    assert life is not None
    life.kill("the test is over")


class Secretive(Probe):
    """Has public attributes of every sort."""

    def __init__(self, story: Story) -> None:
        super().__init__(story)
        self.limit_s = 2.5
        self.api_token = "x" * 20
        self.last_content = "hello"
        self.title = "General"
        self.members = {1, 2, 3}
        self.owner_id = None


async def test_an_actor_shows_its_plain_attributes_and_no_secret_or_content(tree: Tree) -> None:
    await tree.grow(child("probe", Story(), Secretive))

    shown = view(tree.directory, cell(tree)).shown_state

    assert {"limit_s": 2.5, "title": "7 characters", "members": "3 items"}.items() <= shown.items()
    assert not {"api_token", "last_content"} & shown.keys()


class Unreadable(Probe):
    def shown_state(self) -> Any:
        raise RuntimeError("changed while it was read")


async def test_a_state_that_cannot_be_read_costs_nothing(tree: Tree) -> None:
    await tree.grow(child("probe", Story(), Unreadable))

    seen = view(tree.directory, cell(tree))

    assert seen.shown_state == {"could not be read": "RuntimeError"}
    assert await tree.ask("probe", Ping()) == 1


async def test_a_supervisor_counts_its_children_as_otp_does(tree: Tree) -> None:
    await tree.grow(
        supervisor("group", child("a", Story()), child("b", Story(), restart=Restart.TEMPORARY)),
        child("worker", Story()),
    )
    tree.crash("b")
    await tree.settle()

    assert await tree.ask("root", CountChildren()) == ChildCount(
        specs=2, active=2, supervisors=1, workers=1
    )
    assert await tree.ask("group", CountChildren()) == ChildCount(
        specs=2, active=1, supervisors=0, workers=2
    )


async def test_a_pool_counts_its_children(tree: Tree) -> None:
    story = Story()
    template = Template(start=lambda _key: Probe.start(story))
    await tree.start(child("pool", template, DynamicSupervisor, mailbox_capacity=10**6))
    pool = tree.directory.pool("pool")
    for key in range(3):
        pool.tell(key, "hello")
    await tree.settle()
    await tree.ask("pool", StopChild(1))

    count = await tree.ask("pool", CountChildren())

    assert count == ChildCount(specs=2, active=2, supervisors=0, workers=2)


@BOTH
async def test_the_watchdog_kills_whoever_hangs_in_a_turn(tree: Tree, kind: type[Any]) -> None:
    story = Story()
    await tree.grow(
        child("probe", story, kind, turn_s=0.2),
        child("watchdog", 0.05, WatchdogActor),
    )
    tree.tell("probe", Hold(60))

    await until(lambda: story.starts == 2, within=10)

    assert await tree.ask("probe", Ping()) == 2
    reasons = [event.reason for event in tree.events if event.child == "probe"]
    assert any(
        reason.startswith("killed: its turn took longer than 0.2 s, with Hold in hand")
        for reason in reasons
    )
    story.go_on.set()


async def test_an_actor_that_is_busy_and_not_hung_is_left_alone(
    tree: Tree, autojump_clock: trio.testing.MockClock
) -> None:
    await tree.grow(child("probe", Story(), turn_s=1))
    watch = TurnWatch(tree.directory)
    for _ in range(10):
        tree.tell("probe", Hold(0.6))
        await trio.sleep(0.3)
        assert await watch.overdue() == []


async def test_a_few_turns_are_sampled_and_then_nothing_is_measured(tree: Tree) -> None:
    await tree.grow(child("probe", Story()))
    sampler = Sampler(tree.directory)
    sampler.move_on()
    tree.tell("probe", *range(10 * TURNS_EACH))
    await tree.settle()

    assert tree.directory.meter.times["Probe"].count == TURNS_EACH
    assert cell(tree).lens is None


def test_a_histogram_is_true_to_an_eighth() -> None:
    times = Histogram()
    for us in range(1, 100_001):
        times.note(us / 1e6)

    for share in (0.01, 0.5, 0.9, 0.99):
        exact = share * 0.1
        assert exact <= times.quantile_s(share) <= exact * 1.126
    assert (times.count, times.worst_s) == (100_000, 0.1)


def test_a_message_is_shown_without_text_ids_and_secrets() -> None:
    @dataclass
    class Login:
        token: str
        attempt: int
        names: tuple[str, ...]

    assert redacted(Login("abc", 2, ("x",))) == "Login(token=***, attempt=2, names=1 item)"
    assert redacted("just text") == "str"
