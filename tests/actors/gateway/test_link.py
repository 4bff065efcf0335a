from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from actors.gateway.link import GatewaySettings, Patience, pause_before_attempt_s
from actors.gateway.link_state import IDENTIFIES_PER_DAY, IdentifyBudgetError, LinkState
from actors.gateway.protocol import Link


class Watch:
    def __init__(self) -> None:
        self.time = datetime(2026, 1, 2, tzinfo=UTC)
        self.steady_s = 50.0

    def now(self) -> datetime:
        return self.time

    def steady(self) -> float:
        return self.steady_s

    def pass_s(self, seconds: float, *, set_by: float = 0) -> datetime:
        self.steady_s += seconds
        self.time += timedelta(seconds=seconds + set_by)
        return self.time


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def state(watch: Watch) -> LinkState:
    state = LinkState(watch.now, watch.steady, probe_s=5)
    state.life_begins()
    state.greeted()
    state.session_works(resumed=False)
    return state


def test_the_token_is_not_shown() -> None:
    assert "secret" not in repr(GatewaySettings(token="secret"))


def test_what_was_seen_ends_with_the_last_frame(watch: Watch, state: LinkState) -> None:
    last = watch.pass_s(1)
    state.frame_read()
    watch.pass_s(10)

    assert state.seen_until_utc == last


def test_frames_of_a_connection_that_does_not_work_yet_prove_nothing(
    watch: Watch, state: LinkState
) -> None:
    last = watch.pass_s(1)
    state.frame_read()
    watch.pass_s(5)
    state.interrupted("closed with 4000")
    state.frame_read()  # the greeting of the next connection
    state.interrupted("closed with 4000 again")

    assert state.link is Link.RESUMING
    assert state.lost_utc == state.seen_until_utc == last


def test_once_resumed_frames_count_again(watch: Watch, state: LinkState) -> None:
    state.interrupted("closed with 4000")
    now = watch.pass_s(2)
    state.frame_read()
    state.session_works(resumed=True)

    assert (state.lost_utc, state.seen_until_utc) == (None, now)
    report = state.report(3)
    assert (report.link, report.since_utc, report.resumes) == (Link.CONNECTED, now, 1)
    assert (report.lives, report.guilds, report.last_trouble) == (1, 3, "closed with 4000")


def frames(watch: Watch, state: LinkState, *gaps_s: float) -> datetime:
    """Read a frame after each of these times, in a process that runs; return when the last was."""
    for gap_s in gaps_s:
        for _ in range(int(gap_s)):
            watch.pass_s(1)
            state.ticked()
        watch.pass_s(gap_s % 1)
        state.frame_read()
    return watch.now()


def test_a_link_that_brings_a_frame_as_often_as_it_is_asked_is_fresh(
    watch: Watch, state: LinkState
) -> None:
    last = frames(watch, state, 0.1, 5, 5.9, 1)

    assert state.fresh
    assert state.seen_until_utc == last


def test_a_frame_that_comes_late_brings_doubt_since_the_one_before(
    watch: Watch, state: LinkState
) -> None:
    asked: list[str] = []
    state.on_doubt = lambda: asked.append("sign of life")
    before = frames(watch, state, 1)
    frames(watch, state, 6.1, 0.1)

    assert (state.doubt_utc, state.seen_until_utc, state.fresh) == (before, before, False)
    assert state.up
    assert asked == ["sign of life"]


@pytest.mark.parametrize("first", ["frame", "tick"])
def test_a_process_that_stood_still_doubts_whatever_comes_first_afterwards(
    watch: Watch, state: LinkState, first: str
) -> None:
    asked: list[str] = []
    state.on_doubt = lambda: asked.append("sign of life")
    before = frames(watch, state, 1)
    watch.pass_s(3.6)
    (state.frame_read if first == "frame" else state.ticked)()

    assert state.doubt_utc == before
    state.frame_read()
    state.ticked()
    assert state.doubt_utc == before
    assert asked == ["sign of life"]


def test_a_tick_that_is_a_little_late_is_no_pause(watch: Watch, state: LinkState) -> None:
    watch.pass_s(3.4)
    state.ticked()
    state.frame_read()

    assert state.fresh


def test_doubt_ends_with_the_proof_and_frames_are_fresh_again(
    watch: Watch, state: LinkState
) -> None:
    frames(watch, state, 7)
    state.proven()
    last = frames(watch, state, 1)

    assert (state.doubt_utc, state.seen_until_utc) == (None, last)
    assert state.fresh


def test_what_is_lost_in_doubt_is_lost_since_the_doubt(watch: Watch, state: LinkState) -> None:
    before = frames(watch, state, 1)
    frames(watch, state, 7, 1)
    state.interrupted("closed with 4000")

    assert (state.lost_utc, state.doubt_utc) == (before, None)
    state.greeted()
    assert state.seen_until_utc == before


def test_a_pause_between_two_connections_is_no_late_frame(watch: Watch, state: LinkState) -> None:
    state.interrupted("closed with 4000")
    for _ in range(20):
        watch.pass_s(1)
        state.ticked()
    state.greeted()
    state.session_works(resumed=True)

    assert state.fresh


@pytest.mark.parametrize("first", ["frame", "tick"])
def test_a_clock_that_jumps_forward_is_told_with_the_last_time_before(
    watch: Watch, state: LinkState, first: str
) -> None:
    jumps: list[tuple[datetime, str]] = []
    state.on_jump = lambda since, cause: jumps.append((since, cause))
    before = frames(watch, state, 1)
    watch.pass_s(0.5, set_by=7200)
    (state.frame_read if first == "frame" else state.ticked)()
    frames(watch, state, 1, 1)

    assert jumps == [(before, "the clock jumped by 7200 s")]
    assert state.doubt_utc == before, "what is read may be from a time that was slept through"


def test_a_clock_that_is_corrected_a_little_has_not_jumped(watch: Watch, state: LinkState) -> None:
    jumps: list[tuple[datetime, str]] = []
    state.on_jump = lambda since, cause: jumps.append((since, cause))
    for _ in range(10):
        watch.pass_s(1, set_by=1.9)
        state.ticked()
        state.frame_read()

    assert jumps == []
    assert state.fresh


def test_a_clock_that_jumps_between_two_connections_is_told_too(
    watch: Watch, state: LinkState
) -> None:
    jumps: list[tuple[datetime, str]] = []
    state.on_jump = lambda since, cause: jumps.append((since, cause))
    before = frames(watch, state, 1)
    state.interrupted("closed with 1006")
    watch.pass_s(1, set_by=60)
    state.greeted()

    assert jumps == [(before, "the clock jumped by 60 s")]
    assert state.doubt_utc is None, "a new connection brings nothing old but what it replays"


def test_a_life_says_whether_it_worked(state: LinkState, watch: Watch) -> None:
    assert state.life_ended("broken") is not None
    assert state.report(0).link is Link.WAITING

    state.life_begins()
    assert state.life_ended("unreachable") is None


def test_trouble_says_when_the_next_try_comes_as_long_as_it_lasts(
    watch: Watch, state: LinkState
) -> None:
    state.interrupted("closed with 4000")
    state.next_try_in(8)

    assert state.report(0).last_trouble == "closed with 4000; next try at 00:00:08 UTC"
    watch.pass_s(8)
    assert state.report(0).last_trouble == "closed with 4000", "it is being tried"
    state.next_try_in(8)
    state.session_works(resumed=True)
    assert state.report(0).last_trouble == "closed with 4000"


def test_sessions_stay_below_what_discord_allows_in_a_day(state: LinkState) -> None:
    for _ in range(IDENTIFIES_PER_DAY):
        state.spend_identify()

    with pytest.raises(IdentifyBudgetError, match="900 sessions were begun in 24 hours"):
        state.spend_identify()


def test_tries_go_on_for_ever_and_alarm_once_the_first_are_used_up() -> None:
    patience = Patience((5, 10, 20, 30, 30), 60)
    pauses, alarms = [], []
    for _ in range(8):
        pauses.append(patience.pause_s(None))
        alarms.append(patience.alarming)

    assert pauses == [5, 10, 20, 30, 30, 60, 60, 60]
    assert alarms == [False] * 5 + [True] * 3


def test_a_life_that_worked_is_followed_at_once_but_not_twice_in_a_row() -> None:
    patience = Patience((5, 10), 60)

    assert [patience.pause_s(worked_s=1) for _ in range(4)] == [0, 5, 10, 60]
    assert patience.pause_s(worked_s=3600) == 0
    assert not patience.alarming


def test_a_storm_of_attempts_is_slowed_down() -> None:
    pauses = [pause_before_attempt_s(n) for n in range(12)]

    assert pauses == sorted(pauses)
    assert pauses[:3] == [0, 0, 0.5]
    assert pauses[-1] == 30
