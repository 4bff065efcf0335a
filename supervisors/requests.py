"""What an operator may ask of a running bot, and the answers."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import structlog
import trio

from actors.analyst.protocol import LedgerReport, TopVoice
from actors.gateway.protocol import HowIsTheLink
from actors.kernel.errors import ActorError
from actors.kernel.mailbox import short
from actors.kernel.system import ChildState
from actors.snapshots.protocol import TakeSnapshot
from storage.database import StorageError
from supervisors.answers import Answer, RequestError, find_actor, number, refusal
from supervisors.crash_requests import Crashes
from supervisors.drill_requests import Drills
from supervisors.inspection_requests import Inspection
from supervisors.watchdog import HowResponsive
from supervisors.wire import plain, utc

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from actors.kernel.addresses import Address
    from actors.kernel.messages import Request
    from actors.kernel.system import SupervisionEvent
    from supervisors.sources import Sources

PART_S = 1.0
"""How long status waits for one part; what does not answer by then is null."""

SNAPSHOT_S = 60.0
TOP_S = 2.0

CROWDED = 100
"""Where so many messages wait already, a status request would only be one more."""

DEAD_LETTERS = 20

BEGINNING = datetime(2015, 1, 1, tzinfo=UTC)
"""Before the first Discord id was made, so before every row."""

log = structlog.get_logger(__name__)


class Answers:
    """Answers one request after the other; `own_name` is the actor that serves them."""

    def __init__(self, sources: Sources, own_name: str) -> None:
        self._sources = sources
        self._own_name = own_name
        self._verbs: dict[str, Callable[[dict[str, Any]], Awaitable[Answer]]] = {
            "status": self._status,
            "snapshot": self._snapshot,
            "top": self._top,
            "crash": self._crash,
            "stop": self._stop,
            **Inspection(sources).verbs,
            **Crashes(sources).verbs,
            **Drills(sources, own_name).verbs,
        }

    async def answer(self, request: object) -> Answer:
        """Do what a request says; what goes wrong is an answer too."""
        body = cast("dict[str, Any]", request) if isinstance(request, dict) else {}
        verb = str(body.get("do"))
        work = self._verbs.get(verb)
        if work is None:
            known = ", ".join(self._verbs)
            return refusal(f'send one JSON object a line, {{"do": VERB}}, with one of: {known}')
        try:
            return await work(body)
        except (RequestError, StorageError) as error:
            return refusal(str(error))
        except trio.TooSlowError:
            return refusal(f"{verb}: whoever can do this did not answer in time; try again")
        except ActorError as error:
            return refusal(f"{verb}: {error}; try again")
        except Exception as error:
            # Whatever it is, a request must never cost the bot its console.
            log.warning("a request failed", verb=verb, exc_info=True)
            return refusal(f"{verb} failed: {type(error).__name__}: {error}")

    async def _status(self, _request: dict[str, Any]) -> Answer:
        sources = self._sources
        sources.events.deliver()
        parts: dict[str, Any] = {}
        async with trio.open_nursery() as nursery:
            for key, address, request in (
                ("link", sources.gateway, HowIsTheLink()),
                ("ledger", sources.analyst, LedgerReport()),
                ("responsiveness", sources.watchdog, HowResponsive()),
            ):
                nursery.start_soon(self._ask_part, parts, key, address, request)
        directory = sources.directory
        letters = list(directory.dead_letters)[-DEAD_LETTERS:]
        status = {
            "version": sources.version,
            "pid": os.getpid(),
            "uptime_s": round(time.monotonic() - sources.started, 3),
            # As it is: a tree of thousands is written by the JSON library itself.
            "tree": directory.census(),
            **parts,
            "dead_letters": {
                "count": directory.dead_letter_count,
                "recent": [
                    {"to": letter.to, "message": short(letter.message), "why": letter.why}
                    for letter in letters
                ],
            },
            "supervision": [_event(event) for event in sources.events.recent],
            "events_dropped": sources.events.dropped,
        }
        return Answer({"ok": True, "status": status})

    async def _ask_part(
        self, parts: dict[str, Any], key: str, address: Address[Any], request: Request[Any]
    ) -> None:
        parts[key] = None
        cell = self._sources.directory.find(address.name)
        if cell is None or cell.state is not ChildState.RUNNING or cell.mailbox.depth() > CROWDED:
            return
        try:
            parts[key] = plain(await address.ask(request, within=PART_S))
        except Exception as error:  # noqa: BLE001 - status answers whatever has failed below it
            log.debug("a part of the status is missing", part=key, error=repr(error))

    async def _snapshot(self, request: dict[str, Any]) -> Answer:
        age_s = request.get("max_age_s", 1.0)
        if isinstance(age_s, bool) or not isinstance(age_s, int | float) or not age_s >= 0:
            raise RequestError(f"max_age_s must be 0 or more seconds, not {age_s!r}")
        take = TakeSnapshot(max_age_s=age_s)
        return Answer(
            {"ok": True, **plain(await self._sources.snapshots.ask(take, within=SNAPSHOT_S))}
        )

    async def _top(self, request: dict[str, Any]) -> Answer:
        guild_id, limit = number(request, "guild_id"), number(request, "limit", 10)
        top = TopVoice(guild_id=guild_id, since_utc=BEGINNING, limit=max(1, min(limit, 100)))
        totals = await self._sources.analyst.ask(top, within=TOP_S)
        return Answer({"ok": True, "top": plain(totals)})

    async def _crash(self, request: dict[str, Any]) -> Answer:
        why = str(request.get("why", "drill"))
        cell = find_actor(self._sources.directory, request.get("name"))
        if not cell.parent:
            raise RequestError(f'{cell.name} is the whole bot; to end it, send {{"do": "stop"}}')
        if cell.incarnation is None:
            raise RequestError(f"{cell.name} does not run now, it is {cell.state.value}; try again")
        crash = partial(self._sources.directory.crash, cell.name, why)
        body = {
            "ok": True,
            "name": cell.name,
            "waiting": cell.mailbox.depth(),
            "at_utc": plain(utc(time.time())),
        }
        if cell.name == self._own_name:
            return Answer(body, then=crash)
        crash()
        return Answer(body)

    async def _stop(self, _request: dict[str, Any]) -> Answer:
        stop = partial(self._sources.stop, "asked to over the control socket")
        return Answer({"ok": True, "pid": os.getpid()}, then=stop)


def _event(event: SupervisionEvent) -> dict[str, str]:
    return {
        "supervisor": event.supervisor,
        "child": event.child,
        "reason": event.reason,
        "action": event.action,
        "at_utc": utc(event.at_utc_s).isoformat(),
        "card": event.card,
    }
