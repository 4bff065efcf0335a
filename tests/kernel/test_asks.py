"""Asks: answers, errors in their place, and what is no longer wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

from actors.kernel.errors import ActorCrashedError, ActorGoneError, NoReplyError
from actors.kernel.messages import Reply
from tests.kernel.probes import (
    Boom,
    BoomAsked,
    Do,
    Forget,
    Hold,
    HoldAsked,
    Ping,
    Probe,
    Story,
    ThreadProbe,
    child,
)

if TYPE_CHECKING:
    from trio.testing import MockClock

    from actors.kernel.turn import ReplySlot
    from tests.tree import Tree

BOTH = pytest.mark.parametrize("kind", [Probe, ThreadProbe])


@BOTH
async def test_an_ask_is_answered_from_a_task_and_from_a_thread(
    tree: Tree, kind: type[Any]
) -> None:
    await tree.grow(child("probe", Story(), kind))
    address = tree.directory.address("probe")

    assert await address.ask(Ping(), within=5) == 1
    answer = await trio.to_thread.run_sync(lambda: address.ask_from_thread(Ping(), within=5))
    assert answer == 1


async def test_an_ask_that_takes_too_long_is_an_error_after_exactly_its_time(
    tree: Tree, autojump_clock: MockClock
) -> None:
    await tree.grow(child("probe", Story()))

    began = trio.current_time()
    with pytest.raises(trio.TooSlowError):
        await tree.ask("probe", HoldAsked(10), within=2)
    assert trio.current_time() - began == pytest.approx(2)


async def test_a_thread_that_asks_too_slow_an_actor_gets_the_same_error(tree: Tree) -> None:
    await tree.grow(child("probe", Story()))
    address = tree.directory.address("probe")

    with pytest.raises(trio.TooSlowError, match=r"probe: no reply within 0\.01 s"):
        await trio.to_thread.run_sync(lambda: address.ask_from_thread(HoldAsked(0.2), within=0.01))


@BOTH
async def test_an_ask_whose_asker_gave_up_is_dropped_before_it_is_handled(
    tree: Tree, kind: type[Any]
) -> None:
    handled: list[str] = []
    await tree.grow(child("probe", Story(), kind))

    tree.tell("probe", Hold(0.1))
    with pytest.raises(trio.TooSlowError):
        await tree.ask("probe", Do(lambda _: handled.append("too slow")), within=0.01)
    with trio.move_on_after(0.01):
        await tree.ask("probe", Do(lambda _: handled.append("cancelled")))
    await tree.ask("probe", Do(lambda _: handled.append("wanted")))

    assert handled == ["wanted"]
    assert tree.dead == []


@BOTH
async def test_an_actor_that_crashes_on_a_request_tells_its_asker_the_cause(
    tree: Tree, kind: type[Any]
) -> None:
    await tree.grow(child("probe", Story(), kind))
    error = ValueError("boom")

    with pytest.raises(ActorCrashedError, match="probe crashed on BoomAsked") as caught:
        await tree.ask("probe", BoomAsked(error))

    assert caught.value.__cause__ is error
    assert tree.dead == [("probe", BoomAsked(error))]
    assert await tree.ask("probe", Ping()) == 2


@BOTH
async def test_a_request_without_an_answer_is_an_error_of_the_handler(
    tree: Tree, kind: type[Any]
) -> None:
    await tree.grow(child("probe", Story(), kind))

    with pytest.raises(NoReplyError, match=r"probe did not answer Forget\(\)"):
        await tree.ask("probe", Forget())
    assert await tree.ask("probe", Ping()) == 1


class Later(Probe):
    """Answers each request when it is told to."""

    slots: list[ReplySlot]

    async def on_receive(self, message: object) -> Reply[Any] | None:
        if isinstance(message, Forget):
            self.story.lines.append(self.answer_later())
            return None
        return await super().on_receive(message)


async def test_an_answer_may_come_later_while_other_mail_is_handled(tree: Tree) -> None:
    story = Story()
    await tree.grow(child("probe", story, Later))
    answers: list[int] = []

    async def ask() -> None:
        answers.append(await tree.ask("probe", Forget()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await tree.settle()
        assert await tree.ask("probe", Ping()) == 1
        assert answers == []
        (slot,) = story.lines
        await trio.to_thread.run_sync(slot.send, Reply(42))
        slot.send(Reply(43))  # a second answer is ignored

    assert answers == [42]


async def test_whoever_waits_for_a_later_answer_learns_of_a_crash(
    tree: Tree, autojump_clock: MockClock
) -> None:
    story = Story()
    await tree.grow(child("probe", story, Later))

    async def ask() -> None:
        with pytest.raises(ActorGoneError, match=r"crashed: .* before it answered"):
            await tree.ask("probe", Forget())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await tree.settle()
        tree.tell("probe", Boom())


async def test_an_ask_waits_through_a_restart_for_the_next_incarnation(
    tree: Tree, autojump_clock: MockClock
) -> None:
    story = Story()
    await tree.grow(child("probe", story))

    tree.tell("probe", Boom())
    story.slow["pre_start"] = 3
    assert await tree.ask("probe", Ping(), within=4) == 2
