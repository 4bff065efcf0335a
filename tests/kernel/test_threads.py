"""Actors in threads: where a thread can be, and what is done about one that is stuck."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio
from structlog.testing import capture_logs

from actors.kernel import blocking
from actors.kernel.bells import ThreadBell
from actors.kernel.errors import ActorCrashedError, ActorGoneError
from actors.kernel.exits import Stopped
from supervisors.lives import StartError
from tests.kernel.probes import (
    Do,
    Hold,
    HoldAsked,
    Ping,
    Story,
    ThreadProbe,
    child,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.tree import Tree


@pytest.fixture
def story() -> Iterator[Story]:
    """A story whose threads are let go after the test."""
    story = Story()
    yield story
    story.go_on.set()


@pytest.fixture
def _short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocking, "KILL_GRACE_S", 0.05)


async def test_every_incarnation_of_a_blocking_actor_has_a_thread_of_its_own(
    tree: Tree, story: Story
) -> None:
    await tree.grow(child("probe", story, ThreadProbe))
    thread = await tree.ask("probe", Do(lambda _: threading.current_thread()))

    assert thread.name == "probe"
    assert thread.daemon
    tree.crash("probe")
    await until(lambda: not thread.is_alive())
    assert await tree.ask("probe", Do(lambda _: threading.current_thread())) is not thread


async def test_a_drill_wakes_and_crashes_an_idle_thread(tree: Tree, story: Story) -> None:
    await tree.grow(child("probe", story, ThreadProbe))

    for life in range(1, 4):
        assert await tree.ask("probe", Ping()) == life
        tree.crash("probe")
        await until(partial(story.has_lived, life + 1))

    assert tree.events[1].reason == ("crashed: DrillError('probe was crashed on purpose (drill)')")


@pytest.mark.parametrize("end", ["crash", "kill"])
async def test_an_end_is_noticed_wherever_an_idle_thread_is_on_its_way_to_sleep(
    tree: Tree, story: Story, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Strikes between the look whether to go on and the wait: a bell rung there is wiped out.
    struck = threading.Event()
    original = ThreadBell.wait

    def wait(bell: Any, timeout: float | None) -> None:
        if not struck.is_set() and story.lines == ["armed"]:
            struck.set()
            cell = tree.directory.find("probe")
            assert cell
            assert cell.incarnation
            body: Any = cell.incarnation._body
            strike = body.crash if end == "crash" else body.kill
            trio.from_thread.run_sync(
                strike, ValueError("drill") if end == "crash" else "a test", trio_token=token
            )
        original(bell, timeout)

    token = trio.lowlevel.current_trio_token()
    monkeypatch.setattr(ThreadBell, "wait", wait)
    await tree.grow(child("probe", story, ThreadProbe))
    tree.tell("probe", "armed")

    with trio.fail_after(0.8):  # well below the grace: it must notice, not be given up
        await until(lambda: story.starts == 2)
    assert "stuck" not in tree.events[1].reason


@pytest.mark.usefixtures("_short_grace")
async def test_a_stuck_thread_is_reported_with_its_stack_and_replaced(
    tree: Tree, story: Story
) -> None:
    await tree.grow(child("probe", story, ThreadProbe))
    tree.tell("probe", Hold(60), "waits")
    cell = tree.directory.find("probe")
    assert cell
    await until(lambda: cell.mailbox.depth() != 2)
    assert cell.incarnation

    with capture_logs() as logs:
        cell.incarnation.kill("a test")
        assert await tree.ask("probe", Ping()) == 2

    (line,) = [line for line in logs if line["event"] == "a thread is stuck"]
    assert line["actor"] == "probe"
    assert "in on_receive" in line["stack"]
    assert "go_on.wait" in line["stack"]
    assert tree.events[1].reason.startswith("killed: a test; its thread is stuck at ")
    assert tree.dead == [("probe", Hold(60))]
    assert story.lines == ["waits"]


@pytest.mark.usefixtures("_short_grace")
async def test_a_thread_that_comes_back_after_it_was_given_up_touches_nothing(
    tree: Tree, story: Story
) -> None:
    await tree.grow(child("probe", story, ThreadProbe))
    answers: list[BaseException] = []

    async def ask() -> None:
        with pytest.raises(ActorGoneError) as caught:
            await tree.ask("probe", HoldAsked(60))
        answers.append(caught.value)

    async with trio.open_nursery() as nursery:
        thread = await tree.ask("probe", Do(lambda _: threading.current_thread()))
        nursery.start_soon(ask)
        cell = tree.directory.find("probe")
        assert cell
        await until(lambda: cell.handled == 1 and cell.mailbox.position == 2)
        assert cell.incarnation
        cell.incarnation.kill("a test")
        await until(lambda: answers)
    assert await tree.ask("probe", Ping()) == 2
    before = (cell.handled, cell.mailbox.position)

    story.go_on.set()
    await until(lambda: not thread.is_alive())

    assert (cell.handled, cell.mailbox.position) == before
    assert await tree.ask("probe", Ping()) == 2


@pytest.mark.usefixtures("_short_grace")
async def test_a_thread_stuck_in_its_start_is_reported_and_its_late_end_changes_nothing(
    tree: Tree, story: Story
) -> None:
    story.slow["pre_start"] = 60
    with pytest.raises(StartError) as caught:
        await tree.grow(child("probe", story, ThreadProbe, start_s=0.05))
    assert "its thread is stuck at" in str(caught.value.__cause__ or caught.value)

    cell = tree.directory.find("probe")
    assert cell
    state = cell.state
    story.go_on.set()
    await until(lambda: not [t for t in threading.enumerate() if t.name == "probe"])
    await tree.settle()

    assert cell.state is state
    assert cell.running_since is None


@pytest.mark.usefixtures("_short_grace")
async def test_a_stuck_thread_does_not_hold_up_the_shutdown_of_the_others(
    tree: Tree, story: Story
) -> None:
    other = Story()
    await tree.grow(child("other", other), child("probe", story, ThreadProbe, shutdown_s=0.05))
    tree.tell("probe", Hold(60))
    cell = tree.directory.find("probe")
    assert cell
    await until(cell.mailbox.empty)

    with trio.fail_after(1):
        assert await tree.stop() == Stopped()

    assert other.lines == ["post_stop"]
    assert [line.partition(",")[0] for line in tree.log[-2:]] == [
        "probe: stopped",
        "other: stopped",
    ]
    assert "its thread is stuck" in tree.events[-2].reason


async def test_a_handler_that_outlasts_its_kill_but_not_the_grace_is_no_stuck_thread(
    tree: Tree, story: Story
) -> None:
    await tree.grow(child("probe", story, ThreadProbe))
    tree.tell("probe", Hold(0.1), "waits")
    cell = tree.directory.find("probe")
    assert cell
    await until(lambda: cell.mailbox.depth() == 1)
    assert cell.incarnation

    cell.incarnation.kill("a test")
    assert await tree.ask("probe", Ping()) == 2

    assert tree.events[1].reason == "killed: a test"
    assert tree.dead == []
    assert story.lines == ["waits"]


async def test_a_thread_that_was_killed_does_not_get_the_next_message(
    tree: Tree, story: Story
) -> None:
    await tree.grow(child("probe", story, ThreadProbe))
    tree.tell("probe", Hold(0.03), "waits")
    cell = tree.directory.find("probe")
    assert cell
    await until(lambda: cell.mailbox.depth() == 1)
    assert cell.incarnation

    cell.incarnation.kill("a test")
    time.sleep(0.08)  # noqa: ASYNC251 - Trio is kept away: the thread must see it by itself

    assert story.lines == []
    assert await tree.ask("probe", Ping()) == 2
    assert story.lines == ["waits"]


async def test_a_drill_on_a_busy_thread_strikes_after_the_message_in_hand(
    tree: Tree, story: Story
) -> None:
    await tree.grow(child("probe", story, ThreadProbe))
    tree.tell("probe", Hold(0.05), "waits")
    cell = tree.directory.find("probe")
    assert cell
    await until(lambda: cell.mailbox.depth() == 1)

    tree.crash("probe")
    assert await tree.ask("probe", Ping()) == 2

    assert tree.dead == []
    assert story.lines == ["waits"]


async def test_when_a_supervisor_crashes_its_threads_end_too(tree: Tree, story: Story) -> None:
    await tree.grow(child("probe", story, ThreadProbe))
    thread = await tree.ask("probe", Do(lambda _: threading.current_thread()))

    tree.crash("root")
    await until(lambda: not thread.is_alive())

    assert story.lines == []


async def test_an_answer_of_a_thread_that_crashes_later_was_still_given(
    tree: Tree, story: Story
) -> None:
    await tree.grow(child("probe", story, ThreadProbe))

    def boom(_: Any) -> None:
        raise ValueError("boom")

    with pytest.raises(ActorCrashedError):
        await tree.ask("probe", Do(boom))
    assert await tree.ask("probe", Ping()) == 2


async def test_a_machine_without_a_thread_left_is_a_failed_start_and_leaves_nothing(
    tree: Tree, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(
            StartError, match="root did not start: probe did not start: crashed: RuntimeError"
        ):
            await tree.grow(child("probe", story, ThreadProbe))
