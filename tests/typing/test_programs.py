"""Both type checkers find exactly the errors that the programs announce, on exactly their lines."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.contracts.repository import ROOT

PROGRAMS = Path(__file__).parent / "programs"
NAMES = sorted(path.stem for path in PROGRAMS.glob("*.py") if path.stem != "__init__")
ANNOUNCED = re.compile(r"# E: (?P<mypy>[\w-]+), (?P<pyright>\w+)$")
FOUND_BY_MYPY = re.compile(r"(?P<file>[^:]+):(?P<line>\d+): error: .*\[(?P<code>[\w-]+)\]$")
WITHIN_S = 120

Errors: TypeAlias = dict[str, list[tuple[int, str]]]
"""By program: line and code."""


def announced(program: str, checker: str) -> list[tuple[int, str]]:
    lines = (PROGRAMS / f"{program}.py").read_text(encoding="utf-8").splitlines()
    return [
        (number, found[checker])
        for number, line in enumerate(lines, start=1)
        if (found := ANNOUNCED.search(line))
    ]


def run(*command: str) -> str:
    result = subprocess.run(
        [
            str(Path(sys.executable).parent / command[0]),
            *command[1:],
            *map(str, PROGRAMS.glob("*.py")),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
    )
    assert result.returncode in {0, 1}, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def by_mypy() -> Errors:
    errors: Errors = {name: [] for name in NAMES}
    for line in run("mypy", "--no-error-summary", "--hide-error-context").splitlines():
        if found := FOUND_BY_MYPY.match(line):
            errors[Path(found["file"]).stem].append((int(found["line"]), found["code"]))
    return errors


@pytest.fixture(scope="module")
def by_pyright() -> Errors:
    errors: Errors = {name: [] for name in NAMES}
    for each in json.loads(run("basedpyright", "--outputjson"))["generalDiagnostics"]:
        if each["severity"] == "error":
            line = each["range"]["start"]["line"] + 1
            errors[Path(each["file"]).stem].append((line, each["rule"]))
    return errors


@pytest.mark.parametrize("program", NAMES)
def test_mypy_finds_what_must_not_type_check(program: str, by_mypy: Errors) -> None:
    assert by_mypy[program] == announced(program, "mypy")


@pytest.mark.parametrize("program", NAMES)
def test_basedpyright_finds_what_must_not_type_check(program: str, by_pyright: Errors) -> None:
    assert sorted(by_pyright[program]) == announced(program, "pyright")


def test_wrong_tells_wrong_asks_and_unhandled_messages_are_announced() -> None:
    assert {name: len(announced(name, "mypy")) for name in NAMES} == {
        "protocol": 0,
        "right": 0,
        "unhandled_messages": 3,
        "wrong_answers": 2,
        "wrong_asks": 8,
        "wrong_tells": 11,
    }
