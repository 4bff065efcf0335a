"""`/stats`: time in voice and messages, of oneself and of everybody."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import discord
from discord import app_commands

from actors.analyst.protocol import StatsOfMember, TopVoice
from actors.gateway.clock import CLOCK
from actors.gateway.commands.answering import answer, ask
from actors.gateway.commands.figures import member_embed, top_embed

if TYPE_CHECKING:
    from actors.gateway.desk import Desk

Days = app_commands.Range[int, 1, 365]
Places = app_commands.Range[int, 1, 25]


@app_commands.guild_only()
class Stats(app_commands.Group):
    """The commands below `/stats`."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(name="stats", description="Time in voice and messages in this server")
        self._desk = desk

    @app_commands.command(description="Your own time in voice, rank, messages and channels")
    @app_commands.describe(days="How many days back, 30 if left out")
    async def me(self, interaction: discord.Interaction[Any], days: Days = 30) -> None:
        """Answer only to the one who asks."""
        await answer(interaction, self._me(interaction, days), ephemeral=True)

    @app_commands.command(description="Who spent most time in voice here")
    @app_commands.describe(
        days="How many days back, 30 if left out", limit="How many members, 10 if left out"
    )
    async def top(
        self, interaction: discord.Interaction[Any], days: Days = 30, limit: Places = 10
    ) -> None:
        """Answer to the whole channel, and notify nobody."""
        await answer(interaction, self._top(interaction, days, limit), ephemeral=False)

    async def _me(self, interaction: discord.Interaction[Any], days: int) -> discord.Embed:
        request = StatsOfMember(
            guild_id=_guild_of(interaction),
            user_id=interaction.user.id,
            since_utc=CLOCK.now() - timedelta(days=days),
        )
        return member_embed(await ask(self._desk.analyst, request), days)

    async def _top(
        self, interaction: discord.Interaction[Any], days: int, limit: int
    ) -> discord.Embed:
        request = TopVoice(
            guild_id=_guild_of(interaction),
            since_utc=CLOCK.now() - timedelta(days=days),
            limit=limit,
        )
        return top_embed(await ask(self._desk.analyst, request), days)


def _guild_of(interaction: discord.Interaction[Any]) -> int:
    if interaction.guild_id is None:
        raise app_commands.NoPrivateMessage
    return interaction.guild_id
