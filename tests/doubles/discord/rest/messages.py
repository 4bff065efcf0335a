"""Routes for channels, direct channels and messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from tests.doubles.discord import objects
from tests.doubles.discord.ids import iso
from tests.doubles.discord.rest import message_rules as rules
from tests.doubles.discord.rest.answers import (
    API,
    ApiError,
    InvalidFormError,
    answer,
    nothing,
    unknown,
)
from tests.doubles.discord.rest.bodies import read
from tests.doubles.discord.world import Event

if TYPE_CHECKING:
    from tests.doubles.discord.model import Channel, Json
    from tests.doubles.discord.rest.attachments import Attachments
    from tests.doubles.discord.world import World

_PAGE = 100


class MessageRoutes:
    """Everything under /channels, and opening a direct channel."""

    def __init__(self, world: World, attachments: Attachments) -> None:
        self._world = world
        self._attachments = attachments

    def routes(self) -> list[web.RouteDef]:
        channel = API + "/channels/{channel_id}"
        one = channel + "/messages/{message_id}"
        return [
            web.post(f"{API}/users/@me/channels", self.open_direct),
            web.get(channel, self.channel),
            web.post(channel + "/typing", self.typing),
            web.post(channel + "/messages", self.create),
            web.get(channel + "/messages", self.history),
            web.get(one, self.one),
            web.patch(one, self.edit),
            web.delete(one, self.delete),
        ]

    async def open_direct(self, request: web.Request) -> web.Response:
        body, _ = await read(request)
        user = self._world.users.get(str(body.get("recipient_id")))
        if user is None:
            raise unknown("User", 10013)
        if user.is_bot:
            raise ApiError(400, 50007, "Cannot send messages to this user")
        return answer(objects.channel(self._world.direct_channel(user)))

    async def channel(self, request: web.Request) -> web.Response:
        return answer(objects.channel(self._channel(request)))

    async def typing(self, request: web.Request) -> web.Response:
        self._channel(request)
        return nothing()

    async def create(self, request: web.Request) -> web.Response:
        channel = self._channel(request)
        body, uploads = await read(request)
        rules.check(body)
        rules.check_not_empty(body, uploads)
        again = self._with_nonce(channel, body)
        if again is not None:
            return answer(again)
        message = self._world.new_message(
            channel.id,
            self._world.bot,
            **rules.visible(body),
            attachments=self._attachments.keep([], body, uploads),
            tts=bool(body.get("tts")),
            flags=int(body.get("flags") or 0),
        )
        if body.get("nonce") is not None:
            message["nonce"] = body["nonce"]
        self._world.post(message)
        return answer(message)

    def _with_nonce(self, channel: Channel, body: Json) -> Json | None:
        if not body.get("enforce_nonce") or body.get("nonce") is None:
            return None
        kept = self._world.messages[channel.id].values()
        return next((m for m in kept if m.get("nonce") == body["nonce"]), None)

    async def history(self, request: web.Request) -> web.Response:
        messages = list(self._world.messages[self._channel(request).id].values())
        limit = _number(request, "limit", 50)
        if not 1 <= limit <= _PAGE:
            raise InvalidFormError(("limit",), "NUMBER_TYPE_MAX", f"Must be 1 to {_PAGE}.")
        return answer([*reversed(_page(request, messages, limit))])

    async def one(self, request: web.Request) -> web.Response:
        return answer(self._message(request))

    async def edit(self, request: web.Request) -> web.Response:
        message = self._message(request)
        if message["author"]["id"] != self._world.bot.id:
            raise ApiError(403, 50005, "Cannot edit a message authored by another user")
        body, uploads = await read(request)
        rules.check(body)
        message |= rules.visible(body)
        message["attachments"] = self._attachments.keep(message["attachments"], body, uploads)
        message["edited_timestamp"] = iso()
        self._world.publish(self._world.message_event("MESSAGE_UPDATE", message))
        return answer(message)

    async def delete(self, request: web.Request) -> web.Response:
        message = self._message(request)
        channel = self._world.channels[message["channel_id"]]
        del self._world.messages[channel.id][message["id"]]
        data = {"id": message["id"], "channel_id": channel.id}
        if channel.guild_id is not None:
            data["guild_id"] = channel.guild_id
        self._world.publish(Event("MESSAGE_DELETE", data, channel.guild_id))
        return nothing()

    def _channel(self, request: web.Request) -> Channel:
        channel = self._world.channels.get(request.match_info["channel_id"])
        if channel is None:
            raise unknown("Channel", 10003)
        return channel

    def _message(self, request: web.Request) -> Json:
        kept = self._world.messages[self._channel(request).id]
        message = kept.get(request.match_info["message_id"])
        if message is None:
            raise unknown("Message", 10008)
        return message


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isdecimal():
        raise InvalidFormError((name,), "NUMBER_TYPE_COERCE", f'Value "{text}" is not int.')
    return int(text)


def _page(request: web.Request, messages: list[Json], limit: int) -> list[Json]:
    """Return the asked-for part of a channel, oldest first."""
    if "around" in request.query:
        middle = _number(request, "around", 0)
        before = sum(int(m["id"]) < middle for m in messages)
        return messages[max(0, before - limit // 2) :][:limit]
    if "after" in request.query:
        after = _number(request, "after", 0)
        return [m for m in messages if int(m["id"]) > after][:limit]
    before = _number(request, "before", 1 << 63)
    return [m for m in messages if int(m["id"]) < before][-limit:]
