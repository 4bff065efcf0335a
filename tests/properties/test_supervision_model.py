"""Live trees against the reference model: after every step both have the same supervision log."""

from __future__ import annotations

import pykka
import trio
import trio.testing
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from supervisors.child_spec import Restart
from supervisors.intensity import Backoff, RestartIntensity
from supervisors.strategy import AutoShutdown, Strategy
from tests.kernel.probes import Boom, Quit
from tests.plans import GroupPlan, PlannedStory, WorkerPlan, spec_of, stories_of
from tests.properties.model import Group, Model, Worker
from tests.tree import Tree

# No two timers may ring at once, because which one is heard first is chance: each group has a
# base of its own, no two ends fall on one moment, and waits fit none of their sums.
BASES = {"root": 0.31, "lower": 0.2, "inner": 0.7}
WAITS = (0.0, 0.0137, 0.1379, 0.5171, 2.0713, 7.1331, 31.7117, 71.3119)


def limits() -> st.SearchStrategy[RestartIntensity]:
    counts = st.one_of(st.integers(0, 3), st.just(1000))
    return st.builds(RestartIntensity, counts, st.sampled_from([0.5, 5, 50]))


@st.composite
def groups(
    draw: st.DrawFn, name: str, restart: Restart, *below: str, significant: bool = False
) -> GroupPlan:
    shutdown = draw(st.sampled_from(AutoShutdown))
    names = iter(f"{name[0]}{number}" for number in range(10))

    def worker() -> WorkerPlan:
        kind = draw(st.sampled_from(Restart))
        matters = kind is not Restart.PERMANENT and draw(st.booleans())
        return WorkerPlan(id=next(names), restart=kind, significant=matters)

    before = tuple(worker() for _ in range(draw(st.integers(1, 2))))
    after = tuple(worker() for _ in range(draw(st.integers(0, 2))))
    middle: tuple[GroupPlan, ...] = ()
    if below:
        kind = draw(st.sampled_from(Restart))
        matters = kind is not Restart.PERMANENT and draw(st.booleans())
        middle = (draw(groups(below[0], kind, *below[1:], significant=matters)),)
    return GroupPlan(
        id=name,
        children=(*before, *middle, *after),
        strategy=draw(st.sampled_from(Strategy)),
        intensity=draw(limits()),
        backoff=Backoff(base_s=BASES[name], cap_s=BASES[name] * 5, jitter=0, calm_s=20),
        auto_shutdown=shutdown,
        restart=restart,
        significant=significant,
    )


class Supervision(RuleBasedStateMachine):
    """Keeps a script, and the model's log after each step; the end plays it on a live tree."""

    @initialize(plan=groups("root", Restart.PERMANENT, "lower", "inner"))
    def begin(self, plan: GroupPlan) -> None:
        self.plan = plan
        self.model = Model(plan)
        self.script: list[tuple[str, str, float]] = []
        self.expected: list[list[str]] = [list(self.model.log)]

    def _note(self, *step: str | float) -> None:
        verb, name, number = step
        self.script.append((str(verb), str(name), float(number)))
        self.expected.append(list(self.model.log))

    def _end(self, name: str, how: str) -> None:
        self.time_passes(0.00137 * (len(self.script) + 1))
        if not self.model.root.up or name not in self.model.running():
            return  # it fell meanwhile
        self.model.end(name, clean=how == "quit")
        self._note(how, name, 0)

    @property
    def _workers(self) -> list[str]:
        return self.model.running(Worker) if self.model.root.up else []

    @precondition(lambda self: self._workers)
    @rule(data=st.data(), how=st.sampled_from(["crash", "crash", "kill", "drill", "quit"]))
    def a_worker_ends(self, data: st.DataObject, how: str) -> None:
        name = data.draw(st.sampled_from(self._workers))
        self._end(name, how)

    @precondition(lambda self: self.model.root.up and self.model.running(Group))
    @rule(data=st.data(), how=st.sampled_from(["kill", "drill"]))
    def a_group_ends(self, data: st.DataObject, how: str) -> None:
        name = data.draw(st.sampled_from(self.model.running(Group)))
        self._end(name, how)

    @rule(data=st.data(), times=st.integers(1, 3))
    def a_worker_will_not_start(self, data: st.DataObject, times: int) -> None:
        name = data.draw(st.sampled_from(sorted(stories_of(self.plan)[0])))
        self.model.refuse(name, times)
        self._note("refuse", name, times)

    @rule(seconds=st.sampled_from(WAITS))
    def time_passes(self, seconds: float) -> None:
        self.model.wait(seconds)
        self._note("wait", "", seconds)

    def teardown(self) -> None:
        if not hasattr(self, "plan"):
            return
        event(f"the root {'is up' if self.model.root.up else 'ended'}")
        event(f"{min(self.model.waits, 3)} or more waits")
        trio.run(self._play, clock=trio.testing.MockClock(autojump_threshold=0))
        assert pykka.ActorRegistry.get_all() == []

    async def _play(self) -> None:
        stories, _ = stories_of(self.plan)
        async with trio.open_nursery() as nursery:
            tree = Tree(nursery)
            await tree.start(spec_of(self.plan, stories))
            assert tree.log == self.expected[0]
            for step, expected in zip(self.script, self.expected[1:], strict=True):
                await _step(tree, stories, step)
                assert tree.log == expected, f"after {step}"
            assert (tree.life.reason is None) == self.model.root.up
            await tree.stop()
            assert not nursery.child_tasks


async def _step(tree: Tree, stories: dict[str, PlannedStory], step: tuple[str, str, float]) -> None:
    match step:
        case ("crash", name, _):
            tree.tell(name, Boom())
        case ("quit", name, _):
            tree.tell(name, Quit())
        case ("kill", name, _):
            tree.kill(name)
        case ("drill", name, _):
            tree.crash(name)
        case ("refuse", name, times):
            stories[name].refusals = int(times)
        case ("wait", _, seconds):
            await trio.sleep(seconds)
    await tree.settle()


TestSupervision = Supervision.TestCase
TestSupervision.settings = settings(
    max_examples=100, stateful_step_count=25, suppress_health_check=[HealthCheck.too_slow]
)
