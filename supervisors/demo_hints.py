"""What to type in a second terminal, while the demo runs and when it is over."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from supervisors.control import DEMO_FOLDER
from supervisors.demo_children import ROOT
from supervisors.demo_question import QUESTION
from supervisors.ledger import LEDGER


def hints(folder: Path, *, runs: bool = True) -> list[str]:
    """Return the commands that ask a bot of the demo, or its ledger once it has ended.

    They are for a shell in the folder of the demo. Where the demo is not found by
    itself, the first one tells the shell where it is, for all that follow.
    """
    program = shlex.join([near(Path(sys.executable)), near(ROOT / "main.py")])
    told = [] if is_found(folder, runs=runs) else [_export(folder)]
    watch = [f"{program} status --watch"] if runs else []
    return [*told, *watch, f"{program} query - < {shlex.quote(near(folder / QUESTION))}"]


def is_found(folder: Path, *, runs: bool) -> bool:
    """Tell whether `status` and `query` look into this folder without being told to."""
    # A ledger that was left behind is second to that of the bot itself.
    return folder == DEMO_FOLDER.resolve() and (runs or not _has_own_ledger())


def _has_own_ledger() -> bool:
    # Late, because a demo that runs needs no settings.
    from supervisors.settings import SettingsError, load_settings  # noqa: PLC0415

    try:
        return (load_settings().storage.folder / LEDGER).exists()
    except SettingsError:
        return True


def _export(folder: Path) -> str:
    return f"export BULKHEAD_STORAGE__FOLDER={shlex.quote(near(folder))}"


def near(path: Path) -> str:
    """Return a path as it is called from the working directory, if it is below that."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
