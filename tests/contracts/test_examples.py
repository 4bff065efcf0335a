"""Every example in a docstring runs and is right."""

from __future__ import annotations

import doctest
import importlib

import pytest

from tests.contracts.repository import ROOT

PACKAGES = ("actors", "supervisors", "storage")
WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_the_examples_of_a_module_are_right(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module))

    assert result.attempted > 0
    assert result.failed == 0


def test_there_are_examples() -> None:
    assert "supervisors.strategy" in WITH_EXAMPLES
