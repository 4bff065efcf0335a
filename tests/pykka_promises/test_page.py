"""Every example in docs/pykka-host.md runs and prints what stands below it."""

from __future__ import annotations

import re
import sys
import types

import pytest

from tests.contracts.repository import ROOT

EXAMPLE = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)
PAGE = (ROOT / "docs" / "pykka-host.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("source", "prints"), EXAMPLE.findall(PAGE))
def test_an_example_prints_what_stands_below_it(
    source: str, prints: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A module, so that its classes and annotations find their names.
    module = types.ModuleType("example")
    monkeypatch.setitem(sys.modules, "example", module)

    exec(compile(source, "docs/pykka-host.md", "exec"), module.__dict__)

    assert capsys.readouterr().out == prints


def test_every_python_block_is_an_example() -> None:
    assert len(EXAMPLE.findall(PAGE)) == PAGE.count("```python") > 3
