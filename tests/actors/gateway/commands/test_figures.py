from __future__ import annotations

import pytest

from actors.analyst.protocol import MemberStats, VoiceTotal
from actors.gateway.commands.figures import length, member_embed, span, top_embed, with_unknown


def total(user_id: int, known_s: float, unknown_s: float = 0) -> VoiceTotal:
    return VoiceTotal(user_id=user_id, known_s=known_s, unknown_s=unknown_s, sessions=3)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (3599, "60 min"),
        (3600, "1.0 h"),
        (4e6, "1,111.1 h"),
    ],
)
def test_spans_are_in_the_largest_unit_that_fits(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (151, "2 min 31 s"),
        (3599, "59 min 59 s"),
        (3599.7, "1 h"),
        (3650, "1 h 1 min"),
        (7199, "2 h"),
        (4e6, "1,111 h 7 min"),
    ],
)
def test_lengths_are_to_the_second_and_from_an_hour_on_to_the_minute(
    seconds: float, text: str
) -> None:
    assert length(seconds) == text


@pytest.mark.parametrize(
    ("known_s", "unknown_s", "text"),
    [
        (9.2 * 3600, 0.4 * 3600, "9 h 12 min, perhaps up to 24 min more"),
        (9.2 * 3600, 0, "9 h 12 min"),
        (9.2 * 3600, 29, "9 h 12 min"),
        (9.2 * 3600, 31, "9 h 12 min, perhaps up to 1 min more"),
        (720, 3, "12 min, perhaps up to 3 s more"),
        (720, 0.3, "12 min"),
        (40, 7200, "40 s, perhaps up to 2 h more"),
        (0, 90, "none for certain, perhaps up to 1 min 30 s"),
        (0, 0.4, "none"),
        (0.3, 0, "less than 1 s"),
        (0, 0, "none"),
    ],
)
def test_what_is_unknown_is_said_as_bounds(known_s: float, unknown_s: float, text: str) -> None:
    assert with_unknown(known_s, unknown_s) == text


def test_a_member_reads_voice_rank_messages_and_channels() -> None:
    stats = MemberStats(
        voice=total(5, 33_120, 1440), rank=2, messages=1204, top_channels=((7, 30_000), (8, 3120))
    )
    embed = member_embed(stats, 30)

    assert embed.title == "Your last 30 days"
    assert {field.name: field.value for field in embed.fields} == {
        "Voice": "9 h 12 min, perhaps up to 24 min more",
        "Visits": "3",
        "Rank": "#2",
        "Messages": "1,204",
        "Most in": "<#7> 8 h 20 min\n<#8> 52 min",
    }


def test_a_member_without_any_data_is_told_so() -> None:
    nothing = MemberStats(voice=total(5, 0), rank=None, messages=0, top_channels=())

    assert "No voice time" in (member_embed(nothing, 1).description or "")
    assert "last day" in (member_embed(nothing, 1).description or "")


def test_a_member_who_only_wrote_has_no_rank_yet() -> None:
    stats = MemberStats(voice=total(5, 0), rank=None, messages=1, top_channels=())

    fields = {field.name: field.value for field in member_embed(stats, 7).fields}
    assert fields["Rank"] == "none yet"
    assert fields["Voice"] == "none"


def test_the_top_lists_members_in_order() -> None:
    embed = top_embed((total(5, 33_120, 1440), total(6, 725)), 7)

    assert embed.description == (
        "1. <@5> 9 h 12 min, perhaps up to 24 min more\n2. <@6> 12 min 5 s"
    )


def test_the_longest_top_fits_one_embed() -> None:
    totals = tuple(total(2**63 - n, 1e9, 1e9) for n in range(25))

    assert len(top_embed(totals, 365)) < 6000


def test_an_empty_top_says_so() -> None:
    assert top_embed((), 7).description == "Nobody was seen in voice in the last 7 days."
