"""Live trees under generated crash scripts: whatever happens, no message vanishes.

The conservation law: sent = handled + dead letters + still waiting; and each message
is in exactly one of the three.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pykka
import trio
import trio.lowlevel
import trio.testing
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typing_extensions import override

from actors.kernel.actor import Actor
from supervisors.child_spec import ChildSpec, Restart
from supervisors.dynamic import DynamicSupervisor, Template
from supervisors.intensity import Backoff, RestartIntensity
from supervisors.strategy import Strategy
from tests.tree import Tree, supervisor

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.kernel.messages import Reply


@dataclass
class World:
    """What the probes of one run share."""

    handled: list[Letter] = field(default_factory=list)
    active: Counter[str] = field(default_factory=Counter)
    """How many handlers run at this moment, by actor."""

    order: dict[str, int] = field(default_factory=dict)
    refuses_to_start: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Letter:
    """One message, told once; `does` is what happens while it is handled."""

    number: int
    does: str
    seconds: float


class Worker(Actor[Letter]):
    """Does what its letters say, and checks that it is alone and in order."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    @override
    async def pre_start(self) -> None:
        await trio.sleep(0.01)
        if self.name in self.world.refuses_to_start:
            self.world.refuses_to_start.discard(self.name)
            raise ValueError("not now")

    @override
    async def post_stop(self) -> None:
        await trio.sleep(0.05)

    @override
    async def on_receive(self, message: Letter) -> Reply[Any] | None:
        world = self.world
        world.active[self.name] += 1
        try:
            assert world.active[self.name] == 1, "two handlers at once"
            assert world.order.get(self.name, -1) < message.number, "out of order"
            world.order[self.name] = message.number
            await trio.sleep(message.seconds)
            match message.does:
                case "crash":
                    raise ValueError("crash")
                case "exit":
                    raise SystemExit
                case "quit":
                    self.stop()
                case "spawn":
                    self.spawn(self._fail)
        finally:
            world.active[self.name] -= 1
        world.handled.append(message)
        return None

    async def _fail(self) -> None:
        await trio.sleep(0.02)
        raise ValueError("beside")


STATIC = ("a", "b", "c", "d")
KEYS = (1, 2, 3)
NAMES = (*STATIC, *(f"pool/{key}" for key in KEYS))
SUPERVISORS = ("lower", "pool")

tells = st.tuples(
    st.just("tell"),
    st.sampled_from(NAMES),
    st.sampled_from(["work"] * 5 + ["crash", "exit", "quit", "spawn"]),
    st.sampled_from([0.0, 0.0, 0.03]),
)
faults = st.tuples(st.just("fault"), st.sampled_from((*NAMES, *SUPERVISORS)))
kills = st.tuples(st.just("kill"), st.sampled_from(NAMES))
bad_starts = st.tuples(st.just("bad start"), st.sampled_from(NAMES))
waits = st.tuples(st.just("wait"), st.sampled_from([0.0, 0.005, 0.015, 0.06, 0.5]))
scripts = st.lists(st.one_of(tells, tells, tells, faults, kills, bad_starts, waits), max_size=60)


@settings(max_examples=150)
@given(
    script=scripts,
    strategy=st.sampled_from(Strategy),
    restart=st.sampled_from(Restart),
    capacity=st.sampled_from([2, 1000]),
    max_restarts=st.sampled_from([2, 1000]),
)
@example(
    script=[("tell", "pool/1", "quit", 0.0), ("wait", 0.015), ("tell", "pool/1", "work", 0.0)],
    strategy=Strategy.ONE_FOR_ONE,
    restart=Restart.TRANSIENT,
    capacity=1000,
    max_restarts=1000,
)
def test_every_message_is_handled_dead_or_waiting_and_only_one_of_them(
    script: list[tuple[Any, ...]],
    strategy: Strategy,
    restart: Restart,
    capacity: int,
    max_restarts: int,
) -> None:
    world, sent = World(), list[Letter]()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            tree = Tree(nursery)
            spec = _root(world, strategy, restart, capacity, max_restarts)
            await tree.start(spec)
            for step in script:
                await _play(tree, world, sent, step)
            await trio.lowlevel.checkpoint()
            _check(tree, world, sent)
            await trio.sleep(5)
            _check(tree, world, sent)
            if max_restarts == 1000 and restart is Restart.PERMANENT:
                assert [r.state.value for r in tree.directory.census() if r.depth] == []
            await tree.stop()
            _check(tree, world, sent)
            assert tree.names == []
            assert not nursery.child_tasks
        assert pykka.ActorRegistry.get_all() == []

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def _root(
    world: World, strategy: Strategy, restart: Restart, capacity: int, max_restarts: int
) -> ChildSpec:
    start: Callable[[], Any] = lambda: Worker.start(world)  # noqa: E731 - shared by five specs
    options: dict[str, Any] = {
        "strategy": strategy,
        "intensity": RestartIntensity(max_restarts, 10),
        "backoff": Backoff(base_s=0.01, cap_s=0.1),
    }
    workers = {
        name: ChildSpec(
            id=name, start=start, restart=restart, shutdown_s=0.04, mailbox_capacity=capacity
        )
        for name in STATIC
    }
    template = Template(
        start=lambda _: start(),
        restart=restart,
        shutdown_s=0.04,
        mailbox_capacity=capacity,
        max_children=2,
    )
    pool = ChildSpec(
        id="pool",
        start=lambda: DynamicSupervisor.start(
            template, intensity=options["intensity"], backoff=options["backoff"]
        ),
    )
    lower = supervisor("lower", workers["b"], workers["c"], **options)
    return supervisor("root", workers["a"], lower, pool, workers["d"], **options)


async def _play(tree: Tree, world: World, sent: list[Letter], step: tuple[Any, ...]) -> None:
    match step:
        case ("tell", name, does, seconds):
            letter = Letter(len(sent), does, seconds)
            sent.append(letter)
            pool, _, key = name.rpartition("/")
            if pool:
                tree.directory.pool(pool).tell(int(key), letter)
            else:
                tree.tell(name, letter)
        case ("fault", name):
            tree.directory.crash(name)
        case ("kill", name):
            cell = tree.directory.find(name)
            if cell is not None and cell.incarnation is not None:
                cell.incarnation.kill("a test")
        case ("bad start", name):
            world.refuses_to_start.add(name)
        case ("wait", seconds):
            await trio.sleep(seconds)


def _check(tree: Tree, world: World, sent: list[Letter]) -> None:
    directory = tree.directory
    cells = [directory.find(report.name) for report in directory.census()]
    boxes = [cell.mailbox for cell in cells if cell is not None]
    waiting = [e.message for box in boxes for e in box.peek(10_000)]
    bodies: list[Any] = [cell.incarnation._body for cell in cells if cell and cell.incarnation]
    in_hand = [body._turns.in_hand.message for body in bodies if body._turns.in_hand]
    dead = [letter.message for letter in directory.dead_letters]
    assert directory.dead_letter_count == len(dead), "some are forgotten; send less"
    found = Counter(
        message
        for message in (*waiting, *in_hand, *dead, *world.handled)
        if isinstance(message, Letter)
    )
    assert found == Counter(sent)
