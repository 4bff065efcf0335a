"""Verbs that disturb the gateway, one method each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.doubles.discord.control.fields import FieldError, Fields
from tests.doubles.discord.gateway.closing import ABORT, SERVER_ENDS_SESSION
from tests.doubles.discord.world import Event

if TYPE_CHECKING:
    from tests.doubles.discord.gateway.hub import Hub
    from tests.doubles.discord.model import Json

_CLOSING_S = 8.0


class Faults:
    """What goes wrong between Discord and a bot, on demand."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def close(self, fields: Fields) -> Json:
        code = fields.whole("code", low=1000, high=4999)
        fields.done()
        if code != ABORT and (1004 <= code <= 1006 or 1015 <= code < 3000):
            raise FieldError(f"close: code must be 1000, 1006 or 3000 to 4999, not {code}")
        sockets = self._hub.open_sockets()
        for socket in sockets:
            session = self._hub.session_on(socket)
            if session is not None and code in SERVER_ENDS_SESSION:
                self._hub.end_session(session)
            socket.drop() if code == ABORT else socket.close(code)
        async with asyncio.timeout(_CLOSING_S):
            for socket in sockets:
                await socket.gone.wait()
        return {"closed": len(sockets)}

    async def invalid_session(self, fields: Fields) -> Json:
        resumable = fields.flag("resumable", default=False)
        fields.done()
        sockets = self._hub.open_sockets()
        for socket in sockets:
            session = self._hub.session_on(socket)
            if session is not None and not resumable:
                self._hub.end_session(session)
            socket.send_json({"op": 9, "d": resumable, "s": None, "t": None})
        return {"sent": len(sockets)}

    async def reconnect(self, fields: Fields) -> Json:
        fields.done()
        sockets = self._hub.open_sockets()
        for socket in sockets:
            socket.send_json({"op": 7, "d": None, "s": None, "t": None})
        return {"sent": len(sockets)}

    async def refuse(self, fields: Fields) -> Json:
        on = fields.flag("on", default=True)
        fields.done()
        self._hub.tuning.refuse = on
        return {"on": on}

    async def hang_up_on_resume(self, fields: Fields) -> Json:
        on = fields.flag("on", default=True)
        fields.done()
        self._hub.tuning.hang_up_on_resume = on
        return {"on": on}

    async def raw(self, fields: Fields) -> Json:
        """Send a dispatch as it is told, whatever the world is like; numbered like any other."""
        event = Event(fields.text("name"), fields.anything("data"))
        fields.done()
        for session in self._hub.sessions.values():
            session.send(event)
        return {"sent": len(self._hub.sessions)}
