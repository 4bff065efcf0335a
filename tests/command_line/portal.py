"""A Discord of three answers, which a test can spoil."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "MTA.abc.def-SECRET"
INTENT_IN_FEW_SERVERS = 1 << 15
INTENT_OF_A_VERIFIED_BOT = 1 << 14


@dataclass
class Portal:
    """What it answers, and what it was asked."""

    token: str = TOKEN
    flags: int | None = INTENT_IN_FEW_SERVERS
    status: int = 200
    """Anything but 200 is answered to everything."""

    body: bytes | None = None
    delay_s: float = 0.0
    asked: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    """Path, authorization and user agent."""

    url: str = ""

    def answer(self, path: str, authorization: str | None) -> tuple[int, bytes]:
        time.sleep(self.delay_s)
        if self.status != 200 or self.body is not None:
            return self.status, self.body or b"{}"
        if authorization != f"Bot {self.token}":
            return 401, b'{"message": "401: Unauthorized", "code": 0}'
        objects: dict[str, dict[str, Any]] = {
            "/api/v10/users/@me": {"id": "80", "username": "bulkhead"},
            "/api/v10/oauth2/applications/@me": {"id": "81", "name": "x", "flags": self.flags},
        }
        found = objects.get(path)
        return (200, json.dumps(found).encode()) if found else (404, b"{}")


@contextlib.contextmanager
def portal() -> Iterator[Portal]:
    """Serve it on loopback until the block ends."""
    it = Portal()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            authorization = self.headers.get("Authorization")
            it.asked.append((self.path, authorization, self.headers.get("User-Agent")))
            status, body = it.answer(self.path, authorization)
            with contextlib.suppress(OSError):  # the asker may have given up
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Retry-After", "7")
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        it.url = f"http://127.0.0.1:{server.server_address[1]}/api/v10"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield it
        finally:
            server.shutdown()
            thread.join()
