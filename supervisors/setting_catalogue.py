"""Every setting as an operator reads about it: in faults, in `check`, in the documents."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from supervisors.setting_sources import Entry

LONGEST = 80
"""How many characters of a wrong value are repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """One setting as an operator reads about it."""

    name: str
    allowed: str
    unit: str
    default: str
    sentence: str
    secret: bool


def described(settings: type[BaseModel]) -> Iterator[Described]:
    """Describe every setting of a model of groups, in its order."""
    for group, outer in settings.model_fields.items():
        model = outer.annotation
        assert isinstance(model, type)
        assert issubclass(model, BaseModel)
        for name, field in model.model_fields.items():
            extra = cast(dict[str, str], field.json_schema_extra)
            yield Described(
                name=f"{group}.{name}",
                allowed=extra["allowed"],
                unit=extra["unit"],
                default="not set" if field.default is None else str(field.default),
                sentence=field.description or "",
                secret="SecretStr" in str(field.annotation),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """The value that a setting has, and who set it."""

    name: str
    value: str
    """As it may be printed."""

    origin: str


def effective(settings: BaseModel, entries: Sequence[Entry]) -> Iterator[Effective]:
    """List every setting with its value and its origin."""
    for item in described(type(settings)):
        group, name = item.name.split(".")
        value = getattr(getattr(settings, group), name)
        origins = (entry.origin for entry in entries if entry.setting == item.name)
        yield Effective(
            name=item.name,
            value="not set" if value is None else shown_value(item, value).strip("'"),
            origin=next(origins, "default"),
        )


def shown_value(item: Described, value: object) -> str:
    """Show a value as it may be printed: secrets as stars, one line, not too long."""
    if item.secret:
        return "***"
    text = re.sub(r"//[^/@]*@", "//***@", repr(value) if isinstance(value, str) else str(value))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
