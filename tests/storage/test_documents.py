"""The queries in docs/ledger.md, and those kept in files, run on the tables as they are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from storage.adhoc import ask
from storage.database import open_activity
from storage.statements import stored_queries

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = re.findall(
    r"^```\n(\.venv/bin/python main\.py query .+?)\n```$",
    (ROOT / "docs/ledger.md").read_text(encoding="utf-8"),
    re.MULTILINE | re.DOTALL,
)


def test_the_document_has_its_queries() -> None:
    assert len(COMMANDS) == 5


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.split()[4])
def test_a_documented_query_can_be_pasted_and_runs(tmp_path: Path, command: str) -> None:
    file = tmp_path / "activity.duckdb"
    open_activity(file).close()
    *_, sql = shlex.split(command)

    assert not set(sql) & set("$`!\\")  # a shell would read these
    assert ask(file, sql).columns


def test_every_table_that_the_document_names_exists(tmp_path: Path) -> None:
    file = tmp_path / "activity.duckdb"
    open_activity(file).close()
    there = {row[0] for row in ask(file, "SHOW TABLES").rows}
    text = (ROOT / "docs/ledger.md").read_text(encoding="utf-8")

    assert {name for name in there if f"`{name}" not in text} == set()


def test_every_stored_query_has_a_title_and_names_its_parameters() -> None:
    queries = stored_queries()

    assert len(queries) >= 5
    for query in queries:
        assert query.title
        named = set(re.findall(r"\$(\w+)", query.sql))
        assert all(name in query.parameters for name in named), query.name
        assert named or query.parameters == "no parameters"
