"""Runs the local Discord as a process of its own, for tests on Trio."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import trio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

ROOT = Path(__file__).resolve().parents[3]
START_S = 20.0
END_S = 10.0
TALK_S = 60.0


class RefusedError(Exception):
    """The local Discord refused a control request; the text is its sentence."""


class FailedError(Exception):
    """The local Discord did not start, or did not end cleanly."""


@dataclass(frozen=True)
class LocalDiscord:
    """A running local Discord."""

    process: trio.Process
    api_url: str
    gateway_url: str
    control_url: str
    token: str
    application_id: str
    owner_id: str
    _http: httpx.AsyncClient

    async def do(self, verb: str, **fields: Any) -> Any:
        """Send a control request and return its result.

        Raises:
            RefusedError: the request does not fit the world.
        """
        answer = (await self._http.post(self.control_url, json={"do": verb, **fields})).json()
        if not answer["ok"]:
            raise RefusedError(answer["error"])
        return answer["result"]


@contextlib.asynccontextmanager
async def local_discord(*arguments: str) -> AsyncIterator[LocalDiscord]:
    """Start `python -m tests.doubles.discord` with these options; end it afterwards.

    Raises:
        FailedError: it did not start, or wrote to standard error, or ended with a code.
    """
    errors = bytearray()
    with _alone():
        async with trio.open_nursery() as nursery, httpx.AsyncClient(timeout=TALK_S) as http:
            process = await nursery.start(partial(_run, arguments))
            nursery.start_soon(_keep, process.stderr, errors)
            try:
                line = await _first_line(process, errors)
                yield LocalDiscord(process=process, **json.loads(line), _http=http)
            except BaseException as error:
                if errors:
                    error.add_note(f"the local Discord wrote: {errors.decode(errors='replace')}")
                raise
            finally:
                with trio.CancelScope(shield=True):
                    await _end(process)
                nursery.cancel_scope.cancel()
    # Reached only when the test itself has not failed.
    if process.returncode or errors:
        raise FailedError(f"it ended with {process.returncode}: {errors.decode(errors='replace')}")


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Raise a test's own error as it is, not as the one member of a group."""
    try:
        yield
    except BaseExceptionGroup as group:
        if len(group.exceptions) > 1:
            raise
        raise group.exceptions[0] from None


async def _run(
    arguments: Sequence[str],
    *,
    task_status: trio.TaskStatus[trio.Process] = trio.TASK_STATUS_IGNORED,
) -> None:
    await trio.run_process(
        [sys.executable, "-W", "error", "-m", "tests.doubles.discord", "--lifeline", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
        task_status=task_status,
    )


async def _first_line(process: trio.Process, errors: bytearray) -> bytes:
    assert process.stdout is not None
    line = bytearray()
    with trio.move_on_after(START_S):
        while not line.endswith(b"\n"):
            part = await process.stdout.receive_some()
            if not part:
                # It has ended; let its last words come in.
                await process.wait()
                await trio.sleep(0.05)
                break
            line += part
    if not line.endswith(b"\n"):
        raise FailedError(f"it did not start: {errors.decode(errors='replace') or 'no word'}")
    return bytes(line)


async def _keep(stream: trio.abc.ReceiveStream, kept: bytearray) -> None:
    async for part in stream:
        kept += part


async def _end(process: trio.Process) -> None:
    """Let go of the lifeline; kill what does not end by that."""
    assert process.stdin is not None
    await process.stdin.aclose()
    with trio.move_on_after(END_S):
        await process.wait()
    if process.poll() is None:
        process.kill()
    await process.wait()
