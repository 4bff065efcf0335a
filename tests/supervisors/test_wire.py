"""How values look on the control socket, and how its file is called."""

from __future__ import annotations

import enum
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from supervisors.wire import SHORT_ENOUGH, line, plain, short_path, who_listens


class Colour(enum.Enum):
    RED = "red"


class Bits(enum.IntFlag):
    ONE = 1
    TWO = 2


@dataclass(frozen=True, slots=True)
class Inner:
    at: datetime
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Outer:
    colour: Colour
    inner: Inner
    path: Path


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (1.5, 1.5),
        ("x", "x"),
        (2**53, 2**53),
        (2**53 + 1, "9007199254740993"),
        (-(2**53) - 1, "-9007199254740993"),
        (Colour.RED, "red"),
        (Bits.ONE | Bits.TWO, 3),
        (Path("a/b"), "a/b"),
        ({7: {1}}, {"7": [1]}),
        (datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))), "2026-01-02T01:00:00+00:00"),
    ],
)
def test_each_kind_of_value_has_one_form(value: object, expected: object) -> None:
    assert plain(value) == expected


def test_a_message_is_plain_all_the_way_down() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)

    assert plain(Outer(Colour.RED, Inner(at, (1, 2**60)), Path("p"))) == {
        "colour": "red",
        "inner": {"at": "2026-01-02T00:00:00+00:00", "ids": [1, "1152921504606846976"]},
        "path": "p",
    }


def test_a_line_is_one_line_whatever_is_in_it() -> None:
    assert line({"text": "a\nb", "colour": Colour.RED}) == b'{"text":"a\\nb","colour":"red"}\n'


def test_a_short_path_is_left_as_it_is_and_a_long_one_is_made_short(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 200)
    deep.mkdir()
    with short_path(tmp_path / "s") as name:
        assert name == str(tmp_path / "s")
    with short_path(deep / "s") as name:
        assert len(os.fsencode(name)) <= SHORT_ENOUGH
        Path(name).write_text("here")

    assert (deep / "s").read_text() == "here"


def test_nobody_listens_where_there_is_no_socket(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert who_listens(tmp_path / "missing") is None
    assert who_listens(tmp_path / "file") is None
    assert who_listens(tmp_path / ("d" * 200) / "deep") is None
