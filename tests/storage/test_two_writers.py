"""A recorder's thread that was given up may wake up late; its batch must not be stored twice."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import duckdb
import pytest

from storage.activity import BatchRows, Run, Writer
from storage.database import join_activity, open_activity

if TYPE_CHECKING:
    from pathlib import Path


def batch(user_id: int) -> BatchRows:
    made = BatchRows(batch_id=1)
    made.rows["message_seen"] = [(81, user_id, 5, 6, "2026-03-01 12:00:00", 7, 1)]
    return made


def test_of_two_writers_that_both_make_the_next_batch_one_is_refused(tmp_path: Path) -> None:
    run = Run(run_id=uuid4(), first_position=1, last_position=1)
    given_up = open_activity(tmp_path / "activity.duckdb")
    successor = join_activity(tmp_path / "activity.duckdb")
    try:
        Writer(given_up).write(batch(1), run)
        with pytest.raises(duckdb.ConstraintException, match="batch_id: 1"):
            Writer(successor).write(batch(2), run)
        stored = successor.execute("SELECT user_id FROM message_seen").fetchall()
    finally:
        successor.close()
        given_up.close()

    assert stored == [(1,)]
