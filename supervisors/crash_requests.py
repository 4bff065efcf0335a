"""Crash cards over the control socket: list them, see one, say what is to be done about it."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from actors.analyst.protocol import CrashCards
from actors.recorder.protocol import Flush, JudgeCrash
from storage.rows import CardState, CrashCard, Verdict
from supervisors.answers import Answer, RequestError, number
from supervisors.wire import plain

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from supervisors.sources import Sources

READ_S, WRITE_S = 2.0, 5.0
MOST = 1000


class Crashes:
    """The verbs `crashes` and `judge`."""

    def __init__(self, sources: Sources) -> None:
        self._recorder, self._analyst = sources.recorder, sources.analyst
        self._version = sources.version
        self.verbs: Mapping[str, Callable[[dict[str, Any]], Awaitable[Answer]]] = {
            "crashes": self._crashes,
            "judge": self._judge,
        }

    async def _crashes(self, request: dict[str, Any]) -> Answer:
        limit = max(1, min(number(request, "limit", 50), MOST))
        # What happened a moment ago is on its way to the file.
        await self._recorder.ask(Flush(), within=WRITE_S)
        name = request.get("card")
        cards = (
            (await self._find(name),)
            if name is not None
            else await self._analyst.ask(CrashCards(limit=limit), within=READ_S)
        )
        return Answer({"ok": True, "cards": plain(cards)})

    async def _judge(self, request: dict[str, Any]) -> Answer:
        card = await self._find(request.get("card"))
        verdict = Verdict(
            card=card.card,
            state=_state(request.get("state")),
            version=str(request.get("version") or self._version),
        )
        await self._recorder.ask(JudgeCrash(verdict), within=WRITE_S)
        return Answer({"ok": True, "cards": plain((await self._find(card.card),))})

    async def _find(self, name: object) -> CrashCard:
        wanted = str(name).upper()
        found = await self._analyst.ask(CrashCards(card=wanted, limit=1), within=READ_S)
        if found:
            return found[0]
        known = await self._analyst.ask(CrashCards(limit=MOST), within=READ_S)
        raise RequestError(no_card(wanted, (card.card for card in known)))


def no_card(wanted: str, known: Iterable[str]) -> str:
    """Say that there is no such card, and which one is near.

    >>> no_card("K7QF3", ["K7QF2"])
    'there is no crash card K7QF3; did you mean K7QF2?'
    >>> no_card("K7QF3", [])
    'there is no crash card K7QF3; `main.py crashes` lists those there are'
    """
    near = get_close_matches(wanted, list(known), n=1)
    hint = f"did you mean {near[0]}?" if near else "`main.py crashes` lists those there are"
    return f"there is no crash card {wanted}; {hint}"


def _state(value: object) -> CardState:
    try:
        return CardState(value)
    except ValueError:
        states = ", ".join(state.value for state in CardState)
        raise RequestError(f"a card is one of {states}, not {value!r}") from None
