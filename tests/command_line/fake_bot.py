"""The control socket of a bot, without the bot: it answers what a test tells it to."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextlib.contextmanager
def fake_bot(
    folder: Path, answer: Callable[[dict[str, Any]], dict[str, Any] | None]
) -> Iterator[list[dict[str, Any]]]:
    """Listen on `folder` and give what was asked; an answer of null hangs up."""
    asked: list[dict[str, Any]] = []
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "bulkhead.sock"

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as stream:
                line = stream.readline()
                if not line:
                    continue  # somebody only looked whether anyone is there
                asked.append(json.loads(line))
                reply = answer(asked[-1])
                if reply is not None:
                    with contextlib.suppress(OSError):
                        stream.write(json.dumps(reply).encode() + b"\n")
                        stream.flush()

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield asked
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread
            thread.join()
            path.unlink()
