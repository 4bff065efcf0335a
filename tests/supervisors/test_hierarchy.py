"""Random trees under thousands of pings, crashes and stops; tests/soak has the long runs."""

from __future__ import annotations

from operator import methodcaller
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

from tests.hierarchy import Job, Log, Stress, ThreadWorker, Worker, fresh_seed
from tests.kernel.probes import Do, child

if TYPE_CHECKING:
    from trio.testing import MockClock

    from actors.kernel.messages import Reply
    from tests.tree import Tree


@pytest.mark.parametrize(("depth", "breadth"), [(1, 12), (3, 3), (6, 2)])
async def test_a_random_tree_outlives_thousands_of_crashes_and_stops(
    autojump_clock: MockClock, depth: int, breadth: int
) -> None:
    stress = Stress(fresh_seed(), depth=depth, breadth=breadth, kinds=(Worker,))

    await stress.run(jobs=3_000)

    assert stress.log.lives > 500
    assert len(stress.log.handled) > 500


async def test_a_random_tree_of_threads_does_too() -> None:
    stress = Stress(fresh_seed(), depth=2, breadth=5, kinds=(Worker, ThreadWorker))

    await stress.run(jobs=1_000)

    assert len(stress.log.handled) > 100


async def test_the_stress_notices_two_at_once_and_whoever_works_while_it_is_down(
    tree: Tree, autojump_clock: MockClock
) -> None:
    log = Log()
    await tree.grow(child("a", log, Overseen), child("b", log, Overseen))

    for act in ("_start_twice", "_work_twice", "_work_after_a_crash"):
        await tree.ask("a", Do(methodcaller(act)))

    assert log.violations == [
        "a started while it still lived",
        f"a handled {Job(1, 'ping')} and another at once",
        f"a handled {Job(2, 'ping')} while it was down",
    ]


class Overseen(Worker):
    """Breaks the rules on demand."""

    @override
    async def on_receive(self, message: Any) -> Reply[Any] | None:
        return message.reply(message.act(self)) if isinstance(message, Do) else None

    def _start_twice(self) -> None:
        self.log.begin(self)

    def _work_twice(self) -> None:
        self.log.busy.add(self.name)
        self.log.handle(self, Job(1, "ping"))
        self.log.busy.discard(self.name)

    def _work_after_a_crash(self) -> None:
        self.log.failed.add(self.name)
        self.log.handle(self, Job(2, "ping"))
