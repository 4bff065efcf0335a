"""Times and speeds as people type them."""

from __future__ import annotations

import pytest

from supervisors.quantities import parse_duration, parse_speed


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60s", 60), ("1.5m", 90), (" 2 h ", 7200), ("30", 30), ("0.5", 0.5), (".5s", 0.5)],
)
def test_a_time_is_read_in_its_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "0", "0s", "-1s", "1d", "nan", "inf", "1e3", "1 m 2 s"])
def test_what_is_no_time_is_refused_by_its_text(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{text!r} is not a time of more than 0"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "speed"), [("10x", 10), ("1", 1), ("0.5 x", 0.5), ("1000x", 1000)]
)
def test_a_speed_is_read_with_and_without_its_sign(text: str, speed: float) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["", "x", "0x", "-2x", "1001x", "fast", "nan"])
def test_what_is_no_speed_is_refused_by_its_text(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{text!r} is not a speed above 0 and up to 1000"):
        parse_speed(text)
