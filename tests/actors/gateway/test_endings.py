from __future__ import annotations

import types
from typing import Any

import discord
import pytest

from actors.gateway.endings import beyond_healing


def closed(code: int) -> discord.ConnectionClosed:
    socket: Any = types.SimpleNamespace(close_code=code)
    return discord.ConnectionClosed(socket, shard_id=None, code=code)


@pytest.mark.parametrize(
    ("error", "exit_code", "next_step"),
    [
        (discord.LoginFailure("no"), 77, "Reset Token"),
        (closed(4004), 77, "Reset Token"),
        (discord.PrivilegedIntentsRequired(None), 76, "Server Members Intent"),
        (closed(4014), 76, "Server Members Intent"),
        (closed(4010), 69, "4010"),
        (closed(4011), 69, "too many servers"),
        (closed(4012), 69, "version of the API"),
        (closed(4013), 69, "invalid intents"),
    ],
)
def test_what_no_try_heals_ends_the_program_with_a_code_and_a_next_step(
    error: Exception, exit_code: int, next_step: str
) -> None:
    halt = beyond_healing(error)

    assert halt is not None
    assert halt.exit_code == exit_code
    assert next_step in halt.sentence
    assert "\n" not in halt.sentence


@pytest.mark.parametrize(
    "error", [closed(1000), closed(4000), closed(4009), OSError("refused"), KeyError("user_id")]
)
def test_everything_else_is_tried_again(error: Exception) -> None:
    assert beyond_healing(error) is None
