"""Each contract of .importlinter complains about the imports that it forbids, and no other does."""

from __future__ import annotations

import ast
import configparser
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ("supervisors", "actors", "storage")


@dataclass(frozen=True)
class Violation:
    contract: str
    importer: str
    statement: str


VIOLATIONS = (
    Violation("packages", "actors/guild/actor.py", "from supervisors import child_spec"),
    Violation("kernel", "actors/kernel/__init__.py", "import httpx"),
    Violation("kernel", "actors/kernel/exits.py", "from storage import rows"),
    Violation("protocols", "actors/recorder/protocol.py", "import aiohttp"),
    Violation("neighbours", "actors/guild/actor.py", "from actors.gateway import commands"),
    Violation("tree", "supervisors/bot.py", "from actors.guild.actor import GuildActor"),
    Violation("discord", "actors/guild/actor.py", "import discord"),
    Violation("discord", "supervisors/application.py", "import trio_asyncio"),
    Violation("duckdb", "actors/recorder/actor.py", "import duckdb"),
    Violation("duckdb", "storage/__init__.py", "import duckdb"),
    Violation("storage", "storage/rows.py", "import trio"),
    Violation("tests", "supervisors/application.py", "from tests import contracts"),
    Violation("tests", "supervisors/application.py", "import main"),
    Violation("siblings", "actors/kernel/messages.py", "import actors.kernel.system"),
)


def declared_contracts() -> dict[str, str]:
    """Map each contract's name to its id."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    prefix = "importlinter:contract:"
    return {
        parser[section]["name"]: section.removeprefix(prefix)
        for section in parser.sections()
        if section.startswith(prefix)
    }


def broken_contracts(folder: Path) -> set[str]:
    result = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=folder,
        env={**os.environ, "COLUMNS": "300"},  # a narrow page would wrap the names
        capture_output=True,
        text=True,
        check=False,
    )
    verdicts = re.findall(r"^(.+) (KEPT|BROKEN)", result.stdout, re.MULTILINE)
    ids = declared_contracts()
    assert {name for name, _ in verdicts} == set(ids), result.stdout + result.stderr
    return {ids[name] for name, verdict in verdicts if verdict == "BROKEN"}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for package in PRODUCT:
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / ".importlinter", tmp_path)
    return tmp_path


def test_the_code_as_it_stands_keeps_every_contract(copy: Path) -> None:
    assert broken_contracts(copy) == set()


@pytest.mark.parametrize("violation", VIOLATIONS, ids=lambda v: f"{v.contract}: {v.statement}")
def test_one_forbidden_import_breaks_its_contract_and_no_other(
    copy: Path, violation: Violation
) -> None:
    with (copy / violation.importer).open("a", encoding="utf-8") as module:
        module.write(f"\n{violation.statement}\n")

    assert broken_contracts(copy) == {violation.contract}


def test_every_contract_is_shown_to_fail() -> None:
    assert set(declared_contracts().values()) == {v.contract for v in VIOLATIONS}


def test_the_command_line_reaches_the_product_through_the_layers_only() -> None:
    # import-linter takes packages only, and main.py is a module.
    imported: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / "main.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            imported.update(f"{node.module}.{alias.name}" for alias in node.names)

    forbidden = re.compile(r"(tests|discord|trio_asyncio|duckdb)\b|actors\.\w+\.actor\b")
    assert not [name for name in sorted(imported) if forbidden.match(name)]
