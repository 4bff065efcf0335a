"""Three actors, the second of which has one fault that strikes once; a model says what follows."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import trio
from typing_extensions import override

from actors.kernel.actor import Actor
from actors.kernel.blocking import BlockingActor
from actors.kernel.messages import Reply, Request
from supervisors.child_spec import ChildSpec, Restart
from supervisors.intensity import Backoff
from tests.kernel.probes import until
from tests.plans import GroupPlan, WorkerPlan
from tests.tree import supervisor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import pykka

    from supervisors.strategy import Strategy
    from tests.properties.model import Model
    from tests.tree import Tree


class FaultError(Exception):
    """The fault that a test planted."""


@dataclass(slots=True)
class Ward:
    """What the incarnations of the patient share with the test."""

    armed: str = ""
    """Where the fault strikes next; it strikes once."""

    handled: list[int] = field(default_factory=list)
    lives: int = 0
    busy: bool = False
    ref: pykka.ActorRef[Any] | None = None
    go_on: threading.Event = field(default_factory=threading.Event)
    """What a slow handler waits for."""

    def strike(self, point: str) -> None:
        if self.armed == point:
            self.armed = ""
            raise FaultError(point)


@dataclass(frozen=True, slots=True)
class Work:
    """A numbered message."""

    number: int
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Question(Request[int]):
    """A numbered request; the answer is its number."""

    number: int
    slow: bool = False


class Relapse:
    """Crash; an actor tells it to itself."""


Message: TypeAlias = Work | Question | Relapse


class TaskPatient(Actor[Any]):
    """Strikes at its points, on Trio."""

    def __init__(self, ward: Ward) -> None:
        super().__init__()
        self.ward = ward
        ward.lives += 1
        ward.ref = self.actor_ref
        ward.strike("in the constructor")

    @override
    async def pre_start(self) -> None:
        self.held.callback(self.ward.strike, "after post_stop")
        await trio.lowlevel.checkpoint()
        self.ward.strike("in pre_start")
        if self.ward.armed == "right after pre_start":
            self.address.tell(Relapse())

    @override
    async def post_stop(self) -> None:
        await trio.lowlevel.checkpoint()
        self.ward.strike("in post_stop")

    @override
    async def on_receive(self, message: Message) -> Reply[Any] | None:
        if isinstance(message, Relapse):
            self.ward.strike("right after pre_start")
            return None
        self.ward.strike("before the handler")
        if message.slow:
            self.ward.busy = True
            while not self.ward.go_on.is_set():  # noqa: ASYNC110 - a thread may set it
                await trio.sleep(0.001)
        return answered(self, message)


class ThreadPatient(BlockingActor[Any]):
    """The same in a thread."""

    def __init__(self, ward: Ward) -> None:
        super().__init__()
        self.ward = ward
        ward.lives += 1
        ward.ref = self.actor_ref
        ward.strike("in the constructor")

    @override
    def pre_start(self) -> None:
        self.held.callback(self.ward.strike, "after post_stop")
        self.ward.strike("in pre_start")
        if self.ward.armed == "right after pre_start":
            self.address.tell(Relapse())

    @override
    def post_stop(self) -> None:
        self.ward.strike("in post_stop")

    @override
    def on_receive(self, message: Message) -> Reply[Any] | None:
        if isinstance(message, Relapse):
            self.ward.strike("right after pre_start")
            return None
        self.ward.strike("before the handler")
        if message.slow:
            self.ward.busy = True
            self.ward.go_on.wait(5)
        return answered(self, message)


Patient: TypeAlias = TaskPatient | ThreadPatient


def answered(actor: Patient, message: Work | Question) -> Reply[Any] | None:
    """Handle a message from its middle on."""
    ward = actor.ward
    ward.busy = False
    ward.strike("in the handler")
    later = isinstance(message, Question) and ward.armed == "after the answer"
    if isinstance(message, Question) and later:
        actor.answer_later().send(message.reply(message.number))
        ward.strike("after the answer")
    ward.strike("at the end of the handler")
    ward.handled.append(message.number)
    return message.reply(message.number) if isinstance(message, Question) else None


@dataclass
class Stage:
    """A live tree and its model, side by side."""

    tree: Tree
    ward: Ward
    model: Model
    told: int = 0
    dropped: int = 0
    """Requests whose askers gave up before they were handled."""

    kind: type[Patient] = TaskPatient

    @property
    def on_threads(self) -> bool:
        return self.kind is ThreadPatient

    def number(self) -> int:
        self.told += 1
        return self.told

    def tell(self, *, slow: bool = False) -> None:
        self.tree.tell("b", Work(self.number(), slow))

    async def ask(self, *, slow: bool = False) -> int:
        return await self.tree.ask("b", Question(self.number(), slow))

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something has happened: in a thread, or at some time of the test's clock."""
        await until(condition)

    def expect(self, *, clean: bool) -> None:
        """Tell the model how the patient ended, if it was up at all."""
        if "b" in self.model.running():
            self.model.end("b", clean=clean)

    def ask_to_stop(self) -> None:
        """Stop the patient as anybody may who has its ref."""
        assert self.ward.ref is not None
        self.ward.ref.stop(block=False)

    async def check(self) -> None:
        """Compare the whole supervision log, then account for every message."""
        self.model.wait(1)
        await until(lambda: len(self.tree.log) >= len(self.model.log))
        # Long enough for every backoff, and for whatever would be one line too many.
        await trio.sleep(0.012 if self.on_threads else 1)
        assert self.tree.log == self.model.log
        self.account()

    def account(self) -> None:
        """Check that told = handled + dead-lettered + waiting."""
        dead = [letter for letter in self.tree.dead if isinstance(letter[1], Work | Question)]
        waiting = sum(each.depth for each in self.tree.directory.census() if each.name == "b")
        assert self.told - self.dropped == len(self.ward.handled) + len(dead) + waiting
        assert len(set(self.ward.handled)) == len(self.ward.handled)


def plan_of(strategy: Strategy, restart: Restart) -> GroupPlan:
    return GroupPlan(
        id="root",
        children=(
            WorkerPlan(id="a"),
            WorkerPlan(id="b", restart=restart),
            WorkerPlan(id="c"),
        ),
        strategy=strategy,
        backoff=Backoff(base_s=0.01, cap_s=0.01, jitter=0),
    )


def spec_of(plan: GroupPlan, ward: Ward, kind: type[Patient]) -> ChildSpec:
    """Describe the tree: the patient between two that are well."""
    wards = {"a": Ward(), "b": ward, "c": Ward()}
    children = (
        ChildSpec(id=each.id, start=partial(kind.start, wards[each.id]), restart=each.restart)
        for each in plan.children
    )
    return supervisor("root", *children, strategy=plan.strategy, backoff=plan.backoff)


Point: TypeAlias = "Callable[[Stage], Awaitable[None]]"
"""Plants a fault, makes it strike, and tells the model."""
