"""The unmodified discord.py client, in a process of its own, against the local Discord."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
import trio

from tests.doubles.discord.process import RefusedError, local_discord
from tests.local_discord.watching import (
    GUILD_MESSAGES,
    GUILDS,
    VOICE_STATES,
    Watched,
    watcher,
)

if TYPE_CHECKING:
    from tests.doubles.discord.process import LocalDiscord

BOTS_INTENTS = GUILDS | VOICE_STATES | GUILD_MESSAGES
PLENTY_S = 15


def people(guild: dict[str, Any]) -> list[str]:
    return [member["id"] for member in guild["members"] if not member["is_bot"]]


def rooms(guild: dict[str, Any]) -> list[str]:
    return [channel["id"] for channel in guild["channels"] if channel["type"] == 2]


def text(guild: dict[str, Any]) -> str:
    return str(guild["channels"][0]["id"])


async def join(discord: LocalDiscord, guild: dict[str, Any], user: str, room: str | None) -> None:
    await discord.do("voice", guild_id=guild["id"], user_id=user, channel_id=room)


def paths(changes: list[dict[str, Any]], guild: str, user: str, place: str) -> dict[Any, list[Any]]:
    """Where each member went, one channel after another."""
    found: dict[Any, list[Any]] = defaultdict(list)
    for change in changes:
        found[change[guild], change[user]].append(change[place])
    return found


def seen_paths(watched: Watched) -> dict[Any, list[Any]]:
    moves = [each for each in watched.of("voice") if each["before"] != each["after"]]
    return paths(moves, "guild", "user", "after")


async def true_paths(discord: LocalDiscord, since: int = 0) -> dict[Any, list[Any]]:
    truth = await discord.do("truth", since=since)
    return paths(truth["changes"], "guild_id", "user_id", "channel_id")


async def test_a_bot_sees_its_guilds_who_is_in_voice_and_every_change() -> None:
    async with local_discord() as discord:
        world = await discord.do("world")
        guild = world["guilds"][1]
        ana, ben = people(guild)[1:3]
        first, second = rooms(guild)[:2]
        await join(discord, guild, ana, first)
        async with watcher(discord) as watched:
            ready = await watched.first("ready")
            assert ready["user"] == world["bot"]["id"]
            told = {each["id"]: each for each in ready["guilds"]}
            assert set(told) == {each["id"] for each in world["guilds"]}
            for each in world["guilds"]:
                assert told[each["id"]]["members"] == sorted(m["id"] for m in each["members"])
            assert told[guild["id"]]["voice"] == {ana: first}

            await join(discord, guild, ben, first)
            await join(discord, guild, ana, second)
            await discord.do(
                "voice", guild_id=guild["id"], user_id=ana, channel_id=second, self_stream=True
            )
            await discord.do("repeat_voice", guild_id=guild["id"], user_id=ana)
            await join(discord, guild, ben, None)
            await watched.first("voice", 5)
            assert [
                (v["user"], v["before"], v["after"], v["flags"]) for v in watched.of("voice")
            ] == [
                (ben, None, first, []),
                (ana, first, second, []),
                (ana, second, second, ["self_stream"]),
                (ana, second, second, ["self_stream"]),
                (ben, first, None, []),
            ]
        truth = (await discord.do("truth", since=1))["changes"]
        assert [(t["user_id"], t["channel_id"]) for t in truth] == [
            (ben, first),
            (ana, second),
            (ben, None),
        ]
        assert all(not t["is_bot"] for t in truth)


@pytest.mark.parametrize("code", [4000, 1000, 1006])
async def test_a_resume_brings_exactly_what_was_missed(code: int) -> None:
    async with local_discord("--guilds", "1") as discord, watcher(discord) as watched:
        guild = (await discord.do("world"))["guilds"][0]
        await watched.first("ready")
        await join(discord, guild, people(guild)[0], rooms(guild)[0])
        await watched.first("voice")

        await discord.do("refuse", on=True)
        await discord.do("close", code=code)
        assert not (await discord.do("state"))["connected"]
        for user in people(guild)[1:6]:
            await join(discord, guild, user, rooms(guild)[0])
            await join(discord, guild, user, None)
        await discord.do("refuse", on=False)

        await watched.first("resumed")
        await watched.first("voice", 11)
        await trio.sleep(0.2)
        assert seen_paths(watched) == await true_paths(discord)
        state = await discord.do("state")
        assert (state["identifies"], state["resumes"]) == (1, 1)


@pytest.mark.parametrize(
    ("verb", "fields"), [("reconnect", {}), ("invalid_session", {"resumable": True})]
)
async def test_a_session_that_is_still_good_is_resumed(verb: str, fields: dict[str, bool]) -> None:
    async with local_discord("--guilds", "1") as discord, watcher(discord) as watched:
        await watched.first("ready")
        await discord.do(verb, **fields)
        await watched.first("resumed")
        assert (await discord.do("state"))["identifies"] == 1


async def test_after_an_invalid_session_the_bot_identifies_again() -> None:
    async with local_discord("--guilds", "1") as discord, watcher(discord) as watched:
        guild = (await discord.do("world"))["guilds"][0]
        await watched.first("ready")
        # Nobody gets in meanwhile: what happens now is certainly missed.
        await discord.do("refuse", on=True)
        await discord.do("invalid_session", resumable=False)
        await watched.first("disconnect")
        await join(discord, guild, people(guild)[0], rooms(guild)[0])
        await discord.do("refuse", on=False)
        ready = await watched.first("ready", 2)
        assert ready["guilds"][0]["voice"] == {people(guild)[0]: rooms(guild)[0]}
        assert not watched.of("voice")
        state = await discord.do("state")
        assert (state["identifies"], state["resumes"]) == (2, 0)


async def test_an_expired_session_cannot_be_resumed() -> None:
    async with local_discord("--guilds", "1") as discord, watcher(discord) as watched:
        await watched.first("ready")
        await discord.do("set", session_s=0)
        await discord.do("close", code=4000)
        await watched.first("ready", 2)
        assert (await discord.do("state"))["resumes"] == 0


async def test_a_wrong_token_is_a_login_failure() -> None:
    async with local_discord("--guilds", "1") as discord:
        async with watcher(discord, token="not.the.token") as watched:
            assert (await watched.first("ended"))["kind"] == "LoginFailure"
        assert (await discord.do("state"))["identifies"] == 0


async def test_an_intent_that_is_not_switched_on_is_refused() -> None:
    async with local_discord("--guilds", "1") as discord:
        await discord.do("set", intents_allowed=["message_content"])
        async with watcher(discord) as watched:
            assert (await watched.first("ended"))["kind"] == "PrivilegedIntentsRequired"
        async with watcher(discord, BOTS_INTENTS) as watched:
            await watched.first("ready")


async def test_a_bot_gets_only_what_its_intents_cover() -> None:
    async with local_discord("--guilds", "1") as discord:
        guild = (await discord.do("world"))["guilds"][0]
        owner, other = people(guild)[:2]
        where = {"guild_id": guild["id"], "channel_id": text(guild), "user_id": owner}
        async with watcher(discord, GUILDS | GUILD_MESSAGES) as watched:
            await watched.first("ready")
            await join(discord, guild, other, rooms(guild)[0])
            await discord.do("say", **where, content="a secret")
            assert (await watched.first("message"))["content"] == ""
            assert not watched.of("voice")
        async with watcher(discord) as watched:
            await watched.first("ready")
            await discord.do("say", **where, content="no secret")
            assert (await watched.first("message"))["content"] == "no secret"


async def test_commands_are_synced_used_and_answered() -> None:
    async with local_discord("--guilds", "2") as discord, watcher(discord, BOTS_INTENTS) as watched:
        await watched.first("ready")
        guild = (await discord.do("world"))["guilds"][1]
        user, friend = people(guild)[1:3]
        where = {"guild_id": guild["id"], "channel_id": text(guild), "user_id": user}
        names = {m["id"]: m["name"] for m in guild["members"]}

        seen = await discord.do(
            "use", **where, command="hello", options={"who": friend, "times": 2}
        )
        assert seen["answered"]
        assert seen["after_s"] < 2
        assert seen["errors"] == []
        [message] = seen["messages"]
        assert message["content"] == f"hello {names[friend]} x2"
        assert message["ephemeral"]
        assert message["flags"] & 64
        assert not watched.of("message")  # an ephemeral answer is nobody else's

        seen = await discord.do("use", **where, command="/tally top")
        assert seen["messages"][0]["embeds"][0]["title"] == "Top"
        assert not seen["messages"][0]["ephemeral"]

        seen = await discord.do("use", **where, command="slow")
        assert seen["messages"][0]["content"] == "thought"
        assert 0.25 < seen["after_s"] < 3  # thinking aloud is no answer

        seen = await discord.do("use", **where, command="silent", wait_s=0.5)
        assert not seen["answered"]
        assert seen["after_s"] is None
        assert seen["messages"] == []
        assert "thinking" in seen["errors"][0]

        lines = (await discord.do("feed"))["lines"]
        texts = [line["text"] for line in lines if line["guild"] == guild["name"]]
        assert texts[-1] == f"{names[user]} used /silent: no answer"
        assert texts[0].startswith(f"{names[user]} used /hello: answered in 0.")


async def test_a_late_answer_and_a_second_one_are_refused() -> None:
    async with local_discord("--guilds", "1") as discord, watcher(discord, BOTS_INTENTS) as watched:
        await watched.first("ready")
        guild = (await discord.do("world"))["guilds"][0]
        where = {"guild_id": guild["id"], "channel_id": text(guild), "user_id": people(guild)[0]}

        assert (await discord.do("use", **where, command="twice"))["answered"]
        assert (await watched.first("refused"))["code"] == 40060

        await discord.do("set", interaction_s=0.2)
        seen = await discord.do("use", **where, command="late", wait_s=1)
        assert not seen["answered"]
        assert "10062" in seen["errors"][0]
        refused = await watched.first("refused", 2)
        assert (refused["code"], refused["kind"]) == (10062, "NotFound")


async def test_a_use_that_does_not_fit_the_synced_commands_is_one_error() -> None:
    async with local_discord("--guilds", "1") as discord, watcher(discord, BOTS_INTENTS) as watched:
        await watched.first("synced")
        guild = (await discord.do("world"))["guilds"][0]
        where = {"guild_id": guild["id"], "channel_id": text(guild), "user_id": people(guild)[0]}
        for command, options, words in [
            ("nothing", {}, "has no command /nothing; it has /hello, /late"),
            ("tally", {}, "needs one of its subcommands: top"),
            ("tally bottom", {}, "there is no 'bottom' in /tally"),
            ("tally top", {"n": 1}, "has no option 'n'"),
            ("hello", {}, "needs the option 'who'"),
            ("hello", {"who": "5"}, "no member of The Lighthouse has the id 5"),
            ("hello", {"who": people(guild)[0], "times": "2"}, "must be a whole number, not '2'"),
        ]:
            with pytest.raises(RefusedError, match=words):
                await discord.do("use", **where, command=command, options=options)


async def test_messages_are_written_read_edited_and_deleted() -> None:
    async with local_discord("--guilds", "1") as discord, watcher(discord) as watched:
        ready = await watched.first("ready")
        guild = (await discord.do("world"))["guilds"][0]
        await discord.do(
            "say",
            guild_id=guild["id"],
            channel_id=text(guild),
            user_id=people(guild)[1],
            content=f"<@{ready['user']}> exercise",
        )
        done = await watched.first("exercised")
        assert done["history"] == ["number 2", "changed", "number 0"]
        assert done["fetched"] == "changed"
        assert (done["deleted"], done["empty"], done["long"]) == (10008, 50006, 50035)
        assert done["direct"] == "hello you"
        name, size, read = done["file"]
        assert name == "watcher.py"
        assert size == read > 1000


async def test_a_load_keeps_its_rate_and_the_truth_is_what_the_client_saw() -> None:
    async with local_discord("--seed", "5") as discord, watcher(discord) as watched:
        await watched.first("ready")
        planned = await discord.do("load", rate=300, seconds=2)
        assert planned == {"events": 600}
        with pytest.raises(RefusedError, match="one is running already"):
            await discord.do("load", rate=1, seconds=1)
        await watched.first("voice", 600)
        times = [each["at"] for each in watched.of("voice")]
        assert 1.8 < times[-1] - times[0] < 4
        await trio.sleep(0.1)
        assert len(watched.of("voice")) == 600
        assert seen_paths(watched) == await true_paths(discord)
        at = [change["at"] for change in (await discord.do("truth"))["changes"]]
        assert at == sorted(at)


async def test_cut_connections_under_load_lose_and_double_nothing() -> None:
    async with local_discord("--seed", "6") as discord, watcher(discord) as watched:
        await watched.first("ready")
        await discord.do("load", rate=400, seconds=2)
        for number, code in enumerate((1006, 4000, 1006, 4000), 1):
            await trio.sleep(0.3)
            await discord.do("close", code=code)
            await watched.first("resumed", number)
        await watched.until(lambda: len(watched.of("voice")) >= 800)
        await trio.sleep(0.2)
        assert len(watched.of("voice")) == 800
        assert seen_paths(watched) == await true_paths(discord)


async def test_a_new_session_under_load_begins_with_the_state_its_events_go_on_from() -> None:
    async with local_discord("--seed", "7") as discord:
        await discord.do("load", rate=400, seconds=2.5)
        async with watcher(discord) as watched:
            ready = await watched.first("ready")
            await discord.do("load_stop")
            guild = (await discord.do("world"))["guilds"][0]
            last = people(guild)[0]
            await join(discord, guild, last, rooms(guild)[0])
            await join(discord, guild, last, None)
            await watched.until(
                lambda: watched.of("voice") and watched.of("voice")[-1]["user"] == last
            )
            world = await discord.do("world")
        for guild in ready["guilds"]:
            place = dict(guild["voice"])
            for event in watched.of("voice"):
                if event["guild"] == guild["id"] and event["at"] > ready["at"]:
                    place[event["user"]] = event["after"]
            now = next(g for g in world["guilds"] if g["id"] == guild["id"])
            assert {user: room for user, room in place.items() if room} == now["voice"]


async def test_a_burst_is_the_truth_and_the_session_goes_on_after_it() -> None:
    async with local_discord("--members", "300") as discord, watcher(discord) as watched:
        guild = (await discord.do("world"))["guilds"][0]
        await watched.first("ready")
        result = await discord.do("burst", count=3000)
        assert result["events"] == 3000
        await join(discord, guild, people(guild)[0], None)
        await join(discord, guild, people(guild)[0], rooms(guild)[0])
        await discord.do("close", code=4000)
        await watched.first("resumed")
        truth = await discord.do("truth")
        assert 3001 <= truth["next"] <= 3002  # the last leave may be of somebody who is out
        await watched.until(lambda: len(watched.of("voice")) >= 3002)
        assert seen_paths(watched) == await true_paths(discord)


async def test_a_gateway_that_hangs_up_on_resumes_is_left_only_when_it_stops() -> None:
    async with local_discord("--guilds", "1") as discord, watcher(discord) as watched:
        await watched.first("ready")
        await discord.do("hang_up_on_resume", on=True)
        await discord.do("close", code=1006)
        await watched.first("disconnect", 4)
        assert not watched.of("resumed")
        await discord.do("hang_up_on_resume", on=False)
        await watched.first("resumed")
