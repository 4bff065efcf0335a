"""Keeps a frame that cannot be read from costing more than itself.

What it said of voice, only Discord knows: so a new session is begun, which shows every guild
as it is. That blinds all of them for a moment, and helps nothing if Discord writes all its
frames so now. Therefore the next such frame, within `NEW_SESSION_S`, costs its own guild
alone: it is blind since the frame before, and is shown again as far as we know it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeAlias

import structlog

from actors.gateway.inbound import snowflake
from actors.kernel.causes import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.gateway.line import Line

    Parser: TypeAlias = Callable[[Any], None]

VITAL = frozenset({"READY", "RESUMED"})
"""Without these there is no session: an error in them ends the client."""

OF_VOICE = {"VOICE_STATE_UPDATE": "guild_id", "GUILD_CREATE": "id", "GUILD_DELETE": "id"}
"""Frames that say who is in voice, and where they name the guild."""

QUIET_S = 60.0
"""A kind of frame is logged once in this time."""

NEW_SESSION_S = 600.0
"""For frames that cannot be read, a new session is begun once in this time."""

log = structlog.get_logger(__name__)


class UnreadableFrameError(Exception):
    """What a frame said of voice could not be read; Discord is asked to show all again."""


class Guard:
    """Wraps parsers of payloads, and counts what they could not read."""

    def __init__(self, line: Line, steady: Callable[[], float] = time.monotonic) -> None:
        self._line, self._steady = line, steady
        self._logged: dict[str, tuple[float, int]] = {}
        """By kind: when it was logged last, and how many were dropped since."""

    def ours(self, name: str, parse: Parser) -> Parser:
        """Wrap a parser of ours: what it fails on is news that a guild has missed.

        It raises UnreadableFrameError when a new session shall be begun.
        """

        def guarded(data: Any) -> None:
            try:
                parse(data)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the next frame is not
                self._dropped(name, error)
                if name in OF_VOICE:
                    self._missed(name, data, error)

        return parse if name in VITAL else guarded

    def discords(self, name: str, parse: Parser) -> Parser:
        """Wrap a parser of discord.py: what it fails on, only discord.py has missed."""

        def guarded(data: Any) -> None:
            try:
                parse(data)
            except Exception as error:  # noqa: BLE001 - as above
                self._dropped(name, error)

        return parse if name in VITAL else guarded

    def _dropped(self, name: str, error: Exception) -> None:
        self._line.state.unreadable += 1
        now = self._steady()
        at, more = self._logged.get(name, (now - QUIET_S, 0))
        if now - at < QUIET_S:
            self._logged[name] = at, more + 1
            return
        self._logged[name] = now, 0
        log.error("a frame of Discord's could not be read and was dropped", kind=name,
                  why=one_line(error), more_since_last_time=more,
                  so_far=self._line.state.unreadable, exc_info=error)  # fmt: skip

    def _missed(self, name: str, data: Any, error: Exception) -> None:
        state, sight = self._line.state, self._line.sight
        cause = f"a frame of Discord's could not be read ({name}, {one_line(error)})"
        guild_id = _id_in(data, OF_VOICE[name])
        if guild_id is not None and name == "VOICE_STATE_UPDATE" and not sight.sees(guild_id):
            return
        if state.may_begin_anew(NEW_SESSION_S):
            raise UnreadableFrameError(cause) from error
        if guild_id is None:
            sight.misled(state.seen_until_utc, cause)
        elif name == "VOICE_STATE_UPDATE":
            sight.misread(guild_id, _id_in(data, "user_id"), state.seen_until_utc, cause)
        else:
            sight.vanished(guild_id, state.seen_until_utc, cause)


def _id_in(data: Any, key: str) -> int | None:
    """Read an id where there may be anything.

    >>> _id_in({"id": "81"}, "id"), _id_in({"id": None}, "id"), _id_in(7, "id")
    (81, None, None)
    """
    try:
        return snowflake(data[key])
    except (KeyError, IndexError, TypeError, ValueError):
        return None
