"""Lines of a program's log, for people: the log itself is for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 240
"""Characters of one line."""

LEFT_OUT = frozenset({"at", "logger", "level", "event", "exception"})


def readable(line: str) -> str:
    """Show one line of a JSON log as `level event key=value`; other lines as they are.

    >>> readable('{"child": "gateway", "event": "supervision", "level": "info", "at": "2026"}')
    'info supervision child=gateway'
    >>> readable("Segmentation fault")
    'Segmentation fault'
    """
    told = _told(line)
    return told if len(told) <= LONGEST else f"{told[: LONGEST - 1]}…"


def _told(line: str) -> str:
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        return line
    return _sentence(cast("dict[str, Any]", event)) if isinstance(event, dict) else line


def _sentence(event: Mapping[str, Any]) -> str:
    words = [str(event.get("level", "")), str(event.get("event", ""))]
    values = {key: value for key, value in event.items() if key not in LEFT_OUT}
    words += [f"{key}={_shown(value)}" for key, value in values.items() if value not in ("", None)]
    words += _errors(event.get("exception"))
    return " ".join(word for word in words if word)


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return f'"{text}"' if isinstance(value, str) and " " in text else text


def _errors(traces: Any) -> list[str]:
    """Name the error of a stack trace that structlog has written, without the stack."""
    if not isinstance(traces, list) or not traces:
        return []
    first = cast("list[dict[str, Any]]", traces)[0]
    return [f'error="{first.get("exc_type")}: {first.get("exc_value")}"']
