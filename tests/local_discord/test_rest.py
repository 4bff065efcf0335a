"""REST answers and refusals, as Discord words them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local_discord.serving import run, serving


def command(**changes: Any) -> dict[str, Any]:
    return {"name": "stats", "description": "Counts", "type": 1} | changes


def option(**changes: Any) -> dict[str, Any]:
    return {"name": "who", "description": "Whom", "type": 6} | changes


def test_a_wrong_token_is_401_everywhere() -> None:
    async def main() -> None:
        async with serving() as client:
            for path in ("/users/@me", "/gateway/bot", "/channels/1/messages"):
                assert await client.rest("GET", path, token="wrong") == (
                    401,
                    {"message": "401: Unauthorized", "code": 0},
                )
            status, body = await client.rest("GET", "/gateway", token="wrong")
            assert (status, body) == (200, {"url": client.told.gateway_url})

    run(main())


def test_what_does_not_exist_has_its_own_code() -> None:
    async def main() -> None:
        async with serving() as client:
            guild = (await client.do("world"))["guilds"][0]
            place = f"/channels/{guild['channels'][0]['id']}"
            for method, path, status, code in [
                ("GET", "/nothing", 404, 0),
                ("PUT", "/users/@me", 405, 0),
                ("GET", "/users/5", 404, 10013),
                ("GET", "/guilds/5", 404, 10004),
                ("GET", f"/guilds/{guild['id']}/members/5", 404, 10007),
                ("GET", f"/guilds/{guild['id']}/voice-states/@me", 404, 10065),
                ("GET", "/channels/5", 404, 10003),
                ("GET", f"{place}/messages/5", 404, 10008),
                ("DELETE", f"{place}/messages/5", 404, 10008),
                ("GET", f"{place}/messages?limit=101", 400, 50035),
                ("GET", "/applications/5/commands", 403, 20012),
                ("GET", f"/applications/{client.told.application_id}/commands/5", 404, 10063),
                ("POST", "/interactions/5/token/callback", 404, 10062),
                ("POST", f"/webhooks/{client.told.application_id}/token", 401, 50027),
                ("PATCH", "/webhooks/5/token/messages/@original", 401, 50027),
            ]:
                body: dict[str, Any] | None = {} if method in {"POST", "PATCH"} else None
                found, answer = await client.rest(method, path, body)
                assert (found, answer["code"]) == (status, code), path

    run(main())


def test_answers_are_plain_json_with_rate_limit_headers() -> None:
    async def main() -> None:
        async with serving() as client:
            headers = {"Authorization": f"Bot {client.told.token}"}
            url = f"{client.told.api_url}/users/@me"
            async with client.http.get(url, headers=headers) as response:
                assert response.headers["Content-Type"] == "application/json"
                assert int(response.headers["X-RateLimit-Remaining"]) > 0
                assert response.headers["X-RateLimit-Bucket"]

    run(main())


@pytest.mark.parametrize(
    ("wrong", "path", "code"),
    [
        (command(name="Stats"), ["0", "name"], "APPLICATION_COMMAND_INVALID_NAME"),
        (command(name="two words"), ["0", "name"], "APPLICATION_COMMAND_INVALID_NAME"),
        (command(name="x" * 33), ["0", "name"], "BASE_TYPE_BAD_LENGTH"),
        (command(description=""), ["0", "description"], "BASE_TYPE_BAD_LENGTH"),
        (command(type=9), ["0", "type"], "BASE_TYPE_CHOICES"),
        (
            command(options=[option(name="WHO")]),
            ["0", "options", "0", "name"],
            "APPLICATION_COMMAND_INVALID_NAME",
        ),
        (command(options=[option(type=0)]), ["0", "options", "0", "type"], "BASE_TYPE_CHOICES"),
        (
            command(options=[option(), option()]),
            ["0", "options", "1", "name"],
            "APPLICATION_COMMANDS_DUPLICATE_NAME",
        ),
        (
            command(options=[option(), option(name="b", required=True)]),
            ["0", "options", "1"],
            "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
        ),
        (
            command(options=[option(type=1, options=[option(type=1)])]),
            ["0", "options", "0", "options", "0", "type"],
            "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
        ),
        (command(options=[option()] * 26), ["0", "options"], "BASE_TYPE_MAX_LENGTH"),
    ],
)
def test_a_wrong_command_is_refused_with_the_way_to_the_field(
    wrong: dict[str, Any], path: list[str], code: str
) -> None:
    async def main() -> None:
        async with serving() as client:
            place = f"/applications/{client.told.application_id}/commands"
            assert (await client.rest("PUT", place, [command()]))[0] == 200
            status, body = await client.rest("PUT", place, [wrong])
            assert (status, body["code"]) == (400, 50035)
            errors = body["errors"]
            for part in path:
                errors = errors[part]
            assert errors["_errors"][0]["code"] == code
            kept = (await client.rest("GET", place))[1]
            assert [each["name"] for each in kept] == ["stats"]

    run(main())


def test_commands_keep_their_id_and_a_guilds_own_come_first() -> None:
    async def main() -> None:
        async with serving() as client:
            guild = (await client.do("world"))["guilds"][0]["id"]
            everywhere = f"/applications/{client.told.application_id}/commands"
            there = f"/applications/{client.told.application_id}/guilds/{guild}/commands"
            first = (await client.rest("PUT", everywhere, [command(), command(name="help")]))[1]
            again = (await client.rest("PUT", everywhere, [command(description="Other")]))[1]
            assert [each["id"] for each in again] == [first[0]["id"]]
            assert again[0]["version"] != first[0]["version"]
            assert again[0]["integration_types"] == [0]

            status, own = await client.rest("POST", there, command(description="Own"))
            assert (status, own["guild_id"]) == (201, guild)
            assert (await client.rest("POST", there, command()))[0] == 200
            place = f"{there}/{own['id']}"
            assert (await client.rest("PATCH", place, {"description": "New"}))[0] == 200
            assert (await client.rest("GET", place))[1]["description"] == "New"
            assert await client.rest("DELETE", place) == (204, None)
            assert (await client.rest("GET", place))[0] == 404
            state = await client.do("state")
            assert [each["name"] for each in state["commands"]["global"]] == ["stats"]
            assert state["commands"][guild] == []

    run(main())


def test_history_pages_in_both_directions() -> None:
    async def main() -> None:
        async with serving() as client:
            place = (await client.do("world"))["guilds"][0]["channels"][0]["id"]
            path = f"/channels/{place}/messages"
            ids = [
                (await client.rest("POST", path, {"content": str(n)}))[1]["id"] for n in range(6)
            ]

            async def page(query: str) -> list[str]:
                return [m["content"] for m in (await client.rest("GET", f"{path}?{query}"))[1]]

            assert await page("limit=2") == ["5", "4"]
            assert await page(f"limit=2&before={ids[3]}") == ["2", "1"]
            assert await page(f"limit=2&after={ids[2]}") == ["4", "3"]
            assert await page(f"limit=3&around={ids[2]}") == ["3", "2", "1"]

    run(main())


def test_a_nonce_that_is_enforced_sends_a_message_once() -> None:
    async def main() -> None:
        async with serving() as client:
            place = (await client.do("world"))["guilds"][0]["channels"][0]["id"]
            body = {"content": "once", "nonce": "n1", "enforce_nonce": True}
            path = f"/channels/{place}/messages"
            first, second = [(await client.rest("POST", path, body))[1]["id"] for _ in range(2)]
            assert first == second

    run(main())


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"content": "x" * 2001}, ["content"]),
        ({"embeds": [{"title": "x" * 257}]}, ["embeds", "0", "title"]),
        ({"embeds": [{"description": "x" * 4097}]}, ["embeds", "0", "description"]),
        ({"embeds": [{"title": "x"}] * 11}, ["embeds"]),
        ({"embeds": [{"description": "x" * 3001}] * 2}, ["embeds"]),
        ({"embeds": [{"fields": [{"name": "a"}]}]}, ["embeds", "0", "fields", "0", "value"]),
    ],
)
def test_a_message_that_is_too_long_is_refused_with_the_way_to_the_field(
    body: dict[str, Any], path: list[str]
) -> None:
    async def main() -> None:
        async with serving() as client:
            place = (await client.do("world"))["guilds"][0]["channels"][0]["id"]
            status, answer = await client.rest("POST", f"/channels/{place}/messages", body)
            assert (status, answer["code"]) == (400, 50035)
            errors = answer["errors"]
            for part in path:
                errors = errors[part]
            assert errors["_errors"]

    run(main())


def test_a_moderator_bot_moves_and_mutes_members() -> None:
    async def main() -> None:
        async with serving() as client:
            guild = (await client.do("world"))["guilds"][0]
            user = guild["members"][4]["id"]
            rooms = [c["id"] for c in guild["channels"] if c["type"] == 2]
            path = f"/guilds/{guild['id']}/members/{user}"
            assert (await client.rest("PATCH", path, {"channel_id": rooms[0]}))[1]["code"] == 40032
            await client.do("voice", guild_id=guild["id"], user_id=user, channel_id=rooms[0])
            status, member = await client.rest(
                "PATCH", path, {"channel_id": rooms[1], "mute": True}
            )
            assert (status, member["mute"]) == (200, True)
            state = (await client.rest("GET", f"/guilds/{guild['id']}/voice-states/{user}"))[1]
            assert (state["channel_id"], state["mute"]) == (rooms[1], True)
            changes = (await client.do("truth"))["changes"]
            assert [change["channel_id"] for change in changes] == rooms[:2]

    run(main())
