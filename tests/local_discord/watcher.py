"""A plain discord.py bot that tells what it sees: one JSON line an event.

Run as a program: `python -m tests.local_discord.watcher API GATEWAY TOKEN INTENTS`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import traceback
from typing import Any

import discord
import yarl
from discord import app_commands


def tell(event: str, **facts: Any) -> None:
    print(json.dumps({"event": event, "at": time.time(), **facts}), flush=True)


class Watcher(discord.Client):
    """Syncs a few commands and writes down what happens."""

    async def setup_hook(self) -> None:
        tree = app_commands.CommandTree(self)
        commands: list[Any] = [hello, slow, silent, twice, late, tally]
        for command in commands:
            tree.add_command(command)
        tree.error(_failed)
        synced = await tree.sync()
        tell("synced", names=sorted(command.name for command in synced))

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Identify again at once: the five seconds that discord.py waits are not the matter."""

    async def on_ready(self) -> None:
        guilds = [
            {
                "id": str(guild.id),
                "name": guild.name,
                "members": sorted(str(member.id) for member in guild.members),
                "voice": {str(m.id): str(c.id) for c in guild.voice_channels for m in c.members}
                | {str(m.id): str(c.id) for c in guild.stage_channels for m in c.members},
            }
            for guild in self.guilds
        ]
        assert self.user is not None
        tell("ready", user=str(self.user.id), guilds=guilds)

    async def on_resumed(self) -> None:
        tell("resumed")

    async def on_disconnect(self) -> None:
        tell("disconnect")

    def dispatch(self, event: str, /, *args: Any, **more: Any) -> None:
        # Not in a handler: `after` is the live state, and in a backlog the next frame
        # has changed it by the time a handler runs.
        if event == "voice_state_update":
            _tell_voice(*args)
        super().dispatch(event, *args, **more)

    async def on_error(self, event: str, /, *args: Any, **more: Any) -> None:
        tell("error", text=traceback.format_exc())

    async def on_message(self, message: discord.Message) -> None:
        tell("message", content=message.content, author=message.author.name)
        if message.content == f"<@{self.user.id}> exercise":  # type: ignore[union-attr]  # it is logged in
            tell("exercised", **await exercise(message))


def _tell_voice(
    member: discord.Member, before: discord.VoiceState, after: discord.VoiceState
) -> None:
    def place(state: discord.VoiceState) -> str | None:
        return None if state.channel is None else str(state.channel.id)

    tell(
        "voice",
        guild=str(member.guild.id),
        user=str(member.id),
        before=place(before),
        after=place(after),
        flags=[name for name in ("self_mute", "self_stream", "mute") if getattr(after, name)],
    )


async def exercise(message: discord.Message) -> dict[str, Any]:
    """Write, edit, read back, delete, and write to a person."""
    channel = message.channel
    found: dict[str, Any] = {}
    sent = [await channel.send(f"number {n}", embed=discord.Embed(title="t")) for n in range(3)]
    await sent[1].edit(content="changed")
    found["history"] = [m.content async for m in channel.history(limit=3)]
    found["fetched"] = (await channel.fetch_message(sent[1].id)).content
    await sent[0].delete()
    found["deleted"] = await _code(channel.fetch_message(sent[0].id))
    found["empty"] = await _code(channel.send(""))
    found["long"] = await _code(channel.send("x" * 2001))
    found["direct"] = (await message.author.send("hello you")).content
    file = discord.File(__file__, filename="watcher.py")
    attached = (await channel.send(file=file)).attachments[0]
    found["file"] = [attached.filename, attached.size, len(await attached.read())]
    return found


async def _code(call: Any) -> int | None:
    try:
        await call
    except discord.HTTPException as error:
        return error.code
    return None


@app_commands.command(description="Greets someone")
async def hello(interaction: discord.Interaction, who: discord.Member, times: int = 1) -> None:
    await interaction.response.send_message(f"hello {who.display_name} x{times}", ephemeral=True)


@app_commands.command(description="Thinks first")
async def slow(interaction: discord.Interaction) -> None:
    await interaction.response.defer()
    await asyncio.sleep(0.3)
    await interaction.edit_original_response(content="thought", embed=discord.Embed(title="t"))
    await interaction.followup.send("and more", ephemeral=True)


@app_commands.command(description="Says nothing")
async def silent(interaction: discord.Interaction) -> None:
    await interaction.response.defer(ephemeral=True)


@app_commands.command(description="Answers twice")
async def twice(interaction: discord.Interaction) -> None:
    await interaction.response.send_message("first")
    interaction.response._response_type = None  # discord.py would not even ask a second time
    await interaction.response.send_message("second")


@app_commands.command(description="Answers too late")
async def late(interaction: discord.Interaction) -> None:
    await asyncio.sleep(0.5)
    await interaction.response.send_message("late")


tally = app_commands.Group(name="tally", description="Counts")


@tally.command(description="The first ones")
async def top(interaction: discord.Interaction) -> None:
    await interaction.response.send_message("top", embed=discord.Embed(title="Top"))


async def _failed(interaction: discord.Interaction, error: Exception) -> None:
    cause = getattr(error, "original", error)
    tell("refused", code=getattr(cause, "code", None), kind=type(cause).__name__)


async def main(token: str, intents: int) -> None:
    """Run until killed, or until discord.py gives up."""
    watcher = Watcher(intents=discord.Intents._from_value(intents), guild_ready_timeout=0.2)
    try:
        async with watcher:
            await watcher.start(token)
    except discord.DiscordException as error:
        tell("ended", kind=type(error).__name__)


if __name__ == "__main__":
    discord.http.Route.BASE = sys.argv[1]
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(sys.argv[2])
    asyncio.run(main(sys.argv[3], int(sys.argv[4])))
