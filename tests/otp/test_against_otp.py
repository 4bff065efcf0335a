"""OTP is our oracle: the same scenarios on its own supervisor, and the traces compared.

A scenario is a tree with strategies, restart kinds, intensities and significant children, and a
script of crashes, kills, clean ends and starts that fail. A trace has every start, failed start,
ordered stop and giving up, in order, and who is up after each step. SEED=n repeats a run.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from supervisors.child_spec import Restart
from supervisors.intensity import Backoff, RestartIntensity
from supervisors.strategy import AutoShutdown, Strategy
from tests.hierarchy import fresh_seed
from tests.otp.players import on_otp, on_ours
from tests.otp.scenarios import PERIOD_S, SWITCHED_OFF, Scenario, Step, as_erlang, draw
from tests.plans import GroupPlan, Plan, WorkerPlan

if TYPE_CHECKING:
    from pathlib import Path

SCENARIOS = 300


def test_random_trees_behave_as_they_do_under_otp(tmp_path: Path) -> None:
    seed = fresh_seed()
    print(f"SEED={seed}")
    chance = random.Random(seed)
    scenarios = [draw(f"s{number}", chance) for number in range(SCENARIOS)]

    theirs = on_otp(scenarios, tmp_path)

    for scenario in scenarios:
        expected = theirs[scenario.name]
        assert on_ours(scenario) == expected, f"SEED={seed}: {as_erlang(scenario)}"
    lines = [line for trace in theirs.values() for line in trace]
    for word in ("start", "no start", "stop", "gave up", "root is down", "root did not", "the end"):
        assert sum(line.startswith(word) for line in lines) > 20, f"SEED={seed}: too few: {word}"


def group(name: str, *children: Plan, **options: Any) -> GroupPlan:
    limit = options.pop("max_restarts", 100)
    backoff = options.pop("backoff", SWITCHED_OFF)
    return GroupPlan(
        id=name,
        children=children,
        intensity=RestartIntensity(limit, PERIOD_S),
        backoff=backoff,
        **options,
    )


def scenario(plan: GroupPlan, *steps: Step, name: str = "s") -> Scenario:
    return Scenario(name=name, plan=plan, refusals={}, steps=steps)


def both(played: Scenario, folder: Path) -> tuple[list[str], list[str]]:
    """Play one scenario on both sides: theirs, ours."""
    return on_otp([played], folder)[played.name], on_ours(played)


# The differences on purpose, each by name. docs/semantics.md lists them with their reasons.


def test_we_wait_before_a_second_restart_and_otp_does_not(tmp_path: Path) -> None:
    plan = group("root", WorkerPlan(id="w"), backoff=Backoff(base_s=10, cap_s=10, jitter=0))

    theirs, ours = both(scenario(plan, ("crash", "w", 0), ("crash", "w", 0)), tmp_path)

    assert theirs[5:] == ["> crash w", "start w", "up: w", "stop w", "the end"]
    assert ours[5:] == ["> crash w", "up:", "the end"]


def test_a_transient_supervisor_that_gave_up_has_failed_with_us_and_ended_well_with_otp(
    tmp_path: Path,
) -> None:
    below = group("g", WorkerPlan(id="w"), max_restarts=0, restart=Restart.TRANSIENT)

    theirs, ours = both(scenario(group("root", below), ("crash", "w", 0)), tmp_path)

    assert theirs[2:] == ["> crash w", "gave up g", "up:", "the end"]
    assert ours[2:-2] == ["> crash w", "gave up g", "start w", "up: g w"]


def test_whoever_is_below_a_killed_supervisor_is_killed_with_us_and_two_levels_down_stopped_by_otp(
    tmp_path: Path,
) -> None:
    plan = group("root", group("g", group("h", WorkerPlan(id="w"))))
    # OTP stops it side by side with the restart; most of the time before the last line.
    played = [scenario(plan, ("kill", "g", 0), name=f"s{number}") for number in range(20)]

    theirs = on_otp(played, tmp_path).values()

    assert on_ours(played[0])[2:] == ["> kill g", "start w", "up: g h w", "stop w", "the end"]
    assert any(trace.count("stop w") == 2 for trace in theirs)


def test_a_significant_child_that_can_end_nobody_is_refused_by_otp_and_means_nothing_to_us(
    tmp_path: Path,
) -> None:
    worker = WorkerPlan(id="w", restart=Restart.TRANSIENT, significant=True)
    plan = group("root", worker, auto_shutdown=AutoShutdown.NEVER)

    theirs, ours = both(scenario(plan, ("quit", "w", 0)), tmp_path)

    assert theirs == ["root did not start"]
    assert ours == ["start w", "up: w", "> quit w", "stop w", "up:", "the end"]


def test_the_comparison_tells_every_strategy_from_every_other(tmp_path: Path) -> None:
    workers = [WorkerPlan(id=name) for name in "abc"]
    played = {
        strategy: scenario(
            group("root", *workers, strategy=strategy), ("crash", "b", 0), name=strategy.value
        )
        for strategy in Strategy
    }

    theirs = on_otp(played.values(), tmp_path)

    for ours in Strategy:
        trace = on_ours(played[ours])
        assert [name for name in theirs if theirs[name] == trace] == [ours.value]


def test_without_erlang_the_comparison_fails_and_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(RuntimeError, match="apt-get install erlang-base"):
        on_otp([], tmp_path)
