"""The hub: every session, every socket, and the events that go to them."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.doubles.discord.gateway.session import Session
    from tests.doubles.discord.gateway.socket import Socket
    from tests.doubles.discord.tuning import Tuning
    from tests.doubles.discord.world import Event


class Hub:
    """Carries what happens in the world to each session that asked for it.

    Whoever changes the world by itself takes its `turn`: a burst keeps it until its
    last event is handed over, so that nothing comes between them.
    """

    def __init__(self, tuning: Tuning) -> None:
        self.tuning = tuning
        self.sessions: dict[str, Session] = {}
        self.sockets: set[Socket] = set()
        self.identifies = 0
        self.resumes = 0
        self.last_identify = float("-inf")
        self.turn = asyncio.Lock()

    @property
    def connected(self) -> bool:
        """Whether a client has a session on an open socket."""
        return any(session.socket is not None for session in self.sessions.values())

    def publish(self, event: Event) -> None:
        """Number an event in each session that wants it; never waits for a client."""
        self._forget_expired()
        whole = orjson.dumps(event.data)
        for session in self.sessions.values():
            if session.wants(event):
                session.send(event, whole)

    def open_session(self, session: Session) -> None:
        self.sessions[session.id] = session

    def resumable(self, session_id: str) -> Session | None:
        self._forget_expired()
        return self.sessions.get(session_id)

    def end_session(self, session: Session) -> None:
        self.sessions.pop(session.id, None)

    def session_on(self, socket: Socket) -> Session | None:
        return next((s for s in self.sessions.values() if s.socket is socket), None)

    def _forget_expired(self) -> None:
        oldest = time.monotonic() - self.tuning.session_s
        gone = [s for s in self.sessions.values() if s.socket is None and s.lost_at < oldest]
        for session in gone:
            self.end_session(session)

    def open_sockets(self) -> Sequence[Socket]:
        return [socket for socket in self.sockets if not socket.dead]
