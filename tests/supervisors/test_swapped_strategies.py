"""Each strategy's test fails when the strategy is swapped for another.

Here the product itself is wrong: it treats one strategy as another. The tests that are run on it
must notice, each of them, for every pair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from supervisors.child_spec import Restart
from supervisors.strategy import Strategy
from tests.faults import test_fault_points as points
from tests.faults.stage import TaskPatient
from tests.kernel.probes import Probe
from tests.supervisors import test_grid as grid
from tests.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    StrategyTest = Callable[[Tree, Any, Strategy], Awaitable[None]]


async def in_the_grid(tree: Tree, clock: Any, strategy: Strategy) -> None:
    await grid.test_a_child_that_ends_is_answered_by_strategy_and_restart_kind(
        tree, clock, grid.in_receive, strategy, Restart.PERMANENT
    )


async def at_a_failed_restart(tree: Tree, _clock: Any, strategy: Strategy) -> None:
    await grid.test_a_restart_that_fails_is_one_more_crash_of_that_child(
        tree, strategy, "pre_start", Probe
    )


async def at_a_fault_point(tree: Tree, _clock: Any, strategy: Strategy) -> None:
    await points.play(tree, points.before_the_handler, strategy, Restart.PERMANENT, TaskPatient)


TESTS: list[StrategyTest] = [in_the_grid, at_a_failed_restart, at_a_fault_point]


def run(test: StrategyTest, strategy: Strategy) -> bool:
    """Run a test in a Trio of its own; say whether it passed."""

    async def main() -> bool:
        async with trio.open_nursery() as nursery:
            tree = Tree(nursery)
            try:
                await test(tree, trio.lowlevel.current_clock(), strategy)
            except (AssertionError, trio.TooSlowError):
                return False
            finally:
                await tree.stop()
        return True

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize("taken_for", Strategy, ids=lambda s: s.value)
@pytest.mark.parametrize("strategy", Strategy, ids=lambda s: s.value)
@pytest.mark.parametrize("test", TESTS, ids=lambda f: f.__name__)
def test_a_strategys_test_passes_with_that_strategy_and_with_no_other(
    monkeypatch: pytest.MonkeyPatch,
    test: StrategyTest,
    strategy: Strategy,
    taken_for: Strategy,
) -> None:
    right = Strategy.affected

    def affected(asked: Strategy, started: Sequence[str], failed: str) -> tuple[str, ...]:
        return right(taken_for if asked is strategy else asked, started, failed)

    monkeypatch.setattr(Strategy, "affected", affected)

    assert run(test, strategy) == (strategy is taken_for)
