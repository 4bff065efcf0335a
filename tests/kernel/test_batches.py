"""Batches: all or nothing, nothing lost or doubled, and one bad message set aside."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
import trio
from typing_extensions import override

from actors.kernel import blocking
from actors.kernel.blocking import Batch, BatchActor
from actors.kernel.errors import ActorCrashedError, NoReplyError
from supervisors.intensity import Backoff, RestartIntensity
from tests.kernel.probes import (
    BatchProbe,
    Boom,
    BoomAsked,
    Do,
    Forget,
    Hold,
    Ping,
    Story,
    child,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.tree import Tree

PATIENT: dict[str, Any] = {
    "intensity": RestartIntensity(100, 1),
    "backoff": Backoff(base_s=0.001, cap_s=0.001),
}


@pytest.fixture
def story() -> Iterator[Story]:
    story = Story()
    yield story
    story.go_on.set()


def told(number: int) -> tuple[int, ...]:
    return tuple(range(1, number + 1))


async def test_what_waits_is_handled_together_and_in_order(tree: Tree, story: Story) -> None:
    await tree.grow(child("probe", story, BatchProbe), **PATIENT)

    tree.tell("probe", *"abcdefghijklmnopqrstuvw")
    assert await tree.ask("probe", Ping()) == 1

    assert [len(batch) for batch in story.lines] == [10, 10, 4]
    assert sum(story.lines, ()) == told(24)


async def test_a_batch_closes_by_time_and_at_once_when_somebody_asks(
    tree: Tree, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BatchProbe, "batch_wait_s", 0.2)
    await tree.grow(child("probe", story, BatchProbe), **PATIENT)

    began = trio.current_time()
    tree.tell("probe", "a")
    assert await tree.ask("probe", Ping()) == 1
    assert trio.current_time() - began < 0.15
    tree.tell("probe", "b", "c")
    await until(lambda: len(story.lines) == 2)
    assert trio.current_time() - began > 0.15

    assert story.lines == [(1, 2), (3, 4)]


async def test_a_message_in_hand_at_two_crashes_is_quarantined_and_the_rest_is_handled_once(
    tree: Tree, story: Story
) -> None:
    await tree.grow(child("probe", story, BatchProbe), **PATIENT)
    poison = Boom()

    tree.tell("probe", "a", "b", poison, "d")
    assert await tree.ask("probe", Ping()) == 3

    # The batch fails as a whole, then each of it comes alone, then the poison fails again.
    assert story.lines == [(1, 2, 3, 4, 5), (1,), (2,), (3,), (4,), (5,)]
    assert tree.dead == [("probe", poison)]
    (letter,) = tree.directory.dead_letters
    assert letter.why == ("quarantined, because it was in hand twice: crashed: ValueError('boom')")


async def test_the_asker_of_a_quarantined_request_gets_the_cause(tree: Tree, story: Story) -> None:
    await tree.grow(child("probe", story, BatchProbe), **PATIENT)
    error = ValueError("boom")

    with pytest.raises(ActorCrashedError) as caught:
        await tree.ask("probe", BoomAsked(error))

    assert caught.value.__cause__ is error
    assert story.lines == [(1,), (1,)]


async def test_a_request_of_a_batch_that_nobody_answers_is_an_error(
    tree: Tree, story: Story
) -> None:
    await tree.grow(child("probe", story, BatchProbe), **PATIENT)

    with pytest.raises(NoReplyError):
        await tree.ask("probe", Forget())


async def test_a_stop_lets_all_batches_that_wait_be_handled_first(tree: Tree, story: Story) -> None:
    await tree.grow(child("probe", story, BatchProbe), **PATIENT)

    tree.tell("probe", *range(35))
    await tree.stop()

    assert sum(story.lines, ()) == told(35)
    assert tree.dead == []


async def test_a_batch_whose_askers_all_gave_up_is_not_handled(tree: Tree, story: Story) -> None:
    await tree.grow(child("probe", story, BatchProbe), **PATIENT)

    tree.tell("probe", Hold(0.05))
    await until(lambda: story.lines)
    with trio.move_on_after(0.01):
        await tree.ask("probe", Do(lambda _: story.note("handled")))
    cell = tree.directory.find("probe")
    assert cell
    await until(lambda: cell.mailbox.position == 2)
    assert await tree.ask("probe", Ping()) == 1

    assert story.lines == [(1,), (3,)]


class Store(BatchActor[Any]):
    """Keeps the positions that it has stored, as the recorder's table does."""

    batch_size = 7
    batch_wait_s = 0.001

    def __init__(self, stored: list[int]) -> None:
        super().__init__()
        self.stored = stored

    @override
    def on_batch(self, batch: Batch[Any]) -> None:
        last = self.stored[-1] if self.stored else 0
        self.stored.extend(d.position for d in batch.deliveries if d.position > last)


async def test_drills_at_any_moment_lose_and_double_nothing_of_a_batch(tree: Tree) -> None:
    stored: list[int] = []
    await tree.grow(child("store", stored, Store), **PATIENT)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, lambda: tree.tell("store", *range(900)))
        for _ in range(40):
            await trio.sleep(0.002)
            tree.directory.crash("store")
    await until(lambda: len(stored) >= 900)
    await tree.stop()

    assert stored == list(range(1, 901))
    assert tree.dead == []


async def test_a_drill_is_nobodys_poison(tree: Tree) -> None:
    # The same message in hand at many drills: it did nothing wrong, so it stays.
    stored: list[int] = []

    class Struck(Store):
        @override
        def on_batch(self, batch: Batch[Any]) -> None:
            super().on_batch(batch)
            lives.append(self)
            if len(lives) < 5:
                self.crash(ValueError("drill"))

    lives: list[Struck] = []
    await tree.grow(child("store", stored, Struck), **PATIENT)
    tree.tell("store", "a")
    await until(lambda: len(lives) == 5)
    await tree.stop()

    assert stored == [1]
    assert tree.dead == []


async def test_a_batch_that_gets_its_thread_stuck_stays_for_the_next_and_is_taken_once(
    tree: Tree, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocking, "KILL_GRACE_S", 0.05)
    await tree.grow(child("probe", story, BatchProbe), **PATIENT)
    stuck = Hold(60)

    tree.tell("probe", "a", stuck, "c")
    await until(lambda: story.lines)
    cell = tree.directory.find("probe")
    assert cell
    (thread,) = [t for t in threading.enumerate() if t.name == "probe"]
    assert cell.incarnation
    cell.incarnation.kill("a test")
    await until(lambda: story.lines[1:] == [(1,), (2,)])  # stuck again, alone this time
    assert cell.incarnation
    cell.incarnation.kill("a test")
    assert await tree.ask("probe", Ping()) == 3

    story.go_on.set()
    await until(lambda: not thread.is_alive())
    assert await tree.ask("probe", Ping()) == 3

    assert story.lines == [(1, 2, 3), (1,), (2,), (3,), (4,), (5,)]
    assert tree.dead == [("probe", stuck)]
    await until(lambda: cell.mailbox.position == 5)  # the answer comes before it is taken out
    assert cell.handled == 4
