"""Discord's close codes, and which of them end a session."""

from __future__ import annotations

from typing import Final


class Closed(Exception):  # noqa: N818 - reads as the fact it is: the server closes
    """The server ends a connection with `code`."""

    UNKNOWN_OP: Final = 4001
    DECODE_ERROR: Final = 4002
    NOT_AUTHENTICATED: Final = 4003
    AUTHENTICATION_FAILED: Final = 4004
    ALREADY_AUTHENTICATED: Final = 4005
    INVALID_SEQ: Final = 4007
    RATE_LIMITED: Final = 4008
    SESSION_TIMED_OUT: Final = 4009
    INVALID_SHARD: Final = 4010
    INVALID_INTENTS: Final = 4013
    DISALLOWED_INTENTS: Final = 4014

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


CLIENT_ENDS_SESSION: Final = frozenset({1000, 1001})
"""A client that closes with one of these is offline; any other code keeps the session."""

ABORT: Final = 1006
"""Stands for a connection that is cut without a close frame."""

SERVER_ENDS_SESSION: Final = frozenset({4004, 4007, 4010, 4011, 4012, 4013, 4014})
"""After these Discord expects a new IDENTIFY, if anything."""
