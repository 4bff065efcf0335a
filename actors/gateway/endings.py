"""Why a client's life ended: what the next one heals, and what only the operator can."""

from __future__ import annotations

import discord

from actors.kernel.halting import Halt

EX_UNAVAILABLE = 69
EX_INTENTS = 76
EX_NOPERM = 77

_TOKEN = Halt(
    EX_NOPERM,
    "Discord refused the bot's token; copy a new one from discord.com/developers "
    "(your application, Bot, Reset Token) into BULKHEAD_DISCORD__TOKEN and start again",
)
_INTENTS = Halt(
    EX_INTENTS,
    "Discord refused the privileged intent that shows members; switch on 'Server Members Intent' "
    "at discord.com/developers (your application, Bot, Privileged Gateway Intents) and start again",
)


def _refused(code: int, why: str) -> Halt:
    return Halt(
        EX_UNAVAILABLE,
        f"Discord's gateway closed with {code} ({why}) and would again; "
        "look for a newer Bulkhead, or report this code",
    )


_CLOSES = {
    4004: _TOKEN,
    4010: _refused(4010, "invalid shard"),
    4011: _refused(4011, "the bot is in too many servers for one connection"),
    4012: _refused(4012, "this version of the API is gone"),
    4013: _refused(4013, "invalid intents"),
    4014: _INTENTS,
}


def beyond_healing(error: BaseException) -> Halt | None:
    """Return how to end the program if no further try can help, null if one may."""
    match error:
        case discord.LoginFailure():
            return _TOKEN
        case discord.PrivilegedIntentsRequired():
            return _INTENTS
        case discord.ConnectionClosed(code=code):
            return _CLOSES.get(code)
        case _:
            return None
