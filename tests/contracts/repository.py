"""What the contract tests read: the files of this repository and its pinned requirements."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
UNTRACKED = {"__pycache__", "build", "data"}


def committed_files() -> tuple[Path, ...]:
    """List what git tracks; in an unpacked archive, everything that a build did not make."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        paths = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
        return tuple(ROOT / path for path in paths if not _is_made(path))
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    paths = (ROOT / name for name in listed.stdout.decode().split("\0") if name)
    return tuple(path for path in paths if path.is_file())


def _is_made(path: Path) -> bool:
    hidden = any(part.startswith(".") and part != ".ci" for part in path.parts[:-1])
    return hidden or bool(UNTRACKED.intersection(path.parts))


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def extras() -> tuple[str, ...]:
    """Name the requirements files: `run` is what the product needs, the others are its extras."""
    return ("run", *pyproject()["project"]["optional-dependencies"])


def asked_for(extra: str) -> tuple[Requirement, ...]:
    """Read what pyproject.toml asks for in one requirements file."""
    project = pyproject()["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"].get(extra, [])]
    return tuple(Requirement(line) for line in lines)


def entries(extra: str) -> tuple[str, ...]:
    """Split a requirements file into its entries, each with the hashes that follow it."""
    text = (ROOT / "requirements" / f"{extra}.txt").read_text(encoding="utf-8")
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)
    return tuple(text.replace("\\\n", " ").strip().splitlines())


def pins(extra: str) -> dict[str, Requirement]:
    """Map each pinned package of a requirements file to its requirement."""
    requirements = (Requirement(entry.partition("--hash")[0]) for entry in entries(extra))
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}
