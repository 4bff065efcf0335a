"""Addresses: how one actor reaches another, across restarts."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import pykka
import structlog
import trio
from pykka._envelope import Envelope

from actors.kernel.cell import Cell
from actors.kernel.crash_marks import CrashSeen, card_id
from actors.kernel.errors import ActorError, ActorGoneError, DrillError
from actors.kernel.exits import Crashed, Stopped
from actors.kernel.futures import ReplyFuture
from actors.kernel.mailbox import Mailbox, is_abandoned
from actors.kernel.messages import Reply
from actors.kernel.meter import Meter
from actors.kernel.system import ActorGone, ActorReport, Notice, StartChild, SupervisionEvent
from actors.kernel.waiting import Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actors.kernel.exits import ExitReason
    from actors.kernel.mailbox import ReaderAtOnce
    from actors.kernel.messages import Asked

M_contra = TypeVar("M_contra", contravariant=True)
R = TypeVar("R")

log = structlog.get_logger(__name__)

_patience = Patience()
"""Of all who ask actors that answer at once."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message that no actor handled to its end."""

    to: str
    message: object
    why: str


class Directory:
    """Every actor by name. Supervisors write it, addresses and status pages read it.

    It holds no actor's private state, only what must outlive an incarnation.
    `find`, `open` and `bury` are for any thread, the rest is for the Trio thread.
    """

    def __init__(self, *, keep_dead_letters: int = 200) -> None:
        self._cells: dict[str, Cell] = {}
        self._below: dict[str, dict[str, Cell]] = {}
        self._burying = threading.Lock()
        self.dead_letters: deque[DeadLetter] = deque(maxlen=keep_dead_letters)
        self.dead_letter_count = 0
        self.supervision: list[Callable[[SupervisionEvent], object]] = []
        """Called with each supervision event, in the Trio thread."""
        self.crashes: list[Callable[[CrashSeen], object]] = []
        """Called with each crash of an actor, in the Trio thread, before its supervisor hears."""
        self.meter = Meter()
        """How long handlers take, by kind of actor; the watchdog feeds it."""

    def open(self, name: str, *, parent: str, capacity: float = 1000) -> Cell:
        """Return the cell of `name`, which a restart finds as it was left.

        Raises:
            ValueError: another supervisor has a child of this name.

        """
        cell = self._cells.get(name)
        if cell is None:
            # In one step each: senders to a pool open cells too, from any thread.
            cell = self._cells.setdefault(name, Cell(name, parent, Mailbox(name, capacity)))
            self._below.setdefault(cell.parent, {}).setdefault(name, cell)
        if cell.parent != parent:
            raise ValueError(
                f"two children are called {name}: one of {cell.parent!r}, one of {parent!r}; "
                "give each child of the tree a name of its own"
            )
        return cell

    def cells(self) -> list[Cell]:
        """List every cell, oldest first."""
        return list(self._cells.values())

    def find(self, name: str) -> Cell | None:
        """Look a cell up by the name of its actor; from any thread."""
        return self._cells.get(name)

    def close(self, name: str, reason: ExitReason) -> None:
        """Forget `name` and all below it; what still waits becomes dead letters."""
        for child in self.children(name):
            self.close(child.name, reason)
        cell = self._cells.pop(name, None)
        if cell is None:
            return
        self._below[cell.parent].pop(name, None)
        self._below.pop(name, None)
        for envelope in cell.mailbox.close(str(reason)):
            if not is_abandoned(envelope):
                self.bury(name, envelope.message, str(reason))
        self._end_watches(cell)
        for watcher in sorted(cell.watchers):
            self.address(watcher).tell(ActorGone(name, reason))

    def _end_watches(self, watcher: Cell) -> None:
        for name in watcher.watching:
            watched = self._cells.get(name)
            if watched is not None:
                watched.watchers = watched.watchers - {watcher.name}

    def bury(self, to: str, message: object, why: str) -> None:
        """Keep `message` as a dead letter; from any thread."""
        if isinstance(message, Notice):
            return
        with self._burying:
            self.dead_letter_count += 1
            self.dead_letters.append(DeadLetter(to, message, why))

    def watch(self, watcher: str, name: str) -> None:
        """Tell `watcher` once when `name` is gone for good; at once if it is already."""
        cell = self._cells.get(name)
        if cell is None:
            self.address(watcher).tell(ActorGone(name, Stopped()))
        elif watcher in self._cells:
            cell.watchers = {*cell.watchers, watcher}
            watching = self._cells[watcher]
            watching.watching = {*watching.watching, name}

    def children(self, name: str) -> tuple[Cell, ...]:
        """List the cells right below `name`, in the order they were opened."""
        return tuple(self._below.get(name, {}).values())

    def census(self) -> tuple[ActorReport, ...]:
        """Describe the whole tree, parents first, children in start order."""

        def walk(name: str) -> Iterator[ActorReport]:
            for cell in self.children(name):
                yield cell.report()
                yield from walk(cell.name)

        return tuple(walk(""))

    def crash(self, name: str, why: str = "drill") -> bool:
        """Crash an actor on purpose; false if it does not run now. Its mail is kept."""
        cell = self._cells.get(name)
        if cell is None or cell.incarnation is None:
            return False
        cell.incarnation.crash(DrillError(f"{name} was crashed on purpose ({why})"))
        return True

    def crashed(self, cell: Cell, error: BaseException, in_hand: object | None) -> str:
        """Tell all who listen of a crash and return the id of its card."""
        seen = CrashSeen(
            card=card_id(error),
            name=cell.name,
            kind=cell.kind,
            error=error,
            in_hand=in_hand,
            at_utc_s=time.time(),
        )
        for listener in self.crashes:
            try:
                listener(seen)
            except Exception:
                # Whoever listens must not be able to keep a life from ending.
                log.exception("a listener to crashes failed", about=seen.card)
        return seen.card

    def publish(
        self, *, supervisor: str, child: str, reason: ExitReason | str | None, action: str
    ) -> None:
        """Hand one supervision event to everyone who listens."""
        if not self.supervision:
            return
        cell = self._cells.get(child) if isinstance(reason, Crashed) else None
        event = SupervisionEvent(
            supervisor=supervisor,
            child=child,
            reason=str(reason or ""),
            action=action,
            at_utc_s=time.time(),
            card=cell.card if cell is not None else "",
        )
        for listener in self.supervision:
            try:
                listener(event)
            except Exception:
                # Whoever listens must not be able to take a supervisor down.
                log.exception("a listener to supervision events failed", about=event)

    def address(self, name: str) -> Address[Any]:
        """Name an actor, whether it runs yet or not."""
        return Address(name, self)

    def pool(self, name: str, capacity: float = 1000) -> Pool[Any]:
        """Name a dynamic supervisor and all the children it can have."""
        return Pool(name, self, capacity)


_nowhere = Mailbox("", capacity=0)
_nowhere.close("nobody has looked for it")


@dataclass(frozen=True, slots=True)
class Address(Generic[M_contra]):
    """The name of an actor, whichever incarnation runs behind it."""

    name: str
    directory: Directory
    _box: Mailbox = field(default=_nowhere, init=False, repr=False, compare=False)
    """Looked for once, and again when it is closed."""

    def tell(self, message: M_contra) -> None:
        """Put `message` in the mailbox; where that fails, it is a dead letter."""
        try:
            self._box.tell(message)
        except ActorError:
            # Most often never looked for, or closed since; then it is looked for once more.
            try:
                self._look_up().tell(message)
            except ActorError as error:
                self.directory.bury(self.name, message, str(error))

    def offer(self, message: M_contra) -> bool:
        """Put `message` in the mailbox; false, and no dead letter, if it is refused there.

        For a sender that knows what to do when the box is full or the actor is gone.
        """
        try:
            self._look_up().tell(message)
        except ActorError:
            return False
        return True

    async def ask(self, request: Asked[M_contra, R], *, within: float) -> R:
        """Send `request` and wait on Trio at most `within` seconds for its reply.

        An idle actor with a plain handler (`def`) answers at once, in the task of the asker.

        Raises:
            ActorGoneError: no actor has this name, or it stopped first.
            MailboxFullError: too many messages wait there already.
            ActorCrashedError: the actor died on this very request.
            NoReplyError: the actor forgot to answer.
            trio.TooSlowError: no reply in time; the request is not handled any more.

        """
        box = self._box
        if box.gone:
            box = self._look_up()
        future: ReplyFuture[R]
        if box.at_once and box.asleep and not box.halted and within > 0:
            await trio.lowlevel.checkpoint_if_cancelled()
            answer = cast("ReaderAtOnce", box.reader).answer_at_once(request)
            if _patience.is_over():
                await trio.lowlevel.cancel_shielded_checkpoint()
            if type(answer) is Reply:
                reply: R = cast("Reply[R]", answer).value
                return reply
            future = cast("ReplyFuture[R]", answer)
        else:
            future = ReplyFuture()
            box.put(Envelope(request, reply_to=future))
        try:
            return await future.wait(within)
        finally:
            future.abandoned = not future.settled

    def ask_from_thread(self, request: Asked[M_contra, R], *, within: float) -> R:
        """Send `request` and block this thread at most `within` seconds for its reply.

        Raises:
            trio.TooSlowError: no reply in time, and all that `ask` raises.

        """
        future: ReplyFuture[R] = ReplyFuture()
        self._look_up().put(Envelope(request, reply_to=future))
        try:
            return future.get(timeout=within)
        except pykka.Timeout as slow:
            raise trio.TooSlowError(f"{self.name}: no reply within {within:g} s") from slow
        finally:
            future.abandoned = not future.settled

    def _look_up(self) -> Mailbox:
        cell = self.directory.find(self.name)
        if cell is None:
            raise ActorGoneError(f"no actor is called {self.name}")
        # The one thing about an address that is not frozen: where it has looked.
        object.__setattr__(self, "_box", cell.mailbox)
        return cell.mailbox


@dataclass(frozen=True, slots=True)
class Pool(Generic[M_contra]):
    """A dynamic supervisor, seen as one address for each key."""

    name: str
    directory: Directory
    capacity: float = 1000

    def tell(self, key: int, message: M_contra) -> None:
        """Tell the child of `key`, which is started if it does not run; order is kept."""
        self._open(key).tell(message)

    def offer(self, key: int, message: M_contra) -> bool:
        """Do as `tell`, but return false, and bury nothing, where the message is refused."""
        return self._open(key).offer(message)

    def _open(self, key: int) -> Address[M_contra]:
        name = f"{self.name}/{key}"
        if self.directory.find(name) is None and self.directory.find(self.name) is not None:
            # The mailbox is opened before the child runs, so that what follows queues behind.
            self.directory.open(name, parent=self.name, capacity=self.capacity)
            self.directory.address(self.name).tell(StartChild(key))
        return self.address(key)

    def address(self, key: int) -> Address[M_contra]:
        """Name the child of `key`."""
        return Address(f"{self.name}/{key}", self.directory)

    def keys(self) -> tuple[int, ...]:
        """List the keys that have a child, oldest first."""
        prefix = len(self.name) + 1
        return tuple(int(cell.name[prefix:]) for cell in self.directory.children(self.name))
