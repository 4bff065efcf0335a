"""A member presses a button of a message, and sees what becomes of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.doubles.discord.command_use import CommandError, envelope, seen
from tests.doubles.discord.world import Event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.doubles.discord.interactions import Interactions
    from tests.doubles.discord.model import Json
    from tests.doubles.discord.world import World

COMPONENT, BUTTON = 3, 2


@dataclass(frozen=True, slots=True)
class Press:
    """Who presses which button of which message."""

    message_id: str
    custom_id: str
    user_id: str


class Presses:
    """Lets members press what the bot put below its messages."""

    def __init__(self, world: World, interactions: Interactions) -> None:
        self._world = world
        self._interactions = interactions

    async def press(self, press: Press, wait_s: float) -> Json:
        """Send the interaction and return what the member sees within `wait_s`.

        Raises:
            CommandError: there is no such message or button for this member, or it is disabled.
            UnknownThingError: there is no such member.
        """
        message = self._message(press)
        button = _button(message, press.custom_id)
        channel = self._world.channels[message["channel_id"]]
        assert channel.guild_id is not None
        guild = self._world.guild(channel.guild_id)
        member = self._world.member(guild.id, press.user_id)
        interaction = self._interactions.begin(channel.id, member, f"button {press.custom_id}")
        interaction.pressed = message
        data: Json = {"custom_id": press.custom_id, "component_type": button["type"]}
        sent = envelope(self._world, guild, interaction, COMPONENT, data) | {"message": message}
        self._world.publish(Event("INTERACTION_CREATE", sent, guild.id))
        try:
            async with asyncio.timeout(wait_s):
                await interaction.seen.wait()
        except TimeoutError:
            interaction.errors.append(f"the bot gave no answer within {wait_s:g} s")
        return seen(interaction)

    def _message(self, press: Press) -> Json:
        shown = self._interactions.message(press.message_id, press.user_id)
        if shown is not None:
            return shown
        for channel in self._world.messages.values():
            if press.message_id in channel:
                return channel[press.message_id]
        raise CommandError(f"{press.user_id} sees no message {press.message_id}")


def _button(message: Json, custom_id: str) -> Json:
    buttons = list(_buttons(message["components"]))
    for button in buttons:
        if button.get("custom_id") == custom_id:
            if button.get("disabled"):
                raise CommandError(f"the button {custom_id} is disabled")
            return button
    there = ", ".join(str(button.get("custom_id")) for button in buttons) or "none"
    raise CommandError(f"the message has no button {custom_id}; it has {there}")


def _buttons(components: list[Any]) -> Iterator[Json]:
    for component in components:
        if component.get("type") == BUTTON:
            yield component
        yield from _buttons(component.get("components") or [])
