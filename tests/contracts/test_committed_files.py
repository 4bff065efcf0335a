"""No committed file ties the project to one machine, and none opens a live database as a file."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.contracts.repository import ROOT, committed_files

# Written so that none of them matches itself.
REGISTRY_HOST = re.compile(
    r"(?:pypi|npmjs|crates|rubygems|maven|pythonhosted|debian)\.(?:org|com|io)/?(?:simple|pool)?\b"
    r"|--(?:extra-)?(?:index-url|find-links|trusted-host)"
)
MACHINE_PATH = re.compile(
    r"(?<![\w.}/~-])/(?:root|home/[a-z]|Users/[a-z]|work|opt/[a-z]|tmp/[a-z])"
)
OPENERS = re.compile(r"\b(?:open|fdopen|read_bytes|write_bytes|read_text|write_text|copy\w*)$")


def texts() -> list[tuple[Path, str]]:
    found = []
    for path in committed_files():
        try:
            found.append((path.relative_to(ROOT), path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue  # a picture
    return found


@pytest.mark.parametrize(
    "pattern", [REGISTRY_HOST, MACHINE_PATH], ids=["registry hosts", "machine paths"]
)
def test_no_committed_file_names(pattern: re.Pattern[str]) -> None:
    found = [
        f"{path}:{number}: {line.strip()[:120]}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]

    assert found == []


@pytest.mark.parametrize(
    "line",
    ["https://" + "py" + "pi.org/simple", "pip install --index" + "-url X", "cert.npm" + "js.com"],
)
def test_a_registry_host_would_be_found(line: str) -> None:
    assert REGISTRY_HOST.search(line)


@pytest.mark.parametrize("line", ["cd /ro" + "ot/x", '"/ho' + 'me/me/data"', "x=/wo" + "rk/main"])
def test_a_machine_path_would_be_found(line: str) -> None:
    assert MACHINE_PATH.search(line)


def opened_databases(source: str) -> list[str]:
    """Find calls that open, read or copy a database file as a plain file."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return [
        ast.unparse(call)
        for call in calls
        if OPENERS.search(ast.unparse(call.func)) and "duckdb" in ast.unparse(call)
    ]


def test_no_file_but_storage_database_opens_a_database_as_a_file() -> None:
    # Closing such a file drops DuckDB's lock on it, for every handle of the process.
    found = {
        str(path): calls
        for path, text in texts()
        if path.suffix == ".py"
        and path.parts[0] in {"actors", "supervisors", "storage", "main.py"}
        and path != Path("storage/database.py")
        and (calls := opened_databases(text))
    }

    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        "open('activity.duckdb', 'rb')",
        "(folder / 'activity.duckdb').read_bytes()",
        "shutil.copyfile(folder / 'activity.duckdb', target)",
    ],
)
def test_opening_a_database_as_a_file_would_be_found(source: str) -> None:
    assert opened_databases(source)
