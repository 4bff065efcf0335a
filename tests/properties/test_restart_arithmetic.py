"""Intensity, backoff and strategies against the plainest thing that could be right."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from actors.kernel.exits import Crashed, Killed, Stopped
from supervisors.child_spec import Restart
from supervisors.intensity import Backoff, CrashCount, RestartIntensity, RestartLedger
from supervisors.strategy import AutoShutdown, Strategy

# Whole seconds, so that restarts fall on the very edge of the period too.
GAPS = st.integers(min_value=0, max_value=40)


class Intensity(RuleBasedStateMachine):
    """A ledger and a list of all restarts, fed the same times."""

    @initialize(
        max_restarts=st.integers(min_value=0, max_value=6),
        within_s=st.integers(min_value=1, max_value=60),
    )
    def begin(self, max_restarts: int, within_s: int) -> None:
        self.intensity = RestartIntensity(max_restarts, within_s)
        self.ledger = RestartLedger(self.intensity)
        self.stamps: list[float] = []
        self.now = 0.0

    @rule(gap=GAPS)
    def a_restart(self, gap: int) -> None:
        self.now += gap
        self.stamps.append(self.now)
        recent = [stamp for stamp in self.stamps if self.now - stamp <= self.intensity.within_s]

        assert self.ledger.record(self.now) == (len(recent) <= self.intensity.max_restarts)

    @rule(count=st.integers(min_value=1, max_value=8))
    def a_burst(self, count: int) -> None:
        for _ in range(count):
            self.a_restart(0)

    @invariant()
    def it_stays_small(self) -> None:
        if hasattr(self, "ledger"):
            assert len(self.ledger._stamps) <= self.intensity.max_restarts + 1


TestIntensity = Intensity.TestCase
TestIntensity.settings = settings(max_examples=60)


@st.composite
def backoffs(draw: st.DrawFn) -> Backoff:
    base = draw(st.floats(min_value=0.001, max_value=5))
    cap = draw(st.floats(min_value=base, max_value=60))
    return Backoff(
        base_s=base,
        cap_s=cap,
        jitter=draw(st.floats(min_value=0, max_value=0.9)),
        calm_s=cap + draw(st.floats(min_value=0.1, max_value=100)),
    )


@settings(max_examples=60)
@given(backoff=backoffs(), gaps=st.lists(st.floats(0, 200), max_size=30), seed=st.integers())
def test_a_delay_is_its_nominal_length_give_or_take_the_jitter_and_never_above_the_cap(
    backoff: Backoff, gaps: list[float], seed: int
) -> None:
    count, now, crashes = CrashCount(backoff, chance=random.Random(seed)), 0.0, 0
    for gap in gaps:
        last, now = now, now + gap
        crashes = 1 if now - last > backoff.calm_s else crashes + 1
        doubled = 0.0 if crashes == 1 else backoff.base_s
        for _ in range(crashes - 2):
            doubled = min(doubled * 2, backoff.cap_s)

        delay = count.delay_s(now)

        assert doubled * (1 - backoff.jitter) - 1e-9 <= delay
        assert delay <= min(backoff.cap_s, doubled * (1 + backoff.jitter)) + 1e-9


def test_exactly_the_calm_period_is_not_yet_calm() -> None:
    backoff = Backoff(base_s=1, cap_s=8, jitter=0, calm_s=10)
    count = CrashCount(backoff)

    assert [count.delay_s(now) for now in (0, 10, 20, 30.5)] == [0, 1, 2, 0]


@given(crashes=st.integers(min_value=1, max_value=100_000))
def test_a_crash_loop_of_any_length_has_a_delay(crashes: int) -> None:
    assert 0 <= Backoff().nominal_s(crashes) <= Backoff().cap_s


def test_delays_of_many_children_are_spread_so_that_they_do_not_come_back_together() -> None:
    delays = set()
    for seed in range(100):
        count = CrashCount(Backoff(), chance=random.Random(seed))
        count.delay_s(0)
        delays.add(count.delay_s(0))

    assert len(delays) == 100
    assert min(delays) < 0.225
    assert max(delays) > 0.275


@settings(max_examples=60)
@given(st.data(), st.lists(st.text(min_size=1), min_size=1, max_size=8, unique=True))
def test_a_strategy_names_whom_otp_names(data: st.DataObject, names: list[str]) -> None:
    failed = data.draw(st.sampled_from(names))
    for strategy in Strategy:
        affected = strategy.affected(names, failed)

        assert failed in affected
        assert list(affected) == [name for name in names if name in affected]  # start order
        spared = set(names) - set(affected)
        before = {name for name in names if names.index(name) < names.index(failed)}
        assert (
            spared
            == {
                Strategy.ONE_FOR_ONE: set(names) - {failed},
                Strategy.REST_FOR_ONE: before,
                Strategy.ONE_FOR_ALL: set(),
            }[strategy]
        )


@pytest.mark.parametrize(
    ("restart", "stopped", "killed", "crashed"),
    [
        (Restart.PERMANENT, True, True, True),
        (Restart.TRANSIENT, False, True, True),
        (Restart.TEMPORARY, False, False, False),
    ],
)
def test_a_restart_kind_says_after_which_end_a_child_starts_again(
    restart: Restart, stopped: bool, killed: bool, crashed: bool
) -> None:
    assert restart.applies(Stopped()) == stopped
    assert restart.applies(Killed()) == killed
    assert restart.applies(Crashed(ValueError())) == crashed


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: RestartIntensity(-1, 1), "max_restarts must be 0 or more, not -1"),
        (lambda: RestartIntensity(1, 0), "within_s must be more than 0 seconds, not 0"),
        (lambda: Backoff(base_s=0), "base_s must be above 0 and at most 30.0, not 0"),
        (lambda: Backoff(base_s=40), "base_s must be above 0 and at most 30.0, not 40"),
        (lambda: Backoff(jitter=1), "jitter must be from 0 to below 1, not 1"),
        (lambda: Backoff(calm_s=30), r"calm_s must be more than cap_s \(30.0\), not 30"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused_with_its_value(make: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        make()


def test_limits_that_nobody_names_are_these() -> None:
    assert RestartIntensity() == RestartIntensity(max_restarts=3, within_s=30)
    assert Backoff() == Backoff(base_s=0.25, cap_s=30, jitter=0.2, calm_s=60)


def test_strategies_and_kinds_have_the_names_that_otp_gives_them() -> None:
    assert [each.value for each in Strategy] == ["one_for_one", "rest_for_one", "one_for_all"]
    assert [each.value for each in AutoShutdown] == ["never", "any_significant", "all_significant"]
    assert [each.value for each in Restart] == ["permanent", "transient", "temporary"]
