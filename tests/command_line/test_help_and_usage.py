"""Help teaches, and a wrong command line is told in one sentence with exit code 2."""

from __future__ import annotations

import io
import subprocess
import sys
import tomllib
from functools import partial
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from main import app
from supervisors.faults import exit_code_of
from supervisors.version import VERSION
from tests.command_line.program import MAIN, ROOT, clean_environment, main

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = ("run", "demo", "status", "query", "check")
TOKEN = {"BULKHEAD_DISCORD__TOKEN": "MTA.abc.def"}


def test_the_help_names_every_command_and_where_to_read_on(tmp_path: Path) -> None:
    ended = main("--help", cwd=tmp_path)

    assert ended.code == 0
    assert not [command for command in COMMANDS if f"│ {command} " not in ended.out]
    assert "docs/operating.md" in ended.out


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_has_an_example(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"], prog_name="main.py")

    assert result.exit_code == 0
    assert "Example" in result.output
    assert result.output.count(f"main.py {command}") >= 2  # the usage line, and an example


def test_the_version_is_that_of_the_project(tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] == VERSION
    assert main("--version", cwd=tmp_path).out == f"bulkhead {VERSION}\n"


def test_the_version_and_the_help_load_neither_trio_nor_the_database() -> None:
    code = (
        "import sys, runpy\n"
        "sys.argv = ['main.py', '--help']\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print(sorted({'trio', 'duckdb', 'discord', 'pydantic', 'httpx'} & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    assert ended.stdout.splitlines()[-1] == "[]"


def test_without_a_command_the_help_is_shown_as_for_a_wrong_one(tmp_path: Path) -> None:
    ended = main(cwd=tmp_path)

    assert ended.code == 2
    assert "Usage: main.py" in ended.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("queri",), "No such command 'queri'. Did you mean 'query'? See `main.py --help`."),
        (("query",), "Missing argument 'SQL'. See `main.py query --help`."),
        (("query", ""), 'there is no SQL in that; try `main.py query "SHOW TABLES"`'),
        (("query", "-"), 'there is no SQL in that; try `main.py query "SHOW TABLES"`'),
        (("query", "x", "--json", "--csv"), "an answer has one form; choose one of csv, json"),
        (("query", "x", "--as", "ndjson", "--csv"), "an answer has one form; choose one of csv, "),
        (
            ("query", "x", "--limit", "0"),
            "Invalid value for '--limit': '0' is not a number of rows from 1",
        ),
        (("query", "FROM", "outage"), 'put the SQL in quotes, as in `main.py query "FROM outage"`'),
        (
            ("query", "SELECT", *"abc" * 30),
            'put the SQL in quotes, as in `main.py query "SELECT ..."`',
        ),
        (("status", "--all\nof it"), "No such option: --all ... See `main.py status --help`."),
        (("query", "x", "--limit", "ten"), "'ten' is not a number of rows from 1 to 10000000"),
        (("query", "x", "--timeout", "0s"), "'0s' is not a time of more than 0; write it like"),
        (("status", "--what"), "No such option: --what"),
        (("demo", "--duration", "soon"), "'soon' is not a time of more than 0; write it like 60s"),
        (
            ("demo", "--speed", "0x"),
            "'0x' is not a speed above 0 and up to 1000; write it like 10x",
        ),
        (("demo", "--port", "70000"), "Input should be less than or equal to 65535"),
        (("run", "--duration", "60s"), "run takes no --duration; if it is an option of the demo"),
        (("run", "--no-crashes"), "run takes no --no-crashes; if it is an option of the demo"),
        (("run", "now"), "run takes no now"),
        (("run", "--or-demo", "--duration", "x"), "Invalid value for '--duration': 'x' is not a"),
        (("run", "--or-demo", "--lifelin"), "No such option: --lifelin"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_command_line_is_told_in_one_sentence(
    arguments: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    code = exit_code_of(partial(app, arguments, prog_name="main.py", standalone_mode=False))
    out, err = capsys.readouterr()

    assert code == 2
    assert said in err
    assert len(err.splitlines()) == 1
    assert out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_command_line_ends_the_process_with_2(tmp_path: Path) -> None:
    ended = main("status", "--colour", cwd=tmp_path)

    assert ended.code == 2
    assert ended.err == "No such option: --colour. See `main.py status --help`.\n"


def test_with_a_token_the_options_of_the_demo_do_not_start_a_bot(tmp_path: Path) -> None:
    ended = main("run", "--or-demo", "--duration", "60s", cwd=tmp_path, settings=TOKEN)

    assert ended.code == 2
    assert ended.err.startswith("a token is set, so this would run the bot, which takes no --dur")
    assert list(tmp_path.iterdir()) == []


def test_without_a_token_run_says_how_to_go_on(tmp_path: Path) -> None:
    ended = main("run", cwd=tmp_path)

    assert ended.code == 78
    assert ended.err == (
        "there is no Discord token: put BULKHEAD_DISCORD__TOKEN=your-token into .env, "
        "or look at `main.py demo`, which needs none; `main.py check` tells how to get one\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [("run", "--or-demo"), ("query", "x")])
def test_wrong_settings_stop_every_command_and_nothing_is_written(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    wrong = {"BULKHEAD_LOG__LEVEL": "loud", "BULKHEAD_DISCORD__TOKN": "MTA.abc.def"}
    ended = main(*command, cwd=tmp_path, settings=wrong)

    assert ended.code == 78
    lines = ended.err.splitlines()
    assert lines[0] == "2 settings are wrong; nothing was started and nothing was written."
    assert "BULKHEAD_DISCORD__TOKEN?" in lines[1]
    assert "log.level = 'loud'" in lines[2]
    assert "MTA.abc.def" not in ended.err
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_told_in_one_sentence(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-S", "-E", str(MAIN), "--help"],  # -S: without site-packages
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert ended.returncode == 72
    assert ended.stderr.startswith("The packages that Bulkhead needs are not in this Python: ")
    assert len(ended.stderr.splitlines()) == 1
