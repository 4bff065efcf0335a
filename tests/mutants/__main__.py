"""Run the tests of the supervisors on each mutant of them: `make mutants`.

It fails where a mutant survives that survivors.md does not know, and where survivors.md knows
one that no longer survives. `ARGS="supervisor lives"` tries these modules only.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import re
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.mutants import trial
from tests.mutants.mutations import Mutant, mutants_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[2]
SURVIVORS = Path(__file__).with_name("survivors.md")
LIMIT_S = 600
"""A trial that takes longer hangs, and that would not pass unseen either."""

ARITHMETIC = "tests/properties/test_restart_arithmetic.py"
FIXED = "tests/supervisors/test_supervisor.py"
GRID = "tests/supervisors/test_grid.py"
DYNAMIC = "tests/supervisors/test_dynamic.py"
MODEL = "tests/properties/test_supervision_model.py"
TREES = "tests/properties/test_live_trees.py"
TESTS = {
    "child_spec": (FIXED, ARITHMETIC, MODEL),
    "dynamic": (DYNAMIC, TREES),
    "intensity": (ARITHMETIC, FIXED, MODEL),
    "lives": (FIXED, DYNAMIC, MODEL, GRID),
    "strategy": (ARITHMETIC, FIXED, MODEL),
    "supervisor": (FIXED, MODEL, GRID),
}
"""Which tests answer for which module; quick ones first."""

WARM = ("structlog", "trio.testing", "actors.kernel.actor",
        "actors.kernel.blocking", "actors.kernel.addresses")  # fmt: skip


@dataclass(slots=True)
class Trial:
    mutant: Mutant
    tests: Sequence[str]
    deadline: float


def main() -> int:
    wanted = sys.argv[1:] or list(TESTS)
    for name in WARM:
        importlib.import_module(name)
    known = known_survivors(SURVIVORS.read_text(encoding="utf-8"))
    tests = {f"supervisors.{name}": TESTS[name] for name in wanted}
    sound = outcomes([(None, tests[each]) for each in tests])
    if any(sound):
        print("the tests fail on the modules as they are; mend that first")
        return 1
    mutants = [m for name in wanted for m in all_mutants(name)]
    survived = try_all(mutants, tests)
    return report(mutants, survived, {k: v for k, v in known.items() if k.split("::")[0] in wanted})


@functools.cache
def all_mutants(name: str) -> tuple[Mutant, ...]:
    source = (ROOT / "supervisors" / f"{name}.py").read_text(encoding="utf-8")
    return tuple(mutants_of(f"supervisors.{name}", source))


def label(mutant: Mutant) -> str:
    return f"{mutant.module.removeprefix('supervisors.')}::{mutant.key}"


def known_survivors(text: str) -> dict[str, str]:
    """Read the table: mutant and reason."""
    rows = re.findall(r"^\| `(.+?)` \| (.+?) \|$", text, flags=re.MULTILINE)
    return {key.replace("\\|", "|"): reason for key, reason in rows}


def try_all(mutants: Sequence[Mutant], tests: Mapping[str, Sequence[str]]) -> list[Mutant]:
    began = time.monotonic()
    codes = outcomes([(mutant, tests[mutant.module]) for mutant in mutants], tell=True)
    print(f"{len(mutants)} trials in {time.monotonic() - began:.0f} s")
    return [mutant for mutant, code in zip(mutants, codes, strict=True) if code == 0]


def outcomes(
    trials: Sequence[tuple[Mutant | None, Sequence[str]]], *, tell: bool = False
) -> list[int]:
    """Run all trials, as many at a time as there are cores; 0 is a survivor."""
    codes = [trial.KILLED] * len(trials)
    running: dict[int, tuple[int, float]] = {}
    waiting = list(enumerate(trials))[::-1]
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            number, (mutant, tests) = waiting.pop()
            running[trial.begin(mutant, tests)] = (number, time.monotonic() + LIMIT_S)
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid:
            number, _ = running.pop(pid)
            codes[number] = os.waitstatus_to_exitcode(status)
            mutant = trials[number][0]
            if tell and mutant is not None and codes[number] == 0:
                print(f"survived: {label(mutant)}", flush=True)
            continue
        for late in [pid for pid, (_, deadline) in running.items() if time.monotonic() > deadline]:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(late, signal.SIGKILL)
        time.sleep(0.01)
    return codes


def report(mutants: Sequence[Mutant], survived: Sequence[Mutant], known: dict[str, str]) -> int:
    """Print the counts by module, and what survivors.md does not say right."""
    dead = Counter(each.module for each in mutants)
    for module, count in sorted(dead.items()):
        left = sum(each.module == module for each in survived)
        print(f"{module}: {count} mutants, {count - left} killed, {left} survived")
    labels = {label(each) for each in survived}
    for new in sorted(labels - known.keys()):
        print(f"no test fails and no reason is given: {new}")
    for old in sorted(known.keys() - labels):
        print(f"survivors.md lists it, but it does not survive: {old}")
    return int(labels != known.keys())


if __name__ == "__main__":
    sys.exit(main())
