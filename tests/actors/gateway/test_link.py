from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from actors.gateway.link import (
    IDENTIFIES_PER_DAY,
    GatewaySettings,
    IdentifyBudgetError,
    LinkState,
    Patience,
    pause_before_attempt_s,
)
from actors.gateway.protocol import Link


class Watch:
    def __init__(self) -> None:
        self.time = datetime(2026, 1, 2, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def pass_s(self, seconds: float) -> datetime:
        self.time += timedelta(seconds=seconds)
        return self.time


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def state(watch: Watch) -> LinkState:
    state = LinkState(watch.now)
    state.life_begins()
    state.frame_read()
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


def test_a_life_says_whether_it_worked(state: LinkState, watch: Watch) -> None:
    assert state.life_ended("broken") is not None
    assert state.report(0).link is Link.WAITING

    state.life_begins()
    assert state.life_ended("unreachable") is None


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
