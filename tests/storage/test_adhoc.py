"""SQL that people type: it reads, within limits, and its errors name the next step."""

from __future__ import annotations

import csv
import io
import json
import time
from typing import TYPE_CHECKING

import pytest

from storage.adhoc import ask
from storage.database import DatabaseInUseError, open_activity
from storage.formats import as_csv, as_json, as_ndjson, note
from storage.query_faults import QueryError, QueryTooLargeError
from tests.storage.child import child

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("ledger") / "activity.duckdb"
    connection = open_activity(file)
    connection.execute(
        "INSERT INTO outage SELECT 9007199254740993 + i, '2026-01-02 03:04:05', now(), 'a, b', i "
        "FROM range(20) AS r(i)"
    )
    connection.close()
    return file


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "FROM outage",
        "SHOW TABLES",
        "DESCRIBE voice_session;",
        "SUMMARIZE outage",
        "EXPLAIN SELECT 1",
        "VALUES (1)",
        "WITH x AS (SELECT 1) FROM x -- and a comment",
        "SELECT comment FROM duckdb_columns()",
    ],
)
def test_what_reads_is_answered(file: Path, sql: str) -> None:
    answer = ask(file, sql)

    assert answer.rows
    assert not answer.cut
    assert len(answer.columns) == len(answer.types) == len(answer.rows[0])


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("DELETE FROM outage", "DELETE is not allowed"),
        ("DROP TABLE outage", "DROP is not allowed"),
        ("SET threads = 1", "SET is not allowed"),
        ("PRAGMA version", "PRAGMA is not allowed"),
        ("ATTACH 'x.duckdb'", "ATTACH is not allowed"),
        ("COPY outage TO 'x.csv'", "COPY is not allowed"),
        ("CALL pragma_version()", "CALL is not allowed"),
        ("SELECT 1; SELECT 2", "one statement at a time, not 2"),
        ("", "one statement at a time, not 0"),
        ("WITH x AS (DELETE FROM outage RETURNING *) FROM x", "only reads"),
        ("WITH x AS (COPY (SELECT 1) TO 'x.csv') SELECT 1", "no files"),
        ("FROM read_csv('/etc/passwd')", "no files"),
        ("FROM '/etc/passwd'", "no files|no table"),
        ("FROM outages", "no table outages; did you mean outage\\?$"),
        ("FROM voice_sesion", "no table voice_sesion; did you mean voice_session\\?$"),
        ("FROM zzzzzz", "there are batch, .*outage.*voice_session.*SHOW TABLES"),
        ("FROM main2.outage", "no table main2.outage;"),
        ("SELECT x.cause FROM outage o", "no table x;"),
        ("SELECT o.causes FROM outage o", "no column causes; did you mean cause"),
        ("SELECT cuont(1)", "no function cuont; did you mean count"),
        ("SELECT zzzzzz(1)", "no function zzzzzz; FROM duckdb_functions"),
        ("INSTALL httpfs", "^INSTALL is not allowed"),
        ("-- a comment\nload httpfs", "^LOAD is not allowed"),
        ("/* begin */ BEGIN", "^BEGIN is not allowed"),
        ("PIVOT outage ON cause", "PIVOT needs its values named"),
        ("SELECT from_utcc FROM outage", "did you mean from_utc"),
        ("SELECT zzzzzz FROM outage", "DESCRIBE"),
        ("SELECT [now()]", "value::TIMESTAMP"),
    ],
)
def test_what_cannot_be_answered_is_one_line_with_the_next_step(
    file: Path, sql: str, says: str
) -> None:
    with pytest.raises(QueryError, match=says) as told:
        ask(file, sql)

    assert "\n" not in str(told.value)
    assert ask(file, "SELECT count(*) FROM outage").rows == ((20,),)


@pytest.mark.parametrize(
    ("sql", "said", "line", "mark"),
    [
        (
            "SELECT a,\n  b c d\nFROM outage",
            'syntax error at or near "d" (line 2, column 7); correct the SQL there',
            "  b c d",
            "      ^",
        ),
        (
            f"SELECT {'aaaa, ' * 60}FROM FROM x",
            'syntax error at or near "FROM" (line 1, column 373); correct the SQL there',
            f"...{', aaaa' * 9}, FROM FROM x",
            f"{' ' * 64}^",
        ),
        (
            f"SELECT {'aaaa, ' * 60}b b b, {'aaaa, ' * 60} 1",
            'syntax error at or near "b" (line 1, column 372); correct the SQL there',
            f"{', aaaa' * 5}, b b b{', aaaa' * 5}, aaa",
            f"{' ' * 36}^",
        ),
        (
            "SELECT 'x'::INT",
            "Could not convert string 'x' to INT32 (line 1, column 11); correct the SQL there",
            "SELECT 'x'::INT",
            "          ^",
        ),
    ],
)
def test_an_error_at_one_place_shows_the_place(
    file: Path, sql: str, said: str, line: str, mark: str
) -> None:
    with pytest.raises(QueryError) as told:
        ask(file, sql)

    assert str(told.value).split("\n") == [said, f"  {line}", f"  {mark}"]
    assert told.value.exit_code == 65


def test_the_row_limit_cuts_and_says_so(file: Path) -> None:
    assert (len((cut := ask(file, "FROM outage", row_limit=7)).rows), cut.cut) == (7, True)
    assert (len((whole := ask(file, "FROM outage", row_limit=20)).rows), whole.cut) == (20, False)
    assert "first 7 rows in" in note(cut)
    assert "there are more" in note(cut)
    assert "20 rows" in note(whole)
    assert "more" not in note(whole)


def test_the_time_limit_holds(file: Path) -> None:
    began = time.monotonic()
    with pytest.raises(QueryTooLargeError, match=r"within 0.3 s; .* --timeout 3s") as told:
        ask(file, "SELECT count(*) FROM range(1000000000) a, range(100000)", time_limit_s=0.3)

    assert told.value.exit_code == 75
    assert time.monotonic() - began < 3


def test_the_limit_of_memory_holds(file: Path) -> None:
    with pytest.raises(QueryTooLargeError, match="1GB of memory") as told:
        ask(file, "FROM range(100000000) t(a) ORDER BY hash(a)")

    assert told.value.exit_code == 75
    assert "SHOW TABLES" not in str(told.value)


@pytest.mark.parametrize("limits", [{"row_limit": 0}, {"time_limit_s": 0}])
def test_limits_that_allow_nothing_are_refused(file: Path, limits: dict[str, int]) -> None:
    with pytest.raises(QueryError, match="above 0"):
        ask(file, "SELECT 1", **limits)


def test_a_file_that_a_bot_holds_says_so(tmp_path: Path) -> None:
    with child("hold", tmp_path / "activity.duckdb") as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(DatabaseInUseError, match=str(process.pid)):
            ask(tmp_path / "activity.duckdb", "SELECT 1")


def test_times_stay_in_utc_with_a_zone_or_without(file: Path) -> None:
    answer = ask(
        file,
        "SELECT from_utc, '2026-01-02 03:04:05+02'::TIMESTAMPTZ AS t, 1 AS t FROM outage LIMIT 1",
    )

    assert answer.columns == ("from_utc", "t", "t")
    assert [str(value) for value in answer.rows[0]] == [
        "2026-01-02 03:04:05",
        "2026-01-02 01:04:05",
        "1",
    ]


VALUES = (
    "SELECT guild_id, from_utc, cause, NULL AS nothing, 1.5::DECIMAL(4, 2) AS exact, "
    "{'id': guild_id} AS nested, 'nan'::DOUBLE AS odd, true AS yes FROM outage ORDER BY 1 LIMIT 2"
)


def test_json_loses_nothing(file: Path) -> None:
    body = json.loads(as_json(ask(file, VALUES)))

    assert body["cut"] is False
    assert body["columns"][0] == "guild_id"
    assert body["types"][0] == "UBIGINT"
    assert body["rows"][0] == {
        "guild_id": "9007199254740993",
        "from_utc": "2026-01-02T03:04:05Z",
        "cause": "a, b",
        "nothing": None,
        "exact": "1.50",
        "nested": {"id": "9007199254740993"},
        "odd": "nan",
        "yes": True,
    }
    assert json.loads(as_json(ask(file, "FROM outage", row_limit=1)))["cut"] is True


def test_ndjson_is_one_object_a_line(file: Path) -> None:
    answer = ask(file, VALUES)

    lines = [json.loads(line) for line in as_ndjson(answer).splitlines()]
    assert lines == json.loads(as_json(answer))["rows"]


def test_csv_can_be_read_back(file: Path) -> None:
    rows = list(csv.reader(io.StringIO(as_csv(ask(file, VALUES)))))

    assert rows[0][:4] == ["guild_id", "from_utc", "cause", "nothing"]
    assert rows[1][:4] == ["9007199254740993", "2026-01-02T03:04:05Z", "a, b", ""]
    assert len(rows) == 3
