"""The actors on one host: who is there, started in order, stopped in reverse."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import trio

from actors.kernel.addresses import Directory
from actors.kernel.errors import HostStoppedError
from actors.kernel.exits import Crashed, ExitReason, Killed
from actors.kernel.futures import ReplyFuture
from actors.kernel.pykka_actor import TrioActor, discard
from actors.kernel.pykka_inbox import Inbox
from supervisors.lives import ask_to_stop, launch

if TYPE_CHECKING:
    from collections.abc import Callable

    import pykka

    from actors.kernel.cell import Cell
    from actors.kernel.incarnation import Incarnation

KILL_S = 5.0
"""How long killing may take after a stop has used up its time."""


@dataclass(slots=True, eq=False)
class Guest:
    """One actor on the host, from its start to its end."""

    cell: Cell
    inbox: Inbox
    built: ReplyFuture[pykka.ActorRef[Any]]
    """Set with the ref, or with the error of its constructor."""

    ready: ReplyFuture[pykka.ActorRef[Any]]
    """Set with the ref once its start is done, or with the error of it."""

    actor: TrioActor | None = None
    """The actor as its starter has built it; null if it is built in the Trio thread."""

    life: Incarnation | None = None
    announced: bool = False
    """Whether its start was published."""

    def ask_stop(self) -> None:
        """Ask for a stop, after all that was sent before."""
        if self.actor is not None:
            self.inbox.ask_stop()
        elif self.life is not None:
            ask_to_stop(self.life)


class Guests:
    """Who is on the host. Only `admit` and `names` are for any thread."""

    def __init__(self, host: str) -> None:
        self._host = host
        self.directory = Directory()
        self._present: dict[str, Guest] = {}
        self._number = 0
        self.when_fewer: Callable[[], object] = lambda: None
        """Called when one has gone."""

    @property
    def names(self) -> tuple[str, ...]:
        """Everyone there, in start order."""
        return tuple(self._present)

    def admit(self, kind: str, capacity: float) -> Guest:
        """Make room for one more, under the lock of the host."""
        self._number += 1
        name = f"{kind}-{self._number}"
        cell = self.directory.open(name, parent="", capacity=capacity)
        inbox = Inbox(cell.mailbox, partial(self.directory.bury, name))
        guest = self._present[name] = Guest(cell, inbox, ReplyFuture(), ReplyFuture())
        return guest

    def launch(
        self, guest: Guest, nursery: trio.Nursery, start: Callable[[], pykka.ActorRef[Any]]
    ) -> None:
        """Begin the life of a guest, unless it was shown out meanwhile."""
        if guest.cell.name not in self._present:
            return

        def begin() -> pykka.ActorRef[Any]:
            ref = start()
            guest.built.set(ref)
            return ref

        guest.life = launch(
            guest.cell, begin, self.directory, nursery, lambda _, reason: self.gone(guest, reason)
        )
        if guest.life.reason is None:
            nursery.start_soon(self._see_ready, guest, guest.life)

    async def _see_ready(self, guest: Guest, life: Incarnation) -> None:
        await life.ready.wait()
        if life.started:
            self._announce(guest)
            guest.ready.set(await guest.built.wait())

    def _announce(self, guest: Guest) -> None:
        # Also called at its end, which a short life reaches before anybody looks.
        if guest.life is not None and guest.life.started and not guest.announced:
            guest.announced = True
            self._publish(guest, "", "started")

    def gone(self, guest: Guest, reason: ExitReason) -> None:
        """Forget a guest; whoever still waits for it is answered."""
        if self._present.pop(guest.cell.name, None) is None:
            return
        if guest.actor is not None:
            discard(guest.actor)
        error = reason.error if isinstance(reason, Crashed) else HostStoppedError(str(reason))
        self._announce(guest)
        for waiting in (guest.built, guest.ready):
            waiting.fail(error)
        self.directory.close(guest.cell.name, reason)
        self._publish(guest, str(reason), "not started again")
        self.when_fewer()

    def _publish(self, guest: Guest, reason: str, action: str) -> None:
        self.directory.publish(
            supervisor=self._host, child=guest.cell.name, reason=reason, action=action
        )

    def _newest_first(self) -> list[Guest]:
        return list(self._present.values())[::-1]

    async def stop(self, within_s: float) -> bool:
        """Stop all, the last started first, one after the other; kill whoever is left then.

        True if nobody had to be killed.
        """
        await _everything_posted()
        with trio.move_on_after(within_s):
            for guest in self._newest_first():
                guest.ask_stop()
                if guest.life is not None:
                    await guest.life.gone.wait()
        left = [guest.life for guest in self._newest_first() if guest.life is not None]
        for life in left:
            life.kill(f"it did not stop within {within_s:g} s")
        with trio.move_on_after(KILL_S):
            for life in left:
                await life.gone.wait()
        return not left

    def end(self) -> None:
        """Show out whoever is left, also those that never lived."""
        for guest in self._newest_first():
            self.gone(guest, Killed(f"the host {self._host} ended"))


async def _everything_posted() -> None:
    """Wait until what threads had asked of Trio before has been done."""
    done = trio.Event()
    trio.lowlevel.current_trio_token().run_sync_soon(done.set)
    await done.wait()
