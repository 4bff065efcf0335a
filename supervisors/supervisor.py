"""The supervisor of a fixed list of children."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, assert_never

import trio
from pykka._envelope import Envelope
from typing_extensions import override

from actors.kernel.actor import Actor
from actors.kernel.exits import Crashed, ExitReason, Stopped
from actors.kernel.system import ChildCount, ChildState, CountChildren, Notice, WhichChildren
from supervisors.intensity import Backoff, CrashCount, RestartIntensity, RestartLedger
from supervisors.lives import (
    ChildExited,
    RestartIntensityError,
    StartError,
    ask_to_stop,
    launch,
    sentence,
    until_gone,
    until_ready,
)
from supervisors.strategy import AutoShutdown, Strategy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actors.kernel.incarnation import Incarnation
    from actors.kernel.messages import Reply
    from supervisors.child_spec import ChildSpec


@dataclass(frozen=True, slots=True)
class RestartDue(Notice):
    """The backoff of a child has passed; a supervisor tells this to itself."""

    child: str
    crashes: int
    """How many crashes led to it; by another number it is a late one, and void."""


SupervisorMessage: TypeAlias = ChildExited | RestartDue | WhichChildren | CountChildren


@dataclass(slots=True, eq=False)
class _Child:
    spec: ChildSpec
    crashes: CrashCount
    life: Incarnation | None = None
    due: trio.CancelScope | None = None
    """The timer of its restart, while it waits for one."""

    finished: bool = False
    """It ended as it should, or may not be started again."""


class Supervisor(Actor[SupervisorMessage]):
    """Start the children in order, restart them by strategy, stop them in reverse.

    State: which child runs in which incarnation. A crash of the supervisor ends
    its children; the next incarnation starts all of them, with their mail.
    """

    supervises = True

    def __init__(
        self,
        children: Sequence[ChildSpec],
        *,
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        intensity: RestartIntensity | None = None,
        backoff: Backoff | None = None,
        auto_shutdown: AutoShutdown = AutoShutdown.NEVER,
    ) -> None:
        super().__init__()
        # What children report must never be refused.
        self._incarnation.cell.mailbox.capacity = math.inf
        backoff = backoff or Backoff()
        self._children = {spec.id: _Child(spec, CrashCount(backoff)) for spec in children}
        if len(self._children) != len(children):
            raise ValueError(f"{self.name}: each child needs an id of its own")
        self._order = tuple(self._children)
        self._strategy = strategy
        self._auto_shutdown = auto_shutdown
        self._ledger = RestartLedger(intensity or RestartIntensity())

    @override
    async def pre_start(self) -> None:
        try:
            for child in self._children.values():
                if self._incarnation.cell.mailbox.stop_asked:
                    return  # nobody needs the rest any more
                await self._start(child)
        except StartError:
            await self._stop_all()
            raise

    @override
    async def post_stop(self) -> None:
        await self._stop_all()

    @override
    def shown_state(self) -> Mapping[str, object]:
        return {
            "strategy": self._strategy.value,
            "intensity": str(self._ledger.intensity),
            "waiting for their restart": [
                name for name, child in self._children.items() if child.due is not None
            ],
            "finished": [name for name, child in self._children.items() if child.finished],
        }

    @override
    async def on_receive(self, message: SupervisorMessage) -> Reply[Any] | None:
        match message:
            case ChildExited(life, reason):
                child = self._children[life.cell.name]
                if child.life is life:
                    child.life = None
                    await self._exited(child, reason)
            case RestartDue(name, crashes):
                child = self._children[name]
                if child.due is not None and child.crashes.crashes == crashes:
                    child.due = None
                    await self._start_again(self._affected(child))
            case WhichChildren():
                cells = self._incarnation.directory.children(self.name)
                return message.reply(tuple(cell.report() for cell in cells))
            case CountChildren():
                return message.reply(self._count())
            case _:
                assert_never(message)
        return None

    def _count(self) -> ChildCount:
        cells = self._incarnation.directory.children(self.name)
        supervisors = sum(cell.supervises for cell in cells)
        return ChildCount(
            specs=len(self._children),
            active=sum(child.life is not None for child in self._children.values()),
            supervisors=supervisors,
            workers=len(self._children) - supervisors,
        )

    async def _exited(self, child: _Child, reason: ExitReason) -> None:
        if child.spec.restart.applies(reason):
            await self._heal(child, reason)
            return
        child.finished = True
        self._publish(child, reason, "not started again")
        self._incarnation.directory.close(child.spec.id, reason)
        if child.spec.significant and self._significant_done():
            self.actor_ref.stop(block=False)

    def _significant_done(self) -> bool:
        match self._auto_shutdown:
            case AutoShutdown.NEVER:
                return False
            case AutoShutdown.ANY_SIGNIFICANT:
                return True
            case AutoShutdown.ALL_SIGNIFICANT:
                significant = (c for c in self._children.values() if c.spec.significant)
                return all(child.finished for child in significant)

    async def _heal(self, child: _Child, reason: ExitReason) -> None:
        now = trio.current_time()
        if not self._ledger.record(now):
            await self._give_up(child, reason)
        affected = self._affected(child)
        await self._stop_each(affected, f"{child.spec.id} failed")
        delay = child.crashes.delay_s(now)
        self._publish(child, reason, f"restart in {delay:.2g} s" if delay else "restart")
        if delay:
            self._await_backoff(child, delay)
        else:
            await self._start_again(affected)

    def _await_backoff(self, child: _Child, delay_s: float) -> None:
        cell = self._incarnation.directory.find(child.spec.id)
        if cell is not None:
            cell.state = ChildState.WAITING
        child.due = self.after(delay_s, RestartDue(child.spec.id, child.crashes.crashes))

    async def _give_up(self, child: _Child, reason: ExitReason) -> NoReturn:
        self._publish(child, reason, f"gave up: more than {self._ledger.intensity}")
        await self._stop_all()
        error = RestartIntensityError(
            f"{child.spec.id}: {sentence(reason)}; that is more than {self._ledger.intensity}"
        )
        raise error from (reason.error if isinstance(reason, Crashed) else None)

    def _affected(self, child: _Child) -> list[_Child]:
        names = self._strategy.affected(self._order, child.spec.id)
        return [self._children[name] for name in names]

    async def _start_again(self, children: list[_Child]) -> None:
        for child in children:
            if child.life is not None:
                continue
            if self._retired(child):
                self._incarnation.directory.close(child.spec.id, Stopped())
                continue
            try:
                await self._start(child)
            except StartError as error:
                # A start that fails is one more crash of this child, counted like any.
                await self._heal(child, Crashed(error))
                return

    def _retired(self, child: _Child) -> bool:
        """Tell whether a child stays down: a temporary one is never started twice (OTP)."""
        return child.finished and not child.spec.restart.applies(Crashed(Exception()))

    async def _start(self, child: _Child) -> None:
        spec, directory = child.spec, self._incarnation.directory
        cell = directory.open(spec.id, parent=self.name, capacity=spec.mailbox_capacity)
        cell.turn_s = spec.turn_s
        child.finished = False
        child.life = life = launch(cell, spec.start, directory, self.brood, self._notice)
        try:
            await until_ready(life, spec.start_s)
        except StartError:
            child.life = None
            raise
        directory.publish(
            supervisor=self.name,
            child=spec.id,
            reason="" if cell.starts == 1 else "restarted",
            action="started",
        )

    def _notice(self, life: Incarnation, reason: ExitReason) -> None:
        self._incarnation.cell.mailbox.put(Envelope(ChildExited(life, reason)))

    async def _stop_all(self) -> None:
        await self._stop_each(list(self._children.values()), f"{self.name} stops")

    async def _stop_each(self, children: list[_Child], why: str) -> None:
        for child in reversed(children):
            if child.due is not None:
                child.due.cancel()
                child.due = None
            life = child.life
            if life is not None:
                ask_to_stop(life)
                await until_gone(life, child.spec.shutdown_s)
                child.life = None
                child.finished = True
                self._publish(child, life.reason, f"stopped, because {why}")

    def _publish(self, child: _Child, reason: ExitReason | None, action: str) -> None:
        self._incarnation.directory.publish(
            supervisor=self.name, child=child.spec.id, reason=reason, action=action
        )
