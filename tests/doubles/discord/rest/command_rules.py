"""What Discord accepts as a slash command."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.doubles.discord.rest.answers import InvalidFormError

if TYPE_CHECKING:
    from tests.doubles.discord.model import Json

COMMANDS = 100
SUB_COMMAND, SUB_COMMAND_GROUP = 1, 2
OPTION_TYPES = range(1, 12)
_CHAT_INPUT = 1
_OPTIONS = 25
_NAME = re.compile(r"[-_'\w]{1,32}")

Path = tuple[str, ...]


def check_command(command: Json, path: Path = ()) -> None:
    """Refuse a command that Discord would refuse.

    Raises:
        InvalidFormError: leads to the field that is wrong.
    """
    kind = command.get("type", _CHAT_INPUT)
    if kind not in {1, 2, 3}:
        raise InvalidFormError(
            (*path, "type"), "BASE_TYPE_CHOICES", "Value must be one of (1, 2, 3)."
        )
    if kind != _CHAT_INPUT:
        _length(command.get("name"), (*path, "name"), 32)
        return
    _name(command, path)
    _length(command.get("description"), (*path, "description"), 100)
    _check_options(command.get("options") or [], (*path, "options"), depth=0)


def check_unique(names: list[Any], path: Path = ()) -> None:
    """Refuse two of one name."""
    seen: set[Any] = set()
    for number, name in enumerate(names):
        if name in seen:
            raise InvalidFormError(
                (*path, str(number), "name"),
                "APPLICATION_COMMANDS_DUPLICATE_NAME",
                "Application command names must be unique",
            )
        seen.add(name)


def _name(holder: Json, path: Path) -> None:
    name = holder.get("name")
    _length(name, (*path, "name"), 32)
    if not _NAME.fullmatch(str(name)) or str(name) != str(name).lower():
        raise InvalidFormError(
            (*path, "name"),
            "APPLICATION_COMMAND_INVALID_NAME",
            "Command name is invalid",
        )


def _length(value: object, path: Path, longest: int) -> None:
    if value is None:
        raise InvalidFormError(path, "BASE_TYPE_REQUIRED", "This field is required")
    if not isinstance(value, str):
        raise InvalidFormError(path, "STRING_TYPE_CONVERT", f'Could not convert "{value}" to str')
    if not 1 <= len(value) <= longest:
        message = f"Must be between 1 and {longest} in length."
        raise InvalidFormError(path, "BASE_TYPE_BAD_LENGTH", message)


def _check_options(options: list[Json], path: Path, depth: int) -> None:
    if len(options) > _OPTIONS:
        message = f"Must be {_OPTIONS} or fewer in length."
        raise InvalidFormError(path, "BASE_TYPE_MAX_LENGTH", message)
    check_unique([option.get("name") for option in options], path)
    optional_seen = False
    for number, option in enumerate(options):
        _check_option(option, (*path, str(number)), depth)
        nested = option["type"] in {SUB_COMMAND, SUB_COMMAND_GROUP}
        if option.get("required") and optional_seen:
            raise InvalidFormError(
                (*path, str(number)),
                "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                "Required options must be placed before non-required options",
            )
        optional_seen |= not option.get("required") and not nested


def _check_option(option: Json, path: Path, depth: int) -> None:
    _name(option, path)
    _length(option.get("description"), (*path, "description"), 100)
    kind = option.get("type")
    if kind not in OPTION_TYPES:
        raise InvalidFormError((*path, "type"), "BASE_TYPE_CHOICES", "Value must be 1 to 11.")
    # A group only directly below a command, a subcommand below either, values at the end.
    too_deep = (kind == SUB_COMMAND_GROUP and depth > 0) or (kind == SUB_COMMAND and depth > 1)
    if too_deep:
        raise InvalidFormError(
            (*path, "type"), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Sub-command too deep"
        )
    if kind in {SUB_COMMAND, SUB_COMMAND_GROUP}:
        below = 1 if kind == SUB_COMMAND_GROUP else 2
        _check_options(option.get("options") or [], (*path, "options"), below)
    if len(option.get("choices") or []) > _OPTIONS:
        message = f"Must be {_OPTIONS} or fewer in length."
        raise InvalidFormError((*path, "choices"), "BASE_TYPE_MAX_LENGTH", message)
