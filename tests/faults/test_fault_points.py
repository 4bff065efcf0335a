"""One-shot faults before, during and after handler, start, stop, restart, reply and cancel.

Each point by strategy, restart kind and {task, thread}. Each run asserts the whole supervision log,
as the reference model writes it, and that told = handled + dead-lettered + waiting.
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

import pytest
import trio

from actors.kernel.errors import ActorCrashedError, ActorGoneError
from supervisors.child_spec import Restart
from supervisors.lives import StartError
from supervisors.strategy import Strategy
from tests.faults.stage import (
    FaultError,
    Stage,
    TaskPatient,
    ThreadPatient,
    Ward,
    plan_of,
    spec_of,
)
from tests.properties.model import Model

if TYPE_CHECKING:
    from trio.testing import MockClock

    from tests.faults.stage import Patient, Point
    from tests.tree import Tree


# Handler


async def before_the_handler(stage: Stage) -> None:
    stage.ward.armed = "before the handler"
    stage.tell()
    stage.tell()
    stage.expect(clean=False)


async def in_the_handler(stage: Stage) -> None:
    stage.ward.armed = "in the handler"
    stage.tell(slow=True)
    await stage.until(lambda: stage.ward.busy)
    stage.tell()
    stage.ward.go_on.set()
    stage.expect(clean=False)


async def killed_in_the_handler(stage: Stage) -> None:
    stage.tell(slow=True)
    await stage.until(lambda: stage.ward.busy)
    stage.tell()
    stage.tree.kill("b")
    stage.ward.go_on.set()
    stage.expect(clean=False)


async def at_the_end_of_the_handler(stage: Stage) -> None:
    stage.ward.armed = "at the end of the handler"
    stage.tell()
    stage.tell()
    stage.expect(clean=False)


async def after_the_handler(stage: Stage) -> None:
    stage.tell()
    await stage.until(lambda: stage.ward.handled)
    stage.tree.crash("b")
    stage.tell()
    stage.expect(clean=False)


# Restart


async def in_the_constructor_of_a_restart(stage: Stage) -> None:
    stage.ward.armed = "in the constructor"
    stage.tree.crash("b")
    stage.tell()
    stage.model.refuse("b", 1)
    stage.expect(clean=False)


async def in_pre_start_of_a_restart(stage: Stage) -> None:
    stage.ward.armed = "in pre_start"
    stage.tree.crash("b")
    stage.tell()
    stage.model.refuse("b", 1)
    stage.expect(clean=False)


async def right_after_a_restart(stage: Stage) -> None:
    stage.ward.armed = "right after pre_start"
    stage.tree.crash("b")
    stage.expect(clean=False)
    stage.expect(clean=False)


async def at_the_same_moment_as_a_sibling(stage: Stage) -> None:
    """Fall while the supervisor is at the failure of the last sibling: heard afterwards."""
    stage.tree.crash("c")
    await stage.until(lambda: "c: restart" in stage.tree.log)
    stage.model.end("c", clean=False)
    await stage.until(lambda: len(stage.tree.log) >= len(stage.model.log))
    stage.ward.armed = "before the handler"
    stage.tell()
    stage.expect(clean=False)


# Stop


async def before_post_stop(stage: Stage) -> None:
    stage.ward.armed = "in the handler"
    stage.tell(slow=True)
    await stage.until(lambda: stage.ward.busy)
    stage.ask_to_stop()
    stage.ward.go_on.set()
    stage.expect(clean=False)


async def in_post_stop(stage: Stage) -> None:
    stage.ward.armed = "in post_stop"
    stage.ask_to_stop()
    stage.expect(clean=False)


async def after_post_stop(stage: Stage) -> None:
    stage.ward.armed = "after post_stop"
    stage.ask_to_stop()
    stage.expect(clean=False)


async def nowhere_in_a_clean_stop(stage: Stage) -> None:
    stage.ask_to_stop()
    stage.expect(clean=True)


# Reply


async def before_the_answer(stage: Stage) -> None:
    stage.ward.armed = "in the handler"
    with pytest.raises(ActorCrashedError) as caught:
        await stage.ask()
    assert isinstance(caught.value.__cause__, FaultError)
    stage.expect(clean=False)


async def after_the_answer_in_the_same_turn(stage: Stage) -> None:
    stage.ward.armed = "after the answer"
    assert await stage.ask() == stage.told
    stage.expect(clean=False)


async def after_the_answer(stage: Stage) -> None:
    assert await stage.ask() == stage.told
    stage.tree.crash("b")
    stage.expect(clean=False)


async def killed_before_the_answer(stage: Stage) -> None:
    async def ask() -> None:
        # A thread can't be interrupted: it ends once it looks up, and has answered by then.
        unanswered = nullcontext() if stage.on_threads else pytest.raises(ActorGoneError)
        with unanswered:
            assert await stage.ask(slow=True) == stage.told

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await stage.until(lambda: stage.ward.busy)
        stage.tree.kill("b")
        stage.ward.go_on.set()
    stage.expect(clean=False)


# Cancel: the asker's, before, during and after the handler


async def cancelled_before_the_handler(stage: Stage) -> None:
    stage.tell(slow=True)
    await stage.until(lambda: stage.ward.busy)
    stage.ward.armed = "before the handler"
    await give_up(stage)
    stage.dropped += 1
    stage.ward.go_on.set()
    # The fault was meant for the request that nobody waits for, and that is not handled.
    await stage.until(lambda: stage.ward.handled)
    await trio.sleep(0.01)
    stage.ward.armed = ""
    assert await stage.ask() == stage.told


async def cancelled_in_the_handler(stage: Stage) -> None:
    await give_up(stage, slow=True)
    stage.ward.go_on.set()
    await stage.until(lambda: stage.ward.handled)
    assert await stage.ask() == stage.told


async def cancelled_in_a_handler_that_crashes(stage: Stage) -> None:
    stage.ward.armed = "in the handler"
    await give_up(stage, slow=True)
    stage.ward.go_on.set()
    stage.expect(clean=False)


async def cancelled_after_the_answer(stage: Stage) -> None:
    with trio.CancelScope() as scope:
        assert await stage.ask() == stage.told
        scope.cancel()
    stage.tree.crash("b")
    stage.expect(clean=False)


async def give_up(stage: Stage, *, slow: bool = False) -> None:
    """Ask, and be cancelled once the request waits, or, if it is slow, is in hand."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(stage.ask, slow=slow))
        await stage.until(lambda: stage.ward.busy)
        await trio.sleep(0.001)
        nursery.cancel_scope.cancel()


POINTS: list[Point] = [
    before_the_handler,
    in_the_handler,
    killed_in_the_handler,
    at_the_end_of_the_handler,
    after_the_handler,
    in_the_constructor_of_a_restart,
    in_pre_start_of_a_restart,
    right_after_a_restart,
    at_the_same_moment_as_a_sibling,
    before_post_stop,
    in_post_stop,
    after_post_stop,
    nowhere_in_a_clean_stop,
    before_the_answer,
    after_the_answer_in_the_same_turn,
    after_the_answer,
    killed_before_the_answer,
    cancelled_before_the_handler,
    cancelled_in_the_handler,
    cancelled_in_a_handler_that_crashes,
    cancelled_after_the_answer,
]

by_point = pytest.mark.parametrize("point", POINTS, ids=lambda f: f.__name__)
by_strategy = pytest.mark.parametrize("strategy", Strategy, ids=lambda s: s.value)
by_restart = pytest.mark.parametrize("restart", Restart, ids=lambda r: r.value)


async def play(
    tree: Tree, point: Point, strategy: Strategy, restart: Restart, kind: type[Patient]
) -> None:
    plan, ward = plan_of(strategy, restart), Ward()
    await tree.start(spec_of(plan, ward, kind))
    stage = Stage(tree, ward, Model(plan), kind=kind)

    await point(stage)

    await stage.check()
    assert ward.armed == "" or not tree.directory.find("b"), "the fault never struck"
    await tree.stop()
    stage.account()


@by_restart
@by_strategy
@by_point
async def test_a_fault_at_any_point_of_a_task_has_the_consequences_that_the_model_names(
    tree: Tree, autojump_clock: MockClock, point: Point, strategy: Strategy, restart: Restart
) -> None:
    await play(tree, point, strategy, restart, TaskPatient)


@by_restart
@by_strategy
@by_point
async def test_a_fault_at_any_point_of_a_thread_has_the_same_consequences(
    tree: Tree, point: Point, strategy: Strategy, restart: Restart
) -> None:
    await play(tree, point, strategy, restart, ThreadPatient)


@pytest.mark.parametrize("kind", [TaskPatient, ThreadPatient])
@pytest.mark.parametrize("where", ["in the constructor", "in pre_start"])
@by_restart
@by_strategy
async def test_a_fault_in_a_first_start_stops_what_had_started_and_fails_the_supervisor(
    tree: Tree, strategy: Strategy, restart: Restart, where: str, kind: type[Patient]
) -> None:
    plan, ward = plan_of(strategy, restart), Ward(armed=where)
    model = Model(plan, refusals={"b": 1})

    with pytest.raises(StartError) as caught:
        await tree.start(spec_of(plan, ward, kind))

    cause = caught.value.__cause__
    assert isinstance(cause, StartError)
    assert isinstance(cause.__cause__, FaultError)
    assert tree.log == model.log
