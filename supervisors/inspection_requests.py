"""Looking into actors over the control socket: see one, trace it, suspend and resume it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import trio

from actors.kernel.errors import ActorError
from actors.kernel.inspection import Trace, resume, suspend, view
from actors.kernel.system import ChildCount, ChildState, CountChildren
from supervisors.answers import Answer, RequestError, find_actor, seconds
from supervisors.wire import plain, utc

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from actors.kernel.cell import Cell
    from actors.kernel.inspection import Turn
    from supervisors.answers import Say
    from supervisors.sources import Sources

COUNT_S = 0.5
"""How long a supervisor may take to count its children."""

TRACE_S, LONGEST_TRACE_S = 10.0, 3600.0


class Inspection:
    """The verbs `actor`, `trace`, `suspend` and `resume`."""

    def __init__(self, sources: Sources) -> None:
        self._directory = sources.directory
        self.verbs: Mapping[str, Callable[[dict[str, Any]], Awaitable[Answer]]] = {
            "actor": self._actor,
            "trace": self._trace,
            "suspend": self._suspend,
            "resume": self._resume,
        }

    async def _actor(self, request: dict[str, Any]) -> Answer:
        cell = find_actor(self._directory, request.get("name"))
        seen = view(self._directory, cell)
        children = [each.report() for each in self._directory.children(cell.name)]
        count = await self._count(cell) if cell.supervises else None
        body = {"actor": plain(seen), "children": plain(children), "count": plain(count)}
        return Answer({"ok": True, **body})

    async def _count(self, cell: Cell) -> ChildCount | None:
        """Have the supervisor count; null where it does not answer."""
        try:
            address = self._directory.address(cell.name)
            count: ChildCount = await address.ask(CountChildren(), within=COUNT_S)
        except (ActorError, trio.TooSlowError):
            return None
        return count

    async def _suspend(self, request: dict[str, Any]) -> Answer:
        cell = find_actor(self._directory, request.get("name"))
        if cell.state is not ChildState.RUNNING:
            raise RequestError(
                f"{cell.name} is {cell.state.value}, so there is nothing to suspend; try again"
            )
        suspend(cell)
        return Answer({"ok": True, **_stands(cell)})

    async def _resume(self, request: dict[str, Any]) -> Answer:
        cell = find_actor(self._directory, request.get("name"))
        if not cell.mailbox.suspended:
            raise RequestError(f"{cell.name} is not suspended; it is {cell.state.value}")
        resume(cell)
        return Answer({"ok": True, **_stands(cell)})

    async def _trace(self, request: dict[str, Any]) -> Answer:
        cell = find_actor(self._directory, request.get("name"))
        for_s = seconds(request, "for_s", TRACE_S, LONGEST_TRACE_S)

        async def stream(say: Say) -> dict[str, Any]:
            turns = 0
            with Trace(cell, time.time) as trace:
                await say({"tracing": cell.name})
                with trio.move_on_after(for_s):
                    while True:
                        for turn in await trace.next():
                            turns += 1
                            await say({"turn": _turn(turn)})
                return {"turns": turns, "missed": trace.missed}

        return Answer({"ok": True, "name": cell.name, "for_s": for_s}, stream=stream)


def _stands(cell: Cell) -> dict[str, Any]:
    return {
        "name": cell.name,
        "state": cell.report().state.value,
        "waiting": cell.mailbox.depth(),
    }


def _turn(turn: Turn) -> dict[str, Any]:
    return {
        "at_utc": utc(turn.at_utc_s).isoformat(),
        "message": turn.message,
        "took_ms": round(turn.took_s * 1000, 3),
        "error": turn.error,
    }
