"""The oracle itself: it must be silent about a right ledger and see each kind of wrong one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.end_to_end.oracle import Blind, Change, Fact, Session, complaints

GUILD, ADA = 1, 7
TRUTH = [
    Change(100, GUILD, ADA, 20),
    Change(110, GUILD, ADA, 21),
    Change(150, GUILD, ADA, None),
]


def fact(at: float, event: str, channel: int, move: str | None = None) -> Fact:
    return Fact(at, at, at, GUILD, ADA, channel, event, "gateway", move)


FACTS = [
    fact(100.1, "connect", 20),
    fact(110.1, "disconnect", 20, "m"),
    fact(110.1, "connect", 21, "m"),
    fact(150.1, "disconnect", 21),
]
SESSIONS = [
    Session(GUILD, ADA, 20, 100.1, 100.1, 110.1, 110.1, 10.0, 0.0),
    Session(GUILD, ADA, 21, 110.1, 110.1, 150.1, 150.1, 40.0, 0.0),
]


def judge(
    facts: list[Fact] = FACTS,
    sessions: list[Session] = SESSIONS,
    blind: tuple[Blind, ...] = (),
    truth: list[Change] = TRUTH,
) -> list[str]:
    return complaints(truth, facts, sessions, blind, seen_from=90, seen_until=200)


def test_a_right_ledger_has_no_complaints() -> None:
    assert judge() == []


WRONG = {
    "a lost row": (
        FACTS[:-1],
        [SESSIONS[0], replace(SESSIONS[1], ended_earliest=None, ended_latest=None)],
    ),
    "a move of one row": ([FACTS[0], FACTS[1], FACTS[3]], SESSIONS),
    "a move with two times": (
        [FACTS[0], FACTS[1], replace(FACTS[2], at=111.0), FACTS[3]],
        SESSIONS,
    ),
    "a late row": (
        [*FACTS[:3], replace(FACTS[3], at=160.0, earliest=160.0, latest=160.0)],
        [SESSIONS[0], replace(SESSIONS[1], ended_earliest=160.0, ended_latest=160.0)],
    ),
    "a session twice": (FACTS, [*SESSIONS, SESSIONS[1]]),
    "a session that never ends": (
        FACTS,
        [SESSIONS[0], replace(SESSIONS[1], ended_earliest=None, ended_latest=None)],
    ),
    "a wrong channel": (
        [*FACTS[:2], replace(FACTS[2], channel_id=22), replace(FACTS[3], channel_id=22)],
        SESSIONS,
    ),
    "time from nowhere": (FACTS, [SESSIONS[0], replace(SESSIONS[1], known_s=90.0)]),
    "a little time too much": (FACTS, [SESSIONS[0], replace(SESSIONS[1], known_s=40.1)]),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_ledger_is_seen(name: str) -> None:
    facts, sessions = WRONG[name]
    assert judge(facts, sessions)


BEN = 8
TWO = [*TRUTH, Change(150.3, GUILD, BEN, 20), Change(150.6, GUILD, BEN, None)]
BENS = [
    replace(fact(150.4, "connect", 20), user_id=BEN),
    replace(fact(150.7, "disconnect", 20), user_id=BEN),
]
BENS_STAY = Session(GUILD, BEN, 20, 150.4, 150.4, 150.7, 150.7, 0.3, 0.0)


def test_a_hole_before_the_last_fact_is_seen_however_late_it_is() -> None:
    def found(facts: list[Fact], stays: list[Session]) -> str:
        return "".join(complaints(TWO, facts, stays, (), seen_from=90, seen_until=150.9))

    assert not found([*FACTS, *BENS], [*SESSIONS, BENS_STAY])
    endless = replace(SESSIONS[1], ended_earliest=None, ended_latest=None)
    assert "the truth goes on with" in found([*FACTS[:3], *BENS], [SESSIONS[0], endless, BENS_STAY])


def test_what_a_resumed_session_told_late_lies_within_its_bounds() -> None:
    late = replace(FACTS[3], at=155.0, earliest=149.0, latest=155.0)
    stay = replace(
        SESSIONS[1], ended_earliest=149.0, ended_latest=155.0, known_s=38.9, unknown_s=6.0
    )
    assert judge([*FACTS[:3], late], [SESSIONS[0], stay]) == []
    missed = replace(late, earliest=152.0)
    assert judge([*FACTS[:3], missed], [SESSIONS[0], replace(stay, ended_earliest=152.0)])


def test_who_leaves_in_the_very_moment_that_the_watch_ends_was_there() -> None:
    assert complaints(TRUTH, FACTS, SESSIONS, (), seen_from=90, seen_until=150) == []


def test_a_row_twice_is_seen() -> None:
    doubled = [FACTS[0], *FACTS[:2], *FACTS[2:]]
    assert "two joins in a row" in "".join(judge(doubled))


def test_what_happens_while_blind_may_be_missing() -> None:
    truth = [*TRUTH, Change(160, GUILD, ADA, 20), Change(165, GUILD, ADA, None)]
    assert judge(truth=truth)
    assert judge(truth=truth, blind=(Blind(GUILD, 158, 170),)) == []
