"""Runs the local Discord until a signal, or the end of its lifeline."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import signal
import sys
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING

from tests.doubles.discord.options import parse
from tests.doubles.discord.server import LocalDiscord

if TYPE_CHECKING:
    from tests.doubles.discord.options import Options

EX_OSERR = 71


def main() -> int:
    """Run to the end and return the exit code."""
    options = parse()
    try:
        asyncio.run(_run(options))
    except OSError as error:
        if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
            raise
        reason = "is in use" if error.errno == errno.EADDRINUSE else "needs more rights"
        print(
            f"port {options.port} {reason}; choose another one, or --port 0 for any",
            file=sys.stderr,
        )
        return EX_OSERR
    return 0


async def _run(options: Options) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    if options.lifeline:
        _watch_lifeline(loop, ended)
    local = LocalDiscord(options)
    announcement = await local.start()
    try:
        # In one piece, also when Python does not buffer: whoever reads may wait for a line.
        sys.stdout.write(json.dumps(asdict(announcement)) + "\n")
        sys.stdout.flush()
        await ended.wait()
    finally:
        await local.stop()


def _watch_lifeline(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    """End with standard input: whoever held its other end is gone."""

    def read_to_the_end() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        with contextlib.suppress(RuntimeError):  # the loop is closed: ended otherwise
            loop.call_soon_threadsafe(ended.set)

    # A plain thread: the loop's own pipes cannot read every kind of standard input.
    threading.Thread(target=read_to_the_end, name="lifeline", daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
