"""The reference model: what supervisors must do, as plain code without tasks or messages.

It is written from docs/semantics.md and OTP's manual, as one synchronous walk over a tree,
so that it can disagree with the product, which does the same by messages between tasks.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TypeAlias

from supervisors.child_spec import Restart
from supervisors.strategy import AutoShutdown, Strategy
from tests.plans import GroupPlan, Plan, WorkerPlan


class DidNotStartError(Exception):
    """A child refused to start."""


class GroupEndedError(Exception):
    """A group gave up, while it healed a child, and is down."""


@dataclass
class World:
    """What all parts of one model share."""

    now: float = 0.0
    log: list[str] = field(default_factory=list)
    refusals: dict[str, int] = field(default_factory=dict)


@dataclass
class Slot:
    """What a group knows of one child."""

    node: Node
    crashed_at: list[float] = field(default_factory=list)
    """Since it was last calm."""

    due: float | None = None
    finished: bool = False


@dataclass
class Worker:
    plan: WorkerPlan
    world: World
    up: bool = False

    def start(self) -> None:
        if self.world.refusals.get(self.plan.id, 0):
            self.world.refusals[self.plan.id] -= 1
            raise DidNotStartError
        self.up = True

    def stop(self) -> None:
        self.up = False

    def die(self) -> None:
        self.up = False


@dataclass
class Group:
    plan: GroupPlan
    world: World
    up: bool = False
    slots: dict[str, Slot] = field(default_factory=dict)
    restarts: list[float] = field(default_factory=list)

    def start(self) -> None:
        self.slots = {p.id: Slot(node_of(p, self.world)) for p in self.plan.children}
        self.restarts = []
        try:
            for name in self.slots:
                self._start_child(name)
        except DidNotStartError:
            self.stop()
            raise
        self.up = True

    def stop(self) -> None:
        self._stop(list(self.slots), f"{self.plan.id} stops")
        self.up = False

    def die(self) -> None:
        """Fall over: nobody is stopped, everybody is gone."""
        for slot in self.slots.values():
            slot.node.die()
            slot.due = None
        self.up = False

    def child_ended(self, name: str, *, clean: bool) -> str | None:
        """Answer the end of a child; say how the group itself ended by it: clean or crash."""
        slot = self.slots[name]
        kind = slot.node.plan.restart
        if kind is Restart.PERMANENT or (kind is Restart.TRANSIENT and not clean):
            try:
                self._heal(name)
            except GroupEndedError:
                return "crash"
            return None
        slot.finished = True
        self._say(name, "not started again")
        if slot.node.plan.significant and self._significant_are_done():
            self.stop()
            return "clean"
        return None

    def timer_rang(self, name: str) -> str | None:
        self.slots[name].due = None
        try:
            self._start_again(self._falls_with(name))
        except GroupEndedError:
            return "crash"
        return None

    def _significant_are_done(self) -> bool:
        if self.plan.auto_shutdown is AutoShutdown.ALL_SIGNIFICANT:
            return all(s.finished for s in self.slots.values() if s.node.plan.significant)
        return self.plan.auto_shutdown is AutoShutdown.ANY_SIGNIFICANT

    def _heal(self, name: str) -> None:
        now, limit = self.world.now, self.plan.intensity
        self.restarts = [t for t in [*self.restarts, now] if now - t <= limit.within_s]
        if len(self.restarts) > limit.max_restarts:
            self._say(
                name,
                f"gave up: more than {limit.max_restarts} restarts within {limit.within_s:g} s",
            )
            self.stop()
            raise GroupEndedError
        self._stop(self._falls_with(name), f"{name} failed")
        delay = self._delay(name)
        self._say(name, f"restart in {delay:.2g} s" if delay else "restart")
        if delay:
            self.slots[name].due = now + delay
        else:
            self._start_again(self._falls_with(name))

    def _delay(self, name: str) -> float:
        slot, now, backoff = self.slots[name], self.world.now, self.plan.backoff
        if slot.crashed_at and now - slot.crashed_at[-1] > backoff.calm_s:
            slot.crashed_at = []
        slot.crashed_at.append(now)
        delay = 0.0
        for crash in range(1, len(slot.crashed_at)):
            delay = backoff.base_s if crash == 1 else min(backoff.cap_s, delay * 2)
        return delay

    def _falls_with(self, name: str) -> list[str]:
        names = list(self.slots)
        if self.plan.strategy is Strategy.ONE_FOR_ONE:
            return [name]
        return names if self.plan.strategy is Strategy.ONE_FOR_ALL else names[names.index(name) :]

    def _stop(self, names: list[str], why: str) -> None:
        for name in reversed(names):
            slot = self.slots[name]
            slot.due = None
            if slot.node.up:
                slot.node.stop()
                slot.finished = True
                self._say(name, f"stopped, because {why}")

    def _start_again(self, names: list[str]) -> None:
        for name in names:
            slot = self.slots[name]
            stays_down = slot.finished and slot.node.plan.restart is Restart.TEMPORARY
            if slot.node.up or stays_down:
                continue
            try:
                self._start_child(name)
            except DidNotStartError:
                self._heal(name)
                return

    def _start_child(self, name: str) -> None:
        slot = self.slots[name]
        slot.finished = False
        slot.node.start()
        self._say(name, "started")

    def _say(self, name: str, action: str) -> None:
        self.world.log.append(f"{name}: {action}")


Node: TypeAlias = Worker | Group


def node_of(plan: Plan, world: World) -> Node:
    return Worker(plan, world) if isinstance(plan, WorkerPlan) else Group(plan, world)


class Model:
    """A whole tree, and what can be done to it."""

    def __init__(self, plan: GroupPlan, refusals: dict[str, int] | None = None) -> None:
        self.world = World(refusals=refusals or {})
        self.root = Group(plan, self.world)
        with contextlib.suppress(DidNotStartError):
            self.root.start()
        self.waits = 0
        """How many children have waited for a restart so far."""

    @property
    def log(self) -> list[str]:
        return self.world.log

    def running(self, kind: type[Node] | tuple[type[Node], ...] = (Worker, Group)) -> list[str]:
        """Name all that run below the root."""
        return [n.plan.id for _, n in self._below(self.root) if n.up and isinstance(n, kind)]

    def refuse(self, name: str, times: int) -> None:
        """Make the next starts of a worker fail."""
        self.world.refusals[name] = times

    def end(self, name: str, *, clean: bool) -> None:
        """End one that runs."""
        group, node = next(each for each in self._below(self.root) if each[1].plan.id == name)
        node.die()
        self._ended(group, name, clean=clean)

    def wait(self, seconds: float) -> None:
        """Let time pass, and whatever falls due in it happen."""
        until = self.world.now + seconds
        while waiting := [t for t in self._timers(self.root) if t[2] <= until]:
            group, name, due = min(waiting, key=lambda each: each[2])
            self.world.now = due
            self.waits += 1
            self._escalate(group, group.timer_rang(name))
        self.world.now = until

    def _ended(self, group: Group, name: str, *, clean: bool) -> None:
        self._escalate(group, group.child_ended(name, clean=clean))

    def _escalate(self, group: Group, ended: str | None) -> None:
        if ended is not None and group is not self.root:
            above = next(g for g, n in self._below(self.root) if n is group)
            self._ended(above, group.plan.id, clean=ended == "clean")

    def _below(self, group: Group) -> list[tuple[Group, Node]]:
        found: list[tuple[Group, Node]] = []
        for slot in group.slots.values():
            found.append((group, slot.node))
            if isinstance(slot.node, Group):
                found += self._below(slot.node)
        return found

    def _timers(self, group: Group) -> list[tuple[Group, str, float]]:
        found: list[tuple[Group, str, float]] = []
        if not group.up:
            return found
        for name, slot in group.slots.items():
            if slot.due is not None:
                found.append((group, name, slot.due))
            if isinstance(slot.node, Group):
                found += self._timers(slot.node)
        return found
