"""Routes by which the bot answers a command: callback, follow-ups, the original."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from tests.doubles.discord.ids import iso
from tests.doubles.discord.interactions import EPHEMERAL, LOADING
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
    from tests.doubles.discord.interactions import Interaction, Interactions
    from tests.doubles.discord.model import Json
    from tests.doubles.discord.rest.attachments import Attachments
    from tests.doubles.discord.rest.bodies import Upload
    from tests.doubles.discord.world import World

MESSAGE, DEFERRED, DEFERRED_UPDATE, UPDATE, MODAL = 4, 5, 6, 7, 9
_ON = {"1", "true", "True"}


class InteractionRoutes:
    """What a bot may do with an interaction's token; none of it needs the bot's own."""

    def __init__(self, world: World, interactions: Interactions, attachments: Attachments) -> None:
        self._world = world
        self._interactions = interactions
        self._attachments = attachments

    def routes(self) -> list[web.RouteDef]:
        webhook = API + "/webhooks/{application_id}/{token}"
        one = webhook + "/messages/{message_id}"
        return [
            web.post(API + "/interactions/{interaction_id}/{token}/callback", self.callback),
            web.post(webhook, self.follow_up),
            web.get(one, self.one),
            web.patch(one, self.edit),
            web.delete(one, self.delete),
        ]

    async def callback(self, request: web.Request) -> web.Response:
        body, uploads = await read(request)
        info = request.match_info
        interaction = self._interactions.to_answer(info["interaction_id"], info["token"])
        kind, data = body.get("type"), body.get("data") or {}
        with _noting(interaction):
            message = self._first_answer(interaction, kind, data, uploads)
        if request.query.get("with_response") not in _ON:
            return nothing()
        return answer(_callback_response(interaction, message))

    def _first_answer(
        self, interaction: Interaction, kind: object, data: Json, uploads: list[Upload]
    ) -> Json | None:
        flags = int(data.get("flags") or 0) & ~LOADING
        if kind == MODAL:
            interaction.answered, interaction.modal = True, data
            interaction.show()
            return None
        if kind in {DEFERRED_UPDATE, UPDATE} and interaction.pressed is not None:
            return self._update(interaction, kind, data, uploads)
        if kind == DEFERRED:
            interaction.answered = True
            return self._interactions.add_message(interaction, {}, flags & EPHEMERAL | LOADING)
        if kind != MESSAGE:
            raise InvalidFormError(
                ("type",), "BASE_TYPE_CHOICES", "Value must be one of (4, 5, 6, 7, 9)."
            )
        rules.check(data)
        rules.check_not_empty(data, uploads)
        interaction.answered = True
        return self._interactions.add_message(interaction, self._shown([], data, uploads), flags)

    def _update(
        self, interaction: Interaction, kind: object, data: Json, uploads: list[Upload]
    ) -> Json:
        """Let the bot change the message whose button was pressed, now or with a later edit."""
        message = interaction.pressed
        assert message is not None
        rules.check(data)
        interaction.answered = True
        interaction.original_id = message["id"]
        interaction.messages[message["id"]] = message
        if kind == UPDATE:
            shown = self._shown(message["attachments"], data, uploads)
            self._interactions.change_message(interaction, message, shown)
        return message

    async def follow_up(self, request: web.Request) -> web.Response:
        interaction = self._interaction(request)
        body, uploads = await read(request)
        with _noting(interaction):
            rules.check(body)
            rules.check_not_empty(body, uploads)
        original = interaction.messages.get(interaction.original_id or "")
        if original is not None and original["flags"] & LOADING:
            # The first follow-up takes the place of "is thinking".
            shown = self._shown([], body, uploads)
            self._interactions.change_message(interaction, original, shown)
            return answer(original)
        flags = int(body.get("flags") or 0) & ~LOADING
        shown = self._shown([], body, uploads)
        return answer(self._interactions.add_message(interaction, shown, flags))

    async def one(self, request: web.Request) -> web.Response:
        return answer(self._message(self._interaction(request), request))

    async def edit(self, request: web.Request) -> web.Response:
        interaction = self._interaction(request)
        message = self._message(interaction, request)
        body, uploads = await read(request)
        with _noting(interaction):
            rules.check(body)
            if message["flags"] & LOADING:
                rules.check_not_empty(body, uploads)
        if not message["flags"] & LOADING:
            message["edited_timestamp"] = iso()
        shown = self._shown(message["attachments"], body, uploads)
        self._interactions.change_message(interaction, message, shown)
        return answer(message)

    async def delete(self, request: web.Request) -> web.Response:
        interaction = self._interaction(request)
        message = self._message(interaction, request)
        del interaction.messages[message["id"]]
        channel = self._world.channels[interaction.channel_id]
        if self._world.messages[channel.id].pop(message["id"], None) is not None:
            data = {"id": message["id"], "channel_id": channel.id, "guild_id": channel.guild_id}
            self._world.publish(Event("MESSAGE_DELETE", data, channel.guild_id))
        return nothing()

    def _shown(self, old: list[Json], body: Json, uploads: list[Upload]) -> Json:
        return rules.visible(body) | {"attachments": self._attachments.keep(old, body, uploads)}

    def _interaction(self, request: web.Request) -> Interaction:
        info = request.match_info
        return self._interactions.to_follow(info["application_id"], info["token"])

    def _message(self, interaction: Interaction, request: web.Request) -> Json:
        wanted = request.match_info["message_id"]
        message_id = interaction.original_id if wanted == "@original" else wanted
        if message_id not in interaction.messages:
            raise unknown("Message", 10008)
        return interaction.messages[message_id]


class _noting:  # noqa: N801 - used as a statement
    """Keeps what Discord refuses, so that whoever used the command can be told."""

    def __init__(self, interaction: Interaction) -> None:
        self._interaction = interaction

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ApiError):
            self._interaction.errors.append(f"an answer was refused: {error.body}")


def _callback_response(interaction: Interaction, message: Json | None) -> Json:
    about: Json = {"id": interaction.id, "type": 2}
    if message is None:
        return {"interaction": about}
    flags = message["flags"]
    about |= {
        "response_message_id": message["id"],
        "response_message_loading": bool(flags & LOADING),
        "response_message_ephemeral": bool(flags & EPHEMERAL),
    }
    return {"interaction": about, "resource": {"type": MESSAGE, "message": message}}
