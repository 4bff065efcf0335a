"""What nobody foresaw: a sentence for the operator, the stack trace in a file, exit code 70."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Never

import pytest
import trio

from supervisors import faults
from supervisors.failures import CommandError, tell
from supervisors.faults import FAULTS, exit_code_of, keep
from tests.command_line.program import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOKEN = "MTA.abc.def-SECRET"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BULKHEAD_DISCORD__TOKEN", TOKEN)
    monkeypatch.setenv("BULKHEAD_STORAGE__FOLDER", str(tmp_path / "data"))
    return tmp_path


def raises(error: BaseException) -> Callable[[], Never]:
    def program() -> Never:
        raise error

    return program


def test_the_stack_trace_goes_to_the_data_folder_without_the_token(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "data").mkdir()
    code = exit_code_of(raises(ValueError(f"no use for {TOKEN}\nand more")))
    out, err = capsys.readouterr()

    kept = folder / "data" / FAULTS
    assert (code, out) == (70, "")
    assert err == (
        f"This should not have happened: ValueError: no use for ***; the details are in {kept}, "
        "please report it.\n"
    )
    text = kept.read_text(encoding="utf-8")
    assert "Traceback" in text
    assert "in program" in text
    assert TOKEN not in text


def test_without_a_data_folder_none_is_made(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    exit_code_of(raises(ValueError("x")))
    (kept,) = folder.iterdir()

    assert f"the details are in {kept}," in capsys.readouterr().err
    assert "Traceback" in kept.read_text(encoding="utf-8")
    assert kept.stat().st_mode & 0o077 == 0


def test_a_second_fault_is_added_and_the_file_stays_small(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert keep(ValueError("first"), folder) == folder / FAULTS
    keep(ValueError("second"), folder)
    both = (folder / FAULTS).read_text(encoding="utf-8")
    monkeypatch.setattr(faults, "FAULTS_LIMIT_BYTES", 10)
    keep(ValueError("third"), folder)
    text = (folder / FAULTS).read_text(encoding="utf-8")

    assert "first" in both
    assert "second" in both
    assert "third" in text
    assert "second" not in text


def test_where_nothing_can_be_written_the_sentence_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc/nowhere")

    assert exit_code_of(raises(ValueError("x"))) == 70
    assert "the details could not be written anywhere" in capsys.readouterr().err


def test_wrong_settings_do_not_hide_another_fault(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BULKHEAD_LOG__LEVEL", "loud")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))

    assert exit_code_of(raises(KeyError("x"))) == 70
    assert "KeyError: 'x'" in capsys.readouterr().err


def test_a_known_error_is_found_in_groups_and_causes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = CommandError("no bot runs", 69)
    wrapped = RuntimeError("outer")
    wrapped.__cause__ = ExceptionGroup("tasks", [ValueError("x"), ExceptionGroup("in", [known])])

    assert exit_code_of(raises(wrapped)) == 69
    assert capsys.readouterr().err == "no bot runs\n"


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), BaseExceptionGroup("tasks", [KeyboardInterrupt()])]
)
def test_ctrl_c_says_nothing(error: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(raises(error)) == 130
    assert capsys.readouterr().err == ""


def test_an_error_of_trio_is_a_fault_like_any_other() -> None:
    assert tell(trio.TooSlowError()) is None


def test_a_command_that_returns_ends_with_its_code() -> None:
    assert exit_code_of(lambda: 3) == 3
    assert exit_code_of(lambda: None) == 0


def test_the_lifeline_ends_a_bot_whose_parent_is_gone(folder: Path) -> None:
    settings = {
        "BULKHEAD_DISCORD__TOKEN": TOKEN,
        "BULKHEAD_DISCORD__API_URL": "http://127.0.0.1:1/api",
        "BULKHEAD_DISCORD__GATEWAY_URL": "ws://127.0.0.1:1",
    }
    ended = main("run", "--lifeline", cwd=folder, stdin="", settings=settings)

    assert ended.code == 0, ended
    assert '"why": "stdin was closed"' in ended.err
    assert TOKEN not in ended.err
