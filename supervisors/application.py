"""The application: runs the whole tree until it is told, or forced, to end.

It owns the root supervisor, the signals and the exit code, and nothing else.
"""

from __future__ import annotations

import contextlib
import faulthandler
import math
import os
import signal
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
import trio

from actors.kernel.causes import as_group
from actors.kernel.exits import Crashed, ExitReason
from supervisors.lives import ask_to_stop, launch, until_gone

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from actors.kernel.addresses import Directory
    from actors.kernel.halting import Halt
    from actors.kernel.incarnation import Incarnation
    from supervisors.child_spec import ChildSpec

DRAIN_S = 10.0
"""How long a clean stop may take; what still runs then is killed."""

KILL_S = 5.0
"""How long killing may take after that. What can't be killed does not hold up the exit."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Each asks for a clean stop. SIGHUP comes when the terminal, or ssh, is gone."""

EX_SOFTWARE = 70
"""The tree gave up for a reason that has no exit code of its own (sysexits)."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ending:
    """Why the program ends, and with which exit code."""

    why: str
    exit_code: int = 0
    error: BaseException | None = field(default=None, compare=False)
    """What nobody foresaw, for the file of such faults."""


class Application:
    """The tree, from the first start to the last stop."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self._endings, self._heard = trio.open_memory_channel[Ending](16)

    def halt(self, fault: Halt) -> None:
        """End the program because of a fault that no restart heals; returns at once."""
        self._end(Ending(fault.sentence, fault.exit_code))

    def stop(self, why: str) -> None:
        """End the program as asked; returns at once."""
        self._end(Ending(why))

    def _end(self, ending: Ending) -> None:
        try:
            self._endings.send_nowait(ending)
        except trio.WouldBlock:
            log.info("an end is on its way already", also=ending.why)

    async def run(self, root: ChildSpec, *, until_stdin_closes: bool = False) -> Ending:
        """Start the tree, wait for a reason to end, stop it in order; return the reason."""
        with _signals_told_to(self.stop):
            async with trio.open_nursery() as beside:
                if until_stdin_closes:
                    beside.start_soon(self._watch_stdin)
                async with trio.open_nursery() as nursery:
                    life = self._launch(root, nursery)
                    ending = await self._heard.receive()
                    # The reason of a fault is the last thing that is said, and said once.
                    code, why = ending.exit_code, ending.why
                    log.info("stopping", **({"exit_code": code} if code else {"why": why}))
                    with _leaving_anyway(ending):
                        await self._drain(life)
                beside.cancel_scope.cancel("the tree has ended")
        return ending

    def _launch(self, root: ChildSpec, nursery: trio.Nursery) -> Incarnation:
        cell = self.directory.open(root.id, parent="", capacity=math.inf)
        return launch(cell, root.start, self.directory, nursery, self._root_gone)

    def _root_gone(self, _life: Incarnation, reason: ExitReason) -> None:
        if isinstance(reason, Crashed):
            self._end(ending_of(reason.error))
        else:
            self._end(Ending(f"the root supervisor {reason}", EX_SOFTWARE))

    async def _drain(self, life: Incarnation) -> None:
        if life.reason is None:
            ask_to_stop(life)
            await until_gone(life, DRAIN_S)
        self.directory.close(life.cell.name, life.reason or Crashed(RuntimeError("no reason")))

    async def _watch_stdin(self) -> None:
        """End when whoever started us is gone: the other end of stdin closes."""
        try:
            while True:
                await trio.lowlevel.wait_readable(0)
                if not os.read(0, 4096):
                    break
        except OSError as error:  # also for /dev/null and files, which nobody holds open
            log.info("stdin can't be read, so it counts as closed", error=str(error))
        self.stop("stdin was closed")


@contextlib.contextmanager
def _signals_told_to(stop: Callable[[str], None]) -> Generator[None]:
    """Hand the first of `SIGNALS` to `stop`; at a second, other than SIGHUP, leave at once.

    Handled by Python and not by Trio's receiver, so that the second one works even while
    something blocks the Trio thread. A SIGHUP that is ignored stays so: nohup is for that.
    """
    token, heard = trio.lowlevel.current_trio_token(), list[int]()

    def note(number: int, _frame: object) -> None:
        name = signal.Signals(number).name
        if heard and number == signal.SIGHUP:
            return  # nobody insists: of a terminal that closes, shell and kernel both tell
        if heard:
            # The operator insists: nothing is drained, the next start repairs.
            _say_last(f"second signal ({name}): leaving at once\n")
            os._exit(128 + number)
        heard.append(number)
        token.run_sync_soon(stop, name)

    former = {number: signal.signal(number, note) for number in SIGNALS if not _nohup(number)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _nohup(number: signal.Signals) -> bool:
    return number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN


def _say_last(text: str) -> None:
    with contextlib.suppress(OSError):  # after a SIGHUP the terminal is gone
        os.write(2, text.encode())


@contextlib.contextmanager
def _leaving_anyway(ending: Ending) -> Generator[None]:
    """Leave the process if what runs in here neither ends in time nor can be killed."""

    def leave() -> None:
        _say_last("the drain limit has passed and something can't be killed: leaving at once\n")
        faulthandler.dump_traceback()
        os._exit(ending.exit_code or EX_SOFTWARE)

    timer = threading.Timer(DRAIN_S + KILL_S, leave)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def ending_of(error: BaseException) -> Ending:
    """Find what the operator must be told in the chain of causes.

    An error with an `exit_code` speaks for itself; any other is a fault of ours.
    """
    for cause in _causes(error):
        code = getattr(cause, "exit_code", None)
        if isinstance(code, int):
            return Ending(str(cause), code)
    return Ending(f"the tree gave up: {error}", EX_SOFTWARE, error)


def _causes(error: BaseException) -> Iterator[BaseException]:
    yield error
    group = as_group(error)
    for part in group.exceptions if group else ():
        yield from _causes(part)
    if error.__cause__ is not None:
        yield from _causes(error.__cause__)
