"""Mail: order, bounds, refusals, dead letters, from tasks and from threads."""

from __future__ import annotations

import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

import pykka
import pytest
import trio
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from actors.kernel.errors import ActorGoneError, MailboxFullError
from actors.kernel.futures import ReplyFuture
from actors.kernel.mailbox import Mailbox
from tests.kernel.probes import Boom, Do, Hold, Ping, Probe, Story, ThreadProbe, child

if TYPE_CHECKING:
    from trio.testing import MockClock

    from tests.tree import Tree

BOTH = pytest.mark.parametrize("kind", [Probe, ThreadProbe])


@BOTH
async def test_messages_of_one_sender_arrive_in_the_order_sent(tree: Tree, kind: type[Any]) -> None:
    story = Story()
    await tree.grow(child("probe", story, kind))

    tree.tell("probe", *range(500))
    await tree.ask("probe", Ping())

    assert story.lines == list(range(500))


@BOTH
async def test_each_thread_finds_its_messages_in_the_order_it_sent_them(
    tree: Tree, kind: type[Any]
) -> None:
    story = Story()
    await tree.grow(child("probe", story, kind, mailbox_capacity=10_000))

    def send(sender: int) -> None:
        for number in range(300):
            tree.tell("probe", (sender, number))

    async with trio.open_nursery() as senders:
        for sender in range(4):
            senders.start_soon(trio.to_thread.run_sync, send, sender)
    await tree.ask("probe", Ping())

    for sender in range(4):
        assert [n for s, n in story.lines if s == sender] == list(range(300))
    assert len(story.lines) == 1200


async def test_a_thread_wakes_an_actor_that_sleeps(tree: Tree) -> None:
    # Each tell finds the actor asleep, which is where a wake-up could get lost.
    story = Story()
    await tree.grow(child("a", story), child("b", story, ThreadProbe))
    ping = Ping()

    def ask_in_turn() -> None:
        for _ in range(200):
            for name in ("a", "b"):
                tree.directory.address(name).ask_from_thread(ping, within=5)

    await trio.to_thread.run_sync(ask_in_turn)


async def test_an_actor_handles_one_message_at_a_time(
    tree: Tree, autojump_clock: MockClock
) -> None:
    story = Story()
    await tree.grow(child("probe", story))

    tree.tell("probe", Hold(10), "after")
    await trio.sleep(9)
    assert story.lines == []
    await trio.sleep(2)
    assert story.lines == ["after"]


async def test_a_full_mailbox_refuses_and_the_refused_message_is_a_dead_letter(
    tree: Tree, autojump_clock: MockClock
) -> None:
    story = Story()
    await tree.grow(child("probe", story, mailbox_capacity=2))
    address = tree.directory.address("probe")

    tree.tell("probe", Hold(1))
    await tree.settle()
    tree.tell("probe", 1, 2, 3)

    assert [str(letter.why) for letter in tree.directory.dead_letters] == [
        "probe: 2 messages wait already; refused 3"
    ]
    with pytest.raises(MailboxFullError, match="2 messages wait already"):
        await address.ask(Ping(), within=1)
    assert tree.dead == [("probe", 3)]  # the asker knows, so its request is none
    await trio.sleep(2)
    assert story.lines == [1, 2]


async def test_an_offer_that_is_refused_says_so_and_leaves_no_dead_letter(
    tree: Tree, autojump_clock: MockClock
) -> None:
    await tree.grow(child("probe", Story(), mailbox_capacity=1))
    address = tree.directory.address("probe")

    tree.tell("probe", Hold(1))
    await tree.settle()

    assert [address.offer(1), address.offer(2)] == [True, False]
    assert not tree.directory.address("nobody").offer(1)
    assert tree.dead == []


async def test_a_message_to_nobody_is_a_dead_letter_and_an_ask_of_nobody_an_error(
    tree: Tree, autojump_clock: MockClock
) -> None:
    tree.tell("nobody", "hello")

    assert tree.dead == [("nobody", "hello")]
    with pytest.raises(ActorGoneError, match="no actor is called nobody"):
        await tree.ask("nobody", Ping())


async def test_what_waits_when_an_actor_is_gone_for_good_becomes_dead_letters(
    tree: Tree, autojump_clock: MockClock
) -> None:
    await tree.grow(child("probe", Story()))
    errors: list[BaseException] = []

    async def ask() -> None:
        with pytest.raises(ActorGoneError) as caught:
            await tree.ask("probe", Ping())
        errors.append(caught.value)

    async with trio.open_nursery() as nursery:
        tree.tell("probe", Hold(1), "one", "two")
        await tree.settle()
        nursery.start_soon(ask)
        await tree.settle()
        await tree.stop()

    assert tree.dead == [("probe", "one"), ("probe", "two"), ("probe", Ping())]
    assert [str(error) for error in errors] == ["probe is gone (stopped)"]


async def test_a_request_that_nobody_waits_for_any_more_becomes_no_dead_letter(
    tree: Tree, autojump_clock: MockClock
) -> None:
    await tree.grow(child("probe", Story(), shutdown_s=1))
    tree.tell("probe", Hold(100))
    with trio.move_on_after(1):
        await tree.ask("probe", Ping())

    await tree.stop()

    assert tree.dead == [("probe", Hold(100))]


async def test_the_count_of_dead_letters_goes_on_where_the_list_ends(tree: Tree) -> None:
    bury = partial(tree.tell, "nobody", *range(150))
    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(trio.to_thread.run_sync, bury)

    assert tree.directory.dead_letter_count == 600
    assert len(tree.directory.dead_letters) == 200


def test_a_message_put_while_the_mailbox_closes_is_refused_or_returned_but_never_lost() -> None:
    for _ in range(50):
        box = Mailbox("box", capacity=10**9)
        outcomes: list[str] = []
        begun = threading.Event()

        def put(box: Mailbox = box, begun: threading.Event = begun) -> None:
            for number in range(300):
                begun.set()
                try:
                    box.put(Envelope(number))
                except ActorGoneError:
                    outcomes.append("refused")  # noqa: B023 - this thread ends in this round
                else:
                    outcomes.append("taken")  # noqa: B023 - this thread ends in this round

        thread = threading.Thread(target=put)
        thread.start()
        begun.wait()
        left = box.close("stopped")
        thread.join()

        assert outcomes.count("taken") == len(left)
        assert box.empty()


@pytest.mark.parametrize("sees_it", [True, False], ids=["close sees it", "close is past it"])
def test_a_put_that_close_overtakes_has_one_outcome_only(*, sees_it: bool) -> None:
    # Forces both halves of the race: the box closes between the look and the append.
    box = Mailbox("box")
    answer: ReplyFuture[object] = ReplyFuture()
    left: list[object] = []

    class Sneaky(Envelope[str]):
        """Closes the box the first time that `put` looks at it."""

        def __init__(self) -> None:
            super().__init__("mail", answer)
            self.looked = False

        @property
        def message(self) -> str:
            if not sees_it and not self.looked:
                self.looked = True
                left.extend(box.close("stopped"))
            return "mail"

        @message.setter
        def message(self, _value: str) -> None: ...

    sneaky = Sneaky()
    if sees_it:
        box.put(sneaky)
        left.extend(box.close("stopped"))
        assert left == [sneaky]
        with pytest.raises(pykka.ActorDeadError):
            answer.get(timeout=0)
    else:
        with pytest.raises(ActorGoneError, match=r"box is gone \(stopped\)"):
            box.put(sneaky)
        assert left == []
    assert box.empty()


def test_a_stop_asked_of_a_closed_mailbox_is_answered_at_once() -> None:
    box = Mailbox("box")
    box.close("stopped")
    answer: ReplyFuture[object] = ReplyFuture()

    box.put(Envelope(_ActorStop(), answer))

    assert answer.settled


def test_a_stop_that_waits_when_the_mailbox_closes_is_answered() -> None:
    box, answer = Mailbox("box"), ReplyFuture[object]()
    box.put(Envelope(_ActorStop(), answer))

    box.close("stopped")

    assert answer.settled


async def test_mail_that_came_while_its_actor_lay_down_lets_nobody_sleep(
    tree: Tree, autojump_clock: MockClock
) -> None:
    # A thread put it after the actor looked and before it was asleep: nobody rang.
    class Late(deque[object]):
        looks = 0

        def __bool__(self) -> bool:
            self.looks += 1
            return len(self) > 0 and self.looks > 2

    story = Story()
    await tree.grow(child("probe", story))
    await tree.settle()
    cell = tree.directory.find("probe")
    assert cell
    cell.mailbox.waiting = Late(["mail"])
    cell.mailbox.ring()
    await tree.settle()

    assert story.lines == ["mail"]


async def test_a_timer_tells_its_message_once_and_not_before_its_time(
    tree: Tree, autojump_clock: MockClock
) -> None:
    story = Story()
    await tree.grow(child("probe", story))

    await tree.ask("probe", Do(lambda actor: actor.after(5, "late") and None))
    await tree.ask("probe", Do(lambda actor: actor.after(3, "soon") and None))
    await trio.sleep(4)
    assert story.lines == ["soon"]
    await trio.sleep(100)
    assert story.lines == ["soon", "late"]


async def test_a_timer_that_is_called_off_tells_nothing(
    tree: Tree, autojump_clock: MockClock
) -> None:
    story = Story()
    await tree.grow(child("probe", story))

    timer = await tree.ask("probe", Do(lambda actor: actor.after(5, "late")))
    timer.cancel()
    await trio.sleep(10)

    assert story.lines == []


@BOTH
async def test_the_timers_of_an_incarnation_end_with_it(tree: Tree, kind: type[Any]) -> None:
    story = Story()
    await tree.grow(child("probe", story, kind))

    await tree.ask("probe", Do(lambda actor: actor.after(0.02, "of the first") and None))
    tree.tell("probe", Boom())
    assert await tree.ask("probe", Ping()) == 2
    await trio.sleep(0.05)
    assert await tree.ask("probe", Ping()) == 2

    assert story.lines == []


async def test_a_thread_keeps_timers_too(tree: Tree) -> None:
    story = Story()
    await tree.grow(child("probe", story, ThreadProbe))

    await tree.ask("probe", Do(lambda actor: actor.after(0.03, "late") and None))
    await tree.ask("probe", Do(lambda actor: actor.after(0.01, "soon") and None))
    await trio.sleep(0.1)
    await tree.ask("probe", Ping())

    assert story.lines == ["soon", "late"]


@BOTH
async def test_a_mailbox_and_its_record_outlive_a_restart(tree: Tree, kind: type[Any]) -> None:
    story = Story()
    await tree.grow(child("probe", story, kind))
    cell = tree.directory.find("probe")

    tree.tell("probe", 1, Boom(), 2, 3)
    assert await tree.ask("probe", Ping()) == 2

    assert story.lines == [1, 2, 3]
    assert tree.directory.find("probe") is cell
    (report,) = tree.directory.census()[1:]
    assert (report.restarts, report.handled, report.last_error) == (1, 4, "ValueError: boom")
