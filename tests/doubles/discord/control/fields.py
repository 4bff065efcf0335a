"""Fields of a control request, checked one by one before anything changes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_MISSING = object()


class FieldError(ValueError):
    """A field is missing, unknown or of the wrong type; the text says which."""


class Fields:
    """The fields of one request; each may be taken once, and `done` refuses what is left."""

    def __init__(self, verb: str, body: Mapping[str, Any]) -> None:
        self._verb = verb
        self._left = {name: value for name, value in body.items() if name != "do"}

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def text(self, name: str) -> str:
        value: str = self._typed(name, str, "text", _MISSING)
        return value

    def text_or_null(self, name: str) -> str | None:
        """Take a field that must be there but may be null."""
        if self._left.get(name, _MISSING) is None:
            del self._left[name]
            return None
        value: str = self._typed(name, str, "text or null", _MISSING)
        return value

    def flag(self, name: str, default: object = _MISSING) -> bool:
        value: bool = self._typed(name, bool, "true or false", default)
        return value

    def whole(self, name: str, default: object = _MISSING, *, low: int = 0, high: int) -> int:
        value: int = self._typed(name, int, f"a whole number, {low} to {high}", default)
        if not low <= value <= high:
            raise self._wrong(name, value, f"{low} to {high}")
        return value

    def number(self, name: str, default: object = _MISSING, *, low: float, high: float) -> float:
        value: float = self._typed(name, (int, float), f"a number, {low:g} to {high:g}", default)
        if not math.isfinite(value) or not low <= value <= high:
            raise self._wrong(name, value, f"{low:g} to {high:g}")
        return float(value)

    def mapping(self, name: str) -> dict[str, Any]:
        value: dict[str, Any] = self._typed(name, dict, "an object", {})
        return value

    def texts(self, name: str, default: list[str]) -> list[str]:
        found: list[str] = self._typed(name, list, "a list of texts", default)
        if not all(isinstance(each, str) for each in found):
            raise self._wrong(name, found, "a list of texts")
        return found

    def anything(self, name: str) -> Any:
        return self._left.pop(name)

    def done(self) -> None:
        """Refuse fields that nobody took."""
        if self._left:
            raise FieldError(f"{self._verb}: unknown field {', '.join(sorted(self._left))}")

    def _typed(self, name: str, kind: Any, words: str, default: object) -> Any:
        value = self._left.pop(name, default)
        if value is _MISSING:
            raise FieldError(f"{self._verb}: the field {name!r} is missing; it must be {words}")
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self._wrong(name, value, words)
        return value

    def _wrong(self, name: str, value: object, words: str) -> FieldError:
        return FieldError(f"{self._verb}: {name} must be {words}, not {value!r}")
