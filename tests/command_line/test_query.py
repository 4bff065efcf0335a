"""`query` answers from a copy while the bot runs, else from the ledger, and never hangs."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pytest

from storage.database import open_activity
from storage.query_faults import QueryError
from supervisors.ledger import LEDGER
from supervisors.query_command import Question, answer_question
from tests.command_line.fake_bot import fake_bot
from tests.command_line.program import MAIN, clean_environment, main, read_terminal

LONG = "SELECT count(*) FROM range(1000000000) a, range(1000) b"
OUTAGES = 3
TAKEN = "2026-01-02T03:04:07.688108+00:00"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory whose data folder holds a ledger with three outages."""
    make_ledger(tmp_path / "data", "cut off")
    return tmp_path


def make_ledger(data: Path, cause: str) -> Path:
    connection = open_activity(data / LEDGER)
    for number in range(OUTAGES):
        connection.execute(
            "INSERT INTO outage (guild_id, from_utc, to_utc, cause, batch_id) "
            "VALUES (?, '2026-01-02 03:04:05', '2026-01-02 03:04:06', ?, 0)",
            [(81 << 54) + number, cause],
        )
    connection.close()
    return data / LEDGER


def test_people_get_a_table_and_stderr_says_from_when_it_is(folder: Path) -> None:
    ended = main("query", "SELECT cause, count(*) AS times FROM outage GROUP BY ALL", cwd=folder)

    assert ended.code == 0, ended
    assert "cut off" in ended.out
    assert "times" in ended.out
    assert "\x1b" not in ended.out
    assert re.fullmatch(
        r"from data/activity\.duckdb, last written 20[-\d]+ [:\d]+ UTC \(no bot runs on it\): "
        r"1 row in \d+\.\d{3} s\n",
        ended.err,
    )
    assert "row" not in ended.out


@pytest.mark.parametrize("before", [(), ("--",)])
@pytest.mark.parametrize("sql", ["-- all of it\nFROM outage", "--all of it\nFROM outage"])
def test_sql_may_begin_with_a_comment(folder: Path, before: tuple[str, ...], sql: str) -> None:
    ended = main("query", "--csv", *before, sql, cwd=folder)

    assert ended.code == 0, ended
    assert len(ended.out.splitlines()) == 1 + OUTAGES


def test_a_table_in_a_pipe_is_not_folded(folder: Path) -> None:
    wide = "SELECT " + ", ".join(f"repeat('x', 30) AS column_{n:02}" for n in range(12))
    ended = main("query", wide, cwd=folder)

    assert ended.out.count("x" * 30) == 12


@pytest.mark.parametrize("given", [("--json",), ("--as", "json")])
def test_json(folder: Path, given: tuple[str, ...]) -> None:
    ended = main("query", "SELECT guild_id, cause FROM outage", *given, cwd=folder)

    answer = json.loads(ended.out)
    assert answer["columns"] == ["guild_id", "cause"]
    assert answer["rows"][0] == {"guild_id": str(81 << 54), "cause": "cut off"}
    assert len(ended.out.splitlines()) == 1


def test_ndjson(folder: Path) -> None:
    ended = main(
        "query", "SELECT guild_id, cause FROM outage", "--ndjson", "--limit", "3", cwd=folder
    )

    rows = [json.loads(line) for line in ended.out.splitlines()]
    assert "3 rows in" in ended.err
    assert "more" not in ended.err
    assert [row["guild_id"] for row in rows] == [str((81 << 54) + n) for n in range(OUTAGES)]


def test_csv_from_standard_input(folder: Path) -> None:
    sql = "SELECT from_utc, cause\nFROM outage -- all of them\n"
    ended = main("query", "-", "--csv", cwd=folder, stdin=sql)

    rows = list(csv.DictReader(io.StringIO(ended.out)))
    assert rows == [{"from_utc": "2026-01-02T03:04:05Z", "cause": "cut off"}] * OUTAGES


def test_an_answer_that_was_cut_says_so_and_how_to_see_more(folder: Path) -> None:
    ended = main("query", "FROM outage", "--ndjson", "--limit", "2", cwd=folder)

    assert len(ended.out.splitlines()) == 2
    assert len(ended.err.splitlines()) == 1
    assert re.search(
        r": the first 2 rows in [.\d]+ s, and there are more: --limit 20 shows them", ended.err
    )


def test_while_the_bot_runs_its_copy_is_asked(folder: Path) -> None:
    copy = make_ledger(folder / "copies", "from the copy")

    def snapshot(request: dict[str, Any]) -> dict[str, Any]:
        assert request == {"do": "snapshot"}
        taken = "2026-01-02T03:04:07.688108+00:00"
        return {"ok": True, "path": str(copy), "taken_utc": taken, "last_batch_id": 1}

    with fake_bot(folder / "data", snapshot):
        ended = main("query", "SELECT DISTINCT cause FROM outage", "--csv", cwd=folder)

    assert ended.out == "cause\nfrom the copy\n"
    assert ended.err.startswith("from the running bot, as of 2026-01-02T03:04:07Z: 1 row in ")
    assert len(ended.err.splitlines()) == 1


def test_a_copy_that_the_bot_names_from_its_own_working_directory_is_found(folder: Path) -> None:
    make_ledger(folder / "data" / "snapshots", "from the copy")
    reply = {"ok": True, "path": f"elsewhere/snapshots/{LEDGER}", "taken_utc": TAKEN}
    with fake_bot(folder / "data", lambda _: reply):
        ended = main("query", "SELECT DISTINCT cause FROM outage", "--csv", cwd=folder)

    assert ended.out == "cause\nfrom the copy\n"


def test_a_bot_that_gives_no_copy_is_told(folder: Path) -> None:
    with fake_bot(folder / "data", lambda _: {"ok": False, "error": "the disk is full"}):
        ended = main("query", "FROM outage", cwd=folder)

    assert ended.code == 75
    assert ended.err == (
        "the bot on data gave no copy of its ledger: the disk is full; try again in a moment\n"
    )


def test_the_demo_is_asked_when_no_bot_runs(tmp_path: Path) -> None:
    copy = make_ledger(tmp_path / "copies", "demo")
    reply = {"ok": True, "path": str(copy), "taken_utc": TAKEN, "last_batch_id": 1}
    with fake_bot(tmp_path / "data" / "demo", lambda _: reply):
        ended = main("query", "SELECT DISTINCT cause FROM outage", "--csv", cwd=tmp_path)

    assert ended.out == "cause\ndemo\n"
    assert ended.err.splitlines()[0] == "asking the demo (data/demo)"


@pytest.mark.parametrize(
    ("token", "start"),
    [
        ("", "`make run` starts the demo, which needs no token"),
        ("MTA.abc.def", "`main.py run` starts it"),
    ],
)
def test_no_ledger_is_told_with_the_step_that_fits_and_none_is_made(
    tmp_path: Path, token: str, start: str
) -> None:
    settings = {"BULKHEAD_DISCORD__TOKEN": token}
    ended = main("query", "SHOW TABLES", cwd=tmp_path, settings=settings)

    assert ended.code == 66
    assert ended.err == (f"there is no ledger yet: data/activity.duckdb does not exist; {start}\n")
    assert list(tmp_path.iterdir()) == []


def test_the_ledger_of_an_ended_demo_is_asked_when_there_is_no_other(tmp_path: Path) -> None:
    make_ledger(tmp_path / "data" / "demo", "of the demo")
    ask = ("query", "SELECT DISTINCT cause FROM outage", "--csv")
    before = main(*ask, cwd=tmp_path)
    make_ledger(tmp_path / "data", "our own")
    after = main(*ask, cwd=tmp_path)

    assert before.out == "cause\nof the demo\n"
    said = "asking the ledger of the last demo (data/demo), because data has none"
    assert before.err.splitlines()[0] == said
    assert after.out == "cause\nour own\n"
    assert "demo" not in after.err


def test_a_file_that_is_no_ledger_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / LEDGER).write_bytes(b"no database\n" * 1000)
    ended = main("query", "SHOW TABLES", cwd=tmp_path)

    assert ended.code == 74
    assert "activity.duckdb" in ended.err
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("FROM outages", "there is no table outages; did you mean outage?"),
        ("SELECT caus FROM outage", "did you mean cause"),
        ("DROP TABLE outage", "DROP is not allowed here"),
        ("SELECT 1; SELECT 2", "one statement at a time"),
        ("SELEC 1", "syntax error"),
        ("FROM '/etc/passwd'", "there is no table /etc/passwd"),
    ],
)
def test_wrong_sql_is_told_in_one_sentence(
    folder: Path, sql: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    question = Question(sql=sql, form="csv", row_limit=10, time_limit_s=10)
    with pytest.raises(QueryError) as caught:
        answer_question(folder / "data", question)

    assert caught.value.exit_code == 65
    assert said in str(caught.value)
    assert (len(str(caught.value).splitlines()) == 1) is ("syntax error" not in said)
    assert capsys.readouterr().out == ""


def test_wrong_sql_ends_the_process_with_65(folder: Path) -> None:
    ended = main("query", "DROP TABLE outage", cwd=folder)

    assert ended.code == 65
    assert ended.err.startswith("DROP is not allowed here")
    assert len(ended.err.splitlines()) == 1
    assert ended.out == ""


@pytest.mark.parametrize(
    "sql",
    [
        LONG,
        # One call of a function, which DuckDB itself can't stop.
        "SELECT regexp_matches(repeat('a', 300000000), '(a*)*b')",
    ],
)
def test_a_slow_query_ends_at_its_limit(folder: Path, sql: str) -> None:
    ended = main("query", sql, "--timeout", "0.3s", cwd=folder, within=20)

    assert ended.code == 75
    assert ended.err == ("no answer within 0.3 s; ask for less, or allow more with --timeout 3s\n")


def test_a_query_that_needs_too_much_memory_is_told_so(folder: Path) -> None:
    ended = main("query", "FROM range(100000000) t(a) ORDER BY hash(a)", cwd=folder)

    assert ended.code == 75
    assert ended.err.startswith("a query may take 1GB of memory, and this one needs more; ask for")
    assert len(ended.err.splitlines()) == 1


def start(folder: Path, *arguments: str, stdout: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(MAIN), "query", *arguments],
        cwd=folder,
        env=clean_environment(),
        stdout=stdout,
        stderr=subprocess.PIPE,
    )


def test_ctrl_c_ends_a_query_quietly(folder: Path) -> None:
    # It says when it has begun: the bot that it asks for a copy is ours.
    reply = {"ok": True, "path": str(folder / "data" / LEDGER), "taken_utc": TAKEN}
    with fake_bot(folder / "data", lambda _: reply) as asked, start(folder, LONG) as process:
        deadline = time.monotonic() + 20
        while not asked:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)

    assert (process.returncode, out, err) == (130, b"", b"")


def test_a_reader_that_leaves_early_is_no_fault(folder: Path) -> None:
    process = start(folder, "FROM range(200000)", "--csv", "--limit", "200000")
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"range\n"
        process.stdout.close()
        assert process.wait(timeout=20) == 0
        assert process.stderr.read().startswith(b"from data/activity.duckdb, ")


def test_a_disk_that_takes_no_answer_is_told(folder: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        process = start(folder, "FROM outage", "--csv", stdout=full.fileno())
    _, err = process.communicate(timeout=20)

    assert process.returncode == 74
    assert err == (
        b"the answer could not be written: No space left on device; send it somewhere else\n"
    )


def on_a_terminal(folder: Path, columns: int, *arguments: str) -> str:
    """Run `query` with both streams on a terminal that is so wide; return what it shows."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    process = subprocess.Popen(
        [sys.executable, str(MAIN), "query", *arguments],
        cwd=folder,
        env=clean_environment(COLUMNS=str(columns)),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    while part := read_terminal(ours):
        shown += part
    os.close(ours)
    assert process.wait(timeout=20) in (0, 65)
    return re.sub(r"\x1b\[[\d;]*m", "", shown.decode()).replace("\r", "")


def test_on_a_terminal_what_is_too_wide_becomes_one_block_for_each_row(folder: Path) -> None:
    shown = on_a_terminal(folder, 80, "SELECT *, repeat('x', 100) AS long FROM outage")

    lines = [line.rstrip() for line in shown.splitlines()]
    assert max(map(len, lines)) <= 80
    assert lines[:5] == [
        "row 1",
        f"guild_id  {81 << 54}",
        "from_utc  2026-01-02 03:04:05",
        "to_utc    2026-01-02 03:04:06",
        "cause     cut off",
    ]
    assert shown.count("x" * 70) == OUTAGES
    assert shown.count("row ") == OUTAGES


def test_on_a_terminal_no_sentence_is_broken_inside_a_word(folder: Path) -> None:
    right = on_a_terminal(folder, 40, "SELECT 1 AS one")
    wrong = on_a_terminal(folder, 40, "DROP TABLE outage")

    assert "│   1 │" in right
    assert max(map(len, right.splitlines())) <= 40
    assert "UTC (no bot runs on it): 1 row in 0." in " ".join(right.split())
    assert wrong == (
        "DROP is not allowed here, because a\n"
        "query only reads; use SELECT, SHOW,\n"
        "DESCRIBE, SUMMARIZE or EXPLAIN\n"
    )
