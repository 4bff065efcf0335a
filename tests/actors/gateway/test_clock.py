from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from actors.gateway.clock import CLOCK, SteadyClock


class TwoClocks:
    """A wall clock and a monotonic one, moved by hand."""

    def __init__(self) -> None:
        self.wall, self.steady = 1_700_000_000.0, 50.0
        self.clock = SteadyClock(lambda: self.wall, lambda: self.steady)

    def pass_time(self, seconds: float, *, set_by: float = 0.0) -> None:
        self.steady += seconds
        self.wall += seconds + set_by


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(1_700_000_000.0 + seconds, UTC)


def test_time_is_that_of_the_wall_clock_and_aware() -> None:
    clocks = TwoClocks()
    clocks.pass_time(5)

    assert clocks.clock.now() == at(5)
    assert CLOCK.now().tzinfo is UTC
    assert abs((datetime.now(UTC) - CLOCK.now()).total_seconds()) < 1


def test_a_wall_clock_set_back_does_not_take_time_back() -> None:
    clocks = TwoClocks()
    clocks.pass_time(5, set_by=-3600)
    before = clocks.clock.now()
    clocks.pass_time(2)

    assert before == at(5)
    assert clocks.clock.now() == at(7)


def test_a_wall_clock_set_forward_is_followed_at_once() -> None:
    clocks = TwoClocks()
    clocks.pass_time(5, set_by=3600)

    assert clocks.clock.now() == at(3605)


def test_time_goes_on_from_the_ledgers_newest_at_its_own_speed() -> None:
    clocks = TwoClocks()

    assert clocks.clock.not_before(at(7200)) == 7200
    assert at(7200) <= clocks.clock.now() <= at(7200.001)
    clocks.pass_time(60)
    assert at(7260) <= clocks.clock.now() <= at(7260.001)
    clocks.pass_time(0, set_by=9000)
    assert clocks.clock.now() == at(9060)


def test_a_ledger_that_is_behind_the_clock_changes_nothing() -> None:
    clocks = TwoClocks()
    clocks.pass_time(60)

    assert clocks.clock.not_before(at(59)) == 0
    assert clocks.clock.now() == at(60)


@given(st.floats(-1e6, 1e6))
def test_no_time_is_before_the_ledgers_newest(newest: float) -> None:
    clocks = TwoClocks()
    clocks.clock.not_before(at(newest))

    assert clocks.clock.now() >= at(newest)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(-1e6, 1e6))))
def test_no_time_is_before_an_earlier_one(steps: list[tuple[float, float]]) -> None:
    clocks = TwoClocks()
    times = [clocks.clock.now()]
    for seconds, set_by in steps:
        clocks.pass_time(seconds, set_by=set_by)
        times.append(clocks.clock.now())

    assert times == sorted(times)
