"""Play scenarios on either side; a trace is a list of lines in the same words."""

from __future__ import annotations

import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import trio
import trio.testing

from actors.kernel.system import ChildState
from supervisors.lives import StartError
from tests.kernel.probes import Boom, Probe, Quit
from tests.otp.scenarios import Scenario, Step, as_erlang
from tests.plans import PlannedStory, spec_of, stories_of
from tests.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actors.kernel.system import SupervisionEvent

ORACLE = Path(__file__).with_name("oracle.erl")
WITHIN_S = 120


def erlang(program: str) -> str:
    """Find a program of Erlang's; without it there is no oracle, and that is a failure."""
    found = shutil.which(program)
    if found is None:
        raise RuntimeError(
            f"{program} is missing, and OTP is the oracle of these tests; "
            "run: sudo apt-get install erlang-base"
        )
    return found


def on_otp(scenarios: Iterable[Scenario], folder: Path) -> dict[str, list[str]]:
    """Play all scenarios in one Erlang; `folder` takes what that needs."""
    script = folder / "scenarios.txt"
    script.write_text("".join(map(as_erlang, scenarios)), encoding="utf-8")
    run = partial(subprocess.run, check=True, capture_output=True, text=True, timeout=WITHIN_S)
    run([erlang("erlc"), "-Werror", "-o", str(folder), str(ORACLE)])
    told = run(
        [erlang("erl"), "-noshell", "-pa", str(folder), "-run", "oracle", "main", str(script)]
    )
    traces: dict[str, list[str]] = {}
    trace: list[str] = []
    for line in told.stdout.splitlines():
        if line.startswith("\t"):
            trace.append(line[1:])
        else:
            trace = traces.setdefault(line, [])
    return traces


def on_ours(scenario: Scenario, kind: type = Probe) -> list[str]:
    """Play one scenario on a tree of ours."""
    return trio.run(_play, scenario, kind, clock=trio.testing.MockClock(autojump_threshold=0))


async def _play(scenario: Scenario, kind: type) -> list[str]:
    stories, lines = stories_of(scenario.plan)
    for name, times in scenario.refusals.items():
        stories[name].refusals = times
    async with trio.open_nursery() as nursery:
        tree = Tree(nursery)
        tree.directory.supervision.append(partial(_note_giving_up, lines))
        try:
            await tree.start(spec_of(scenario.plan, stories, kind))
        except StartError:
            lines.append("root did not start")
        else:
            lines.append(_up(tree))
            for step in scenario.steps:
                await _step(tree, stories, lines, step)
            if tree.life.reason is None:
                await tree.stop()
                lines.append("the end")
        await tree.stop()
    return lines


def _note_giving_up(lines: list[str], event: SupervisionEvent) -> None:
    if event.action.startswith("gave up"):
        lines.append(f"gave up {event.supervisor}")


async def _step(tree: Tree, stories: dict[str, PlannedStory], lines: list[str], step: Step) -> None:
    how, name, times = step
    lines.append(f"> {how} {name}")
    if how == "refuse":
        stories[name].refusals = times
        return
    if name in _running(tree):
        match how:
            case "crash":
                tree.tell(name, Boom())
            case "quit":
                tree.tell(name, Quit())
            case _:
                tree.kill(name)
    # Longer than every backoff that is switched off.
    await trio.sleep(1)
    lines.append(_up(tree))


def _running(tree: Tree) -> list[str]:
    if tree.life.reason is not None:
        return []
    reports = tree.directory.census()
    return [each.name for each in reports[1:] if each.state is ChildState.RUNNING]


def _up(tree: Tree) -> str:
    return (
        "root is down"
        if tree.life.reason is not None
        else " ".join(["up:", *sorted(_running(tree))])
    )
