"""A host for Pykka actors: a Trio run that plain threads start actors on.

The page for its users is `docs/pykka-host.md`.
"""

from __future__ import annotations

import enum
import sys
import threading
import traceback
import weakref
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pykka
import structlog
import trio

from actors.kernel.actor import Actor
from actors.kernel.addresses import Directory
from actors.kernel.blocking import BlockingActor
from actors.kernel.crossing import Home
from actors.kernel.errors import HostStoppedError, HostStuckError
from actors.kernel.exits import Crashed, ExitReason, Killed
from actors.kernel.futures import ReplyFuture
from actors.kernel.pykka_actor import TrioActor, carry, discard
from actors.kernel.pykka_inbox import Inbox, Seat, current_host, running_hosts
from actors.kernel.pykka_refs import refuse_to_block
from supervisors.lives import ask_to_stop, launch

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from actors.kernel.cell import Cell
    from actors.kernel.incarnation import Incarnation

A = TypeVar("A", bound=pykka.Actor)

STOP_S = 10.0
"""How long a clean stop may take in all, unless the caller says otherwise."""

OPEN_S = 30.0
"""How long the Trio thread may take to begin, or to build one of the kernel's actors."""

KILL_S = 5.0
"""How long killing may take after a stop has used up its time."""

log = structlog.get_logger(__name__)


class _State(enum.Enum):
    NEW = "is not open yet; use `with TrioHost() as host:`"
    RUNNING = "runs"
    STOPPING = "is stopping"
    STOPPED = "has stopped; make a new TrioHost"


@dataclass(slots=True, eq=False)
class _Guest:
    """One actor on the host, from its start to its end."""

    cell: Cell
    inbox: Inbox | None = None
    """The way in for a `TrioActor`; the kernel's own actors are asked by their mailbox."""

    actor: TrioActor | None = None
    life: Incarnation | None = None
    started: ReplyFuture[pykka.ActorRef[Any]] | None = None
    """Set with the ref of a kernel actor, or with the error of its constructor."""

    def ask_stop(self) -> None:
        if self.inbox is not None:
            self.inbox.ask_stop()
        elif self.life is not None:
            ask_to_stop(self.life)


class TrioHost:
    """Runs actors on Trio for code that knows nothing of Trio.

    `with TrioHost() as host:` runs Trio in a thread of its own; in a Trio run that
    exists, `await nursery.start(host.serve)` does. Any thread may then call
    `host.start(SomeActor, ...)`. Several hosts may run side by side.
    """

    def __init__(self, name: str = "host", *, daemon: bool = False) -> None:
        """Describe a host.

        Args:
            name: names its thread, and stands for it in supervision events.
            daemon: whether the program may end while actors run. If not, it goes on
                until the last one has stopped, as with Pykka's threads.

        """
        self.name = name
        self.directory = Directory()
        """Every actor here by name: `census()`, dead letters, supervision events."""
        self._daemon = daemon
        self._state = _State.NEW
        # Reentrant, because an actor may start another one in its constructor.
        self._changing = threading.RLock()
        """Held while the state changes or an actor is added: a start is before or after a stop."""
        self._guests: dict[str, _Guest] = {}
        self._number = 0
        self._within_s = 0.0
        self._thread: threading.Thread | None = None
        self._open: ReplyFuture[None] = ReplyFuture()
        self._over: ReplyFuture[bool] = ReplyFuture()
        self._all_stopped_cleanly = True
        self._program_ends = False

    def open(self) -> Self:
        """Run Trio in a thread of the host's own; return once it takes actors.

        Raises:
            HostStoppedError: the host runs, or ran, already.
            RuntimeError: called in a Trio thread, which it would block.

        """
        refuse_to_block("host.open()", "await nursery.start(host.serve)")
        if self._thread is not None or self._state is not _State.NEW:
            raise HostStoppedError(f"the host {self.name} was opened before; make a new TrioHost")
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=self._daemon)
        self._thread.start()
        self._open.get(timeout=OPEN_S)
        if not self._daemon:
            end_of_program.tell(self)
        return self

    def _run(self) -> None:
        try:
            trio.run(self.serve)
        except BaseException as error:
            log.exception("the host ended by an error", host=self.name)
            self._open.fail(error)
        finally:
            self._end()

    async def serve(
        self, *, task_status: trio.TaskStatus[TrioHost] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Run the host in this task until it is stopped; a cancellation kills its actors.

        Raises:
            HostStoppedError: the host runs, or ran, already.

        """
        with self._changing:
            if self._state is not _State.NEW:
                raise HostStoppedError(f"the host {self.name} was opened before; make a new one")
            self._home, self._stop_asked = Home(), trio.Event()
            self._state = _State.RUNNING
            running_hosts[self.directory] = self
        try:
            async with trio.open_nursery() as self._nursery:
                self._open.set()
                task_status.started(self)
                await self._stop_asked.wait()
                await self._stop_everyone()
                self._nursery.cancel_scope.cancel("the host stops")
        finally:
            self._end()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether actors can be started."""
        return self._state is _State.RUNNING

    def start(self, actor_class: type[A], /, *args: Any, **kwargs: Any) -> pykka.ActorRef[A]:
        """Start an actor on this host, from any thread; it is not restarted if it ends.

        A `TrioActor` is built in the calling thread, and its ref is back before
        `on_start` has run, as with Pykka. The kernel's own actors, supervisors
        among them, are built in the Trio thread.

        Raises:
            HostStoppedError: the host does not run.
            TypeError: it is an actor of another runtime.
            Exception: whatever the constructor raised.

        """
        token = current_host.set(self)
        try:
            if issubclass(actor_class, TrioActor):
                return cast("pykka.ActorRef[A]", actor_class.start(*args, **kwargs))
            if issubclass(actor_class, Actor | BlockingActor):
                return self._start_kernel_actor(
                    actor_class, partial(actor_class.start, *args, **kwargs)
                )
        finally:
            current_host.reset(token)
        raise TypeError(
            f"{actor_class.__name__} is no actor that Trio can run; "
            "inherit from TrioActor in place of ThreadingActor"
        )

    def seat(self, actor_class: type[pykka.Actor]) -> Seat:
        """Make room for one more `TrioActor`; its `start` calls this.

        Raises:
            HostStoppedError: the host does not run.

        """
        capacity = cast("type[TrioActor]", actor_class).mailbox_capacity
        guest = self._admit(actor_class, capacity)
        name = guest.cell.name
        guest.inbox = Inbox(guest.cell.mailbox, partial(self.directory.bury, name))
        return Seat(
            actor_class,
            guest.inbox,
            begin=partial(self._begin, guest),
            give_up=lambda error: self._home.call(partial(self._gone, guest, Crashed(error))),
        )

    def _admit(self, actor_class: type[pykka.Actor], capacity: float) -> _Guest:
        with self._changing:
            self._still_running(actor_class)
            self._number += 1
            name = f"{actor_class.__name__}-{self._number}"
            guest = _Guest(self.directory.open(name, parent="", capacity=capacity))
            self._guests[name] = guest
            return guest

    def _still_running(self, actor_class: type[pykka.Actor]) -> None:
        if self._state is not _State.RUNNING:
            raise HostStoppedError(
                f"{actor_class.__name__} was not started: the host {self.name} {self._state.value}"
            )

    def _begin(self, guest: _Guest, actor: TrioActor) -> None:
        guest.actor = actor
        with self._changing:
            # Under the lock, so that whoever stops the host later finds it launched.
            self._still_running(type(actor))
            self._home.call(partial(self._launch, guest, partial(carry, actor)))

    def _launch(self, guest: _Guest, start: Callable[[], pykka.ActorRef[Any]]) -> None:
        if self._state is _State.STOPPED:
            return  # what was left then has been ended already
        name = guest.cell.name
        guest.life = launch(
            guest.cell, start, self.directory, self._nursery, lambda _, why: self._gone(guest, why)
        )
        self.directory.publish(supervisor=self.name, child=name, reason="", action="started")

    def _start_kernel_actor(
        self, actor_class: type[pykka.Actor], start: Callable[[], pykka.ActorRef[Any]]
    ) -> pykka.ActorRef[Any]:
        guest = self._admit(actor_class, capacity=1000)
        started: ReplyFuture[pykka.ActorRef[Any]] = ReplyFuture()
        guest.started = started

        def begin() -> pykka.ActorRef[Any]:
            ref = start()
            started.set(ref)
            return ref

        if not self._home.is_here():
            refuse_to_block("host.start() of a kernel actor", "the host's own Trio thread")
        self._home.call(partial(self._launch, guest, begin))
        return started.get(timeout=OPEN_S)

    def _gone(self, guest: _Guest, reason: ExitReason) -> None:
        name = guest.cell.name
        if self._guests.pop(name, None) is None:
            return
        if guest.actor is not None:
            discard(guest.actor)
        if guest.started is not None:
            guest.started.fail(_why_not(reason))
        self.directory.close(name, reason)
        self.directory.publish(
            supervisor=self.name, child=name, reason=str(reason), action="not started again"
        )
        self._end_with_program()

    def program_ends(self) -> None:
        """Note that the main thread is done: the host goes on only while actors run."""
        self._home.call(self._note_end_of_program)

    def _note_end_of_program(self) -> None:
        self._program_ends = True
        self._end_with_program()

    def _end_with_program(self) -> None:
        if self._program_ends and not self._guests:
            self.stop_soon()

    def stop_soon(self, *, within: float = STOP_S) -> None:
        """Ask for the stop and return at once; from anywhere, also from an actor."""
        if within < 0:
            raise ValueError(f"within must be 0 or more, not {within}")
        with self._changing:
            if self._state is _State.NEW:
                self._end()
            elif self._state is _State.RUNNING:
                self._state, self._within_s = _State.STOPPING, within
                self._home.call(self._stop_asked.set)

    def stop(self, *, within: float = STOP_S) -> bool:
        """Stop all actors, the last started first, and return when the host is over.

        Whoever has not stopped within `within` seconds in all is killed. True if nobody
        was. A second call waits for the same end.

        Raises:
            HostStuckError: something can't even be killed.
            RuntimeError: called in a Trio thread or in an actor of this host.

        """
        refuse_to_block("host.stop()", "await host.stop_async(), or host.stop_soon()")
        self._refuse_own_actor()
        self.stop_soon(within=within)
        try:
            clean = self._over.get(timeout=within + KILL_S + 1)
        except pykka.Timeout as stuck:
            raise self._stuck() from stuck
        if self._thread is not None:
            self._thread.join(timeout=KILL_S)
        return clean

    async def stop_async(self, *, within: float = STOP_S) -> bool:
        """Do as `stop`, but wait on Trio.

        Raises:
            HostStuckError: something can't even be killed.
            RuntimeError: called in an actor of this host, which would wait for itself.

        """
        self._refuse_own_actor()
        self.stop_soon(within=within)
        with trio.move_on_after(within + KILL_S + 1):
            return await self._over.wait()
        raise self._stuck()

    def _refuse_own_actor(self) -> None:
        if current_host.get() is self:
            raise RuntimeError(
                f"an actor can't wait for the end of its own host {self.name}; use host.stop_soon()"
            )

    def _stuck(self) -> HostStuckError:
        names = ", ".join(self._guests) or "the host itself"
        thread = self._thread.ident if self._thread is not None else None
        # The documented way to see another thread's stack has an underscore.
        frame = sys._current_frames().get(thread or 0)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        stack = "".join(traceback.format_stack(frame)) if frame else ""
        log.error("a host is stuck", host=self.name, actors=names, stack=stack)
        return HostStuckError(
            f"the host {self.name} can't be ended: {names} neither stopped nor could be killed; "
            "see its stack in the log"
        )

    async def _stop_everyone(self) -> None:
        with trio.move_on_after(self._within_s):
            for guest in self._newest_first():
                guest.ask_stop()
                if guest.life is not None:
                    await guest.life.gone.wait()
        left = [guest.life for guest in self._newest_first() if guest.life is not None]
        for life in left:
            self._all_stopped_cleanly = False
            life.kill(f"it did not stop within {self._within_s:g} s")
        with trio.move_on_after(KILL_S):
            for life in left:
                await life.gone.wait()

    def _newest_first(self) -> list[_Guest]:
        return list(self._guests.values())[::-1]

    def _end(self) -> None:
        with self._changing:
            if self._state is _State.STOPPED:
                return
            self._state = _State.STOPPED
            running_hosts.pop(self.directory, None)
        for guest in self._newest_first():
            self._gone(guest, Killed(f"the host {self.name} ended"))
        self._over.set(self._all_stopped_cleanly)


def _why_not(reason: ExitReason) -> BaseException:
    """Name the error for whoever waits for a start that came to nothing."""
    return reason.error if isinstance(reason, Crashed) else HostStoppedError(str(reason))


class _EndOfProgram:
    """Tells hosts that the main thread is done; one thread for the whole process."""

    def __init__(self) -> None:
        self._waiting: list[weakref.ref[TrioHost]] = []
        self._adding = threading.Lock()
        self._thread: threading.Thread | None = None

    def tell(self, host: TrioHost) -> None:
        """Tell `host` when the main thread has ended."""
        with self._adding:
            self._waiting = [ref for ref in self._waiting if ref() is not None]
            self._waiting.append(weakref.ref(host))
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._wait, name="end of program", daemon=True
                )
                self._thread.start()

    def _wait(self) -> None:
        threading.main_thread().join()
        with self._adding:
            hosts = [ref() for ref in self._waiting]
        for host in hosts:
            if host is not None:
                host.program_ends()


end_of_program = _EndOfProgram()
