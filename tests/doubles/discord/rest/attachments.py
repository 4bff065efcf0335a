"""Files that came with messages, for as long as the program runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from tests.doubles.discord.rest import message_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.doubles.discord.ids import Snowflakes
    from tests.doubles.discord.model import Json
    from tests.doubles.discord.rest.bodies import Upload

FILES_KEPT = 100


class Attachments:
    """Keeps the newest files and serves them at the `url` of their attachment."""

    def __init__(self, ids: Snowflakes, base_url: str) -> None:
        self._ids = ids
        self._base_url = base_url
        self._files: dict[str, tuple[str, bytes]] = {}

    def keep(self, old: Iterable[Json], body: Json, uploads: Sequence[Upload]) -> list[Json]:
        """Store the files of a request and return the attachments its message then has."""
        found = message_rules.attachments(self._ids, self._base_url, old, body, uploads)
        for attachment, upload in zip(found[len(found) - len(uploads) :], uploads, strict=True):
            self._files[attachment["id"]] = upload.content_type, upload.data
        while len(self._files) > FILES_KEPT:
            del self._files[next(iter(self._files))]
        return found

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/attachments/{attachment_id}/{name}", self.file)]

    async def file(self, request: web.Request) -> web.Response:
        kind, data = self._files.get(request.match_info["attachment_id"], ("", None))
        if data is None:
            raise web.HTTPNotFound
        return web.Response(body=data, headers={"Content-Type": kind})
