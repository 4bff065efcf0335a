"""What the documents point at exists."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.contracts.repository import ROOT, committed_files

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENTS = tuple(path for path in committed_files() if path.suffix == ".md")
LINK = re.compile(r"\]\(([^)#]+)[^)]*\)")
CODE_PATH = re.compile(
    r"`((?:actors|supervisors|storage|tests|docs|requirements|changes)/[\w./]*)`"
)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_in_a_document_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    links = [document.parent / target for target in LINK.findall(text) if "://" not in target]
    named = [ROOT / name for name in CODE_PATH.findall(text) if "NAME" not in name]

    assert [str(path) for path in (*links, *named) if not path.exists()] == []


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    pages = {path.name for path in folder.glob("*.md")} - {"README.md"}

    assert set(LINK.findall((folder / "README.md").read_text(encoding="utf-8"))) == pages


def test_every_make_target_in_a_document_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {*re.findall(r"^([a-z]+|bench-%):", makefile, re.MULTILINE)}
    named = {
        name.replace("bench-NAME", "bench-%")
        for document in DOCUMENTS
        for name in re.findall(r"`make ([a-z]+(?:-NAME)?)", document.read_text(encoding="utf-8"))
    }

    assert named <= targets
