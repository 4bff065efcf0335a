"""Leaving the process: what only another process can see."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.contracts.repository import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = """
import sys, time, trio
from actors.kernel.addresses import Directory
from supervisors import application
from tests.kernel.probes import Do, Hold, Probe, Story, ThreadProbe, child
from tests.tree import supervisor

application.DRAIN_S, application.KILL_S = {drain_s}, {kill_s}
directory = Directory()
app = application.Application(directory)

async def shielded(_):
    with trio.CancelScope(shield=True):
        await trio.sleep_forever()

async def main():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(act)
        spec = child("a", Story(), {kind}, shutdown_s=float("inf"))
        ending = await app.run(supervisor("root", spec))
        nursery.cancel_scope.cancel()
    return ending

async def act():
    while not (cell := directory.find("a")) or not cell.running_since:
        await trio.sleep(0.001)
    {act}
    await trio.sleep(0.05)
    print("ready", flush=True)
    {then}

sys.exit(trio.run(main).exit_code)
"""
STUCK_THREAD = 'directory.address("a").tell(Hold(60))'
SHIELDED = 'directory.address("a").tell(Do(lambda a: a.spawn(shielded, a)))'


@contextlib.contextmanager
def program(
    act: str, *, kind: str = "Probe", drain_s: float = 0.3, kill_s: float = 5, then: str = ""
) -> Iterator[subprocess.Popen[str]]:
    text = PROGRAM.format(act=act, kind=kind, drain_s=drain_s, kill_s=kill_s, then=then)
    process = subprocess.Popen(
        [sys.executable, "-c", text],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        while process.stdout.readline() not in {"ready\n", ""}:
            pass
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_stuck_thread_does_not_keep_the_process_alive() -> None:
    with program(STUCK_THREAD, kind="ThreadProbe") as process:
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert time.monotonic() - began < 5


def test_a_second_signal_leaves_at_once() -> None:
    with program(SHIELDED, drain_s=60) as process:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 128 + signal.SIGINT
        assert "second signal (SIGINT): leaving at once" in process.communicate()[1]


def test_a_second_hangup_is_no_insistence_but_any_other_signal_is() -> None:
    with program(SHIELDED, drain_s=60) as process:
        for _ in range(2):
            process.send_signal(signal.SIGHUP)
            time.sleep(0.2)
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 128 + signal.SIGTERM


def test_a_second_signal_leaves_at_once_even_while_the_trio_thread_is_blocked() -> None:
    with program("pass", drain_s=60, then="time.sleep(60)") as process:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 128 + signal.SIGTERM


def test_a_task_that_shields_itself_from_being_killed_does_not_keep_the_process_alive() -> None:
    with program(SHIELDED, kill_s=0.3) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 70
        assert "something can't be killed: leaving at once" in process.communicate()[1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_an_idle_program_with_exit_code_0(number: signal.Signals) -> None:
    with program("pass") as process:
        process.send_signal(number)
        assert process.wait(5) == 0
