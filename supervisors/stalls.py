"""Finding what blocks a Trio thread: a beat in it, and a thread beside it that looks.

The beat says when the watched thread had its turn. Where beats are missing, either
something blocked the thread, a fault of ours, or the machine gave nobody a turn: the
process was suspended, another thread held the interpreter, or the thread waited for
a core. The looking thread can tell: then it comes late itself, or the system says so.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import traceback
from collections import deque
from dataclasses import dataclass
from pathlib import Path

BEAT_S = 0.01
"""How often the watched thread beats and the other one looks."""

LATE_S = 0.02
"""A look that comes so late was held up itself; less is Python's switching of threads."""

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """One time in which the watched thread was blocked."""

    blocked_s: float
    place: str
    """The innermost frame of ours, such as `actors/guild/actor.py:81 in on_receive`."""

    stack: str
    """The whole stack, outermost frame first."""


class Lookout:
    """Looks whether the thread that made it still beats.

    `start` and `end` belong together, and `beat` is called about every `BEAT_S`
    seconds; all three by the watched thread.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        # The stack is looked at early, so that it is at hand if the silence grows into a stall.
        self._early_s = max(BEAT_S, limit_s - 2 * BEAT_S)
        self._machine = Machine()
        self._watched = threading.get_ident()
        self._running = threading.Lock()
        self._thread = threading.Thread(target=self._look_out, name="lookout", daemon=True)
        self._beats: deque[float] = deque()
        self._last = time.perf_counter()
        self._stack: traceback.StackSummary | None = None
        self.found: deque[Stall] = deque(maxlen=100)
        """Stalls that nobody has taken yet, oldest left."""

        self.samples = 0
        """Beats that were measured."""

        self.worst_s = 0.0
        """The longest time without a turn that the machine does not explain."""

        self.pauses = 0
        """How often the machine held everything up for longer than the limit."""

    def start(self) -> None:
        """Begin to look."""
        self._running.acquire()
        self._thread.start()

    def end(self) -> None:
        """Stop looking; the thread is gone within about a millisecond."""
        self._running.release()
        self._thread.join(timeout=1)
        self._machine.close()

    def beat(self) -> None:
        """Say that the watched thread has its turn."""
        self._beats.append(time.perf_counter())

    def _look_out(self) -> None:
        excuse_s = 0.0
        looked = time.perf_counter()
        # The lock is free once `end` was called; waiting for it costs less than an Event.
        while not self._running.acquire(timeout=BEAT_S):
            now = time.perf_counter()
            if self._stack is None and now - self._last - BEAT_S > self._early_s:
                self._stack = self._see()
            newly_s = self._machine.held_up_s(now - looked - BEAT_S)
            excuse_s += newly_s
            looked = now
            if self._account(excuse_s, now):
                # The beats may be from before we were held up, the silence from then on.
                excuse_s = min(newly_s, now - self._last)

    def _account(self, excuse_s: float, now: float) -> bool:
        """Measure the silence before each beat up to `now`; false if there was none."""
        # A later one came while we were held up in this very look: the next will know.
        if not self._beats or self._beats[0] > now:
            return False
        while self._beats and self._beats[0] <= now:
            beat = self._beats.popleft()
            silent_s = beat - self._last - BEAT_S
            blocked_s = max(0.0, silent_s - excuse_s)
            self._last = beat
            self.samples += 1
            self.worst_s = max(self.worst_s, blocked_s)
            if blocked_s > self._limit_s:
                self.found.append(_stall(blocked_s, self._stack))
            elif silent_s > self._limit_s:
                self.pauses += 1
        self._stack = None
        return True

    def _see(self) -> traceback.StackSummary | None:
        # The thread may run on: only a summary is kept, and none if it is past the silence.
        # The name is documented, and the only way to another thread's stack.
        frames = sys._current_frames()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        frame = frames.get(self._watched)
        stack = None if frame is None else traceback.extract_stack(frame)
        return None if self._beats else stack


class Machine:
    """How long the machine kept the thread that made this from running."""

    def __init__(self) -> None:
        self._clock: int | None = None
        if hasattr(time, "pthread_getcpuclockid"):
            self._clock = time.pthread_getcpuclockid(threading.get_ident())
        self._waits: int | None = None
        with contextlib.suppress(OSError):  # not a Linux, or one without these figures
            self._waits = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
        self._cpu_s, self._waited_s = self._cpu(), self._waited()

    def close(self) -> None:
        """Let go of what the figures are read from."""
        if self._waits is not None:
            os.close(self._waits)
            self._waits = None

    def held_up_s(self, late_s: float) -> float:
        """Return the excuse since the last call, whose maker came `late_s` late itself."""
        cpu_s, waited_s = self._cpu(), self._waited()
        worked_s, queued_s = cpu_s - self._cpu_s, waited_s - self._waited_s
        self._cpu_s, self._waited_s = cpu_s, waited_s
        # While the watched thread worked, it was itself that held us up.
        idle_s = late_s - worked_s if late_s > LATE_S else 0.0
        return max(idle_s, queued_s, 0.0)

    def _cpu(self) -> float:
        return 0.0 if self._clock is None else time.clock_gettime(self._clock)

    def _waited(self) -> float:
        if self._waits is None:
            return 0.0
        return int(os.pread(self._waits, 80, 0).split()[1]) / 1e9


def _stall(blocked_s: float, stack: traceback.StackSummary | None) -> Stall:
    if not stack:
        return Stall(blocked_s=blocked_s, place="not seen: it ended just then", stack="")
    ours = [frame for frame in stack if _is_ours(frame)] or list(stack)
    inner = ours[-1]
    file = Path(inner.filename)
    near = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
    place = f"{near}:{inner.lineno} in {inner.name}"
    return Stall(blocked_s=blocked_s, place=place, stack="".join(stack.format()))


def _is_ours(frame: traceback.FrameSummary) -> bool:
    file = Path(frame.filename)
    return file.is_relative_to(ROOT) and not file.is_relative_to(ROOT / ".venv")
