"""A supervision tree for tests: run actors as the product does, and read what became of them."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import trio.testing

from actors.kernel.addresses import Directory
from supervisors.child_spec import ChildSpec
from supervisors.lives import ask_to_stop, launch, until_gone, until_ready
from supervisors.supervisor import Supervisor

if TYPE_CHECKING:
    from actors.kernel.exits import ExitReason
    from actors.kernel.incarnation import Incarnation
    from actors.kernel.messages import Request
    from actors.kernel.system import SupervisionEvent

R = TypeVar("R")


class Tree:
    """One directory, and a root in it that a test starts, crashes and stops."""

    def __init__(self, nursery: trio.Nursery, *, keep_dead_letters: int = 200) -> None:
        self._nursery = nursery
        self._life: Incarnation | None = None
        self.directory = Directory(keep_dead_letters=keep_dead_letters)
        self.events: list[SupervisionEvent] = []
        self.log: list[str] = []
        """Each supervision event as `child: action`, in the order they happened."""
        self.directory.supervision.append(self._note)

    def _note(self, event: SupervisionEvent) -> None:
        self.events.append(event)
        self.log.append(f"{event.child}: {event.action}")

    async def grow(self, *children: ChildSpec, **options: Any) -> None:
        """Start a supervisor called `root` over `children`; options are its keyword arguments."""
        await self.start(supervisor("root", *children, **options))

    async def start(self, root: ChildSpec) -> None:
        """Start `root`, whatever it is, and wait until it is ready.

        Raises:
            StartError: it did not start.

        """
        self.launch(root)
        await until_ready(self.life, root.start_s)

    def launch(self, root: ChildSpec) -> None:
        """Start `root` and do not wait."""
        assert self._life is None or self._life.reason is not None, "one root at a time"
        cell = self.directory.open(root.id, parent="", capacity=root.mailbox_capacity)
        self._life = launch(
            cell, root.start, self.directory, self._nursery, lambda _life, _reason: None
        )

    @property
    def life(self) -> Incarnation:
        """The root's incarnation."""
        assert self._life is not None, "no root was started"
        return self._life

    async def stop(self, within: float = math.inf) -> ExitReason | None:
        """Stop the root in order, forget everything, and say how it ended; null if never started.

        After `within` seconds the root is killed.
        """
        if self._life is None:
            return None
        if self.life.reason is None:
            ask_to_stop(self.life)
        await until_gone(self.life, within)
        assert self.life.reason is not None
        self.directory.close(self.life.cell.name, self.life.reason)
        return self.life.reason

    async def ask(self, name: str, request: Request[R], *, within: float = 5) -> R:
        """Ask the actor called `name`."""
        reply: R = await self.directory.address(name).ask(request, within=within)
        return reply

    def tell(self, name: str, *messages: object) -> None:
        """Tell the actor called `name`."""
        for message in messages:
            self.directory.address(name).tell(message)

    def crash(self, name: str) -> None:
        """Crash the actor called `name`; it must be running."""
        assert self.directory.crash(name), f"{name} does not run"

    def kill(self, name: str) -> None:
        """End the actor called `name` as a supervisor ends one that overran; it must run."""
        cell = self.directory.find(name)
        assert cell is not None, f"{name} does not run"
        assert cell.incarnation is not None, f"{name} does not run"
        cell.incarnation.kill("a test")

    async def settle(self) -> None:
        """Wait until every task waits. Threads are not waited for: ask their actor something."""
        await trio.testing.wait_all_tasks_blocked()

    @property
    def dead(self) -> list[tuple[str, object]]:
        """Each dead letter as (to, message), oldest first."""
        return [(letter.to, letter.message) for letter in self.directory.dead_letters]

    @property
    def names(self) -> list[str]:
        """Every actor there is, parents first."""
        return [report.name for report in self.directory.census()]


def supervisor(id_: str, *children: ChildSpec, **options: Any) -> ChildSpec:
    """Describe a supervisor of `children`, with the limits that the product gives to one."""
    return ChildSpec(
        id=id_,
        start=partial(Supervisor.start, children, **options),
        start_s=math.inf,
        shutdown_s=math.inf,
        mailbox_capacity=math.inf,
    )
