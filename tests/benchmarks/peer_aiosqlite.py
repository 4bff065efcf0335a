"""The peer of the ingest benchmark: discord.py under plain asyncio, one insert per event.

This is how activity bots are usually written. Each voice event becomes one `aiosqlite`
insert in WAL mode, committed by itself. Usage: `peer_aiosqlite.py API GATEWAY TOKEN FILE
SYNCHRONOUS`. It prints `ready` once it is connected, then, for each line on stdin,
`{"rows": n}`; when stdin closes it ends and leaves the time of each commit in the file.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import aiosqlite
import discord
import yarl


class Peer(discord.Client):
    def __init__(self, store: aiosqlite.Connection) -> None:
        intents = discord.Intents.none()
        intents.guilds = intents.voice_states = intents.members = True
        super().__init__(intents=intents, guild_ready_timeout=0.5)
        self.store = store
        self.commits: list[tuple[int, int, float]] = []
        """(guild, user, Unix time of the commit), oldest first."""

    async def on_ready(self) -> None:
        print("ready", flush=True)

    async def on_voice_state_update(
        self, member: discord.Member, before: discord.VoiceState, after: discord.VoiceState
    ) -> None:
        if member.bot or before.channel == after.channel:
            return
        await self.store.execute(
            "INSERT INTO voice (guild_id, user_id, before_id, after_id, at) VALUES (?, ?, ?, ?, ?)",
            (
                member.guild.id,
                member.id,
                before.channel.id if before.channel else None,
                after.channel.id if after.channel else None,
                time.time(),
            ),
        )
        await self.store.commit()
        self.commits.append((member.guild.id, member.id, time.time()))


async def answer(peer: Peer) -> None:
    """Answer each line on stdin with the count; end with it."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.readline():
        print(json.dumps({"rows": len(peer.commits)}), flush=True)
    await peer.close()


async def main(api: str, gateway: str, token: str, file: str, synchronous: str) -> None:
    discord.http.Route.BASE = api
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)
    async with aiosqlite.connect(file) as store:
        await store.execute("PRAGMA journal_mode=WAL")
        await store.execute(f"PRAGMA synchronous={synchronous}")
        await store.execute(
            "CREATE TABLE voice (guild_id INTEGER, user_id INTEGER, before_id INTEGER, "
            "after_id INTEGER, at REAL)"
        )
        await store.execute("CREATE TABLE committed (guild_id INTEGER, user_id INTEGER, at REAL)")
        peer = Peer(store)
        async with peer:
            asking = asyncio.create_task(answer(peer))
            await peer.start(token)
            await asking
        await store.executemany("INSERT INTO committed VALUES (?, ?, ?)", peer.commits)
        await store.commit()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:6]))
