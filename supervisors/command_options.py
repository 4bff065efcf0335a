"""Options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


def quantity(parse: Callable[[str], float]) -> Callable[[str | float], float]:
    """Make Typer read a quantity as `parse` does, and tell its complaint as its own."""

    def parser(text: str | float) -> float:
        try:
            return parse(str(text))  # a default comes as the number that it is
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error

    return parser
