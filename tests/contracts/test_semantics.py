"""Every rule in docs/semantics.md names a test, and every test named there exists."""

from __future__ import annotations

import ast
import re

import pytest

from tests.contracts.repository import ROOT

DOCUMENT = ROOT / "docs" / "semantics.md"
TEST_NAME = re.compile(r"`(test_\w+)`")


def named_tests(text: str) -> tuple[str, ...]:
    return tuple(TEST_NAME.findall(text))


def rows(text: str) -> tuple[str, ...]:
    """List the rules that stand in tables."""
    lines = (line for line in text.splitlines() if line.startswith("| "))
    return tuple(line for line in lines if line != "| rule | proved by |")


def existing_tests() -> set[str]:
    return {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_every_test_that_the_semantics_name_exists() -> None:
    named = named_tests(DOCUMENT.read_text(encoding="utf-8"))

    assert len(named) > 100
    assert sorted(set(named) - existing_tests()) == []


def test_every_rule_names_its_proof() -> None:
    assert [row for row in rows(DOCUMENT.read_text(encoding="utf-8")) if not named_tests(row)] == []


@pytest.mark.parametrize("line", ["| A rule. | |", "| A rule. | `test_of_nothing` |"])
def test_a_rule_without_a_proof_would_be_found(line: str) -> None:
    assert rows(line) == (line,)
    assert not set(named_tests(line)) & existing_tests()
