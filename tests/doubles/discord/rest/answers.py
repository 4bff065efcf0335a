"""Answers in Discord's form: JSON without a charset, errors with code and message."""

from __future__ import annotations

import asyncio
import time
import zlib
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from tests.doubles.discord.world import UnknownThingError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.doubles.discord.model import Json
    from tests.doubles.discord.tuning import Tuning

API = "/api/v10"
_WITHOUT_TOKEN = (f"{API}/interactions/", f"{API}/webhooks/", f"{API}/gateway")


class ApiError(Exception):
    """A refusal, as Discord words it: HTTP status, error code, message, nested errors."""

    def __init__(self, status: int, code: int, message: str, errors: Json | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"message": message, "code": code}
        if errors:
            self.body["errors"] = errors


class InvalidFormError(ApiError):
    """400 with code 50035; `path` leads to the field, such as `embeds`, `0`, `title`."""

    def __init__(self, path: tuple[str, ...], code: str, message: str) -> None:
        errors: Json = {"_errors": [{"code": code, "message": message}]}
        for part in reversed(path):
            errors = {part: errors}
        super().__init__(400, 50035, "Invalid Form Body", errors)


def unknown(what: str, code: int) -> ApiError:
    """Return the 404 for something that does not exist, such as `Unknown Channel`."""
    return ApiError(404, code, f"Unknown {what}")


def answer(data: Any, status: int = 200) -> web.Response:
    # aiohttp's json_response would add a charset, which discord.py takes for another type.
    return web.Response(body=orjson.dumps(data), status=status, content_type="application/json")


def nothing() -> web.Response:
    return web.Response(status=204)


class Frontier:
    """What every request passes: counting, the token, errors, and rate-limit headers."""

    def __init__(self, tuning: Tuning) -> None:
        self._tuning = tuning
        self.requests = 0

    def middleware(self) -> Any:
        """Return the middleware that aiohttp runs around each route."""

        @web.middleware
        async def around(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            if not request.path.startswith("/api/"):
                return await handler(request)
            self.requests += 1
            if self._tuning.rest_delay_ms:
                await asyncio.sleep(self._tuning.rest_delay_ms / 1000)
            response = await self._within(request, handler)
            response.headers.update(_limits(request))
            return response

        return around

    async def _within(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        try:
            self._check_token(request)
            return await handler(request)
        except ApiError as error:
            return answer(error.body, error.status)
        except web.HTTPException as error:
            return answer({"message": f"{error.status}: {error.reason}", "code": 0}, error.status)
        except UnknownThingError:
            return answer({"message": "404: Not Found", "code": 0}, 404)

    def _check_token(self, request: web.Request) -> None:
        if request.path.startswith(_WITHOUT_TOKEN) and request.path != f"{API}/gateway/bot":
            return
        if request.headers.get("Authorization") != f"Bot {self._tuning.token}":
            raise ApiError(401, 0, "401: Unauthorized")


def _limits(request: web.Request) -> dict[str, str]:
    resource = request.match_info.route.resource
    template = request.path if resource is None else resource.canonical
    return {
        "X-RateLimit-Limit": "50",
        "X-RateLimit-Remaining": "49",
        "X-RateLimit-Reset": f"{time.time() + 1:.3f}",
        "X-RateLimit-Reset-After": "1.000",
        "X-RateLimit-Bucket": f"{zlib.crc32(f'{request.method} {template}'.encode()):08x}",
    }
