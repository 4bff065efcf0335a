"""A stress on random trees, after Akka's SupervisorHierarchySpec.

A tree of some depth and breadth, of fixed groups and pools, tasks and threads, gets thousands of
jobs: half of them pings, a quarter crashes, a quarter stops. Everybody watches over itself:
nobody handles anything while it is down, and never are there two of one name. In the end every
job was handled, is a dead letter, or waits, and after the stop nothing is left.
"""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pykka
import trio
from typing_extensions import override

from actors.kernel.actor import Actor
from actors.kernel.blocking import BlockingActor
from actors.kernel.errors import ActorError
from actors.kernel.messages import Reply, Request
from actors.kernel.system import ChildState
from supervisors.child_spec import ChildSpec, Restart
from supervisors.dynamic import DynamicSupervisor, Template
from supervisors.intensity import Backoff, RestartIntensity
from supervisors.strategy import AutoShutdown, Strategy
from tests.kernel.probes import until
from tests.tree import Tree, supervisor

if TYPE_CHECKING:
    from actors.kernel.system import ActorReport

BACKOFF = Backoff(base_s=0.001, cap_s=0.02, calm_s=0.5)
UNLIMITED = RestartIntensity(10**6, 1)
SMALL = RestartIntensity(5, 0.1)
REST_S = 120
KEYS = 3


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to do, told once: `ping`, `crash` or `stop`."""

    number: int
    does: str


@dataclass(frozen=True, slots=True)
class LastPing(Request[str]):
    """Ask for the name."""


@dataclass
class Log:
    """What everybody in one tree says of itself."""

    handled: list[int] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    incarnations: dict[str, object] = field(default_factory=dict)
    """Who lives now, by name."""

    busy: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    lives: int = 0

    def begin(self, actor: Worker | ThreadWorker) -> None:
        if self.incarnations.get(actor.name) is not None:
            self.violations.append(f"{actor.name} started while it still lived")
        self.incarnations[actor.name] = actor
        self.failed.discard(actor.name)
        self.lives += 1
        actor.held.callback(self.end, actor)

    def end(self, actor: Worker | ThreadWorker) -> None:
        if self.incarnations.get(actor.name) is not actor:
            self.violations.append(f"{actor.name} ended, but another lived")
        self.incarnations[actor.name] = None

    def handle(self, actor: Worker | ThreadWorker, message: Job) -> None:
        """Do a job; whatever else happens in the name of this actor meanwhile is a violation."""
        if self.incarnations.get(actor.name) is not actor or actor.name in self.failed:
            self.violations.append(f"{actor.name} handled {message} while it was down")
        if actor.name in self.busy:
            self.violations.append(f"{actor.name} handled {message} and another at once")
        if message.does == "crash":
            self.failed.add(actor.name)
            raise ValueError(message.number)
        if message.does == "stop":
            actor.stop()


class Worker(Actor[Any]):
    """Does jobs on Trio, some of them over several turns of the scheduler."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self.log = log

    @override
    async def pre_start(self) -> None:
        self.log.begin(self)
        await trio.lowlevel.checkpoint()

    @override
    async def on_receive(self, message: Job | LastPing) -> Reply[Any] | None:
        if isinstance(message, LastPing):
            return message.reply(self.name)
        self.log.handle(self, message)
        self.log.busy.add(self.name)
        try:
            if message.number % 5 == 0:
                await trio.sleep(0.0001)
        finally:
            self.log.busy.discard(self.name)
        self.log.handled.append(message.number)
        return None


class ThreadWorker(BlockingActor[Any]):
    """Does the same in a thread."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self.log = log

    @override
    def pre_start(self) -> None:
        self.log.begin(self)

    @override
    def on_receive(self, message: Job | LastPing) -> Reply[Any] | None:
        if isinstance(message, LastPing):
            return message.reply(self.name)
        self.log.handle(self, message)
        self.log.handled.append(message.number)
        return None


def fresh_seed() -> int:
    """Return the seed of a run: $SEED, or another one each time."""
    return int(os.environ.get("SEED") or random.SystemRandom().randrange(1_000_000))


@dataclass
class Grove:
    """A random tree and who is in it."""

    chance: random.Random
    log: Log
    kinds: tuple[type[Any], ...]
    workers: dict[str, Restart] = field(default_factory=dict)
    pools: list[str] = field(default_factory=list)
    order: dict[str, list[str]] = field(default_factory=dict)
    """The children of each fixed group, in start order."""

    def grow(self, name: str, depth: int, breadth: int) -> ChildSpec:
        children = [self._child(f"{name}.{n}", depth, breadth) for n in range(breadth)]
        self.order[name] = [each.id for each in children]
        return supervisor(
            name,
            *children,
            strategy=self.chance.choice(list(Strategy)),
            intensity=self._intensity(name),
            backoff=BACKOFF,
            auto_shutdown=self._auto_shutdown(name),
        )

    # Groups may give up and end by themselves, as often as they like; the root may not.

    def _auto_shutdown(self, name: str) -> AutoShutdown:
        never = AutoShutdown.NEVER
        return never if name == "root" else self.chance.choice([never] * 4 + list(AutoShutdown))

    def _intensity(self, name: str) -> RestartIntensity:
        return UNLIMITED if name == "root" else self.chance.choice([UNLIMITED, SMALL])

    @property
    def lasting(self) -> int:
        """How many places there are whose actors always come back."""
        return list(self.workers.values()).count(Restart.PERMANENT) + len(self.pools)

    def _child(self, name: str, depth: int, breadth: int) -> ChildSpec:
        dice = self.chance.random()
        if depth > 1 and dice < 0.6:
            return self.grow(name, depth - 1, breadth)
        if dice < 0.7:
            return self._pool(name)
        restart = self.chance.choices(list(Restart), [6, 2, 1])[0]
        self.workers[name] = restart
        matters = restart is not Restart.PERMANENT and self.chance.random() < 0.5
        kind = self.chance.choice(self.kinds)
        return ChildSpec(
            id=name,
            start=partial(kind.start, self.log),
            restart=restart,
            significant=matters,
            mailbox_capacity=self.chance.choice([3, 1000]),
        )

    def _pool(self, name: str) -> ChildSpec:
        self.pools.append(name)
        kind = self.chance.choice(self.kinds)
        template = Template(
            start=lambda _: kind.start(self.log),
            restart=self.chance.choice(list(Restart)),
            mailbox_capacity=self.chance.choice([3, 1000]),
            max_children=KEYS - 1,
        )
        return ChildSpec(
            id=name,
            start=partial(DynamicSupervisor.start, template, intensity=UNLIMITED, backoff=BACKOFF),
        )


class Stress:
    """One tree, and the jobs it gets."""

    def __init__(
        self, seed: int, *, depth: int, breadth: int, kinds: tuple[type[Any], ...]
    ) -> None:
        print(f"SEED={seed}")
        self.chance = random.Random(seed)
        self.log = Log()
        self.grove = Grove(self.chance, self.log, kinds)
        self.spec = self.grove.grow("root", depth, breadth)
        while self.grove.lasting < 4:
            self.grove = Grove(self.chance, self.log, kinds)
            self.spec = self.grove.grow("root", depth, breadth)
        self.told = 0
        self.checked = 0

    async def run(self, jobs: int) -> None:
        """Grow the tree, give it the jobs, ask everybody, cut it down; and check all of it."""
        before = set(threading.enumerate())
        async with trio.open_nursery() as nursery:
            tree = Tree(nursery, keep_dead_letters=10 * jobs)
            await tree.start(self.spec)
            await self._give(tree, jobs)
            await self._until_at_rest(tree)
            self._check_conservation(tree)
            await self._ask_everybody(tree)
            tree.log.clear()
            tree.events.clear()
            await tree.stop(within=60)
            self._check_end(tree)
            self._check_conservation(tree)
            assert not nursery.child_tasks
            # A thread says that it is done, and then it still has to end.
            await until(lambda: set(threading.enumerate()) <= before)
        assert self.log.violations == []
        assert pykka.ActorRegistry.get_all() == []

    async def _give(self, tree: Tree, jobs: int) -> None:
        names = [*self.grove.workers] + [f"{p}/{k}" for p in self.grove.pools for k in range(KEYS)]
        drilled = [name for name in self.grove.order if name != "root"] + self.grove.pools
        while self.told < jobs:
            for _ in range(self.chance.randint(1, 40)):
                self._tell(tree, self.chance.choice(names))
            if drilled and self.chance.random() < 0.02:
                tree.directory.crash(self.chance.choice(drilled))
            await trio.sleep(self.chance.choice([0, 0, 0.001, 0.03]))
            if self.told > self.checked + jobs / 10 and ThreadWorker not in self.grove.kinds:
                self.checked = self.told
                await tree.settle()
                self._check_conservation(tree)

    async def _until_at_rest(self, tree: Tree) -> None:
        """Wait until everything that was told is dealt with, and everybody who fell is up again."""
        with trio.fail_after(REST_S):
            while not all(self._is_idle(each) for each in tree.directory.census()):  # noqa: ASYNC110 - rest is no event
                await trio.sleep(0.02)

    def _is_idle(self, report: ActorReport) -> bool:
        return report.state is ChildState.RUNNING and not report.depth

    def _tell(self, tree: Tree, name: str) -> None:
        job = Job(self.told, self.chance.choice(["ping", "ping", "crash", "stop"]))
        self.told += 1
        pool, slash, key = name.rpartition("/")
        if slash:
            tree.directory.pool(pool).tell(int(key), job)
        else:
            tree.directory.address(name).tell(job)

    def _check_conservation(self, tree: Tree) -> None:
        """Check that told = handled + dead-lettered + waiting, and none of them twice."""
        dead = [x.message.number for x in tree.directory.dead_letters if isinstance(x.message, Job)]
        supervisors = {*self.grove.order, *self.grove.pools}
        census = [each for each in tree.directory.census() if each.name not in supervisors]
        waiting = sum(each.depth for each in census)
        found = Counter(self.log.handled) + Counter(dead)
        assert [number for number, count in found.items() if count > 1] == []
        in_hand = len(self.log.busy)
        assert len(self.log.handled) + len(dead) + waiting + in_hand == self.told

    async def _ask_everybody(self, tree: Tree) -> None:
        """The last ping: whoever must live answers, and whoever the tree says that it runs."""
        reports = {each.name: each for each in tree.directory.census()}
        for name, restart in self.grove.workers.items():
            if restart is Restart.PERMANENT:
                above = reports.get(name)
                assert above is None or above.state is ChildState.RUNNING, name
            try:
                answer = await tree.ask(name, LastPing())
            except ActorError:
                assert name not in reports, f"{name} is in the tree and does not answer"
            else:
                assert answer == name
        for name in self.grove.pools:
            keys = tree.directory.pool(name).keys()
            for key in keys:
                assert await tree.ask(f"{name}/{key}", LastPing()) == f"{name}/{key}"

    def _check_end(self, tree: Tree) -> None:
        """Check that every group stopped its children in reverse, and that nothing is left."""
        for group, children in self.grove.order.items():
            stopped = [
                each.child
                for each in tree.events
                if each.supervisor == group and each.action.startswith("stopped")
            ]
            assert stopped == [name for name in reversed(children) if name in stopped], group
        assert tree.names == []
        assert not any(self.log.incarnations.values())
