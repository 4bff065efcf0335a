"""The grid: every strategy by restart kind by point of failure, on a live tree.

Three children, the second one fails. What OTP does in each case stands in `expected`,
written here a second time and as a table, so that it can disagree with the code.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio

from supervisors.child_spec import Restart
from supervisors.intensity import Backoff
from supervisors.strategy import Strategy
from tests.kernel.probes import Boom, Do, Hold, Probe, Quit, Story, ThreadProbe, child, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from trio.testing import MockClock

    from tests.tree import Tree

STARTED = ["a: started", "b: started", "c: started"]

AGAIN = {
    Strategy.ONE_FOR_ONE: ["b: restart", "b: started"],
    Strategy.REST_FOR_ONE: [
        "c: stopped, because b failed",
        "b: restart",
        "b: started",
        "c: started",
    ],
    Strategy.ONE_FOR_ALL: [
        "c: stopped, because b failed",
        "a: stopped, because b failed",
        "b: restart",
        "a: started",
        "b: started",
        "c: started",
    ],
}
NOT_AGAIN = ["b: not started again"]


def in_receive(tree: Tree, _: Story) -> None:
    tree.tell("b", Boom())


def beside(tree: Tree, _: Story) -> None:
    async def fail() -> None:
        raise ValueError("beside")

    tree.tell("b", Do(lambda actor: actor.spawn(fail)))


def late(tree: Tree, _: Story) -> None:
    async def fail() -> None:
        await trio.sleep(0.5)
        raise ValueError("late")

    tree.tell("b", Do(lambda actor: actor.spawn(fail)))


def killed(tree: Tree, _: Story) -> None:
    tree.kill("b")


def drilled(tree: Tree, _: Story) -> None:
    tree.crash("b")


def in_stop(tree: Tree, story: Story) -> None:
    story.failing["post_stop"] = ValueError("goodbye")
    tree.tell("b", Quit())


def base_exception(tree: Tree, _: Story) -> None:
    tree.tell("b", Boom(SystemExit(1)))


def a_clean_stop(tree: Tree, _: Story) -> None:
    tree.tell("b", Quit())


FAILURES = [in_receive, beside, late, killed, drilled, in_stop, base_exception]
IN_THREADS = [failure for failure in FAILURES if failure not in {beside, late}]
Act = "Callable[[Tree, Story], None]"


def restarts(restart: Restart, act: Callable[[Tree, Story], None]) -> bool:
    return restart is Restart.PERMANENT or (
        restart is Restart.TRANSIENT and act is not a_clean_stop
    )


async def settled_log(tree: Tree, expected: list[str]) -> list[str]:
    """Wait in real time until the log is as long as expected, and a little longer."""
    await until(lambda: len(tree.log) >= len(expected))
    await trio.sleep(0.005)
    return tree.log


@pytest.mark.parametrize("restart", Restart, ids=lambda r: r.value)
@pytest.mark.parametrize("strategy", Strategy, ids=lambda s: s.value)
@pytest.mark.parametrize("act", [*FAILURES, a_clean_stop], ids=lambda f: f.__name__)
async def test_a_child_that_ends_is_answered_by_strategy_and_restart_kind(
    tree: Tree,
    autojump_clock: MockClock,
    act: Callable[[Tree, Story], None],
    strategy: Strategy,
    restart: Restart,
) -> None:
    b = Story()
    await tree.grow(
        child("a", Story()),
        child("b", b, restart=restart),
        child("c", Story()),
        strategy=strategy,
    )

    act(tree, b)
    await trio.sleep(1)

    after = AGAIN[strategy] if restarts(restart, act) else NOT_AGAIN
    assert tree.log == STARTED + after


@pytest.mark.parametrize("restart", Restart, ids=lambda r: r.value)
@pytest.mark.parametrize("strategy", Strategy, ids=lambda s: s.value)
@pytest.mark.parametrize("act", [*IN_THREADS, a_clean_stop], ids=lambda f: f.__name__)
async def test_a_thread_that_ends_is_answered_in_the_same_way(
    tree: Tree,
    act: Callable[[Tree, Story], None],
    strategy: Strategy,
    restart: Restart,
) -> None:
    b = Story()
    thread = partial(child, kind=ThreadProbe)
    await tree.grow(
        thread("a", Story()),
        thread("b", b, restart=restart),
        thread("c", Story()),
        strategy=strategy,
    )

    act(tree, b)

    after = AGAIN[strategy] if restarts(restart, act) else NOT_AGAIN
    assert await settled_log(tree, STARTED + after) == STARTED + after


@pytest.mark.parametrize("hook", ["__init__", "pre_start"])
@pytest.mark.parametrize("strategy", Strategy, ids=lambda s: s.value)
@pytest.mark.parametrize("kind", [Probe, ThreadProbe])
async def test_a_restart_that_fails_is_one_more_crash_of_that_child(
    tree: Tree, strategy: Strategy, hook: str, kind: type[Any]
) -> None:
    b = Story()
    await tree.grow(
        child("a", Story(), kind),
        child("b", b, kind),
        child("c", Story(), kind),
        strategy=strategy,
        backoff=Backoff(base_s=0.02, jitter=0),
    )

    b.failing[hook] = ValueError("not yet")
    tree.tell("b", Boom())

    first = [line for line in AGAIN[strategy] if "stopped" in line]
    restart_a = ["a: stopped, because b failed"] if strategy is Strategy.ONE_FOR_ALL else []
    a_again = ["a: started"] if strategy is Strategy.ONE_FOR_ALL else []
    c_again = ["c: started"] if strategy is not Strategy.ONE_FOR_ONE else []
    expected = [
        *STARTED,
        *first,
        "b: restart",
        *a_again,
        *restart_a,
        "b: restart in 0.02 s",
        *a_again,
        "b: started",
        *c_again,
    ]
    assert await settled_log(tree, expected) == expected


@pytest.mark.parametrize("strategy", Strategy, ids=lambda s: s.value)
async def test_mail_waits_for_whoever_is_restarted_and_is_handled_by_the_next_incarnation(
    tree: Tree, autojump_clock: MockClock, strategy: Strategy
) -> None:
    stories = {name: Story() for name in "abc"}
    await tree.grow(*(child(name, story) for name, story in stories.items()), strategy=strategy)

    for name in "abc":
        tree.tell(name, Hold(1), f"to {name}")
    tree.tell("b", Boom())
    await tree.settle()
    tree.crash("b")
    await trio.sleep(10)

    assert [story.lines.count(f"to {name}") for name, story in stories.items()] == [1, 1, 1]


@pytest.mark.parametrize("strategy", Strategy, ids=lambda s: s.value)
async def test_children_that_fail_at_the_same_moment_are_all_started_again(
    tree: Tree, autojump_clock: MockClock, strategy: Strategy
) -> None:
    await tree.grow(*(child(name, Story()) for name in "abc"), strategy=strategy)

    for name in "abc":
        tree.crash(name)
    await trio.sleep(10)

    # Whoever falls with a sibling is not counted for a crash of its own, as in OTP. Who is
    # heard first is chance, and it matters to rest_for_one.
    counted = sum(tree.log.count(f"{name}: restart") for name in "abc")
    assert (
        counted
        in {
            Strategy.ONE_FOR_ONE: {3},
            Strategy.REST_FOR_ONE: {1, 2, 3},
            Strategy.ONE_FOR_ALL: {1},
        }[strategy]
    )
    assert [r.state.value for r in tree.directory.census()] == ["running"] * 4
    assert all(r.restarts >= 1 for r in tree.directory.census()[1:])


@pytest.mark.parametrize("restart", Restart, ids=lambda r: r.value)
@pytest.mark.parametrize("strategy", Strategy, ids=lambda s: s.value)
async def test_a_child_that_hangs_when_a_sibling_fails_is_killed_in_its_turn(
    tree: Tree, autojump_clock: MockClock, strategy: Strategy, restart: Restart
) -> None:
    stories = {name: Story() for name in "abc"}
    await tree.grow(
        child("a", stories["a"]),
        child("b", stories["b"], restart=restart, shutdown_s=2),
        child("c", stories["c"]),
        strategy=strategy,
    )

    tree.tell("b", Hold(1000))
    await tree.settle()
    tree.crash("a")
    await trio.sleep(10)

    if strategy is Strategy.ONE_FOR_ONE:
        assert tree.log == [*STARTED, "a: restart", "a: started"]
        return
    b_again = ["b: started"] if restart is not Restart.TEMPORARY else []
    assert tree.log == [
        *STARTED,
        "c: stopped, because a failed",
        "b: stopped, because a failed",
        "a: restart",
        "a: started",
        *b_again,
        "c: started",
    ]
    assert tree.events[4].reason == "killed: it overran its shutdown time of 2 s"
    assert "post_stop" not in stories["b"].lines
