"""The mutants themselves: they differ from the source, and the list of survivors is true."""

from __future__ import annotations

import ast

import pytest

from tests.mutants.__main__ import SURVIVORS, TESTS, all_mutants, known_survivors, label
from tests.mutants.mutations import mutants_of


@pytest.mark.parametrize("name", TESTS)
def test_every_mutant_differs_from_its_module_and_from_every_other(name: str) -> None:
    mutants = all_mutants(name)

    assert len(mutants) > 10
    assert len({mutant.key for mutant in mutants}) == len(mutants)
    sources = [mutant.source for mutant in mutants]
    assert len(set(sources)) == len(sources)
    for source in sources:
        compile(source, name, "exec")


def test_every_survivor_is_a_mutant_that_there_is_and_has_a_reason() -> None:
    known = known_survivors(SURVIVORS.read_text(encoding="utf-8"))
    labels = {label(mutant) for name in TESTS for mutant in all_mutants(name)}

    assert sorted(known.keys() - labels) == []
    assert [key for key, reason in known.items() if len(reason.split()) < 4] == []


@pytest.mark.parametrize(
    ("source", "mutated"),
    [
        ("x = a < b", "x = a <= b"),
        ("x = a and b", "x = a or b"),
        ("x = not a", "x = a"),
        ("x = 1", "x = 2"),
        ("x = 'a'", "x = 'Xa'"),
        ("def f():\n    return x", "def f():\n    return None"),
        ("def f():\n    g()", "def f():\n    pass"),
        ("if a:\n    b()", "if False:\n    b()"),
        ("f(a, b=c)", "f(a)"),
        ("match a:\n    case 1:\n        b()", "match a:\n    case 1 if False:\n        b()"),
    ],
)
def test_a_fault_of_each_kind_is_planted(source: str, mutated: str) -> None:
    planted = {mutant.source for mutant in mutants_of("m", source)}

    assert ast.unparse(ast.parse(mutated)) in planted
    assert ast.unparse(ast.parse(source)) not in planted


def test_what_changes_nothing_that_runs_is_left_alone() -> None:
    source = """
import a

if TYPE_CHECKING:
    import b

@c(1)
def f(x: "int"):
    'Doc.'
"""

    assert list(mutants_of("m", source)) == []
