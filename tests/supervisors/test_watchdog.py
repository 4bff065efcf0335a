"""The watchdog: it tells what blocks the Trio thread, and only that."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio
from structlog.testing import capture_logs

from supervisors import stalls
from supervisors.child_spec import ChildSpec
from supervisors.stalls import Lookout
from supervisors.watchdog import HowResponsive, Responsiveness, WatchdogActor

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from tests.tree import Tree

LIMIT_S = 0.05


async def grow(tree: Tree) -> None:
    await tree.grow(ChildSpec(id="watchdog", start=WatchdogActor.start))
    await trio.sleep(0.05)


async def figures(tree: Tree) -> Responsiveness:
    """Ask once the thread has looked at all that was before, however busy the machine is."""
    first = await tree.ask("watchdog", HowResponsive())
    with trio.fail_after(10):
        while True:
            await trio.sleep(0.02)
            last = await tree.ask("watchdog", HowResponsive())
            if last.samples > first.samples + 5:
                return last


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def block_here(seconds: float) -> None:
    time.sleep(seconds)


async def test_a_blocked_trio_is_told_with_the_place_and_the_stack(tree: Tree) -> None:
    await grow(tree)
    with capture_logs() as lines:
        block_here(0.4)
        result = await figures(tree)

    assert result.stalls >= 1  # a busy machine may add one of its own
    assert 100 < result.worst_ms < 1000
    (line,) = [line for line in lines if "in block_here" in line.get("place", "")]
    assert "blocked" in line["event"]
    assert re.fullmatch(r"tests/supervisors/test_watchdog.py:\d+ in block_here", line["place"])
    assert "test_a_blocked_trio_is_told" in line["stack"]
    assert line["log_level"] == "warning"


async def test_a_trio_that_takes_its_turns_is_left_alone(tree: Tree) -> None:
    await grow(tree)
    for _ in range(20):
        block_here(0.005)
        await trio.lowlevel.checkpoint()
    result = await figures(tree)

    assert result.stalls == 0
    assert result.last_stack == ""
    assert result.samples > 5


async def test_a_place_that_blocks_again_is_counted_and_logged_once(tree: Tree) -> None:
    await grow(tree)
    with capture_logs() as lines:
        for _ in range(3):
            block_here(0.3)
            await trio.sleep(0.04)
        result = await figures(tree)

    assert result.stalls == 3
    assert len([line for line in lines if "blocked" in line["event"]]) == 1


def matching() -> None:
    """Keep the interpreter lock for some hundred milliseconds; no other thread runs meanwhile."""
    re.match(r"(a+)+$", "a" * 23 + "b")


async def test_code_of_trio_that_lets_no_other_thread_run_is_told_too(tree: Tree) -> None:
    await grow(tree)
    matching()
    result = await figures(tree)

    assert result.stalls == 1
    # Whoever let nobody run may be done before anybody could look.
    assert re.search("in matching|^not seen", result.last_stack)


async def test_another_thread_that_lets_nobody_run_is_not_trios_fault(tree: Tree) -> None:
    await grow(tree)
    await trio.to_thread.run_sync(matching)
    result = await figures(tree)

    assert result.stalls == 0
    assert result.pauses >= 1


async def test_a_suspended_process_is_not_trios_fault(tree: Tree) -> None:
    await grow(tree)
    wake = f"sleep 0.3; kill -CONT {os.getpid()}"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.run_process, ["sh", "-c", wake])
        await trio.sleep(0.05)
        os.kill(os.getpid(), signal.SIGSTOP)
    result = await figures(tree)

    assert result.stalls == 0
    assert result.pauses >= 1


async def test_the_thread_ends_with_the_actor_however_it_ends(tree: Tree) -> None:
    def lookouts() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name == "lookout"]

    await grow(tree)
    tree.crash("watchdog")
    await trio.sleep(0.05)
    assert len(lookouts()) == 1
    files = open_files()
    await tree.stop()

    assert lookouts() == []
    assert open_files() < files


BUSY = """
import time, trio
from supervisors.stalls import Lookout, BEAT_S
async def main():
    lookout = Lookout(0.05)
    lookout.start()
    before, began = time.process_time(), time.perf_counter()
    while time.perf_counter() - began < 1:
        lookout.beat()
        await trio.sleep(BEAT_S)
    print((time.process_time() - before) / (time.perf_counter() - began))
    lookout.end()
trio.run(main)
"""


def test_watching_costs_a_few_percent_of_one_core_at_most() -> None:
    result = subprocess.run(
        [sys.executable, "-c", BUSY], check=True, capture_output=True, text=True, timeout=20
    )

    assert float(result.stdout) < 0.05


@contextlib.contextmanager
def looking_out() -> Iterator[Lookout]:
    lookout = Lookout(LIMIT_S)
    lookout.start()
    try:
        yield lookout
    finally:
        lookout.end()


def beat_for(lookout: Lookout, seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        lookout.beat()
        time.sleep(stalls.BEAT_S)


def test_a_thread_that_had_to_wait_for_a_core_is_not_blocked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[float] = [0.0]
    monkeypatch.setattr(stalls.Machine, "_waited", lambda _self: waited[0])
    with looking_out() as lookout:
        beat_for(lookout, 0.05)
        time.sleep(0.2)
        waited[0] += 0.2  # the system counts it once the thread has its core
        beat_for(lookout, 0.05)

        assert not lookout.found
        assert lookout.pauses == 1


def test_a_system_without_such_figures_still_finds_what_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_such_file(*_: Any) -> int:
        raise FileNotFoundError

    monkeypatch.setattr(os, "open", no_such_file)
    monkeypatch.delattr(time, "pthread_getcpuclockid")
    with looking_out() as lookout:
        beat_for(lookout, 0.05)
        block_here(0.15)
        beat_for(lookout, 0.05)

        assert [stall.place.partition(" in ")[2] for stall in lookout.found] == ["block_here"]
