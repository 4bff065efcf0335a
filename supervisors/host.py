"""A host for Pykka actors: a Trio run that plain threads start actors on.

The page for its users is `docs/pykka-host.md`.
"""

from __future__ import annotations

import enum
import sys
import threading
import traceback
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import pykka
import structlog
import trio

from actors.kernel.actor import Actor
from actors.kernel.blocking import BlockingActor
from actors.kernel.crossing import Home
from actors.kernel.errors import HostStoppedError, HostStuckError
from actors.kernel.exits import Crashed
from actors.kernel.futures import ReplyFuture
from actors.kernel.pykka_actor import TrioActor, carry
from actors.kernel.pykka_inbox import Seat, current_host, running_hosts
from actors.kernel.pykka_refs import refuse_to_block
from supervisors.end_of_program import end_of_program
from supervisors.guests import KILL_S, Guest, Guests

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from actors.kernel.addresses import Directory

A = TypeVar("A", bound=pykka.Actor)

STOP_S = 10.0
"""How long a clean stop may take in all, unless the caller says otherwise."""

OPEN_S = 30.0
"""How long the Trio thread may take to begin, or to build one of the kernel's actors."""

log = structlog.get_logger(__name__)


class _State(enum.Enum):
    NEW = "is not open yet: use `with TrioHost() as host:`"
    RUNNING = "runs"
    STOPPING = "is stopping"
    STOPPED = "has stopped: make a new TrioHost"


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
        self._daemon = daemon
        self._state = _State.NEW
        # Reentrant, because an actor may start another one in its constructor.
        self._changing = threading.RLock()
        """Held while the state changes or an actor is added: a start is before or after a stop."""
        self._guests = Guests(name)
        self._guests.when_fewer = self._end_with_program
        self._within_s = 0.0
        self._thread: threading.Thread | None = None
        self._open: ReplyFuture[None] = ReplyFuture()
        self._over: ReplyFuture[bool] = ReplyFuture()
        self._clean = True
        self._program_ends = False

    @property
    def directory(self) -> Directory:
        """Every actor here by name: `census()`, dead letters, supervision events."""
        return self._guests.directory

    @property
    def running(self) -> bool:
        """Whether actors can be started."""
        return self._state is _State.RUNNING

    def open(self) -> Self:
        """Run Trio in a thread of the host's own; return once it takes actors.

        Raises:
            HostStoppedError: the host was opened before.
            RuntimeError: called in a Trio thread, which it would block.

        """
        refuse_to_block("host.open()", "await nursery.start(host.serve)")
        with self._changing:
            self._still_new()
            self._thread = threading.Thread(target=self._run, name=self.name, daemon=self._daemon)
            self._thread.start()
        self._open.get(timeout=OPEN_S)
        if not self._daemon:
            end_of_program.tell(self)
        return self

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _still_new(self) -> None:
        if self._state is not _State.NEW:
            raise HostStoppedError(f"the host {self.name} was opened before: make a new TrioHost")

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
            HostStoppedError: the host was opened before.

        """
        with self._changing:
            self._still_new()
            self._home, self._stop_asked = Home(), trio.Event()
            self._state = _State.RUNNING
            running_hosts[self.directory] = self
        try:
            async with trio.open_nursery() as self._nursery:
                self._open.set()
                task_status.started(self)
                await self._stop_asked.wait()
                self._clean = await self._guests.stop(self._within_s)
                self._nursery.cancel_scope.cancel("the host stops")
        finally:
            self._end()

    def _end(self) -> None:
        with self._changing:
            if self._state is _State.STOPPED:
                return
            self._state = _State.STOPPED
            running_hosts.pop(self.directory, None)
        self._guests.end()
        self._over.set(self._clean)

    def start(self, actor_class: type[A], /, *args: Any, **kwargs: Any) -> pykka.ActorRef[A]:
        """Start an actor on this host, from any thread; it is not started again if it ends.

        A `TrioActor` is built in the calling thread, and its ref is back before
        `on_start` has run, as with Pykka. The kernel's own actors, supervisors
        among them, are built in the Trio thread, and a thread that starts them
        waits until they are ready.

        Raises:
            HostStoppedError: the host does not run.
            pykka.Timeout: an actor of the kernel was not ready within 30 s.
            TypeError: it is an actor of another runtime.
            Exception: whatever the constructor raised.

        """
        start = partial(actor_class.start, *args, **kwargs)
        token = current_host.set(self)
        try:
            if issubclass(actor_class, TrioActor):
                return start()
            if issubclass(actor_class, (Actor, BlockingActor)):
                return self._start_in_trio(actor_class.__name__, start)
        finally:
            current_host.reset(token)
        raise TypeError(
            f"{actor_class.__name__} is no actor that Trio can run: "
            "inherit from TrioActor in place of ThreadingActor"
        )

    def seat(self, actor_class: type[pykka.Actor], capacity: float) -> Seat:
        """Make room for one more `TrioActor`; its `start` calls this.

        Raises:
            HostStoppedError: the host does not run.

        """
        guest = self._admit(actor_class.__name__, capacity)

        def give_up(error: BaseException) -> None:
            self._home.call(lambda: self._guests.gone(guest, Crashed(error)))

        return Seat(actor_class, guest.inbox, partial(self._begin, guest), give_up)

    def _admit(self, kind: str, capacity: float) -> Guest:
        with self._changing:
            self._still_running(kind)
            return self._guests.admit(kind, capacity)

    def _still_running(self, kind: str) -> None:
        if self._state is not _State.RUNNING:
            raise HostStoppedError(
                f"{kind} was not started: the host {self.name} {self._state.value}"
            )

    def _begin(self, guest: Guest, actor: TrioActor) -> None:
        guest.actor = actor
        # Under the lock, so that whoever stops the host later finds it launched.
        with self._changing:
            self._still_running(type(actor).__name__)
            self._home.call(lambda: self._launch(guest, partial(carry, actor)))

    def _start_in_trio(
        self, kind: str, start: Callable[[], pykka.ActorRef[A]]
    ) -> pykka.ActorRef[A]:
        if not self._home.is_here():
            refuse_to_block(f"host.start({kind})", "the thread of the host")
        with self._changing:
            guest = self._admit(kind, capacity=1000)
            self._home.call(lambda: self._launch(guest, start))
        # In the Trio thread nobody may wait, and it is built by now.
        return guest.built.get() if self._home.is_here() else guest.ready.get(timeout=OPEN_S)

    def _launch(self, guest: Guest, start: Callable[[], pykka.ActorRef[Any]]) -> None:
        # What the actor starts in turn belongs here as well.
        token = current_host.set(self)
        try:
            self._guests.launch(guest, self._nursery, start)
        finally:
            current_host.reset(token)

    def stop_soon(self, *, within: float = STOP_S) -> None:
        """Ask for the stop and return at once; from anywhere, also from an actor."""
        if within < 0:
            raise ValueError(f"within must be 0 or more, not {within}")
        with self._changing:
            if self._state is _State.NEW and self._thread is None:
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
                f"an actor can't wait for the end of its own host {self.name}: use host.stop_soon()"
            )

    def _stuck(self) -> HostStuckError:
        names = ", ".join(self._guests.names) or "its Trio run"
        ident = self._thread.ident if self._thread is not None else None
        # The documented way to see another thread's stack has an underscore.
        frame = sys._current_frames().get(ident or 0)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        stack = "".join(traceback.format_stack(frame)) if frame else ""
        log.error("a host is stuck", host=self.name, actors=names, stack=stack)
        return HostStuckError(
            f"the host {self.name} can't be ended: {names} neither stopped nor could be killed; "
            "see the stack in the log"
        )

    def program_ends(self) -> None:
        """Note that the main thread has ended: from now on the host stays for its actors only."""
        self._home.call(self._note_end_of_program)

    def _note_end_of_program(self) -> None:
        self._program_ends = True
        self._end_with_program()

    def _end_with_program(self) -> None:
        if self._program_ends and not self._guests.names:
            self.stop_soon()
