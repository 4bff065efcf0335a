"""A burst: voice changes made beforehand and written as fast as the client reads them."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from itertools import cycle, islice
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.doubles.discord.chronicle import Change
    from tests.doubles.discord.gateway.hub import Hub
    from tests.doubles.discord.gateway.session import Session
    from tests.doubles.discord.model import Guild, Json
    from tests.doubles.discord.world import Event, World


class Burst:
    """Prepares `count` changes of people's voice channels, then sends them."""

    def __init__(self, world: World, hub: Hub) -> None:
        self._world = world
        self._hub = hub
        self._frames: dict[str, list[bytes]] = defaultdict(list)
        self._changes: dict[str, deque[Change]] = defaultdict(deque)

    async def run(self, count: int) -> Json:
        """Return how many events were sent and how many seconds the sending took."""
        async with self._hub.turn:
            for socket in self._hub.open_sockets():
                await socket.until_free()
            began = time.perf_counter()
            self._prepare(count)
            packed = [
                (session, session.socket, session.socket.hold(self._frames[session.id]))
                for session in self._hub.sessions.values()
                if session.socket is not None
            ]
            ready = time.perf_counter()
            async with asyncio.TaskGroup() as feeding:
                for session, socket, frames in packed:
                    feeding.create_task(socket.feed(frames, self._recorder(session)))
            self._record_rest()
        ended = time.perf_counter()
        self._world.feed.tell(
            "everywhere", f"burst: {count} voice changes in {ended - ready:.2f} s"
        )
        return {"events": count, "seconds": ended - ready, "prepared_s": ready - began}

    def _prepare(self, count: int) -> None:
        # Without a pause: what else happens gets its numbers before or after the burst.
        for guild, user_id, turn in islice(self._turns(), count):
            target = _next_room(guild, user_id, turn)
            event, change = self._world.apply_voice(guild.id, user_id, target, {})
            assert change is not None
            self._number(event, change)

    def _turns(self) -> Iterator[tuple[Guild, str, int]]:
        people = [
            (guild, user_id)
            for guild in self._world.guilds.values()
            for user_id, member in guild.members.items()
            if not member.user.is_bot
        ]
        for number, (guild, user_id) in enumerate(cycle(people)):
            yield guild, user_id, number // len(people)

    def _number(self, event: Event, change: Change) -> None:
        whole = orjson.dumps(event.data)
        witness = ""
        for session in self._hub.sessions.values():
            if not session.wants(event):
                continue
            frame = session.frame(event, whole)
            if session.socket is not None:
                self._frames[session.id].append(frame)
                witness = witness or session.id
        self._changes[witness].append(change)

    def _recorder(self, session: Session) -> Callable[[int], None]:
        """Record the changes whose frames are handed to the socket now."""
        changes = self._changes[session.id]

        def handed(count: int) -> None:
            for _ in range(min(count, len(changes))):
                self._world.truth.record(changes.popleft())

        return handed

    def _record_rest(self) -> None:
        # Nobody was there to get these, or the client went away in the middle.
        for changes in self._changes.values():
            for change in changes:
                self._world.truth.record(change)


def _next_room(guild: Guild, user_id: str, turn: int) -> str | None:
    """Join, move, leave, and again."""
    state = guild.voice.get(user_id)
    if state is not None and turn % 3 == 2:
        return None
    here = None if state is None else state.channel_id
    rooms = [room.id for room in guild.spoken() if room.id != here]
    return rooms[turn % len(rooms)]
