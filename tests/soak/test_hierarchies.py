"""Random trees under hundreds of thousands of pings, crashes and stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hierarchy import Stress, ThreadWorker, Worker, fresh_seed

if TYPE_CHECKING:
    from trio.testing import MockClock

SHAPES = [(1, 40), (3, 4), (6, 3), (12, 2)]


@pytest.mark.parametrize(("depth", "breadth"), SHAPES)
async def test_a_random_tree_outlives_a_hundred_thousand_jobs(
    autojump_clock: MockClock, depth: int, breadth: int
) -> None:
    stress = Stress(fresh_seed(), depth=depth, breadth=breadth, kinds=(Worker,))

    await stress.run(jobs=100_000)


@pytest.mark.parametrize(("depth", "breadth"), SHAPES[1:3])
async def test_a_random_tree_of_tasks_and_threads_outlives_twenty_thousand_jobs(
    depth: int, breadth: int
) -> None:
    stress = Stress(fresh_seed(), depth=depth, breadth=breadth, kinds=(Worker, ThreadWorker))

    await stress.run(jobs=20_000)
