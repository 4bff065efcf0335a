"""`main.py` as a process of its own."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
MAIN = ROOT / "main.py"


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment without any setting of the developer's own."""
    mine = ("BULKHEAD_", "DISCORD_TOKEN", "COLUMNS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(mine)}
    return kept | {"NO_COLOR": "1", "COLUMNS": "100"} | extra


def main(
    *arguments: str,
    cwd: Path,
    stdin: str = "",
    within: float = 30,
    settings: Mapping[str, str] | None = None,
) -> Ended:
    """Run it to its end; no run may show a stack trace."""
    ended = subprocess.run(
        [sys.executable, str(MAIN), *arguments],
        cwd=cwd,
        env=clean_environment(**(settings or {})),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=within,
        check=False,
    )
    assert "Traceback" not in ended.stdout + ended.stderr, ended.stderr
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def read_terminal(number: int, within: float = 20) -> bytes:
    """Read what a terminal shows next; empty once the other end is closed."""
    ready, _, _ = select.select([number], [], [], within)
    assert ready, f"nothing was shown within {within} s"
    try:
        return os.read(number, 65536)
    except OSError:  # Linux says so that the other end is closed
        return b""
