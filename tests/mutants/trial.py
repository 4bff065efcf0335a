"""One trial: the tests on one mutant, in a process that was forked from a warm one."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from tests.mutants.mutations import Mutant

KILLED = 1


class Impostor(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Hands out the mutant where the module itself is asked for."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: object, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._mutant.module:
            return None
        return importlib.machinery.ModuleSpec(fullname, self)

    def exec_module(self, module: ModuleType) -> None:
        code = compile(self._mutant.source, f"<mutant of {self._mutant.module}>", "exec")
        exec(code, module.__dict__)


def begin(mutant: Mutant | None, tests: Sequence[str]) -> int:
    """Fork, run the tests on a mutant (or on the module itself) and return the child's pid.

    The child ends with 0 if every test passed, so if the mutant survived.
    """
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(quiet, stream)
    if mutant is not None:
        sys.meta_path.insert(0, Impostor(mutant))
    options = ["-x", "-q", "-p", "no:cacheprovider", "--hypothesis-profile=mutants"]
    try:
        code = int(pytest.main([*options, *tests]))
    except BaseException:  # noqa: BLE001 - whatever it is, the mutant was seen
        code = KILLED
    os._exit(code)
