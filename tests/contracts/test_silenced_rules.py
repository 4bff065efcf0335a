"""Every silenced rule has its reason beside it or in the line above."""

from __future__ import annotations

import re

import pytest

from tests.contracts.repository import ROOT, committed_files

DIRECTIVE = re.compile(
    r"#\s*(?:noqa(?::\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*)?|type: ignore(?:\[[\w, -]+\])?"
    r"|pyright: ignore(?:\[[\w, ]+\])?|pragma: no (?:cover|branch))"
)
BARE = re.compile(r"# noqa(?!:)|# type: ignore(?!\[)|# pyright: ignore(?!\[)")


def without_reason(source: str) -> list[str]:
    """Find the lines that silence a rule, or every rule, without saying why."""
    found = []
    above = ""
    for line in source.splitlines():
        if silence := DIRECTIVE.search(line):
            after = DIRECTIVE.sub("", line[silence.start() :])
            if BARE.search(line) or not (re.search(r"\w", after) or above.startswith("#")):
                found.append(line.strip())
        above = line.strip()
    return found


def test_every_silenced_rule_has_a_reason() -> None:
    found = {
        str(path.relative_to(ROOT)): lines
        for path in committed_files()
        if path.suffix == ".py"
        and path.parent.name != "contracts"
        and (lines := without_reason(path.read_text(encoding="utf-8")))
    }

    assert found == {}


@pytest.mark.parametrize(
    ("source", "is_told"),
    [
        ("x = 1  # noqa: E501 - the address is one word", True),
        ("# The only name there is.\nx = 1  # noqa: E501  # pyright: ignore[reportA]", True),
        ("x = 1  # noqa: E501", False),
        ("x = 1  # noqa: E501, S101  # type: ignore[arg-type]", False),
        ("x = 1  # noqa - because", False),
        ("x = 1  # type: ignore", False),
        ("x = 1  # pragma: no cover", False),
        ("x = 1", True),
    ],
)
def test_a_silence_without_a_reason_is_found(source: str, is_told: bool) -> None:
    assert (without_reason(source) == []) == is_told
