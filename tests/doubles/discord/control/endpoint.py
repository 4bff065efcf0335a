"""The control endpoint: POST {"do": verb, ...}."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from tests.doubles.discord.command_options import OptionError
from tests.doubles.discord.command_use import CommandError
from tests.doubles.discord.control.fields import FieldError, Fields
from tests.doubles.discord.rest.answers import answer
from tests.doubles.discord.world import UnknownThingError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.doubles.discord.control.faults import Faults
    from tests.doubles.discord.control.verbs import Verbs
    from tests.doubles.discord.model import Json

_REFUSALS = (FieldError, UnknownThingError, CommandError, OptionError)


class Control:
    """Runs verbs; every refusal is one sentence and changes nothing."""

    def __init__(self, verbs: Verbs, faults: Faults) -> None:
        self._verbs: dict[str, Callable[[Fields], Awaitable[Json]]] = {
            name: method
            for owner in (verbs, faults)
            for name, method in inspect.getmembers(owner, inspect.iscoroutinefunction)
            if not name.startswith("_")
        }

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/control", self.post)]

    async def post(self, request: web.Request) -> web.Response:
        try:
            return answer({"ok": True, "result": await self._run(await request.read())})
        except _REFUSALS as error:
            return answer({"ok": False, "error": str(error)}, 400)

    async def _run(self, raw: bytes) -> Json:
        try:
            body = orjson.loads(raw)
        except ValueError as error:
            raise FieldError(f"the request is no JSON: {error}") from error
        if not isinstance(body, dict):
            raise FieldError('the request must be an object such as {"do": "world"}')
        verb = body.get("do")
        if not isinstance(verb, str) or verb not in self._verbs:
            raise FieldError(f"unknown verb {verb!r}; there are {', '.join(sorted(self._verbs))}")
        return await self._verbs[verb](Fields(verb, body))
