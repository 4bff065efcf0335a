"""Random scenarios that mean the same to OTP's supervisor and to ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervisors.child_spec import Restart
from supervisors.intensity import Backoff, RestartIntensity
from supervisors.strategy import AutoShutdown, Strategy
from tests.plans import GroupPlan, Plan, WorkerPlan, everyone

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

PERIOD_S = 1000
"""Longer than any scenario on either side: OTP counts whole seconds of real time."""

SWITCHED_OFF = Backoff(base_s=1e-6, cap_s=1e-6, jitter=0, calm_s=2e-6)
"""OTP has no backoff; a microsecond of the test's clock is as good as none."""

Step = tuple[str, str, int]
"""How, whom, and how often where that matters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A tree, which first starts fail in it, and what is done to it."""

    name: str
    plan: GroupPlan
    refusals: Mapping[str, int]
    steps: tuple[Step, ...]


def draw(name: str, chance: random.Random) -> Scenario:
    """Make one scenario up."""
    plan = _group(chance, "root", depth=chance.choice([1, 1, 2, 3]), restart=Restart.PERMANENT)
    workers = [each.id for each in everyone(plan) if isinstance(each, WorkerPlan)]
    # A killed supervisor that has supervisors below: see test_the_differences.
    groups = [each.id for each in everyone(plan) if _has_workers_only(each) and each is not plan]
    refusals = {chance.choice(workers): 1} if chance.random() < 0.1 else {}
    steps = tuple(_step(chance, workers, groups) for _ in range(chance.randint(1, 14)))
    return Scenario(name=name, plan=plan, refusals=refusals, steps=steps)


def _step(chance: random.Random, workers: list[str], groups: list[str]) -> Step:
    how = chance.choices(["crash", "kill", "quit", "refuse", "kill group"], [8, 3, 4, 3, 2])[0]
    if how == "kill group" and groups:
        return ("kill", chance.choice(groups), 0)
    how = "crash" if how == "kill group" else how
    return (how, chance.choice(workers), chance.randint(1, 3) if how == "refuse" else 0)


def _has_workers_only(plan: Plan) -> bool:
    return isinstance(plan, GroupPlan) and all(isinstance(c, WorkerPlan) for c in plan.children)


def _group(chance: random.Random, name: str, *, depth: int, restart: Restart) -> GroupPlan:
    shutdown = chance.choice([AutoShutdown.NEVER, *AutoShutdown])
    prefix = "" if name == "root" else f"{name}_"
    children: list[Plan] = []
    for number in range(chance.randint(1, 4)):
        if depth > 1 and chance.random() < 0.5:
            # Not transient: OTP takes a supervisor that gave up for one that ended as it should.
            kind = chance.choice([Restart.PERMANENT, Restart.PERMANENT, Restart.TEMPORARY])
            children.append(_group(chance, f"{prefix}g{number}", depth=depth - 1, restart=kind))
        else:
            children.append(_worker(chance, f"{prefix}w{number}", shutdown))
    if not any(isinstance(each, WorkerPlan) for each in children):
        children.append(_worker(chance, f"{prefix}w9", shutdown))
    return GroupPlan(
        id=name,
        children=tuple(children),
        strategy=chance.choice(list(Strategy)),
        intensity=RestartIntensity(chance.choice([0, 1, 2, 3, 100]), PERIOD_S),
        backoff=SWITCHED_OFF,
        auto_shutdown=shutdown,
        restart=restart,
    )


def _worker(chance: random.Random, name: str, shutdown: AutoShutdown) -> WorkerPlan:
    restart = chance.choice(list(Restart))
    may_matter = shutdown is not AutoShutdown.NEVER and restart is not Restart.PERMANENT
    return WorkerPlan(id=name, restart=restart, significant=may_matter and chance.random() < 0.7)


def as_erlang(scenario: Scenario) -> str:
    """Write a scenario as one Erlang term, as the oracle reads it."""
    refusals = ", ".join(f"{{{name}, {times}}}" for name, times in scenario.refusals.items())
    steps = ", ".join(
        f"{{refuse, {name}, {times}}}" if how == "refuse" else f"{{{how}, {name}}}"
        for how, name, times in scenario.steps
    )
    return f"{{{scenario.name}, [{refusals}], {_tree(scenario.plan)}, [{steps}]}}.\n"


def _tree(plan: Plan) -> str:
    significant = str(plan.significant).lower()
    if isinstance(plan, WorkerPlan):
        return f"{{worker, {plan.id}, {plan.restart.value}, {significant}}}"
    limit = plan.intensity
    below = ", ".join(_tree(each) for each in plan.children)
    return (
        f"{{group, {plan.id}, {plan.strategy.value}, {limit.max_restarts}, {limit.within_s:g}, "
        f"{plan.auto_shutdown.value}, {plan.restart.value}, {significant}, [{below}]}}"
    )
