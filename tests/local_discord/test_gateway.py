"""The gateway, frame by frame, with a bare client."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.local_discord.serving import Client, run, serving

GUILDS, MEMBERS, VOICE_STATES = 1 << 0, 1 << 1, 1 << 7


async def someone(client: Client) -> tuple[str, str, str]:
    """Return a guild, a person in it and one of its rooms."""
    guild = (await client.do("world"))["guilds"][0]
    user = next(m["id"] for m in guild["members"] if not m["is_bot"])
    return guild["id"], user, next(c["id"] for c in guild["channels"] if c["type"] == 2)


async def toggle(client: Client, times: int) -> None:
    guild, user, room = await someone(client)
    for number in range(times):
        place = room if number % 2 == 0 else None
        await client.do("voice", guild_id=guild, user_id=user, channel_id=place)


async def until_sockets(client: Client, count: int) -> Any:
    """Wait until so many connections are left and return the state."""
    for _ in range(500):
        state = await client.do("state")
        if state["sockets"] == count:
            return state
        await asyncio.sleep(0.01)
    raise AssertionError(f"not {count} sockets, but {state['sockets']}")


@pytest.mark.parametrize("compress", [None, "zlib-stream", "zstd-stream"])
def test_heartbeat_identify_and_events_under_each_compression(compress: str | None) -> None:
    async def main() -> None:
        async with serving() as client, client.gateway(compress) as wire:
            hello = await wire.frame()
            assert (hello["op"], hello["d"]["heartbeat_interval"]) == (10, 41250)
            await wire.send(1)
            assert (await wire.frame())["op"] == 11
            await wire.send(2, {"token": client.told.token, "intents": GUILDS | VOICE_STATES})
            frames = [await wire.frame() for _ in range(4)]
            assert [f["t"] for f in frames] == ["READY", *["GUILD_CREATE"] * 3]
            assert [f["s"] for f in frames] == [1, 2, 3, 4]
            await toggle(client, 3)
            states = [(await wire.until("VOICE_STATE_UPDATE")) for _ in range(3)]
            assert [f["s"] for f in states] == [5, 6, 7]
            assert [f["d"]["channel_id"] is None for f in states] == [False, True, False]

    run(main())


def test_an_unknown_compression_is_refused() -> None:
    async def main() -> None:
        async with serving() as client:
            url = client.told.gateway_url.replace("ws:", "http:") + "?compress=lzma"
            async with client.http.get(url) as response:
                assert response.status == 400
                assert "lzma" in await response.text()

    run(main())


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([(2, {"token": "wrong", "intents": 1})], 4004),
        ([(2, {"intents": 1})], 4004),
        ([(2, {"token": None, "intents": "many"})], 4013),
        ([(2, {"token": None, "intents": 1 << 30})], 4013),
        ([(2, {"token": None, "intents": 1, "shard": [2, 2]})], 4010),
        ([(2, {"token": None, "intents": 1}), (2, {"token": None, "intents": 1})], 4005),
        ([(8, {"guild_id": "1", "query": "", "limit": 0})], 4003),
        ([(2, {"token": None, "intents": 1}), (4, {"guild_id": "1", "channel_id": None})], 4002),
        ([(99, None)], 4001),
        ([(2, "no object")], 4002),
        ([(3, {"text": "x" * 5000})], 4002),
        ([(1, None)] * 121, 4008),
    ],
)
def test_what_discord_does_not_allow_is_closed_with_its_code(
    frames: list[tuple[int, Any]], code: int
) -> None:
    async def main() -> None:
        async with serving() as client, client.gateway() as wire:
            for op, data in frames:
                given = data
                if isinstance(data, dict) and data.get("token", "") is None:
                    given = data | {"token": client.told.token}
                await wire.send(op, given)
            while "closed" not in (frame := await wire.frame()):
                pass
            assert frame == {"closed": code}

    run(main())


def test_what_is_no_json_is_closed_with_4002() -> None:
    async def main() -> None:
        async with serving() as client, client.gateway() as wire:
            await wire.frame()
            await wire.ws.send_bytes(b'{"op": 1')
            assert await wire.frame() == {"closed": 4002}

    run(main())


def test_a_silent_client_is_closed_and_may_resume() -> None:
    async def main() -> None:
        async with serving() as client:
            await client.do("set", heartbeat_ms=100)
            async with client.gateway() as wire:
                ready = await wire.identify(GUILDS)
                while "closed" not in (frame := await wire.frame()):
                    pass
                assert frame == {"closed": 4009}
            async with client.gateway() as wire:
                first = await wire.resume(ready["d"]["session_id"], 4)
                assert first["t"] == "RESUMED"

    run(main())


@pytest.mark.parametrize(
    ("change", "seq"),
    [("none", 99), ("unknown session", 4), ("short log", 4), ("expired", 4)],
)
def test_a_resume_that_cannot_be_served_is_an_invalid_session(change: str, seq: int) -> None:
    async def main() -> None:
        async with serving() as client:
            if change == "short log":
                await client.do("set", replay_frames=2)
            async with client.gateway() as wire:
                session = (await wire.identify(GUILDS | VOICE_STATES))["d"]["session_id"]
                await client.do("close", code=1006)
            await toggle(client, 3)
            if change == "expired":
                await client.do("set", session_s=0)
            async with client.gateway() as wire:
                name = "0" * 32 if change == "unknown session" else session
                answer = await wire.resume(name, seq)
                assert (answer["op"], answer["d"]) == (9, False)
                await wire.send(2, {"token": client.told.token, "intents": GUILDS})
                assert (await wire.until("READY"))["s"] == 1

    run(main())


def test_a_client_that_goes_away_ends_its_session_and_another_code_keeps_it() -> None:
    async def main() -> None:
        async with serving() as client:
            for code, kept in ((1000, 0), (4000, 1)):
                async with client.gateway() as wire:
                    await wire.identify(GUILDS)
                    await wire.ws.close(code=code)
                state = await until_sockets(client, 0)
                assert state["sessions"] == kept

    run(main())


def test_a_second_identify_too_soon_is_an_invalid_session_when_discord_is_strict() -> None:
    async def main() -> None:
        async with serving() as client:
            await client.do("set", identify_every_s=5)
            async with client.gateway() as wire:
                await wire.identify(GUILDS)
            async with client.gateway() as wire:
                await wire.frame()
                await wire.send(2, {"token": client.told.token, "intents": GUILDS})
                assert (await wire.frame())["op"] == 9

    run(main())


def test_guilds_are_divided_among_shards() -> None:
    async def main() -> None:
        async with serving("--guilds", "6") as client:
            seen = []
            for number in range(2):
                async with client.gateway() as wire:
                    ready = await wire.identify(GUILDS, shard=[number, 2])
                    mine = [guild["id"] for guild in ready["d"]["guilds"]]
                    assert all((int(guild) >> 22) % 2 == number for guild in mine)
                    seen += mine
            assert len(set(seen)) == 6

    run(main())


def test_members_come_in_chunks() -> None:
    async def main() -> None:
        async with serving("--guilds", "1", "--members", "1500") as client:
            guild, user, _ = await someone(client)
            async with client.gateway() as wire:
                await wire.identify(GUILDS | MEMBERS)
                created = await wire.until("GUILD_CREATE")
                assert len(created["d"]["members"]) == 1
                assert created["d"]["member_count"] == 1504
                await wire.send(8, {"guild_id": int(guild), "query": "", "limit": 0, "nonce": "n"})
                chunks = [(await wire.until("GUILD_MEMBERS_CHUNK"))["d"] for _ in range(2)]
                assert [(c["chunk_index"], c["chunk_count"], c["nonce"]) for c in chunks] == [
                    (0, 2, "n"),
                    (1, 2, "n"),
                ]
                assert len({m["user"]["id"] for c in chunks for m in c["members"]}) == 1504
                await wire.send(8, {"guild_id": guild, "user_ids": [user, "5"], "limit": 0})
                chunk = (await wire.until("GUILD_MEMBERS_CHUNK"))["d"]
                assert [m["user"]["id"] for m in chunk["members"]] == [user]
                assert chunk["not_found"] == ["5"]

    run(main())


def test_the_bot_itself_can_join_and_leave() -> None:
    async def main() -> None:
        async with serving() as client, client.gateway() as wire:
            guild, _, room = await someone(client)
            await wire.identify(GUILDS | VOICE_STATES)
            for place in (int(room), None):
                await wire.send(4, {"guild_id": int(guild), "channel_id": place, "self_mute": True})
                state = (await wire.until("VOICE_STATE_UPDATE"))["d"]
                assert state["channel_id"] == (None if place is None else room)
            changes = (await client.do("truth"))["changes"]
            assert [change["is_bot"] for change in changes] == [True, True]

    run(main())


def test_a_client_that_reads_nothing_is_dropped_and_delays_nobody() -> None:
    async def main() -> None:
        async with serving() as client, client.gateway("zlib-stream") as good:
            await client.do("set", backlog_frames=500)
            await good.identify(GUILDS | VOICE_STATES)
            async with client.gateway() as stuck:
                await stuck.identify(GUILDS | VOICE_STATES)
                with stuck.hanging():
                    await client.do("load", rate=20_000, seconds=0.4)
                    began = time.monotonic()
                    for _ in range(8_000):
                        await good.until("VOICE_STATE_UPDATE")
                    assert time.monotonic() - began < 5
                    await until_sockets(client, 1)

    run(main())
