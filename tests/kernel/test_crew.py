"""Actors without a task: plain hooks, when a task comes and goes, and turns for all."""

from __future__ import annotations

import contextvars
import threading
from typing import TYPE_CHECKING, Any

import pytest
import structlog
import trio
from typing_extensions import override

from actors.kernel.actor import Actor
from actors.kernel.errors import ActorCrashedError, ActorGoneError, NoReplyError
from actors.kernel.exits import Crashed, Killed, Stopped
from actors.kernel.messages import Reply
from supervisors.child_spec import Restart
from supervisors.dynamic import DynamicSupervisor, Template
from supervisors.intensity import RestartIntensity
from tests.kernel.probes import (
    Boom,
    BoomAsked,
    Do,
    Forget,
    Hold,
    Ping,
    Probe,
    Quit,
    Story,
    child,
    until,
)
from tests.tree import Tree

if TYPE_CHECKING:
    from trio.testing import MockClock

    from actors.kernel.turn import ReplySlot
    from supervisors.child_spec import ChildSpec


class Plain(Actor[Any]):
    """A probe whose hooks never wait, so that it needs no task."""

    finishes = False

    def __init__(self, story: Story) -> None:
        super().__init__()
        self.story = story
        story.fail("__init__")
        story.starts += 1
        self.number = story.starts

    @override
    def pre_start(self) -> None:
        self.story.fail("pre_start")

    @override
    def post_stop(self) -> None:
        self.story.note("post_stop")
        self.story.fail("post_stop")

    @override
    def on_receive(self, message: object) -> Reply[Any] | None:
        match message:
            case Ping():
                return message.reply(self.number)
            case Boom(error) | BoomAsked(error):
                raise error
            case Forget():
                self.story.note(self.answer_later())
            case Do(act):
                return message.reply(act(self))
            case Quit():
                self.stop()
            case _:
                self.story.note(message)
        return None


class PlainFinishing(Plain):
    finishes_mail = True


def tasks_of(tree: Tree) -> int:
    """How many tasks the whole tree has."""
    (crew,) = tree.life.nursery.child_tasks
    return sum(len(nursery.child_tasks) for nursery in crew.child_nurseries)


def the_body(tree: Tree, name: str = "probe") -> Any:
    cell = tree.directory.find(name)
    assert cell
    assert cell.incarnation
    return cell.incarnation._body


async def test_an_idle_actor_has_no_task(tree: Tree, autojump_clock: MockClock) -> None:
    await tree.grow(*(child(f"plain-{i}", Story(), Plain) for i in range(50)))
    for i in range(50):
        assert await tree.ask(f"plain-{i}", Ping()) == 1
        tree.tell(f"plain-{i}", "mail")
    await tree.settle()

    assert tasks_of(tree) <= 2


async def test_a_handler_that_waits_has_a_task_until_its_actor_is_idle(
    tree: Tree, autojump_clock: MockClock
) -> None:
    await tree.grow(*(child(f"probe-{i}", Story()) for i in range(100)))
    await tree.settle()
    for i in range(100):
        tree.tell(f"probe-{i}", Hold(5))
    await trio.sleep(1)
    assert tasks_of(tree) >= 100

    await trio.sleep(10)

    assert tasks_of(tree) <= 20  # the spares


async def test_a_plain_handler_answers_in_the_task_of_its_asker(tree: Tree) -> None:
    await tree.grow(child("plain", Story(), Plain))
    tasks: list[object] = []

    await tree.ask("plain", Do(lambda _: tasks.append(trio.lowlevel.current_task())))

    assert tasks == [trio.lowlevel.current_task()]


async def test_an_ask_stays_behind_the_mail_that_its_sender_told_before(tree: Tree) -> None:
    story = Story()
    await tree.grow(child("plain", story, Plain))

    tree.tell("plain", *range(10))
    await tree.ask("plain", Do(lambda _: story.note("asked")))

    assert story.lines == [*range(10), "asked"]


async def test_a_loop_of_asks_that_are_answered_at_once_lets_others_have_their_turn(
    tree: Tree,
) -> None:
    await tree.grow(child("plain", Story(), Plain))
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take_turns)
        for _ in range(1000):
            await tree.ask("plain", Ping())
        nursery.cancel_scope.cancel()

    assert turns >= 5


async def test_an_asker_that_is_cancelled_already_has_nothing_handled(tree: Tree) -> None:
    handled: list[str] = []
    await tree.grow(child("plain", Story(), Plain))

    with trio.CancelScope() as scope:
        scope.cancel()
        await tree.ask("plain", Do(lambda _: handled.append("cancelled")))

    assert scope.cancelled_caught
    assert handled == []


async def test_a_crash_on_a_request_that_is_handled_at_once_is_like_any(tree: Tree) -> None:
    await tree.grow(child("plain", Story(), Plain))
    error = ValueError("boom")

    with pytest.raises(ActorCrashedError, match="plain crashed on BoomAsked") as caught:
        await tree.ask("plain", BoomAsked(error))

    assert caught.value.__cause__ is error
    assert tree.dead == [("plain", BoomAsked(error))]
    assert await tree.ask("plain", Ping()) == 2
    assert tree.log == ["plain: started", "plain: restart", "plain: started"]


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
async def test_whatever_a_plain_handler_raises_ends_one_incarnation_and_no_bystander(
    tree: Tree, error: BaseException
) -> None:
    await tree.grow(child("plain", Story(), Plain), child("bystander", Story(), Plain))

    tree.tell("plain", Boom(error))
    assert await tree.ask("plain", Ping()) == 2

    assert await tree.ask("bystander", Ping()) == 1


async def test_an_answer_to_a_request_that_is_handled_at_once_may_come_later(tree: Tree) -> None:
    story = Story()
    await tree.grow(child("plain", story, Plain))
    answers: list[int] = []

    async def ask() -> None:
        answers.append(await tree.ask("plain", Forget()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await tree.settle()
        assert await tree.ask("plain", Ping()) == 1
        slot: ReplySlot = story.lines[0]
        await trio.to_thread.run_sync(slot.send, Reply(42))

    assert answers == [42]


async def test_an_answer_given_within_the_handler_that_put_it_off_arrives(tree: Tree) -> None:
    class Slot(Plain):
        @override
        def on_receive(self, message: object) -> None:
            self.answer_later().send(Reply(7))

    await tree.grow(child("plain", Story(), Slot))

    assert await tree.ask("plain", Ping()) == 7


async def test_a_plain_handler_without_an_answer_gives_its_asker_an_error(tree: Tree) -> None:
    class Mute(Plain):
        @override
        def on_receive(self, message: object) -> None:
            pass

    await tree.grow(child("plain", Story(), Mute))

    with pytest.raises(NoReplyError):
        await tree.ask("plain", Ping())
    assert await tree.stop() == Stopped()


async def test_a_plain_function_may_return_a_coroutine(
    tree: Tree, autojump_clock: MockClock
) -> None:
    class Turncoat(Plain):
        @override
        def on_receive(self, message: Any) -> Any:
            return self.slowly(message)

        async def slowly(self, message: Any) -> Any:
            await trio.sleep(1)
            return message.reply(8)

    await tree.grow(child("plain", Story(), Turncoat))

    assert await tree.ask("plain", Ping()) == 8
    with pytest.raises(trio.TooSlowError):
        await tree.ask("plain", Ping(), within=0.5)


@pytest.mark.parametrize("at_once", [True, False], ids=["asked", "told"])
@pytest.mark.parametrize("end", ["stop", "crash", "kill"])
async def test_a_plain_actor_may_spawn_hold_and_have_timers(
    tree: Tree, autojump_clock: MockClock, *, at_once: bool, end: str
) -> None:
    story = Story()
    await tree.grow(child("plain", story, Plain, restart=Restart.TEMPORARY))
    closed: list[str] = []

    def begin(actor: Plain) -> None:
        actor.held.callback(closed.append, "closed")
        actor.spawn(trio.sleep_forever)
        actor.after(3, "late")

    if at_once:
        await tree.ask("plain", Do(begin))
    else:
        tree.tell("plain", Do(begin))
    await trio.sleep(5)
    assert story.lines == ["late"]
    assert closed == []
    match end:
        case "stop":
            tree.tell("plain", Quit())
        case "crash":
            tree.tell("plain", Boom())
        case _:
            the_body(tree, "plain").kill("a test")
    await tree.settle()

    assert closed == ["closed"]
    assert tree.directory.find("plain") is None


async def test_work_that_a_constructor_or_a_plain_start_spawns_runs(
    tree: Tree, autojump_clock: MockClock
) -> None:
    class Early(Plain):
        def __init__(self, story: Story) -> None:
            super().__init__(story)
            self.after(1, "constructor")

        @override
        def pre_start(self) -> None:
            self.after(2, "start")

    story = Story()
    await tree.grow(child("plain", story, Early))
    await trio.sleep(3)

    assert story.lines == ["constructor", "start"]


async def test_an_error_beside_a_plain_actor_ends_it_with_its_real_cause(
    tree: Tree, autojump_clock: MockClock
) -> None:
    async def fail() -> None:
        await trio.sleep(1)
        raise ValueError("beside")

    await tree.grow(child("plain", Story(), Plain))
    await tree.ask("plain", Do(lambda actor: actor.spawn(fail)))
    await trio.sleep(2)

    assert tree.events[1].reason == "crashed: ValueError('beside')"
    assert await tree.ask("plain", Ping()) == 2


@pytest.mark.parametrize("hook", ["__init__", "pre_start"])
async def test_a_plain_start_that_fails_is_one_more_crash(tree: Tree, hook: str) -> None:
    story = Story()
    await tree.grow(child("plain", story, Plain))
    story.failing[hook] = ValueError("not now")

    tree.tell("plain", Boom(), "after")
    await until(lambda: story.lines == ["after"])

    assert [event.action for event in tree.events].count("restart") == 1


async def test_a_plain_goodbye_that_fails_is_a_crash(tree: Tree) -> None:
    error = ValueError("bye")
    await tree.grow(child("plain", Story(failing={"post_stop": error}), Plain))

    tree.tell("plain", Quit())
    await until(lambda: len(tree.events) > 1)

    assert tree.events[1].reason == str(Crashed(error))


async def test_a_plain_actor_that_kills_itself_handles_no_further_message(tree: Tree) -> None:
    story = Story()
    await tree.grow(child("plain", story, Plain, restart=Restart.TEMPORARY))

    tree.tell("plain", "one", Do(lambda actor: actor.kill("itself")), "two")
    await until(lambda: tree.directory.find("plain") is None)

    assert story.lines == ["one"]
    assert tree.dead == [("plain", "two")]
    assert tree.events[-1].reason == "killed: itself"


@pytest.mark.parametrize("kind", [PlainFinishing, Plain])
async def test_a_plain_actor_finishes_its_mail_only_if_it_says_so(
    tree: Tree, kind: type[Any]
) -> None:
    story = Story()
    await tree.grow(child("plain", story, kind))

    tree.tell("plain", "one", Quit(), *range(200))
    await tree.stop()

    assert story.lines == ["one", *(range(200) if kind is PlainFinishing else ()), "post_stop"]


async def test_a_message_none_that_is_in_hand_at_a_crash_is_a_dead_letter(tree: Tree) -> None:
    class Picky(Plain):
        @override
        def on_receive(self, message: object) -> Reply[Any] | None:
            if message is None:
                raise ValueError("nothing")
            return super().on_receive(message)

    await tree.grow(child("plain", Story(), Picky))

    tree.tell("plain", None)
    assert await tree.ask("plain", Ping()) == 2

    assert tree.dead == [("plain", None)]


async def test_what_an_actor_binds_to_its_context_stays_its_own(tree: Tree) -> None:
    spot = contextvars.ContextVar("spot", default="outside")
    await tree.grow(child("a", Story(), Plain), child("b", Story(), Plain), child("c", Story()))

    for name in ("a", "b", "c"):
        await tree.ask(name, Do(lambda actor: spot.set(actor.name)))
        await tree.ask(name, Do(lambda a: structlog.contextvars.bind_contextvars(who=a.name)))

    for name in ("a", "b", "c"):
        assert await tree.ask(name, Do(lambda _: spot.get())) == name
        bound = await tree.ask(name, Do(lambda _: structlog.contextvars.get_contextvars()))
        assert bound == {"who": name}
    assert spot.get() == "outside"


async def test_a_tree_whose_nursery_is_cancelled_ends_every_life_with_a_reason() -> None:
    ended: list[str] = []
    async with trio.open_nursery() as nursery:
        tree = Tree(nursery)
        held = (child(f"held-{i}", Story(), Plain) for i in range(3))
        await tree.grow(child("idle", Story(), Plain), child("busy", Story()), *held)
        lives = [cell.incarnation for cell in tree.directory.children("root")]
        for i in range(3):
            await tree.ask(
                f"held-{i}",
                Do(lambda actor: actor.held.callback(ended.append, actor.name) and None),
            )
        tree.tell("busy", Hold(100))
        await tree.settle()
        nursery.cancel_scope.cancel()

    assert [life.reason for life in lives if life] == [Killed()] * 5
    assert tree.life.reason == Killed()
    assert sorted(ended) == [f"held-{i}" for i in range(3)]


async def test_threads_wake_plain_actors_that_sleep(tree: Tree) -> None:
    story = Story()
    await tree.grow(*(child(f"plain-{i}", story, Plain) for i in range(5)))

    def send(sender: int) -> None:
        for number in range(200):
            tree.tell(f"plain-{number % 5}", (sender, number))

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(4)]
    for thread in threads:
        thread.start()
    await until(lambda: len(story.lines) == 800)

    for sender in range(4):
        for box in range(5):
            mine = [n for s, n in story.lines if s == sender and n % 5 == box]
            assert mine == sorted(mine)


async def test_an_address_finds_the_next_actor_of_its_name(tree: Tree) -> None:
    story = Story()
    await tree.grow(child("plain", story, Plain))
    address = tree.directory.address("plain")
    address.tell("one")
    await tree.stop()
    address.tell("nobody")
    with pytest.raises(ActorGoneError):
        await address.ask(Ping(), within=1)

    await tree.grow(child("plain", story, Plain))
    address.tell("two")
    assert await address.ask(Ping(), within=1) == 2

    assert story.lines == ["one", "post_stop", "two"]
    assert tree.dead == [("plain", "nobody")]


def _many(story: Story) -> ChildSpec:
    template = Template(start=lambda _key: Plain.start(story), max_children=2000)
    return child(
        "pool",
        template,
        type("Pool", (), {"start": lambda t: DynamicSupervisor.start(t, intensity=GENEROUS)}),
    )


GENEROUS = RestartIntensity(10_000, 1)


async def test_a_thousand_that_crash_at_once_find_their_mail_and_a_bystander_answers(
    tree: Tree,
) -> None:
    story = Story()
    await tree.grow(_many(story), child("bystander", Story()))
    pool = tree.directory.pool("pool")
    for key in range(1000):
        pool.tell(key, key)
    await until(lambda: len(story.lines) == 1000)

    for key in range(1000):
        pool.tell(key, Boom())
        pool.tell(key, -key)
    assert await tree.ask("bystander", Ping(), within=1) == 1
    await until(lambda: len(story.lines) == 2000)

    assert sorted(story.lines[1000:]) == sorted(-key for key in range(1000))
    assert story.starts == 2000


async def test_an_actor_that_waits_is_named_in_its_task(
    tree: Tree, autojump_clock: MockClock
) -> None:
    await tree.grow(child("probe", Story(), Probe))
    tree.tell("probe", Hold(5))
    await trio.sleep(1)

    assert the_body(tree)._worker.task.name == "probe"


@pytest.mark.parametrize("kind", [Plain, Probe])
async def test_a_late_call_for_an_incarnation_that_is_over_wakes_nobody_and_takes_no_wake_away(
    tree: Tree, kind: type[Any]
) -> None:
    # A thread rang the old incarnation; its call crosses over when the next one sleeps already.
    story = Story()
    await tree.grow(child("probe", story, kind))
    await tree.ask("probe", Do(lambda actor: actor.spawn(trio.sleep_forever)))
    old = the_body(tree)
    tree.tell("probe", Boom())
    assert await tree.ask("probe", Ping()) == 2
    await tree.settle()

    old.wake()
    tree.tell("probe", "mail")
    await tree.settle()
    assert story.lines == ["mail"]

    await tree.stop()
    old.wake()
    await tree.settle()
