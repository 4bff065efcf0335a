"""Drills over the control socket: what may be drilled, and the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from actors.analyst.protocol import LedgerReport
from actors.gateway.protocol import HowIsTheLink
from supervisors.answers import Answer, RequestError, find_actor, seconds
from supervisors.drills import ASK_ON_S, Bystander, Drill, DrillImpossibleError, Order
from supervisors.watchdog import HowResponsive

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from actors.kernel.cell import Cell
    from supervisors.answers import Say
    from supervisors.sources import Sources

KINDS = ("kill", "hang", "flood", "slow")
LIMIT_S, LONGEST_S = 60.0, 3600.0
SLOW_S, EACH_MS = 5.0, 50.0


class Drills:
    """The verb `drill`."""

    def __init__(self, sources: Sources, own_name: str) -> None:
        self._sources = sources
        self._own_name = own_name
        self.verbs: Mapping[str, Callable[[dict[str, Any]], Awaitable[Answer]]] = {
            "drill": self._drill
        }

    async def _drill(self, request: dict[str, Any]) -> Answer:
        if self._sources.real_discord and request.get("yes") is not True:
            raise RequestError(
                "this bot is connected to Discord itself, where members would notice a drill; "
                "try it in `main.py demo`, or say --yes"
            )
        cell = find_actor(self._sources.directory, request.get("name"))
        order = _order(request)
        self._see_whether_it_survives(cell)
        bystander, drill = self._bystander(cell), Drill(self._sources.directory, cell, order)
        try:
            drill.check()
        except DrillImpossibleError as error:
            raise RequestError(str(error)) from error

        async def stream(say: Say) -> dict[str, Any]:
            await say({"said": _beginning(order, cell)})
            return await self._run(order, cell, drill, bystander)

        return Answer({"ok": True, "name": cell.name, "what": order.what}, stream=stream)

    def _see_whether_it_survives(self, cell: Cell) -> None:
        if not cell.parent:
            raise RequestError(f"{cell.name} is the whole bot; drill one of its parts")
        if cell.name == self._own_name:
            raise RequestError(
                f"the drill would run in {cell.name} itself; drill another part, or crash this "
                f'one with {{"do": "crash", "name": "{cell.name}"}}'
            )

    async def _run(
        self, order: Order, cell: Cell, drill: Drill, bystander: Bystander
    ) -> dict[str, Any]:
        directory = self._sources.directory
        lost, starts = directory.dead_letter_count, cell.starts
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bystander.ask_on)
            healed_s = await drill.run()
            await trio.sleep(ASK_ON_S)
            nursery.cancel_scope.cancel("the drill is over")
        return {
            "what": order.what,
            "name": cell.name,
            "recovered": healed_s is not None,
            "recovery_ms": None if healed_s is None else round(healed_s * 1000, 1),
            "limit_s": order.limit_s,
            "restarts": cell.starts - starts,
            "messages_lost": directory.dead_letter_count - lost,
            "bystander": bystander.report(),
            **drill.figures,
        }

    def _bystander(self, cell: Cell) -> Bystander:
        """Choose an actor that must not notice: none that runs below, or beside, the target."""
        sources = self._sources
        for address, request in (
            (sources.watchdog, HowResponsive()),
            (sources.gateway, HowIsTheLink()),
            (sources.analyst, LedgerReport()),
        ):
            if cell.name not in self._line_of(address.name):
                return Bystander(address, request)
        raise RequestError(f"there is nobody to ask while {cell.name} is drilled")

    def _line_of(self, name: str) -> list[str]:
        """Name an actor and all above it."""
        line: list[str] = []
        while (cell := self._sources.directory.find(name)) is not None:
            line.append(name)
            name = cell.parent
        return line


def _order(request: dict[str, Any]) -> Order:
    what = request.get("what")
    if what not in KINDS:
        raise RequestError(f"a drill is one of {', '.join(KINDS)}, not {what!r}")
    return Order(
        what=what,
        limit_s=seconds(request, "limit_s", LIMIT_S, LONGEST_S),
        for_s=seconds(request, "for_s", SLOW_S, LONGEST_S),
        each_s=seconds(request, "each_ms", EACH_MS, 60_000) / 1000,
    )


def _beginning(order: Order, cell: Cell) -> str:
    waits = f"{cell.mailbox.depth()} waiting"
    match order.what:
        case "hang":
            return f"hanging {cell.name} in its next turn; after {cell.turn_s:g} s it is killed"
        case "flood":
            return f"filling the mailbox of {cell.name} ({waits} of {cell.mailbox.capacity:g})"
        case "slow":
            each, span = order.each_s * 1000, order.for_s
            return f"slowing each turn of {cell.name} by {each:g} ms for {span:g} s ({waits})"
        case _:
            return f"crashing {cell.name} ({waits})"
