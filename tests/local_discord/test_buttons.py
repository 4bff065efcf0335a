"""Buttons below a bot's messages: what Discord sends when one is pressed, and what it takes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.local_discord.serving import run
from tests.local_discord.test_interactions import MESSAGE, used

if TYPE_CHECKING:
    from tests.local_discord.test_interactions import Used

DEFERRED_UPDATE, UPDATE, EPHEMERAL = 6, 7, 64
ROW = [
    {
        "type": 1,
        "components": [
            {"type": 2, "style": 1, "label": "Next", "custom_id": "page:1"},
            {"type": 2, "style": 1, "label": "Previous", "custom_id": "page:0", "disabled": True},
        ],
    }
]


async def pressed(use: Used, **who: Any) -> tuple[dict[str, Any], asyncio.Task[Any]]:
    """Press `Next` below the answer to /look; return what the bot gets and what is seen."""
    shown = (await use.member_sees)["messages"][0]
    press = {
        "message_id": shown["id"],
        "custom_id": "page:1",
        "user_id": use.event["member"]["user"]["id"],
    }
    sees = asyncio.create_task(use.client.do("press", **(press | who)))
    return (await use.wire.until("INTERACTION_CREATE"))["d"], sees


async def reply(use: Used, event: dict[str, Any], kind: int, **data: Any) -> tuple[int, Any]:
    path = f"/interactions/{event['id']}/{event['token']}/callback"
    answer: tuple[int, Any] = await use.client.rest("POST", path, {"type": kind, "data": data})
    return answer


def test_a_press_tells_the_bot_the_button_and_its_message_and_the_answer_changes_that() -> None:
    async def work() -> None:
        async with used() as use:
            await use.callback(MESSAGE, content="one", components=ROW, flags=EPHEMERAL)
            event, sees = await pressed(use)
            assert (event["type"], event["data"]) == (
                3,
                {"custom_id": "page:1", "component_type": 2},
            )
            assert event["message"]["content"] == "one"
            assert (await reply(use, event, UPDATE, content="two"))[0] == 204
            seen = await sees
            assert [each["content"] for each in seen["messages"]] == ["two"]
            assert seen["messages"][0]["id"] == event["message"]["id"]
            assert seen["messages"][0]["components"] == ROW

    run(work())


def test_a_press_can_be_acknowledged_first_and_answered_by_an_edit() -> None:
    async def work() -> None:
        async with used() as use:
            await use.callback(MESSAGE, content="one", components=ROW)
            event, sees = await pressed(use)
            await reply(use, event, DEFERRED_UPDATE)
            path = f"/webhooks/{use.client.told.application_id}/{event['token']}/messages/@original"
            status, message = await use.client.rest("PATCH", path, {"content": "two"})
            assert (status, message["id"]) == (200, event["message"]["id"])
            assert (await sees)["messages"][0]["content"] == "two"

    run(work())


def test_a_command_has_no_message_to_update() -> None:
    async def work() -> None:
        async with used() as use:
            assert (await use.callback(UPDATE, content="x"))[0] == 400
            await use.callback(MESSAGE, content="x")

    run(work())


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"custom_id": "page:0"}, "is disabled"),
        ({"custom_id": "page:9"}, "no button page:9; it has page:1, page:0"),
        ({"message_id": "1"}, "sees no message 1"),
        ({"user_id": "another"}, "sees no message"),
    ],
)
def test_a_press_that_no_member_could_do_is_refused(wrong: dict[str, str], why: str) -> None:
    async def work() -> None:
        async with used() as use:
            await use.callback(MESSAGE, content="one", components=ROW, flags=EPHEMERAL)
            shown = (await use.member_sees)["messages"][0]
            owner = use.event["member"]["user"]["id"]
            if wrong.get("user_id"):
                members = (await use.client.do("world"))["guilds"][0]["members"]
                wrong["user_id"] = next(m["id"] for m in members if m["id"] != owner)
            press = {"message_id": shown["id"], "custom_id": "page:1", "user_id": owner}
            with pytest.raises(Exception, match=why):
                await use.client.do("press", **(press | wrong))

    run(work())
