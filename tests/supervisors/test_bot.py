"""How the bot ends when nobody foresaw why."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from supervisors import bot
from supervisors.application import EX_SOFTWARE, Application, Ending, ending_of
from supervisors.settings import load_settings
from tests.contracts.repository import ROOT

TOKEN = "a.secret.token"


@pytest.mark.parametrize("error", [ValueError(f"boom {TOKEN}"), None])
def test_the_stack_of_a_fault_is_kept_and_the_operator_told_where(
    error: Exception | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ending = ending_of(error) if error else Ending("Discord refused the token", 77)

    async def end_at_once(*_: object, **__: object) -> Ending:
        return ending

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BULKHEAD_DISCORD__TOKEN", TOKEN)
    monkeypatch.setattr(Application, "run", end_at_once)
    (tmp_path / "data").mkdir()

    code = bot.run_bot(load_settings())

    said = capsys.readouterr().err
    faults = tmp_path / "data" / "faults.log"
    if error is None:
        assert (code, said) == (77, "Discord refused the token\n")
        assert not faults.exists()
    else:
        assert code == EX_SOFTWARE
        assert f"the details are in {faults.relative_to(tmp_path)}" in said
        assert "ValueError: boom ***" in faults.read_text()


def test_a_terminal_that_is_gone_does_not_change_the_exit_code() -> None:
    # On /dev/full every flush fails, as on a terminal that was closed.
    program = (
        "import sys\n"
        "from supervisors.output import let_go_of_lost_streams\n"
        "sys.stdout.write('last words'); sys.stderr.write('more')\n"
        "let_go_of_lost_streams()\n"
        "sys.exit(3)\n"
    )
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"},
            stdout=full,
            stderr=full,
            check=False,
        )

    assert done.returncode == 3
