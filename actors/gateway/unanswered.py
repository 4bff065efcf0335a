"""The commands of one client that are not answered yet, and how they end with it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
import discord
import structlog

if TYPE_CHECKING:
    from collections.abc import Coroutine

INTERRUPT_S = 1.0
"""How long all members together may take to be told that there will be no answer."""

INTERRUPTED = "I was interrupted; please try again."
SWITCHED_OFF = "I am being switched off; please try again when I am back."

UNSENDABLE = (discord.HTTPException, aiohttp.ClientError, OSError)
"""What sending an answer raises when Discord does not take it or is out of reach."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Command:
    interaction: discord.Interaction[Any]
    work: asyncio.Task[Any] | None = None
    """Makes the answer; null until it begins."""

    sending: asyncio.Future[Any] | None = None
    """What was sent last: it may be with Discord already, so it is never cancelled."""


class Unanswered:
    """Knows who waits for an answer, from the frame that asks to the answer that Discord took.

    A deferral is no answer.
    """

    def __init__(self) -> None:
        self._commands: dict[int, _Command] = {}
        self._telling: asyncio.Task[None] | None = None

    def came(self, interaction: discord.Interaction[Any]) -> None:
        """Note that a member used a command."""
        if interaction.type is discord.InteractionType.application_command:
            self._commands[interaction.id] = _Command(interaction)

    def begins(self, interaction: discord.Interaction[Any]) -> bool:
        """Note that the calling task makes the answer; false if that is too late."""
        found, work = self._commands.get(interaction.id), asyncio.current_task()
        if self._telling is not None:
            return False
        if found is not None and work is not None:
            found.work = work
            work.add_done_callback(partial(self._worked, interaction.id))
        return True

    async def say(
        self, interaction: discord.Interaction[Any], *, ephemeral: bool, **what: Any
    ) -> None:
        """Answer: for the first time, or in place of a deferral."""
        await self._send(interaction, _say(interaction, ephemeral=ephemeral, **what), answers=True)

    async def defer(self, interaction: discord.Interaction[Any], *, ephemeral: bool) -> None:
        """Ask the member to wait."""
        deferral = interaction.response.defer(ephemeral=ephemeral, thinking=True)
        await self._send(interaction, deferral, answers=False)

    async def interrupt(self, text: str) -> None:
        """Begin no more commands, and give `text` to all who wait, within `INTERRUPT_S`.

        May be called again, also while it goes on; who called first chose the text.
        """
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell_all(text))
        await asyncio.wait([self._telling])

    async def _tell_all(self, text: str) -> None:
        if not self._commands:
            return
        told = [asyncio.ensure_future(self._tell(each, text)) for each in self._commands.values()]
        _, late = await asyncio.wait(told, timeout=INTERRUPT_S)
        for each in late:
            each.cancel()
        tell = log.warning if self._commands else log.info
        tell("commands were interrupted", commands=len(told), unanswered=len(self._commands))

    async def _send(
        self,
        interaction: discord.Interaction[Any],
        sending: Coroutine[Any, Any, Any],
        *,
        answers: bool,
    ) -> None:
        task = asyncio.ensure_future(sending)
        task.add_done_callback(partial(self._sent, interaction.id, answers=answers))
        found = self._commands.get(interaction.id)
        if found is not None:
            found.sending = task
        await asyncio.shield(task)

    def _sent(self, interaction_id: int, task: asyncio.Future[Any], *, answers: bool) -> None:
        if not task.cancelled() and task.exception() is None and answers:
            self._commands.pop(interaction_id, None)

    def _worked(self, interaction_id: int, work: asyncio.Task[Any]) -> None:
        # One that ended by itself has said, or logged, all that it can.
        if not work.cancelled():
            self._commands.pop(interaction_id, None)

    async def _tell(self, command: _Command, text: str) -> None:
        if command.work is not None:
            command.work.cancel()
        if command.sending is not None:
            await asyncio.wait([command.sending])
        # What has just been sent is noted in the loop's next turn.
        await asyncio.sleep(0)
        if command.interaction.id not in self._commands:
            return
        try:
            await _say(command.interaction, content=text, ephemeral=True)
        except UNSENDABLE as error:
            log.warning("a member could not be answered", text=text, why=str(error))
        else:
            self._commands.pop(command.interaction.id, None)


async def _say(interaction: discord.Interaction[Any], *, ephemeral: bool, **what: Any) -> None:
    if interaction.response.is_done():
        file = what.pop("file", None)
        if file is not None:
            what["attachments"] = [file]
        await interaction.edit_original_response(**what)
    else:
        await interaction.response.send_message(**what, ephemeral=ephemeral)
