"""How a command answers: in time, and also when it fails."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import uuid4

import discord
import structlog
import trio
from discord import app_commands

from actors.gateway.crossing import on_trio
from actors.gateway.unanswered import UNSENDABLE
from actors.kernel.crash_marks import card_id
from actors.kernel.errors import ActorCrashedError, ActorError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from actors.gateway.unanswered import Unanswered
    from actors.kernel.addresses import Address
    from actors.kernel.messages import Request

R = TypeVar("R")

ASK_S = 2.0
"""How long an actor may take to reply to a command."""

ACKNOWLEDGE_S = 1.0
"""Discord forgets a command that is not acknowledged within 3 s; what is slow is deferred."""

COOLDOWN_S = 3.0
LATE = "That takes longer than usual; please try again in a moment."

log = structlog.get_logger(__name__)


def per_member(interaction: discord.Interaction[Any]) -> tuple[int | None, int]:
    """Cool down each member by themself, in each server."""
    return interaction.guild_id, interaction.user.id


def cool_down(command: app_commands.Command[Any, ..., Any]) -> None:
    """Let each member use `command` once in `COOLDOWN_S`."""
    # A list of its own: the copies that groups make of their commands share one.
    command.checks = list(command.checks)
    app_commands.checks.cooldown(1, COOLDOWN_S, key=per_member)(cast("Any", command))


async def ask(address: Address[Any], request: Request[R]) -> R:
    """Ask an actor from code that runs on asyncio, with all that `Address.ask` raises."""
    return await on_trio(address.ask, request, within=ASK_S)


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer with more than an embed."""

    embed: discord.Embed
    view: discord.ui.View | None = None
    file: discord.File | None = None

    def parts(self) -> dict[str, Any]:
        """Name what there is of it, as discord.py does."""
        whole = {"embed": self.embed, "view": self.view, "file": self.file}
        return {name: part for name, part in whole.items() if part is not None}


async def answer(
    interaction: discord.Interaction[Any],
    making: Coroutine[Any, Any, discord.Embed | Shown],
    *,
    ephemeral: bool,
) -> None:
    """Send what `making` returns: at once if it is quick, else after a deferral."""
    unanswered: Unanswered = interaction.client.unanswered
    task = asyncio.ensure_future(making)
    try:
        await asyncio.wait([task], timeout=ACKNOWLEDGE_S)
        if not task.done():
            await unanswered.defer(interaction, ephemeral=ephemeral)
        made = await task
        shown = made if isinstance(made, Shown) else Shown(made)
        await unanswered.say(interaction, ephemeral=ephemeral, **shown.parts())
    finally:
        task.cancel()


async def excuse(
    interaction: discord.Interaction[Any], error: app_commands.AppCommandError
) -> None:
    """Tell the member why there is no answer."""
    unanswered: Unanswered = interaction.client.unanswered
    name = interaction.command.qualified_name if interaction.command else "?"
    incident = incident_of(cause_of(error))
    text = sentence(error, name, incident)
    if incident in text:
        log.error("a command failed", incident=incident, command=name, exc_info=cause_of(error))
    try:
        await unanswered.say(interaction, content=text, ephemeral=True)
    except UNSENDABLE as late:
        log.warning("a member could not be answered", text=text, why=str(late))


def incident_of(error: BaseException) -> str:
    """Name what happened: by the card of the crash if an actor crashed, else by a new id."""
    if isinstance(error, ActorCrashedError) and error.__cause__ is not None:
        return card_id(error.__cause__)
    return uuid4().hex[:8]


def cause_of(error: BaseException) -> BaseException:
    """Return what went wrong, without discord.py's wrapping."""
    return error.original if isinstance(error, app_commands.CommandInvokeError) else error


def sentence(error: BaseException, used: str, incident: str) -> str:
    """Say in one sentence what is wrong and what to do.

    `used` is the command; a fault of ours names its `incident`.
    """
    match cause_of(error):
        case app_commands.CommandOnCooldown(retry_after=left_s):
            return f"You can use /{used} again in {math.ceil(left_s) or 1} s."
        case app_commands.NoPrivateMessage():
            return "This command works in a server only."
        case (
            app_commands.CommandNotFound(name=name)
            | app_commands.CommandSignatureMismatch(command=app_commands.Command(name=name))
        ):
            return f"/{name} has changed; reload Discord (Ctrl+R) and use it again."
        case ActorCrashedError():
            return (
                f"That broke something, and it was restarted. Tell the owner: incident {incident}."
            )
        case trio.TooSlowError() | ActorError():
            return LATE
        case _:
            return f"That did not work. Tell the owner of this bot: incident {incident}."
