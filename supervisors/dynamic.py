"""The supervisor of children that come and go, all of one kind."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, assert_never

import trio
from pykka._envelope import Envelope
from typing_extensions import override

from actors.kernel.actor import Actor
from actors.kernel.exits import Crashed, ExitReason, Killed, Stopped
from actors.kernel.system import (
    ChildCount,
    ChildState,
    CountChildren,
    Notice,
    StartChild,
    StartResult,
    StopChild,
    WhichChildren,
)
from supervisors.child_spec import Restart
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

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pykka

    from actors.kernel.cell import Cell
    from actors.kernel.incarnation import Incarnation
    from actors.kernel.messages import Reply
    from actors.kernel.turn import ReplySlot


@dataclass(frozen=True, slots=True)
class StartAgain(Notice):
    """The backoff of one key has passed; the supervisor tells this to itself."""

    key: int


DynamicMessage: TypeAlias = (
    ChildExited | StartAgain | StartChild | StopChild | WhichChildren | CountChildren
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """How every child of a dynamic supervisor is started, restarted and stopped."""

    start: Callable[[int], pykka.ActorRef[Any]]
    """Starts the child of a key."""

    restart: Restart = Restart.PERMANENT
    start_s: float = 30.0
    shutdown_s: float = 5.0
    mailbox_capacity: float = 1000
    turn_s: float = math.inf
    """How long one turn may take before the child counts as hung and is killed."""

    max_children: float = 10_000


@dataclass(slots=True, eq=False)
class _Child:
    key: int
    crashes: CrashCount | None = None
    """Null until the first: of many children, most never crash."""
    life: Incarnation | None = None
    leaving: list[ReplySlot] | None = None
    """Who asked for its end; null while it is to stay."""


class DynamicSupervisor(Actor[DynamicMessage]):
    """Start a child per key on demand, and restart it when it fails.

    State: the children. Their names and mail are in the directory, so the next
    incarnation starts the same keys again. Children start side by side: a slow
    one delays no other. One that crashes again and again waits longer and longer
    and takes nobody with it, until the pool as a whole exceeds its intensity.
    """

    supervises = True

    def __init__(
        self,
        template: Template,
        *,
        intensity: RestartIntensity | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        super().__init__()
        # What children report must never be refused.
        self._incarnation.cell.mailbox.capacity = math.inf
        self._template = template
        self._ledger = RestartLedger(intensity or RestartIntensity(100, 10))
        self._backoff = backoff or Backoff()
        self._children: dict[int, _Child] = {}
        self._again: dict[int, list[tuple[StartChild, ReplySlot]]] = {}
        """Who asked for the next child of a key while the one before is leaving."""
        self._on_exit = self._notice  # one bound method for all of them

    def _path(self, key: int) -> str:
        return f"{self.name}/{key}"

    @override
    async def pre_start(self) -> None:
        # What a former incarnation had, and what was told meanwhile, oldest first.
        for cell in self._incarnation.directory.children(self.name):
            key = _key(cell)
            if self._full():
                self._refuse(key)
            else:
                self._start(key)

    @override
    async def post_stop(self) -> None:
        await self._stop_all()

    @override
    def shown_state(self) -> Mapping[str, object]:
        children = self._children.values()
        return {
            "children": len(children),
            "allowed": self._template.max_children,
            "intensity": str(self._ledger.intensity),
            "restart": self._template.restart.value,
            "waiting for their restart": sum(child.life is None for child in children),
            "leaving": sum(bool(child.leaving) for child in children),
        }

    @override
    async def on_receive(self, message: DynamicMessage) -> Reply[Any] | None:
        match message:
            case StartChild(key):
                return self._start_asked(message, key)
            case StopChild(key):
                return self._stop_asked(message, key)
            case ChildExited(life, reason):
                await self._exited(life, reason)
            case StartAgain(key):
                child = self._children.get(key)
                if child is not None and child.life is None:
                    self._start(key)
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

    def _start_asked(self, request: StartChild, key: int) -> Reply[Any] | None:
        child = self._children.get(key)
        if child is not None and child.leaving:
            self._again.setdefault(key, []).append((request, self.answer_later()))
            return None
        if child is not None:
            return request.reply(StartResult.RUNNING)
        if self._full():
            self._refuse(key)
            return request.reply(StartResult.REFUSED)
        self._start(key, request, self.answer_later())
        return None

    def _full(self) -> bool:
        return len(self._children) >= self._template.max_children

    def _refuse(self, key: int) -> None:
        reason = Killed(f"{self.name} has {self._template.max_children:g} children already")
        self._incarnation.directory.close(self._path(key), reason)

    def _stop_asked(self, request: StopChild, key: int) -> Reply[Any] | None:
        child = self._children.get(key)
        if child is None:
            return request.reply(value=False)
        child.leaving = [*(child.leaving or ()), self.answer_later()]
        if child.life is None:
            self._retire(child, Stopped())
        else:
            ask_to_stop(child.life)
            self.spawn(until_gone, child.life, self._template.shutdown_s)
        return None

    def _start(
        self, key: int, request: StartChild | None = None, answer: ReplySlot | None = None
    ) -> None:
        child = self._children.setdefault(key, _Child(key))
        directory = self._incarnation.directory
        cell = directory.open(self._path(key), parent=self.name)
        # A sender may have opened it first, with whatever capacity it believed in.
        cell.mailbox.capacity = self._template.mailbox_capacity
        cell.turn_s = self._template.turn_s
        child.life = launch(
            cell, lambda: self._template.start(key), directory, self.brood, self._on_exit
        )
        if child.life.started:
            self._note_started(child.life, request, answer)
        else:
            self.spawn(self._see_started, child.life, request, answer)

    async def _see_started(
        self, life: Incarnation, request: StartChild | None, answer: ReplySlot | None
    ) -> None:
        try:
            await until_ready(life, self._template.start_s)
        except StartError as error:
            # Its exit is a message on its way to us; here only the asker is told.
            if answer is not None:
                answer.fail(error)
            return
        self._note_started(life, request, answer)

    def _note_started(
        self, life: Incarnation, request: StartChild | None, answer: ReplySlot | None
    ) -> None:
        cell = life.cell
        self._publish(cell.name, "" if cell.starts == 1 else "restarted", "started")
        if answer is not None and request is not None:
            answer.send(request.reply(StartResult.STARTED))

    def _notice(self, life: Incarnation, reason: ExitReason) -> None:
        self._incarnation.cell.mailbox.put(Envelope(ChildExited(life, reason)))

    async def _exited(self, life: Incarnation, reason: ExitReason) -> None:
        key = _key(life.cell)
        child = self._children.get(key)
        if child is None or child.life is not life:
            return
        child.life = None
        if child.leaving:
            self._retire(child, reason)
        elif self._template.restart.applies(reason):
            if not self._ledger.record(trio.current_time()):
                await self._give_up(child, reason)
            self._heal(child, reason)
        elif isinstance(reason, Stopped) and not life.cell.mailbox.empty():
            # It stopped by itself while a message was on its way: nothing told is lost.
            self._start(key)
        else:
            self._retire(child, reason)

    def _retire(self, child: _Child, reason: ExitReason) -> None:
        del self._children[child.key]
        self._publish(self._path(child.key), reason, "not started again")
        self._incarnation.directory.close(self._path(child.key), reason)
        for answer in child.leaving or ():
            answer.send(StopChild(child.key).reply(value=True))
        for request, answer in self._again.pop(child.key, ()):
            if child.key in self._children:
                answer.send(request.reply(StartResult.RUNNING))
            else:
                self._start(child.key, request, answer)

    def _heal(self, child: _Child, reason: ExitReason) -> None:
        if child.crashes is None:
            child.crashes = CrashCount(self._backoff)
        delay = child.crashes.delay_s(trio.current_time())
        action = f"restart in {delay:.2g} s" if delay else "restart"
        self._publish(self._path(child.key), reason, action)
        if not delay:
            self._start(child.key)
            return
        cell = self._incarnation.directory.find(self._path(child.key))
        if cell is not None:
            cell.state = ChildState.WAITING
        self.after(delay, StartAgain(child.key))

    async def _give_up(self, child: _Child, reason: ExitReason) -> NoReturn:
        self._publish(
            self._path(child.key), str(reason), f"gave up: more than {self._ledger.intensity}"
        )
        await self._stop_all()
        error = RestartIntensityError(
            f"{self._path(child.key)}: {sentence(reason)}; "
            f"that is more than {self._ledger.intensity}"
        )
        raise error from (reason.error if isinstance(reason, Crashed) else None)

    async def _stop_all(self) -> None:
        lives = [child.life for child in self._children.values() if child.life is not None]
        for life in lives:
            ask_to_stop(life)
        with trio.move_on_after(self._template.shutdown_s):
            for life in lives:
                if life.reason is None:
                    await life.gone.wait()
        for life in lives:
            await until_gone(life, 0)
            self._publish(life.cell.name, life.reason, f"stopped, because {self.name} stops")

    def _publish(self, child: str, reason: ExitReason | str | None, action: str) -> None:
        self._incarnation.directory.publish(
            supervisor=self.name, child=child, reason=reason, action=action
        )


def _key(cell: Cell) -> int:
    return int(cell.name.rpartition("/")[2])
