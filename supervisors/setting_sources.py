"""Where settings come from: the environment, then `.env`, then `bulkhead.toml`.

pydantic-settings reads the values; this module knows who set which, so that a
fault can name the line to correct, and finds names that no setting has.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dotenv import dotenv_values
from dotenv.parser import parse_stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PREFIX = "BULKHEAD_"
LEVEL = "__"
DOTENV = Path(".env")
TOML = Path("bulkhead.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One value that somebody set."""

    setting: str
    """Its dotted name, such as `discord.token`; perhaps no setting has it."""

    value: object
    origin: str
    """Who set it, such as `.env, BULKHEAD_DISCORD__TOKEN`."""


def variable(setting: str) -> str:
    """Name the environment variable of a setting.

    >>> variable("discord.token")
    'BULKHEAD_DISCORD__TOKEN'
    """
    return PREFIX + setting.replace(".", LEVEL).upper()


def read_entries() -> tuple[list[Entry], list[str]]:
    """Read all three sources: the entries, strongest first, and what could not be read."""
    faults: list[str] = []
    dotenv, toml = _dotenv(faults), _toml(faults)
    found = [
        *_variables(os.environ, "environment variable "),
        *_variables(dotenv, f"{DOTENV}, "),
        *_flat(toml),
    ]
    return found, faults


def misspelt(entries: Sequence[Entry], known: Sequence[str]) -> list[tuple[Entry, str]]:
    """Find the entries that no setting has, each with what to do about it."""
    return [(e, _guess(e, known)) for e in entries if e.setting not in known]


def _guess(entry: Entry, known: Sequence[str]) -> str:
    inside = [name for name in known if name.startswith(f"{entry.setting}.")]
    if inside:
        return f"it is a group of settings, not a value; it has {', '.join(inside)}"
    leaf = entry.setting.rpartition(".")[2]
    same = [name for name in known if name.endswith(f".{leaf}")]
    near = same[:1] or get_close_matches(entry.setting, known, n=1)
    if not near:
        return f"there is no such setting; take it out, or choose one of {', '.join(known)}"
    name = near[0] if TOML.name in entry.origin else variable(near[0])
    return f"there is no such setting; did you mean {name}?"


def _variables(source: Mapping[str, str | None], origin: str) -> Iterator[Entry]:
    for name, value in source.items():
        # An empty variable counts as not set, as in a `.env` that was copied from an example.
        if name.upper().startswith(PREFIX) and value:
            setting = name[len(PREFIX) :].lower().replace(LEVEL, ".")
            yield Entry(setting=setting, value=value, origin=origin + name)


def _flat(table: Mapping[str, Any], above: str = "") -> Iterator[Entry]:
    for key, value in table.items():
        name = f"{above}{key}"
        if isinstance(value, dict):
            yield from _flat(cast(dict[str, Any], value), f"{name}.")
        else:
            yield Entry(setting=name, value=value, origin=f"{TOML}, {name}")


def _dotenv(faults: list[str]) -> dict[str, str | None]:
    if not DOTENV.exists():
        return {}
    try:
        with DOTENV.open(encoding="utf-8-sig") as file:
            lines = list(parse_stream(file))
    except (OSError, UnicodeDecodeError) as error:
        faults.append(_unreadable(DOTENV, error))
        return {}
    for line in lines:
        ours = line.key is not None and line.key.upper().startswith(PREFIX)
        if line.error or (ours and line.value is None):
            # The text is not repeated: what could not be parsed may be a secret.
            faults.append(f"{DOTENV}, line {_number(line.original)}: write it as NAME=value")
    return {} if faults else dict(dotenv_values(DOTENV, encoding="utf-8-sig"))


def _number(original: Any) -> int:
    """Number the line on which a statement begins; blank lines before it belong to it."""
    text: str = original.string
    return int(original.line) + len(text[: len(text) - len(text.lstrip())].splitlines())


def _toml(faults: list[str]) -> dict[str, Any]:
    if not TOML.exists():
        return {}
    try:
        with TOML.open("rb") as file:
            return tomllib.load(file)
    except (OSError, UnicodeDecodeError) as error:
        faults.append(_unreadable(TOML, error))
    except tomllib.TOMLDecodeError as error:
        faults.append(f"{TOML}: {error}; correct that line, text needs quotes")
    return {}


def _unreadable(file: Path, error: Exception) -> str:
    why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
    return f"{file} cannot be read: {why}; correct that or move it away"
