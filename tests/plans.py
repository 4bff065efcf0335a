"""Trees as plain data: what a model, another system's supervisor and ours are all built from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from supervisors.child_spec import ChildSpec, Restart
from supervisors.intensity import Backoff, RestartIntensity
from supervisors.strategy import AutoShutdown, Strategy
from tests.kernel.probes import Probe, Story, child
from tests.tree import supervisor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPlan:
    """One actor that does what it is told."""

    id: str
    restart: Restart = Restart.PERMANENT
    significant: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPlan:
    """One supervisor and what is below it."""

    id: str
    children: tuple[WorkerPlan | GroupPlan, ...]
    strategy: Strategy = Strategy.ONE_FOR_ONE
    intensity: RestartIntensity = field(default_factory=RestartIntensity)
    backoff: Backoff = field(default_factory=partial(Backoff, jitter=0))
    auto_shutdown: AutoShutdown = AutoShutdown.NEVER
    restart: Restart = Restart.PERMANENT
    significant: bool = False


Plan: TypeAlias = WorkerPlan | GroupPlan


def everyone(plan: Plan) -> Iterator[Plan]:
    """List a plan and all below it, parents first, in start order."""
    yield plan
    if isinstance(plan, GroupPlan):
        for below in plan.children:
            yield from everyone(below)


@dataclass(slots=True)
class PlannedStory(Story):
    """A story that can refuse to start a number of times, and shares its lines with others."""

    name: str = ""
    refusals: int = 0
    shared: list[str] = field(default_factory=list)

    def note(self, line: object) -> None:
        self.shared.append(f"stop {self.name}" if line == "post_stop" else f"{self.name} {line}")

    def fail(self, hook: str) -> None:
        if hook != "pre_start":
            return
        if self.refusals:
            self.refusals -= 1
            self.shared.append(f"no start {self.name}")
            raise ValueError("not now")
        self.shared.append(f"start {self.name}")


def stories_of(plan: Plan) -> tuple[dict[str, PlannedStory], list[str]]:
    """Make a story for each worker of a plan; all of them write the list that comes with them."""
    lines: list[str] = []
    workers = (each for each in everyone(plan) if isinstance(each, WorkerPlan))
    return {each.id: PlannedStory(name=each.id, shared=lines) for each in workers}, lines


def spec_of(plan: Plan, stories: Mapping[str, Story], kind: type = Probe) -> ChildSpec:
    """Build what a plan describes."""
    if isinstance(plan, WorkerPlan):
        return child(
            plan.id, stories[plan.id], kind, restart=plan.restart, significant=plan.significant
        )
    group = supervisor(
        plan.id,
        *(spec_of(below, stories, kind) for below in plan.children),
        strategy=plan.strategy,
        intensity=plan.intensity,
        backoff=plan.backoff,
        auto_shutdown=plan.auto_shutdown,
    )
    return replace(group, restart=plan.restart, significant=plan.significant)
