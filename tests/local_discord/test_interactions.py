"""What Discord does with a bot's answers, call by call."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.local_discord.serving import Client, Wire, run, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

GUILDS, GUILD_MESSAGES = 1 << 0, 1 << 9
EPHEMERAL, LOADING = 64, 128
MESSAGE, DEFERRED = 4, 5


@dataclass(frozen=True)
class Used:
    """One command that a member used and that waits for its answer."""

    client: Client
    wire: Wire
    event: dict[str, Any]
    member_sees: asyncio.Task[Any]

    async def callback(self, kind: int, query: str = "", **data: Any) -> tuple[int, Any]:
        path = f"/interactions/{self.event['id']}/{self.event['token']}/callback{query}"
        answer: tuple[int, Any] = await self.client.rest("POST", path, {"type": kind, "data": data})
        return answer

    async def webhook(self, method: str, rest: str = "", body: Any = None) -> tuple[int, Any]:
        path = f"/webhooks/{self.client.told.application_id}/{self.event['token']}{rest}"
        answer: tuple[int, Any] = await self.client.rest(method, path, body)
        return answer


@contextlib.asynccontextmanager
async def used(wait_s: float = 5) -> AsyncIterator[Used]:
    """Have the owner use /look in the first guild."""
    async with serving() as client, client.gateway() as wire:
        path = f"/applications/{client.told.application_id}/commands"
        await client.rest("PUT", path, [{"name": "look", "description": "Looks"}])
        await wire.identify(GUILDS | GUILD_MESSAGES)
        guild = (await client.do("world"))["guilds"][0]
        seen = asyncio.create_task(
            client.do(
                "use",
                guild_id=guild["id"],
                channel_id=guild["channels"][0]["id"],
                user_id=guild["owner_id"],
                command="look",
                wait_s=wait_s,
            )
        )
        event = (await wire.until("INTERACTION_CREATE"))["d"]
        yield Used(client, wire, event, seen)
        await asyncio.wait([seen])


def trial(work: Callable[[Used], Awaitable[None]], wait_s: float = 5) -> None:
    async def main() -> None:
        async with used(wait_s) as use:
            await work(use)

    run(main())


def test_the_event_carries_all_that_discord_says_of_a_use() -> None:
    async def work(use: Used) -> None:
        event = use.event
        assert event["channel"]["id"] == event["channel_id"]
        assert event["member"]["user"]["global_name"] == "Robin"
        assert int(event["member"]["permissions"]) & 8
        assert event["attachment_size_limit"] > 0
        assert event["data"] | {"id": "-"} == {"id": "-", "name": "look", "type": 1, "options": []}
        await use.callback(MESSAGE, content="x")

    trial(work)


def test_an_answer_is_a_message_that_everyone_sees() -> None:
    async def work(use: Used) -> None:
        status, body = await use.callback(MESSAGE, "?with_response=1", content="look")
        assert status == 200
        message = body["resource"]["message"]
        assert body["resource"]["type"] == MESSAGE
        assert body["interaction"] == {
            "id": use.event["id"],
            "type": 2,
            "response_message_id": message["id"],
            "response_message_loading": False,
            "response_message_ephemeral": False,
        }
        posted = (await use.wire.until("MESSAGE_CREATE"))["d"]
        assert (posted["id"], posted["type"], posted["content"]) == (message["id"], 20, "look")
        assert posted["interaction_metadata"]["id"] == use.event["id"]
        assert (await use.webhook("GET", "/messages/@original"))[1]["content"] == "look"
        assert (await use.member_sees)["messages"][0]["content"] == "look"

    trial(work)


def test_without_the_query_the_callback_is_answered_with_nothing() -> None:
    async def work(use: Used) -> None:
        assert await use.callback(MESSAGE, content="look") == (204, None)

    trial(work)


def test_thinking_is_shown_and_then_replaced() -> None:
    async def work(use: Used) -> None:
        body = (await use.callback(DEFERRED, "?with_response=true"))[1]
        assert body["interaction"]["response_message_loading"]
        assert (await use.wire.until("MESSAGE_CREATE"))["d"]["flags"] == LOADING
        assert not use.member_sees.done()
        status, message = await use.webhook("PATCH", "/messages/@original", {"content": "now"})
        assert (status, message["flags"], message["content"]) == (200, 0, "now")
        assert message["edited_timestamp"] is None
        assert (await use.wire.until("MESSAGE_UPDATE"))["d"]["content"] == "now"
        assert (await use.member_sees)["messages"][0]["content"] == "now"
        message = (await use.webhook("PATCH", "/messages/@original", {"content": "more"}))[1]
        assert message["edited_timestamp"] is not None

    trial(work)


def test_the_first_follow_up_takes_the_place_of_thinking_and_keeps_it_ephemeral() -> None:
    async def work(use: Used) -> None:
        await use.callback(DEFERRED, flags=EPHEMERAL)
        first = (await use.webhook("POST", "", {"content": "one"}))[1]
        second = (await use.webhook("POST", "", {"content": "two"}))[1]
        assert (await use.webhook("GET", "/messages/@original"))[1]["id"] == first["id"]
        assert first["flags"] == EPHEMERAL
        assert second["flags"] == 0
        # Only the second one is everybody's.
        assert (await use.wire.until("MESSAGE_CREATE"))["d"]["content"] == "two"
        assert await use.webhook("DELETE", f"/messages/{second['id']}") == (204, None)
        assert (await use.wire.until("MESSAGE_DELETE"))["d"]["id"] == second["id"]
        assert (await use.webhook("GET", f"/messages/{second['id']}"))[1]["code"] == 10008
        assert (await use.webhook("DELETE", "/messages/@original"))[0] == 204

    trial(work)


@pytest.mark.parametrize(
    ("kind", "data", "code"),
    [
        (MESSAGE, {}, 50006),
        (MESSAGE, {"content": "x" * 2001}, 50035),
        (7, {"content": "x"}, 50035),
    ],
)
def test_a_refused_answer_leaves_room_for_a_better_one(
    kind: int, data: dict[str, Any], code: int
) -> None:
    async def work(use: Used) -> None:
        status, body = await use.callback(kind, **data)
        assert (status, body["code"]) == (400, code)
        assert await use.callback(MESSAGE, content="better") == (204, None)
        seen = await use.member_sees
        assert seen["messages"][0]["content"] == "better"
        assert str(code) in seen["errors"][0]

    trial(work)


def test_nothing_may_follow_before_the_first_answer() -> None:
    async def work(use: Used) -> None:
        status, body = await use.webhook("POST", "", {"content": "x"})
        assert (status, body["code"]) == (404, 10015)
        await use.callback(MESSAGE, content="x")

    trial(work)


def test_the_token_runs_out() -> None:
    async def work(use: Used) -> None:
        await use.callback(MESSAGE, content="x")
        await use.client.do("set", interaction_token_s=0)
        status, body = await use.webhook("PATCH", "/messages/@original", {"content": "y"})
        assert (status, body["code"]) == (401, 50027)

    trial(work)


def test_a_bot_that_says_nothing_leaves_the_member_without_an_answer() -> None:
    async def work(use: Used) -> None:
        assert await use.member_sees == {
            "answered": False,
            "after_s": None,
            "messages": [],
            "errors": ["the bot gave no answer within 0.1 s"],
        }

    trial(work, wait_s=0.1)
