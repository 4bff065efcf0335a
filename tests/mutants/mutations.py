"""What is changed in a module: one small fault at a time, made from its syntax tree."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OTHER_WAY: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One module with one fault in it."""

    module: str
    key: str
    """Where and what, without line numbers, so that it outlives changes elsewhere."""

    source: str


def mutants_of(module: str, source: str) -> Iterator[Mutant]:
    """Make every mutant of a module.

    Left out are annotations, docstrings, decorators, imports for the type checker and
    `assert_never`, where a change changes nothing that runs.
    """
    tree = ast.parse(source)
    seen: Counter[str] = Counter()
    for where, change, what in list(_changes(tree)):
        key = f"{where}: {what}"
        seen[key] += 1
        numbered = key if seen[key] == 1 else f"{key} ({seen[key]})"
        undo = change()
        yield Mutant(module, numbered, ast.unparse(ast.fix_missing_locations(tree)))
        undo()


Change: TypeAlias = "Callable[[], Callable[[], None]]"
"""Makes a change and returns what undoes it."""


def _changes(tree: ast.Module) -> Iterator[tuple[str, Change, str]]:
    for where, parent, field, index in _places(tree, "module"):
        node = _get(parent, field, index)
        for replacement, what in _replacements(node):
            yield where, _swap(parent, field, index, replacement), what


def _swap(parent: ast.AST, field: str, index: int | None, replacement: ast.AST) -> Change:
    def change() -> Callable[[], None]:
        before = _get(parent, field, index)
        _set(parent, field, index, replacement)
        return lambda: _set(parent, field, index, before)

    return change


def _get(parent: ast.AST, field: str, index: int | None) -> ast.AST:
    value = getattr(parent, field)
    node: ast.AST = value if index is None else value[index]
    return node


def _set(parent: ast.AST, field: str, index: int | None, node: ast.AST) -> None:
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


def _places(node: ast.AST, where: str) -> Iterator[tuple[str, ast.AST, str, int | None]]:
    """Walk to every place in the tree that may be changed."""
    for field, value in ast.iter_fields(node):
        if field in {"annotation", "returns", "decorator_list", "type_params", "bases"}:
            continue
        for index, each in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(each, ast.AST) or _is_left_out(each, field, index):
                continue
            yield where, node, field, index if isinstance(value, list) else None
            inner = f"{where}.{_name(each)}".removeprefix("module.").rstrip(".")
            yield from _places(each, inner)


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name
    return ""


def _is_left_out(node: ast.AST, field: str, index: int) -> bool:
    text = ast.unparse(node) if isinstance(node, ast.stmt | ast.expr) else ""
    return (
        (field == "body" and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or isinstance(node, ast.Import | ast.ImportFrom)
        or text.startswith(("if TYPE_CHECKING", "assert_never", "super().__init__"))
        or "TypeVar" in text[:20]
        or (isinstance(node, ast.AnnAssign) and "TypeAlias" in ast.unparse(node.annotation))
    )


def _replacements(node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    if isinstance(node, ast.cmpop | ast.boolop | ast.operator) and type(node) in OTHER_WAY:
        other = OTHER_WAY[type(node)]()
        yield other, f"{type(node).__name__} → {type(other).__name__}"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand, f"{_text(node)} → {_text(node.operand)}"
    elif isinstance(node, ast.Constant):
        yield from _other_constants(node)
    elif isinstance(node, ast.Return) and node.value is not None:
        if not (isinstance(node.value, ast.Constant) and node.value.value is None):
            yield ast.Return(ast.Constant(None)), f"{_text(node)} → return None"
    elif isinstance(node, ast.If | ast.While | ast.IfExp):
        for value in (True, False) if not isinstance(node, ast.While) else (False,):
            changed = copy.copy(node)
            changed.test = ast.Constant(value)
            yield changed, f"if {_text(node.test)} → if {value}"
    elif isinstance(node, ast.Call):
        for keyword in node.keywords:
            changed_call = copy.copy(node)
            changed_call.keywords = [k for k in node.keywords if k is not keyword]
            yield changed_call, f"{_text(node)} → without {keyword.arg}"
    elif isinstance(node, ast.match_case) and _text(node.pattern) != "_":
        never = copy.copy(node)
        never.guard = ast.Constant(value=False)
        yield never, f"case {_text(node.pattern)} → never"
    if isinstance(node, ast.Expr | ast.Assign | ast.AugAssign | ast.Delete | ast.Raise):
        yield ast.Pass(), f"{_text(node)} → nothing"
    elif isinstance(node, ast.Return) and node.value is None:
        yield ast.Pass(), "return → nothing"
    elif isinstance(node, ast.Continue):
        yield ast.Break(), "continue → break"
    elif isinstance(node, ast.Break):
        yield ast.Continue(), "break → continue"


def _other_constants(node: ast.Constant) -> Iterator[tuple[ast.AST, str]]:
    match node.value:
        case bool(value):
            yield ast.Constant(not value), f"{value} → {not value}"
        case int(value) | float(value):
            yield ast.Constant(value + 1), f"{value} → {value + 1}"
        case str(value) if value:
            yield ast.Constant(f"X{value}"), f"{value!r} → {'X' + value!r}"


def _text(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 90 else text[:89] + "…"
