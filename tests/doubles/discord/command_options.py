"""Options of a command as a member fills them in, typed as the bot declared them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.doubles.discord import objects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.doubles.discord.model import Guild, Json
    from tests.doubles.discord.world import World

SUB_COMMANDS = frozenset({1, 2})
STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER = range(3, 11)
_NAMES = {
    STRING: "text",
    INTEGER: "a whole number",
    BOOLEAN: "true or false",
    USER: "a member's id",
    CHANNEL: "a channel's id",
    ROLE: "a role's id",
    MENTIONABLE: "a member's or a role's id",
    NUMBER: "a number",
}


class OptionError(ValueError):
    """The options do not fit the command; the text says which and why."""


@dataclass(slots=True)
class Filled:
    """A command with its options, as an interaction carries them."""

    path: list[str]
    options: list[Json] = field(default_factory=list)
    resolved: Json = field(default_factory=dict)


def fill(
    world: World, guild: Guild, command: Json, path: list[str], given: Mapping[str, Any]
) -> Filled:
    """Nest the options below the subcommands that `path` names.

    Raises:
        OptionError: the path or an option does not fit the definition.
    """
    filled = Filled(path)
    level, chain = command, []
    for name in path[1:]:
        level = _below(level, name, path)
        chain.append({"name": level["name"], "type": level["type"]})
    _check_complete(level, path)
    values = _values(world, guild, level, given, filled)
    for part in reversed(chain):
        values = [part | {"options": values}]
    filled.options = values
    return filled


def _subcommands(level: Json) -> list[Json]:
    return [each for each in level.get("options") or [] if each["type"] in SUB_COMMANDS]


def _below(level: Json, name: str, path: list[str]) -> Json:
    for option in _subcommands(level):
        if option["name"] == name:
            return option
    raise OptionError(f"/{' '.join(path)}: there is no {name!r} in /{level['name']}")


def _check_complete(level: Json, path: list[str]) -> None:
    names = [each["name"] for each in _subcommands(level)]
    if names:
        raise OptionError(f"/{' '.join(path)} needs one of its subcommands: {', '.join(names)}")


def _values(
    world: World, guild: Guild, level: Json, given: Mapping[str, Any], filled: Filled
) -> list[Json]:
    declared = {each["name"]: each for each in level.get("options") or []}
    for name in given:
        if name not in declared:
            known = ", ".join(declared) or "none"
            raise OptionError(f"/{' '.join(filled.path)} has no option {name!r}; it has {known}")
    for name, option in declared.items():
        if option.get("required") and name not in given:
            raise OptionError(f"/{' '.join(filled.path)} needs the option {name!r}")
    found = []
    for name, value in given.items():
        option = declared[name]
        typed = _typed(option, value)
        _resolve(world, guild, option, str(typed), filled.resolved)
        found.append({"name": name, "type": option["type"], "value": typed})
    return found


def _typed(option: Json, value: Any) -> Any:
    kind = option["type"]
    if kind not in _NAMES:
        raise OptionError(f"option {option['name']!r}: files cannot be given here")
    chosen = _choice(option, value)
    fits = {
        STRING: isinstance(chosen, str),
        INTEGER: isinstance(chosen, int) and not isinstance(chosen, bool),
        BOOLEAN: isinstance(chosen, bool),
        NUMBER: isinstance(chosen, int | float) and not isinstance(chosen, bool),
    }.get(kind, str(chosen).isdecimal())
    if not fits:
        raise OptionError(f"option {option['name']!r} must be {_NAMES[kind]}, not {value!r}")
    _check_range(option, chosen)
    return chosen if kind in {STRING, INTEGER, BOOLEAN, NUMBER} else str(chosen)


def _choice(option: Json, value: Any) -> Any:
    choices = option.get("choices")
    if not choices:
        return value
    for choice in choices:
        if value in (choice["value"], choice["name"]):
            return choice["value"]
    names = ", ".join(str(choice["name"]) for choice in choices)
    raise OptionError(f"option {option['name']!r} must be one of {names}, not {value!r}")


def _check_range(option: Json, value: Any) -> None:
    size = len(value) if isinstance(value, str) else value
    low = option.get("min_length" if isinstance(value, str) else "min_value")
    high = option.get("max_length" if isinstance(value, str) else "max_value")
    if (low is not None and size < low) or (high is not None and size > high):
        raise OptionError(f"option {option['name']!r} must be {low} to {high}, not {value!r}")


def _resolve(world: World, guild: Guild, option: Json, value: str, resolved: Json) -> None:
    """Add the object behind an id; Discord sends it along."""
    kind = option["type"]
    if kind == USER or (kind == MENTIONABLE and value != guild.id):
        member = world.member(guild.id, value)
        fields = objects.member_fields(member) | {"permissions": str(objects.EVERYONE)}
        del fields["mute"], fields["deaf"]
        resolved.setdefault("users", {})[value] = objects.user(member.user)
        resolved.setdefault("members", {})[value] = fields
    elif kind == CHANNEL:
        channel = objects.channel(world.channel_of(guild.id, value))
        permissions = {"permissions": str(objects.EVERYONE)}
        resolved.setdefault("channels", {})[value] = channel | permissions
    elif kind in {ROLE, MENTIONABLE}:
        if value != guild.id:
            raise OptionError(f"no role of {guild.name} has the id {value}")
        resolved.setdefault("roles", {})[value] = objects.everyone(guild.id)
