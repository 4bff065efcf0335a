"""The living scenario: seeded, at its rate, and plausible."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.doubles.discord.founding import found
from tests.local_discord.serving import Client, run, serving

LIVING = ("--scenario", "living", "--seed", "3")


async def lines(client: Client, at_least: int) -> list[dict[str, Any]]:
    """Wait until the feed has so many lines."""
    for _ in range(1000):
        told: list[dict[str, Any]] = (await client.do("feed"))["lines"]
        if len(told) >= at_least:
            return told
        await asyncio.sleep(0.01)
    raise AssertionError(f"only {len(told)} lines")


def test_the_same_seed_has_the_same_world_and_another_has_other_ids() -> None:
    worlds = [found(seed=seed, guilds=3, people=30) for seed in (1, 1, 2)]
    guilds = [list(world.guilds) for world in worlds]
    assert guilds[0] == guilds[1] != guilds[2]
    names = {user.name for user in worlds[0].users.values() if not user.is_bot}
    assert len(names) == 31
    assert sum(user.is_bot for user in worlds[0].users.values()) == 3


def test_the_same_seed_tells_the_same_story() -> None:
    async def story(seed: str) -> list[Any]:
        async with serving("--scenario", "living", "--speed", "2000x", "--seed", seed) as client:
            told = await lines(client, 120)
            return [(line["guild"], line["text"]) for line in told if "load" not in line["text"]]

    first, second, other = (run(story(seed)) for seed in ("3", "3", "4"))
    # Those who look in leave by the clock, so the order is the same up to the first of them.
    assert first[:30] == second[:30]
    assert first[:30] != other[:30]


def test_about_one_event_a_second_happens_at_speed_1x() -> None:
    async def main() -> None:
        # Sixty times as fast, so that a moment shows three evenings.
        async with serving(*LIVING, "--speed", "360x") as client:
            start = len((await client.do("feed"))["lines"])
            await asyncio.sleep(1.5)
            told = (await client.do("feed"))["lines"][start:]
            assert 0.5 < len(told) / (1.5 * 360) < 1.3
            assert len({line["guild"] for line in told}) == 3

    run(main())


def test_people_join_move_switch_write_follow_and_leave() -> None:
    async def main() -> None:
        async with serving(*LIVING, "--speed", "1000x") as client:
            texts = [line["text"] for line in await lines(client, 1000)]
            for words in (
                " joined ",
                " moved from ",
                " left ",
                " muted the microphone",
                " deafened",
                " went live",
                " turned the camera on",
                "Jukebox joined",
                " in #",
                "Open Mic",
            ):
                assert any(words in text for text in texts), words
            assert not any("did nothing new" in text for text in texts)
            await client.do("scenario", run=False)
            truth = (await client.do("truth"))["changes"]
            assert any(change["is_bot"] for change in truth)
            place: dict[tuple[str, str], str | None] = {}
            for change in truth:
                who = change["guild_id"], change["user_id"]
                assert place.get(who) != change["channel_id"]
                place[who] = change["channel_id"]
            world = await client.do("world")
            for guild in world["guilds"]:
                now = {u: c for (g, u), c in place.items() if g == guild["id"] and c}
                assert now == guild["voice"]

    run(main())


def test_the_scenario_stands_still_when_told_and_goes_on() -> None:
    async def main() -> None:
        async with serving(*LIVING, "--speed", "500x") as client:
            await lines(client, 50)
            await client.do("scenario", run=False)
            count = len((await client.do("feed"))["lines"])
            await asyncio.sleep(0.2)
            assert len((await client.do("feed"))["lines"]) == count
            await client.do("scenario", run=True)
            await lines(client, count + 20)

    run(main())


def test_people_use_the_commands_that_the_bot_synced() -> None:
    async def main() -> None:
        async with serving(*LIVING, "--speed", "300x") as client, client.gateway() as wire:
            place = f"/applications/{client.told.application_id}/commands"
            top = {"name": "top", "description": "d", "type": 1}
            stats = {"name": "stats", "description": "d", "options": [top, top | {"name": "me"}]}
            await client.rest("PUT", place, [stats, {"name": "help", "description": "d"}])
            await wire.identify(1)
            used = (await wire.until("INTERACTION_CREATE"))["d"]
            answer = {"type": 4, "data": {"content": "here"}}
            path = f"/interactions/{used['id']}/{used['token']}/callback"
            assert (await client.rest("POST", path, answer))[0] == 204
            who = used["member"]["user"]["global_name"]
            for _ in range(500):
                told = (await client.do("feed"))["lines"]
                if any(
                    line["text"].startswith(f"{who} used /") and ": answered in 0." in line["text"]
                    for line in told
                ):
                    return
                await asyncio.sleep(0.01)
            raise AssertionError("the feed does not tell of the answer")

    run(main())
