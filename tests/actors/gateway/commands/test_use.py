"""Members use the commands in the local Discord; the real client answers."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, assert_never

import discord
import httpx
import trio
from typing_extensions import override

from actors.analyst.protocol import (
    AnalystMessage,
    CrashCards,
    LedgerReport,
    MemberStats,
    StatsOfMember,
    TopVoice,
    VoiceTotal,
)
from actors.gateway.commands.tree import Commands
from actors.kernel.actor import Actor
from storage.rows import CardState, CrashCard
from supervisors.child_spec import ChildSpec
from tests.actors.gateway.stage import Stage, stage

if TYPE_CHECKING:
    import pytest

    from actors.kernel.messages import Reply
    from tests.tree import Tree

KNOWN_S, UNKNOWN_S = 9.2 * 3600, 0.4 * 3600


class Analyst(Actor[AnalystMessage]):
    """Answers with fixed figures, late or never when told so."""

    def __init__(
        self,
        asked: list[AnalystMessage],
        late_s: float = 0,
        crash: bool = False,
        cards: tuple[CrashCard, ...] = (),
    ) -> None:
        super().__init__()
        self._asked, self._late_s, self._crash = asked, late_s, crash
        self._cards = cards

    @override
    async def on_receive(self, message: AnalystMessage) -> Reply[Any] | None:
        self._asked.append(message)
        await trio.sleep(self._late_s)
        if self._crash:
            raise ZeroDivisionError("the figures do not add up")
        match message:
            case StatsOfMember(user_id=user_id):
                total = self._total(user_id)
                stats = MemberStats(voice=total, rank=2, messages=7, top_channels=((70, KNOWN_S),))
                return message.reply(stats)
            case TopVoice():
                return message.reply((self._total(5), self._total(6)))
            case CrashCards():
                return message.reply(self._cards)
            case LedgerReport():
                raise AssertionError("no command asks this")
            case _:
                assert_never(message)

    def _total(self, user_id: int) -> VoiceTotal:
        return VoiceTotal(user_id=user_id, known_s=KNOWN_S, unknown_s=UNKNOWN_S, sessions=3)


def analyst(asked: list[AnalystMessage], **how: Any) -> ChildSpec:
    return ChildSpec(id="analyst", start=partial(Analyst.start, asked, **how))


async def open_house(on: Stage, *others: ChildSpec) -> None:
    await on.open(*others)
    await on.connected()
    with trio.fail_after(10):
        while True:
            if (await on.discord.do("state"))["commands"]["global"]:
                return
            await trio.sleep(0.02)


def text_of(seen: dict[str, Any]) -> str:
    """All that a member reads in the one answer to a command."""
    assert seen["answered"], seen
    assert seen["errors"] == []
    (message,) = seen["messages"]
    parts = [message["content"]]
    for embed in message["embeds"]:
        parts += [embed.get("title", ""), embed.get("description", "")]
        parts += [f"{each['name']}: {each['value']}" for each in embed.get("fields", ())]
    return "\n".join(part for part in parts if part)


def is_private(seen: dict[str, Any]) -> bool:
    return bool(seen["messages"][0]["ephemeral"])


async def test_stats_me_answers_the_member_alone(tree: Tree) -> None:
    asked: list[AnalystMessage] = []
    async with stage(tree) as on:
        await open_house(on, analyst(asked))
        seen = await on.use("stats me", days=7)

        text = text_of(seen)
        assert "Your last 7 days" in text
        assert "Voice: 9 h 12 min, perhaps up to 24 min more" in text
        assert is_private(seen)
        assert seen["after_s"] < 2
        (request,) = asked
        assert isinstance(request, StatsOfMember)
        assert (request.guild_id, request.user_id) == (on.guild_id, on.members[0])
        week_ago = datetime.now(UTC) - timedelta(days=7)
        assert abs((request.since_utc - week_ago).total_seconds()) < 5


async def test_stats_top_answers_everybody(tree: Tree) -> None:
    asked: list[AnalystMessage] = []
    async with stage(tree) as on:
        await open_house(on, analyst(asked))
        seen = await on.use("stats top", limit=5)

        assert "1. <@5> 9 h 12 min, perhaps up to 24 min more\n2. <@6>" in text_of(seen)
        assert not is_private(seen)
        (request,) = asked
        assert isinstance(request, TopVoice)
        assert (request.guild_id, request.limit) == (on.guild_id, 5)


async def test_status_shows_the_tree_to_the_owner_and_one_line_to_others(tree: Tree) -> None:
    async with stage(tree) as on:
        await open_house(on)
        owner = text_of(await on.use("status", user_id=int(on.discord.owner_id)))
        member = text_of(await on.use("status"))

        assert "└ gateway" in owner
        assert "waiting" in owner
        assert "gateway" not in member
        assert "All is well. Connected to Discord" in member
        assert "restart" not in member
        assert "2 servers" in member


async def test_help_tells_every_command_and_for_whom_it_is(tree: Tree) -> None:
    async with stage(tree) as on:
        await open_house(on)
        seen = await on.use("help")

        text = text_of(seen)
        assert is_private(seen)
        for name in ("/status", "/stats me", "/stats top", "/help"):
            assert f"**{name}**" in text
        assert "everyone, in a server" in text


async def test_a_member_who_hurries_is_told_how_long_to_wait(tree: Tree) -> None:
    async with stage(tree) as on:
        await open_house(on, analyst([]))
        await on.use("stats me")
        hurried = await on.use("stats me")
        other = await on.use("stats me", user_id=on.members[1])

        assert "You can use /stats me again in 3 s." in text_of(hurried)
        assert is_private(hurried)
        assert "Voice" in text_of(other)


async def test_without_an_analyst_the_member_is_told_to_try_again(tree: Tree) -> None:
    async with stage(tree) as on:
        await open_house(on)
        seen = await on.use("stats me")

        assert "try again in a moment" in text_of(seen)
        assert is_private(seen)


async def test_a_slow_analyst_is_excused_in_time(tree: Tree) -> None:
    async with stage(tree) as on:
        await open_house(on, analyst([], late_s=2.3))
        seen = await on.use("stats me")

        assert "try again in a moment" in text_of(seen)
        assert seen["after_s"] < 3


async def test_an_answer_that_takes_a_while_still_comes(tree: Tree) -> None:
    async with stage(tree) as on:
        await open_house(on, analyst([], late_s=1.3))
        seen = await on.use("stats me")

        assert "Voice: 9 h 12 min" in text_of(seen)
        assert is_private(seen)


async def test_a_crash_gives_the_member_a_number_for_the_owner(tree: Tree) -> None:
    async with stage(tree) as on:
        await open_house(on, analyst([], crash=True))
        seen = await on.use("stats me")
        (crashed,) = (report for report in tree.directory.census() if report.name == "analyst")

        assert len(crashed.card) == 5
        assert f"incident {crashed.card}." in text_of(seen)


async def test_commands_that_discord_knows_are_not_sent_again(tree: Tree) -> None:
    async with stage(tree) as on:
        await open_house(on)
        before = await on.discord.do("state")
        tree.crash("gateway")
        await trio.sleep(0.3)
        await on.connected()
        await trio.sleep(0.3)
        after = await on.discord.do("state")

        assert before["commands"] == after["commands"]
        assert before["identifies"] + 1 == after["identifies"]


async def test_a_refused_sync_is_tried_again_and_stops_nothing(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync, calls = Commands.sync, itertools.count()

    async def refused_once(self: Commands, **where: Any) -> Any:
        if next(calls) == 0:
            raise discord.DiscordException("missing access")
        return await sync(self, **where)

    monkeypatch.setattr(Commands, "sync", refused_once)
    monkeypatch.setattr("actors.gateway.commands.definitions.RETRIES_S", (0.1,))
    async with stage(tree) as on:
        await open_house(on)

        assert next(calls) == 2
        assert (await on.connected()).lives == 1


def buttons_of(seen: dict[str, Any]) -> dict[str, dict[str, Any]]:
    (message,) = seen["messages"]
    rows = message["components"]
    return {each["label"]: each for row in rows for each in row["components"]}


async def press(on: Stage, seen: dict[str, Any], label: str) -> dict[str, Any]:
    pressed: dict[str, Any] = await on.discord.do(
        "press",
        message_id=seen["messages"][0]["id"],
        custom_id=buttons_of(seen)[label]["custom_id"],
        user_id=on.discord.owner_id,
        wait_s=5,
    )
    return pressed


def page_of(seen: dict[str, Any]) -> str:
    footer: str = seen["messages"][0]["embeds"][0]["footer"]["text"]
    return footer


async def test_the_owner_turns_the_pages_of_a_large_tree(tree: Tree) -> None:
    async with stage(tree) as on:
        await open_house(on, analyst([]))
        for number in range(60):
            tree.directory.open(f"guilds/{number}", parent="guilds")

        first = await on.use("status", user_id=int(on.discord.owner_id))
        second = await press(on, first, "Next ▶")
        third = await press(on, second, "Next ▶")
        back = await press(on, third, "◀ Previous")

    shown = [first, second, third, back]
    assert [page_of(each) for each in shown] == [f"Page {n} of 3" for n in (1, 2, 3, 2)]
    assert {each["messages"][0]["id"] for each in shown} == {first["messages"][0]["id"]}
    text = "".join(map(text_of, shown[:3]))
    assert [number for number in range(60) if f" {number} " not in text] == []
    assert text_of(second).split("Link")[0] == text_of(back).split("Link")[0]
    assert [buttons_of(first)["◀ Previous"].get("disabled"), is_private(first)] == [True, True]
    assert buttons_of(third)["Next ▶"]["disabled"]


async def test_a_button_still_works_for_the_next_incarnation_of_the_gateway(tree: Tree) -> None:
    async with stage(tree) as on:
        await open_house(on, analyst([]))
        for number in range(60):
            tree.directory.open(f"guilds/{number}", parent="guilds")
        first = await on.use("status", user_id=int(on.discord.owner_id))
        tree.crash("gateway")
        await trio.sleep(0.2)
        await on.connected()

        assert page_of(await press(on, first, "Next ▶")) == "Page 2 of 3"


async def test_a_tree_too_large_to_turn_over_comes_as_a_file(tree: Tree) -> None:
    async with stage(tree) as on:
        await open_house(on, analyst([]))
        for number in range(400):
            tree.directory.open(f"guilds/{number}", parent="guilds")
        seen = await on.use("status", user_id=int(on.discord.owner_id))
        (file,) = seen["messages"][0]["attachments"]
        async with httpx.AsyncClient() as web:
            text = (await web.get(file["url"])).text

    assert "more" in text_of(seen)
    assert file["filename"] == "tree.txt"
    assert [number for number in range(400) if f" {number} " not in text] == []


async def test_the_owner_sees_the_newest_open_crashes_and_nobody_else_does(tree: Tree) -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    card = CrashCard(
        card="K7QF2",
        state=CardState.OPEN,
        count=3,
        first_utc=at,
        last_utc=at,
        headline="ValueError: x",
        kinds=("GuildActor",),
        last_actor="guilds/81",
        last_in_hand="",
        last_version="0.1.0",
        stack="",
        fixed_in=None,
        reopened_utc=None,
    )
    ignored = replace(card, card="ZZZZZ", state=CardState.IGNORED)
    async with stage(tree) as on:
        await open_house(on, analyst([], cards=(card, ignored)))
        owner = text_of(await on.use("status", user_id=int(on.discord.owner_id)))
        member = text_of(await on.use("status"))

    assert "Newest crashes: `K7QF2` ValueError: x, 3 times" in owner
    assert "ZZZZZ" not in owner
    assert "K7QF2" not in member


async def test_status_answers_although_the_analyst_is_gone(tree: Tree) -> None:
    async with stage(tree) as on:
        await open_house(on)
        owner = text_of(await on.use("status", user_id=int(on.discord.owner_id)))

    assert "not known: the ledger does not answer" in owner
    assert "gateway" in owner
