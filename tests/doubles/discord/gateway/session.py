"""A gateway session: its numbered events, kept so that a resume can bring them."""

from __future__ import annotations

import secrets
import time
from collections import deque
from typing import TYPE_CHECKING

import orjson

from tests.doubles.discord.gateway import intents as wanted

if TYPE_CHECKING:
    from tests.doubles.discord.gateway.socket import Socket
    from tests.doubles.discord.model import Json
    from tests.doubles.discord.world import Event


class Session:
    """One IDENTIFY and everything sent since; it outlives the socket it began on."""

    def __init__(
        self, *, bot_id: str, intents: int, shard: tuple[int, int], replay_frames: int
    ) -> None:
        self.id = secrets.token_hex(16)
        self.intents = intents
        self.shard = shard
        self.seq = 0
        self.socket: Socket | None = None
        self.lost_at = time.monotonic()
        self._bot_id = bot_id
        self._kept: deque[bytes] = deque(maxlen=replay_frames)

    def wants(self, event: Event) -> bool:
        """Tell whether the shard and the intents of this session cover `event`."""
        number, count = self.shard
        owner = 0 if event.guild_id is None else (int(event.guild_id) >> 22) % count
        bit = wanted.needed(event)
        return owner == number and (bit == 0 or bool(self.intents & bit))

    def frame(self, event: Event, whole: bytes | None = None) -> bytes:
        """Number an event for this session and keep it; `whole` is its data, serialised."""
        if whole is None or wanted.hides_content(event, self.intents, self._bot_id):
            whole = orjson.dumps(self._readable(event))
        self.seq += 1
        frame = b'{"op":0,"t":"%b","s":%d,"d":%b}' % (event.name.encode(), self.seq, whole)
        self._kept.append(frame)
        return frame

    def _readable(self, event: Event) -> Json:
        if wanted.hides_content(event, self.intents, self._bot_id):
            return wanted.without_content(event)
        return event.data

    def send(self, event: Event, whole: bytes | None = None) -> None:
        """Number an event and hand it to the socket, if there is one."""
        frame = self.frame(event, whole)
        if self.socket is not None:
            self.socket.send(frame)

    def missed(self, seq: int) -> list[bytes] | None:
        """Return the frames after number `seq`; null when some are gone or it is no such number."""
        count = self.seq - seq
        if not 0 <= count <= len(self._kept):
            return None
        return list(self._kept)[len(self._kept) - count :]

    def attach(self, socket: Socket) -> None:
        if self.socket is not None and self.socket is not socket:
            self.socket.drop()
        self.socket = socket

    def detach(self, socket: Socket) -> None:
        if self.socket is socket:
            self.socket, self.lost_at = None, time.monotonic()
