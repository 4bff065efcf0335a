"""The book of one guild: who is in which voice channel, and what a change of that means.

Pure: times come in, facts come out. The guild's actor keeps one book and tells the
recorder what it says.

While the guild is out of sight nothing is claimed: what changed meanwhile gets bounds,
from the last moment that was seen to the moment we looked again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from storage.rows import ActivityRow, Event, Origin, OutageRow, VoiceFlags

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from actors.guild.protocol import Occupant, VoiceChanged, VoiceSnapshot

ALARM_WINDOW = timedelta(seconds=1)
"""A repeat so soon after the same event is counted; it is never a reason to drop a change."""


@dataclass(frozen=True, slots=True)
class Stay:
    """Where one member is."""

    channel_id: int
    flags: VoiceFlags = VoiceFlags.NONE


@dataclass(frozen=True, slots=True)
class Blindness:
    """We have not seen the guild since a moment."""

    since_utc: datetime
    cause: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What one message brought to light: written together or not at all."""

    rows: tuple[ActivityRow, ...] = ()
    outage: OutageRow | None = None

    def __bool__(self) -> bool:
        return bool(self.rows) or self.outage is not None


@dataclass(slots=True)
class Book:
    """Who is in voice in one guild, as far as we have seen."""

    guild_id: int
    stays: dict[int, Stay] = field(default_factory=dict[int, Stay])
    seen_until: datetime | None = None
    """All before this is known; null until the guild is seen for the first time."""

    blind: Blindness | None = None
    repeats_within_1s: int = 0
    _unsure_since: datetime | None = None
    """When the present blindness began, however much of it is written down already."""

    _newest: datetime | None = None
    """The time of the last fact; later than what was seen, if it was read late."""

    _confirmed: set[int] = field(default_factory=set[int])
    """Members we have heard of since we went blind: for them we are not."""

    _last: dict[int, tuple[datetime, tuple[int | None, VoiceFlags]]] = field(
        default_factory=dict[int, "tuple[datetime, tuple[int | None, VoiceFlags]]"]
    )
    """What was said of whom within the alarm window, oldest first."""

    def lose_sight(self, since_utc: datetime, cause: str) -> None:
        """From `since_utc` on we know nothing; an earlier blindness goes on as it was."""
        if self.seen_until is None:
            return
        if self.blind is None:
            since = max(since_utc, self.seen_until)
            self.blind, self._unsure_since = Blindness(since, cause), since
        self._confirmed.clear()

    def saw(self, at_utc: datetime) -> bool:
        """Note that everything before `at_utc` was told; false while that proves nothing."""
        if self.blind is not None or self.seen_until is None:
            return False
        self.seen_until = max(self.seen_until, at_utc)
        return True

    def change(self, heard: VoiceChanged) -> Facts:
        """Take one voice state of one member; a repeat is no fact."""
        if heard.is_bot:
            return Facts()
        user, at = heard.user_id, heard.at_utc
        earliest = min(heard.earliest_utc, self._sure_since(user, at))
        self._count_repeat(heard)
        before = self.stays.get(user)
        self._place(user, heard.channel_id, heard.flags)
        if self._unsure_since is not None:
            self._confirmed.add(user)
        if (before.channel_id if before else None) == heard.channel_id:
            return Facts()
        rows = self._rows(
            user,
            before,
            self.stays.get(user),
            (earliest, at),
            left=Origin.GATEWAY,
            came=Origin.GATEWAY,
        )
        return self._write(rows, at, seen_utc=heard.earliest_utc)

    def look(self, seen: VoiceSnapshot) -> Facts:
        """Compare with who is in voice now; sight is regained.

        Discord shows a guild when a session begins, so whoever believed to see was wrong.
        """
        now = stays_of(seen.occupants)
        at = seen.at_utc
        if self.blind is None and self.seen_until is not None:
            self.lose_sight(self.seen_until, "a new session with Discord")
        # The first sight of a guild claims nothing about the time before it.
        earliest = min(self._unsure_since or at, at)
        rows = [
            row
            for user in sorted(self.stays.keys() | now.keys())
            if _channel(self.stays.get(user)) != _channel(now.get(user))
            for row in self._rows(
                user,
                self.stays.get(user),
                now.get(user),
                (earliest, at),
                left=Origin.OUTAGE,
                came=Origin.SNAPSHOT,
            )
        ]
        self.stays = now
        facts = self._write(rows, at, seen_utc=at)
        outage = facts.outage or self._outage(at)
        self.blind = self._unsure_since = None
        self._confirmed.clear()
        self.seen_until = max(self.seen_until or at, at)
        return Facts(facts.rows, outage)

    def close(self, now_utc: datetime) -> Facts:
        """End every stay because we stop watching; times are those of the last sight."""
        seen = now_utc if self.blind else self.seen_until or now_utc
        # Nobody leaves before they came: not though the news of that came late, and not by a
        # clock that was set back.
        at = max(seen, self._newest or seen, self.seen_until or seen)
        earliest = self._unsure_since or seen
        rows = [
            self._row(
                user, stay, (min(earliest, at), at), (Event.DISCONNECT, Origin.SHUTDOWN, None)
            )
            for user, stay in sorted(self.stays.items())
        ]
        outage = self._outage(at)
        self.stays, self.blind, self._unsure_since, self.seen_until = {}, None, None, at
        return Facts(tuple(rows), outage)

    def occupants(self) -> Iterable[tuple[int, Stay]]:
        """List who is in voice."""
        return self.stays.items()

    def _sure_since(self, user: int, at: datetime) -> datetime:
        unsure = self._unsure_since
        return at if unsure is None or user in self._confirmed else min(unsure, at)

    def _place(self, user: int, channel_id: int | None, flags: VoiceFlags) -> None:
        if channel_id is None:
            self.stays.pop(user, None)
        else:
            self.stays[user] = Stay(channel_id, flags)

    def _write(self, rows: list[ActivityRow], at: datetime, *, seen_utc: datetime) -> Facts:
        """Pair facts with the blindness before them, so that no half of it can be lost.

        What was read late proves no more than that all before `seen_utc` was read.
        """
        if not rows:
            return Facts()
        outage = self._outage(at)
        if self.blind is not None:
            self.blind = Blindness(max(self.blind.since_utc, at), self.blind.cause)
        if self.seen_until is not None:
            self.seen_until = max(self.seen_until, seen_utc)
        self._newest = at
        return Facts(tuple(rows), outage)

    def _outage(self, until: datetime) -> OutageRow | None:
        if self.blind is None or self.blind.since_utc >= until:
            return None
        return OutageRow(
            guild_id=self.guild_id,
            from_utc=self.blind.since_utc,
            to_utc=until,
            cause=self.blind.cause,
        )

    def _rows(
        self,
        user: int,
        before: Stay | None,
        after: Stay | None,
        bounds: tuple[datetime, datetime],
        *,
        left: Origin,
        came: Origin,
    ) -> list[ActivityRow]:
        moved = left is Origin.GATEWAY and before is not None and after is not None
        move_id = uuid4() if moved else None
        rows: list[ActivityRow] = []
        if before is not None:
            rows.append(self._row(user, before, bounds, (Event.DISCONNECT, left, move_id)))
        if after is not None:
            rows.append(self._row(user, after, bounds, (Event.CONNECT, came, move_id)))
        return rows

    def _row(
        self,
        user: int,
        stay: Stay,
        bounds: tuple[datetime, datetime],
        kind: tuple[Event, Origin, UUID | None],
    ) -> ActivityRow:
        earliest, at = bounds
        event, origin, move_id = kind
        return ActivityRow(
            guild_id=self.guild_id,
            user_id=user,
            channel_id=stay.channel_id,
            event=event,
            at_utc=at,
            earliest_utc=earliest,
            latest_utc=at,
            origin=origin,
            move_id=move_id,
            flags=stay.flags,
        )

    def _count_repeat(self, heard: VoiceChanged) -> None:
        at, said = heard.at_utc, (heard.channel_id, heard.flags)
        before = self._last.pop(heard.user_id, None)
        if before is not None and before[1] == said and at - before[0] <= ALARM_WINDOW:
            self.repeats_within_1s += 1
        self._last[heard.user_id] = (at, said)
        # Oldest first, so that forgetting costs as little as remembering did.
        while at - self._last[oldest := next(iter(self._last))][0] > ALARM_WINDOW:
            del self._last[oldest]


def stays_of(occupants: Iterable[Occupant]) -> dict[int, Stay]:
    """Index the people of a snapshot by member; bots are left out."""
    return {o.user_id: Stay(o.channel_id, o.flags) for o in occupants if not o.is_bot}


def _channel(stay: Stay | None) -> int | None:
    return None if stay is None else stay.channel_id
