"""Request bodies: JSON, or multipart with files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import BodyPartReader, web

from tests.doubles.discord.rest.answers import ApiError

if TYPE_CHECKING:
    from tests.doubles.discord.model import Json

_NOT_JSON = "The request body contains invalid JSON."


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a message; `part` is n of `files[n]`."""

    part: str
    filename: str
    content_type: str
    data: bytes


async def read(request: web.Request) -> tuple[Json, list[Upload]]:
    """Return the JSON object of a request, and its files.

    Raises:
        ApiError: the body is no JSON object.
    """
    if request.content_type != "multipart/form-data":
        return _object(await request.read()), []
    body: Json = {}
    uploads: list[Upload] = []
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        data, name = bytes(await part.read()), part.name or ""
        if name == "payload_json":
            body = _object(data)
        elif name.startswith("files["):
            kind = part.headers.get("Content-Type", "application/octet-stream")
            uploads.append(Upload(name[6:-1], part.filename or "unknown", kind, data))
    return body, uploads


async def read_list(request: web.Request) -> list[Json]:
    """Return the list of JSON objects that a request brings."""
    value = _loads(await request.read())
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise ApiError(400, 50109, _NOT_JSON)
    return value


def _object(raw: bytes) -> Json:
    value = _loads(raw) if raw else {}
    if not isinstance(value, dict):
        raise ApiError(400, 50109, _NOT_JSON)
    return value


def _loads(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except ValueError as error:
        raise ApiError(400, 50109, _NOT_JSON) from error
