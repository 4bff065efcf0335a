"""Facts for tests: one short call makes one row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from storage.rows import ActivityRow, Event, MessageRow, Origin, OutageRow

if TYPE_CHECKING:
    from uuid import UUID

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)

GUILD = 81


def at(seconds: float) -> datetime:
    """The time so many seconds after the start of the test's world."""
    return START + timedelta(seconds=seconds)


def fact(
    event: Event,
    user_id: int,
    channel_id: int,
    when: float,
    *,
    bounds: tuple[float, float] | None = None,
    origin: Origin = Origin.GATEWAY,
    move_id: UUID | None = None,
    guild_id: int = GUILD,
) -> ActivityRow:
    earliest, latest = bounds or (when, when)
    return ActivityRow(
        guild_id=guild_id,
        user_id=user_id,
        channel_id=channel_id,
        event=event,
        at_utc=at(when),
        earliest_utc=at(earliest),
        latest_utc=at(latest),
        origin=origin,
        move_id=move_id,
    )


def join(
    user_id: int,
    channel_id: int,
    when: float,
    *,
    bounds: tuple[float, float] | None = None,
    origin: Origin = Origin.GATEWAY,
    guild_id: int = GUILD,
) -> ActivityRow:
    return fact(
        Event.CONNECT, user_id, channel_id, when, bounds=bounds, origin=origin, guild_id=guild_id
    )


def leave(
    user_id: int,
    channel_id: int,
    when: float,
    *,
    bounds: tuple[float, float] | None = None,
    origin: Origin = Origin.GATEWAY,
    guild_id: int = GUILD,
) -> ActivityRow:
    return fact(
        Event.DISCONNECT, user_id, channel_id, when, bounds=bounds, origin=origin, guild_id=guild_id
    )


def move(user_id: int, old: int, new: int, when: float) -> tuple[ActivityRow, ActivityRow]:
    move_id = uuid4()
    return (
        fact(Event.DISCONNECT, user_id, old, when, move_id=move_id),
        fact(Event.CONNECT, user_id, new, when, move_id=move_id),
    )


def outage(since: float, until: float, *, guild_id: int = GUILD) -> OutageRow:
    return OutageRow(guild_id=guild_id, from_utc=at(since), to_utc=at(until), cause="killed")


def written(user_id: int, when: float, *, guild_id: int = GUILD) -> MessageRow:
    return MessageRow(
        guild_id=guild_id,
        user_id=user_id,
        channel_id=5,
        message_id=round(when * 1000),
        at_utc=at(when),
        length=12,
    )
