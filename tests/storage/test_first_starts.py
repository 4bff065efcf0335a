"""A first start may end anywhere: the next one works, and nothing is left of the one before."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from storage import new_file
from storage.database import (
    DatabaseDamagedError,
    DatabaseInUseError,
    DatabaseMissingError,
    open_activity,
    open_read_only,
)
from tests.storage.child import ROOT, child

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a ledger will be."""
    return tmp_path / "activity.duckdb"


@pytest.mark.parametrize(
    ("verb", "ended", "at_least"), [("calls", "-9", 12), ("times", "-14", 2), ("space", "0", 4)]
)
def test_after_a_first_start_that_ended_early_the_next_one_works(
    tmp_path: Path, verb: str, ended: str, at_least: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.storage.first_starts", verb, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=90,
    )  # fmt: skip
    starts = [line.split() for line in done.stdout.splitlines()]

    assert sum(each[2] == ended for each in starts) >= at_least, done.stdout
    assert {tuple(each[3:]) for each in starts} == {("0", "activity.duckdb")}, done.stdout


def test_a_start_without_space_is_73_and_promises_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.storage.first_starts", "full", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip

    file = tmp_path / "activity.duckdb"
    assert done.stdout.splitlines() == [
        f"DiskFullError there is no space to write {file}; free some on that disk",
        "full 73 ",
    ]


def test_of_two_that_start_for_the_first_time_at_once_one_is_told_of_the_other(
    file: Path,
) -> None:
    with child("hold", file) as one, child("hold", file) as other:
        processes = [one, other]
        with ThreadPoolExecutor() as pool:
            lines = list(pool.map(lambda each: each.stdout and each.stdout.readline(), processes))
        loser = processes[lines.index("")]
        loser.wait(10)

    assert sorted(str(line) for line in lines) == ["", "held\n"]
    assert loser.returncode == DatabaseInUseError.exit_code
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_an_empty_file_counts_as_missing(file: Path) -> None:
    file.touch()
    with pytest.raises(DatabaseMissingError, match="start the bot once"):
        open_read_only(file)

    open_activity(file).close()

    open_read_only(file).close()


@pytest.mark.parametrize("there", [False, True])
def test_a_log_without_its_file_is_never_thrown_away(file: Path, *, there: bool) -> None:
    log = new_file.log_of(file)
    log.write_bytes(b"facts")
    if there:
        file.touch()

    with pytest.raises(DatabaseDamagedError, match=r"activity\.duckdb\.wal"):
        open_activity(file)

    assert log.read_bytes() == b"facts"


def test_a_name_that_points_elsewhere_makes_the_file_there(tmp_path: Path, file: Path) -> None:
    (tmp_path / "disk").mkdir()
    file.symlink_to(tmp_path / "disk" / "facts.duckdb")

    open_activity(file).close()

    assert file.is_symlink()
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["facts.duckdb"]


def test_what_somebody_else_named_meanwhile_is_not_replaced(file: Path) -> None:
    unfinished = new_file.unfinished_name(file)
    unfinished.write_bytes(b"ours")
    file.write_bytes(b"theirs")

    new_file.publish(unfinished, file)

    assert file.read_bytes() == b"theirs"


def test_a_file_system_without_hard_links_gets_a_rename(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_names: object, **_more: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", no_links)

    open_activity(file).close()

    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_whoever_makes_a_file_for_long_is_not_waited_for_any_longer(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_file, "FOLDER_WAIT_S", 0.1)
    with (
        new_file.alone_in(file.parent),
        pytest.raises(DatabaseInUseError, match="another process has been making"),
    ):
        open_activity(file)

    assert list(file.parent.iterdir()) == []
