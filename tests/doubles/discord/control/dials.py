"""Turning the dials: which of them a request may set, and to what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.doubles.discord.control.fields import FieldError
from tests.doubles.discord.tuning import PRIVILEGED

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.doubles.discord.control.fields import Fields
    from tests.doubles.discord.model import Json
    from tests.doubles.discord.tuning import Tuning

_DAY_S = 86_400.0

_READ: dict[str, Callable[[Fields], Any]] = {
    "token": lambda fields: fields.text("token"),
    "intents_allowed": lambda fields: _intents(fields.anything("intents_allowed")),
    "heartbeat_ms": lambda fields: fields.whole("heartbeat_ms", low=50, high=600_000),
    "session_s": lambda fields: fields.number("session_s", low=0, high=_DAY_S),
    "replay_frames": lambda fields: fields.whole("replay_frames", low=1, high=10_000_000),
    "backlog_frames": lambda fields: fields.whole("backlog_frames", low=1, high=10_000_000),
    "identify_every_s": lambda fields: fields.number("identify_every_s", low=0, high=_DAY_S),
    "interaction_s": lambda fields: fields.number("interaction_s", low=0, high=_DAY_S),
    "interaction_token_s": lambda fields: fields.number("interaction_token_s", low=0, high=_DAY_S),
    "rest_delay_ms": lambda fields: fields.number("rest_delay_ms", low=0, high=60_000),
    "ack_heartbeats": lambda fields: fields.flag("ack_heartbeats"),
}


def turn(tuning: Tuning, fields: Fields) -> Json:
    """Set the dials that a request names and return all of them.

    Raises:
        FieldError: a dial is unknown or a value does not fit; then none is changed.
    """
    wanted = {name: read(fields) for name, read in _READ.items() if name in fields}
    fields.done()
    for name, value in wanted.items():
        setattr(tuning, name, value)
    return {name: getattr(tuning, name) for name in _READ}


def _intents(value: Any) -> int:
    """Read privileged intents: their bits, or a list of their names."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, list) and all(name in PRIVILEGED for name in value):
        return sum(PRIVILEGED[name] for name in set(value))
    names = ", ".join(PRIVILEGED)
    raise FieldError(f"set: intents_allowed must be bits or a list of {names}, not {value!r}")
