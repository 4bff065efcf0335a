"""Slash commands: what the bot has synced, and the routes for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from tests.doubles.discord.rest import command_rules as rules
from tests.doubles.discord.rest.answers import (
    API,
    ApiError,
    InvalidFormError,
    answer,
    nothing,
    unknown,
)
from tests.doubles.discord.rest.bodies import read, read_list

if TYPE_CHECKING:
    from tests.doubles.discord.model import Json
    from tests.doubles.discord.world import World

GLOBAL = ""
"""The scope of commands that every guild has."""


class CommandBook:
    """The synced commands: by scope (a guild's id, or global), then by type and name."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._scopes: dict[str, dict[tuple[int, str], Json]] = {}

    def listed(self, scope: str) -> list[Json]:
        return list(self._scopes.get(scope, {}).values())

    def find(self, guild_id: str, name: str) -> Json | None:
        """Return the slash command that members of a guild see under this name."""
        key = (1, name)
        own = self._scopes.get(guild_id, {})
        return own.get(key) or self._scopes.get(GLOBAL, {}).get(key)

    def names(self, guild_id: str) -> list[str]:
        keys = [*self._scopes.get(GLOBAL, {}), *self._scopes.get(guild_id, {})]
        return sorted({name for kind, name in keys if kind == 1})

    def put(self, scope: str, commands: list[Json]) -> list[Json]:
        """Replace a scope; a command that keeps its name keeps its id."""
        if len(commands) > rules.COMMANDS:
            message = f"Must be {rules.COMMANDS} or fewer in length."
            raise InvalidFormError((), "BASE_TYPE_MAX_LENGTH", message)
        for number, command in enumerate(commands):
            rules.check_command(command, (str(number),))
        rules.check_unique([_key(command) for command in commands])
        before = self._scopes.get(scope, {})
        self._scopes[scope] = {
            _key(each): self._stored(scope, each, before.get(_key(each))) for each in commands
        }
        return self.listed(scope)

    def add(self, scope: str, command: Json) -> Json:
        rules.check_command(command)
        place = self._scopes.setdefault(scope, {})
        place[_key(command)] = self._stored(scope, command, place.get(_key(command)))
        return place[_key(command)]

    def one(self, scope: str, command_id: str) -> Json:
        for command in self.listed(scope):
            if command["id"] == command_id:
                return command
        raise unknown("application command", 10063)

    def remove(self, scope: str, command_id: str) -> None:
        del self._scopes[scope][_key(self.one(scope, command_id))]

    def replace(self, scope: str, command_id: str, changes: Json) -> Json:
        old = self.one(scope, command_id)
        new = old | changes
        rules.check_command(new)
        del self._scopes[scope][_key(old)]
        self._scopes[scope][_key(new)] = new | {"version": self._world.ids.take()}
        return self._scopes[scope][_key(new)]

    def _stored(self, scope: str, command: Json, before: Json | None) -> Json:
        given = {name: value for name, value in command.items() if value is not None}
        kept: Json = {
            "type": 1,
            "description": "",
            "name_localizations": None,
            "description_localizations": None,
            "default_member_permissions": None,
            "dm_permission": True,
            "contexts": None,
            "integration_types": [0],
            "nsfw": False,
            **given,
            "id": self._world.ids.take() if before is None else before["id"],
            "application_id": self._world.application_id,
            "version": self._world.ids.take(),
        }
        if scope != GLOBAL:
            kept["guild_id"] = scope
        return kept


def _key(command: Json) -> tuple[int, str]:
    return command.get("type") or 1, command["name"]


class CommandRoutes:
    """Sync: global commands and those of one guild."""

    def __init__(self, world: World, book: CommandBook) -> None:
        self._world = world
        self._book = book

    def routes(self) -> list[web.RouteDef]:
        found: list[web.RouteDef] = []
        for middle in ("", "/guilds/{guild_id}"):
            path = f"{API}/applications/{{application_id}}{middle}/commands"
            one = path + "/{command_id}"
            found += [
                web.get(path, self.listed),
                web.put(path, self.put),
                web.post(path, self.add),
                web.get(one, self.one),
                web.patch(one, self.edit),
                web.delete(one, self.delete),
            ]
        return found

    async def listed(self, request: web.Request) -> web.Response:
        return answer(self._book.listed(self._scope(request)))

    async def put(self, request: web.Request) -> web.Response:
        return answer(self._book.put(self._scope(request), await read_list(request)))

    async def add(self, request: web.Request) -> web.Response:
        body, _ = await read(request)
        scope = self._scope(request)
        before = len(self._book.listed(scope))
        command = self._book.add(scope, body)
        return answer(command, 201 if len(self._book.listed(scope)) > before else 200)

    async def one(self, request: web.Request) -> web.Response:
        return answer(self._book.one(self._scope(request), request.match_info["command_id"]))

    async def edit(self, request: web.Request) -> web.Response:
        body, _ = await read(request)
        command_id = request.match_info["command_id"]
        return answer(self._book.replace(self._scope(request), command_id, body))

    async def delete(self, request: web.Request) -> web.Response:
        self._book.remove(self._scope(request), request.match_info["command_id"])
        return nothing()

    def _scope(self, request: web.Request) -> str:
        if request.match_info["application_id"] != self._world.application_id:
            raise ApiError(
                403, 20012, "You are not authorized to perform this action on this application"
            )
        guild_id = request.match_info.get("guild_id", GLOBAL)
        if guild_id != GLOBAL and guild_id not in self._world.guilds:
            raise ApiError(403, 50001, "Missing Access")
        return guild_id
