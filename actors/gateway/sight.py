"""What each guild's actor was told, so that none is left with half of the truth.

It keeps who is in voice per guild from the payloads themselves, tells the guilds' actors,
and remembers whose mailbox refused something: such a guild hears nothing of voice any more
until it takes the news that it was blind, and a fresh look with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from actors.guild.protocol import Occupant, SightLost, Tick, VoiceChanged, VoiceSnapshot

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from actors.guild.protocol import GuildMessage, MessageSeen
    from actors.kernel.addresses import Pool

BOX_FULL = "its mailbox was full"

log = structlog.get_logger(__name__)


class Sight:
    """Who is in voice in each guild that we see, and what its actor knows of it."""

    def __init__(self, guilds: Pool[GuildMessage]) -> None:
        self._guilds = guilds
        self._seen: dict[int, dict[int, Occupant | VoiceChanged]] = {}
        self._owed: dict[int, datetime] = {}
        """Guilds that refused something of voice, and the time of the first such thing."""
        self._wanted: set[int] = set()
        self.refused = 0
        """Messages that a guild's mailbox did not take, or that were held back after that."""

    @property
    def guilds_in_sight(self) -> int:
        """How many guilds Discord shows us."""
        return len(self._seen)

    def sees(self, guild_id: int) -> bool:
        """Say whether Discord shows us a guild."""
        return guild_id in self._seen

    def is_bot(self, guild_id: int, user_id: int) -> bool:
        """Say what is known of a member whose payload does not say it."""
        known = self._seen.get(guild_id, {}).get(user_id)
        return known is not None and known.is_bot

    def changed(self, guild_id: int, change: VoiceChanged) -> None:
        """Tell a guild of one voice state."""
        here = self._seen.get(guild_id)
        if here is not None:
            if change.channel_id is None:
                here.pop(change.user_id, None)
            else:
                here[change.user_id] = change
        if guild_id in self._owed or not self._guilds.offer(guild_id, change):
            self._owe(guild_id, change.earliest_utc)

    def wrote(self, guild_id: int, message: MessageSeen) -> None:
        """Tell a guild of one message; one that its mailbox refuses is lost, and counted."""
        if not self._guilds.offer(guild_id, message):
            self.refused += 1

    def appeared(self, guild_id: int, occupants: Iterable[Occupant], at_utc: datetime) -> None:
        """Discord shows a guild: tell it who is in voice."""
        self._seen[guild_id] = {each.user_id: each for each in occupants}
        self._look(guild_id, at_utc)

    def vanished(self, guild_id: int, since_utc: datetime, cause: str) -> None:
        """Discord hides a guild: tell it that it is blind."""
        if self._seen.pop(guild_id, None) is None:
            return
        since = self._owed.pop(guild_id, since_utc)
        if not self._guilds.offer(guild_id, SightLost(since_utc=since, cause=cause)):
            self._owe(guild_id, since)

    def lost(self, since_utc: datetime, cause: str) -> None:
        """The session is over: tell every guild that was in sight that it is blind."""
        for guild_id in tuple(self._seen):
            self.vanished(guild_id, since_utc, cause)

    def misled(self, since_utc: datetime, cause: str) -> None:
        """Times no longer follow each other: each guild is blind until it is shown again."""
        for guild_id in self._seen:
            self._mislead(guild_id, since_utc, cause)

    def misread(self, guild_id: int, user_id: int | None, since_utc: datetime, cause: str) -> None:
        """Where a member of a guild is, was told but could not be read.

        The guild is blind until it is shown again, without that member: they are in no
        channel that we know of. A null `user_id` may be anybody.
        """
        here = self._seen.get(guild_id)
        if here is not None:
            if user_id is not None:
                here.pop(user_id, None)
            self._mislead(guild_id, since_utc, cause)

    def look_again(self, guild_id: int, at_utc: datetime | None) -> None:
        """Tell a guild that asks who is in voice; later, if we do not see it now."""
        if at_utc is not None and guild_id in self._seen:
            self._look(guild_id, at_utc)
        else:
            self._wanted.add(guild_id)

    def show_wanted(self, at_utc: datetime) -> None:
        """All that was missed has been told: answer the guilds that asked meanwhile."""
        for guild_id in self._wanted & self._seen.keys():
            self._look(guild_id, at_utc)

    def tick(self, at_utc: datetime) -> None:
        """Tell each guild in sight that it knows all before `at_utc`."""
        tick = Tick(at_utc=at_utc)
        for guild_id in self._seen:
            if guild_id not in self._owed:
                self._guilds.offer(guild_id, tick)

    def pay(self, at_utc: datetime) -> None:
        """Try to tell the guilds that refused mail that they were blind, and show them all."""
        for guild_id in tuple(self._owed):
            self._look(guild_id, at_utc)

    def _mislead(self, guild_id: int, since_utc: datetime, cause: str) -> None:
        if guild_id in self._owed:
            return  # it will be told with what it is owed
        if self._guilds.offer(guild_id, SightLost(since_utc=since_utc, cause=cause)):
            self._wanted.add(guild_id)
        else:
            self._owe(guild_id, since_utc)

    def _look(self, guild_id: int, at_utc: datetime) -> None:
        since = self._owed.get(guild_id)
        if since is not None:
            if not self._guilds.offer(guild_id, SightLost(since_utc=since, cause=BOX_FULL)):
                return
            log.info("guild takes mail again", guild_id=guild_id, blind_since=since.isoformat())
        here = self._seen.get(guild_id)
        if here is None:
            # It knows now that it is blind; Discord will show it when it can.
            self._owed.pop(guild_id, None)
        elif self._guilds.offer(guild_id, _snapshot(here.values(), at_utc)):
            self._owed.pop(guild_id, None)
            self._wanted.discard(guild_id)
        else:
            self._owe(guild_id, at_utc)

    def _owe(self, guild_id: int, since_utc: datetime) -> None:
        self.refused += 1
        if guild_id not in self._owed:
            self._owed[guild_id] = since_utc
            log.warning("guild refuses mail; it is blind until it takes some", guild_id=guild_id)


def _snapshot(states: Iterable[Occupant | VoiceChanged], at_utc: datetime) -> VoiceSnapshot:
    return VoiceSnapshot(
        occupants=tuple(
            Occupant(
                user_id=state.user_id,
                is_bot=state.is_bot,
                channel_id=state.channel_id,
                flags=state.flags,
            )
            for state in states
            if state.channel_id is not None
        ),
        at_utc=at_utc,
    )
