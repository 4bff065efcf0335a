"""What a newcomer reads when the machine lacks a Python that fits, or Erlang."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.contracts.repository import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TOOLS = ("sh", "mktemp", "mkdir", "rm", "tail")
A_PYTHON = """
case "$*" in
    *print*) echo python3.11-venv ;;
    *version_info*) true ;;
    *ensurepip*) {has_venv} ;;
    "-m venv"*) mkdir "$4" ;;
    --version) echo Python 3.11.9 ;;
esac
"""


class Machine:
    """A machine with nothing on its PATH but what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        for tool in TOOLS:
            path = shutil.which(tool)
            assert path
            (folder / "bin" / tool).symlink_to(path)

    def has(self, program: str, script: str) -> None:
        path = self.folder / "bin" / program
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def make_venv(self, **environment: str) -> subprocess.CompletedProcess[str]:
        return self._run("venv.sh", self.folder / "venv", **environment)

    def get_erlang(self) -> subprocess.CompletedProcess[str]:
        return self._run("erlang.sh")

    def _run(
        self, script: str, *arguments: Path, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", ROOT / "requirements" / script, *arguments],
            env={"PATH": str(self.folder / "bin"), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_no_python_at_all(machine: Machine) -> None:
    result = machine.make_venv()

    assert result.returncode != 0
    assert "needs Python 3.11, 3.12 or 3.13, and none is on the PATH" in result.stderr


def test_a_python_that_is_too_old_is_passed_over(machine: Machine) -> None:
    machine.has("python3", "exit 1")
    machine.has("python3.12", A_PYTHON.format(has_venv="true"))

    result = machine.make_venv()

    assert result.returncode == 0, result.stderr
    assert (machine.folder / "venv").is_dir()


def test_a_python_asked_for_by_name_is_never_replaced_by_another(machine: Machine) -> None:
    machine.has("python3", A_PYTHON.format(has_venv="true"))

    result = machine.make_venv(PYTHON="python3.9")

    assert result.returncode != 0
    assert "PYTHON=python3.9 is not a Python from 3.11 to 3.13" in result.stderr


def test_without_the_venv_module_and_the_right_to_install_it_the_command_is_named(
    machine: Machine,
) -> None:
    machine.has("python3.11", A_PYTHON.format(has_venv="false"))
    machine.has("apt-get", "exit 1")
    machine.has("id", "echo 1000")
    machine.has("sudo", "exit 1")

    result = machine.make_venv()

    assert result.returncode != 0
    assert "sudo apt-get install python3.11-venv" in result.stderr


@pytest.mark.parametrize(("user", "prefix"), [("0", ""), ("1000", "sudo ")])
def test_whoever_may_install_the_venv_module_gets_it(
    machine: Machine, user: str, prefix: str
) -> None:
    machine.has("python3.11", A_PYTHON.format(has_venv='[ -e "$0.venv" ]'))
    machine.has("id", f"echo {user}")
    machine.has("sudo", 'shift; [ "$1" = true ] || { echo "sudo $*" >>"$0.log"; "$@"; }')
    machine.has("apt-get", 'echo "$*" >>"$0.log"; : >"${0%/*}/python3.11.venv"')

    result = machine.make_venv()

    assert result.returncode == 0, result.stderr
    installed = (machine.folder / "bin" / "apt-get.log").read_text(encoding="utf-8")
    assert installed.splitlines()[-1].endswith("python3.11-venv")
    assert (machine.folder / "bin" / "sudo.log").exists() == bool(prefix)


def test_a_package_that_cannot_be_installed_is_said_in_one_sentence(machine: Machine) -> None:
    machine.has("python3.11", A_PYTHON.format(has_venv="false"))
    machine.has("id", "echo 0")
    machine.has("apt-get", "echo E: no network; exit 100")

    result = machine.make_venv()

    assert result.returncode != 0
    assert "E: no network" in result.stderr
    assert "python3.11-venv could not be installed" in result.stderr


def test_an_erlang_that_is_there_is_left_alone(machine: Machine) -> None:
    machine.has("erl", "exit 1")
    machine.has("erlc", "exit 1")

    result = machine.get_erlang()

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_without_erlang_and_the_right_to_install_it_the_command_is_named(machine: Machine) -> None:
    machine.has("apt-get", "exit 1")
    machine.has("id", "echo 1000")
    machine.has("sudo", "exit 1")

    result = machine.get_erlang()

    assert result.returncode != 0
    assert "sudo apt-get install erlang-base" in result.stderr


def test_without_a_package_manager_that_is_known_erlang_is_asked_for(machine: Machine) -> None:
    result = machine.get_erlang()

    assert result.returncode != 0
    assert "install Erlang/OTP 25 or later, so that erl and erlc are on the PATH" in result.stderr


@pytest.mark.parametrize(("user", "prefix"), [("0", ""), ("1000", "sudo ")])
def test_whoever_may_install_erlang_gets_it(machine: Machine, user: str, prefix: str) -> None:
    machine.has("id", f"echo {user}")
    machine.has("sudo", 'shift; [ "$1" = true ] || { echo "sudo $*" >>"$0.log"; "$@"; }')
    machine.has("apt-get", 'echo "$*" >>"$0.log"')

    result = machine.get_erlang()

    assert result.returncode == 0, result.stderr
    installed = (machine.folder / "bin" / "apt-get.log").read_text(encoding="utf-8")
    assert installed.splitlines()[-1].endswith("erlang-base")
    assert (machine.folder / "bin" / "sudo.log").exists() == bool(prefix)


def test_an_erlang_that_cannot_be_installed_is_said_in_one_sentence(machine: Machine) -> None:
    machine.has("id", "echo 0")
    machine.has("apt-get", "echo E: no network; exit 100")

    result = machine.get_erlang()

    assert result.returncode != 0
    assert "E: no network" in result.stderr
    assert "erlang-base could not be installed" in result.stderr
