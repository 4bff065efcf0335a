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
    "a late row": ([*FACTS[:3], replace(FACTS[3], at=160.0)], SESSIONS),
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
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_ledger_is_seen(name: str) -> None:
    facts, sessions = WRONG[name]
    assert judge(facts, sessions)


def test_a_row_twice_is_seen() -> None:
    doubled = [FACTS[0], *FACTS[:2], *FACTS[2:]]
    assert "two joins in a row" in "".join(judge(doubled))


def test_what_happens_while_blind_may_be_missing() -> None:
    truth = [*TRUTH, Change(160, GUILD, ADA, 20), Change(165, GUILD, ADA, None)]
    assert judge(truth=truth)
    assert judge(truth=truth, blind=(Blind(GUILD, 158, 170),)) == []
