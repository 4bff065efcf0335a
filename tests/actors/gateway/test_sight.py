from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from actors.gateway.sight import BOX_FULL, Sight
from actors.guild.protocol import (
    MessageSeen,
    Occupant,
    SightLost,
    Tick,
    VoiceChanged,
    VoiceSnapshot,
)
from actors.kernel.addresses import Directory
from storage.rows import VoiceFlags

START = datetime(2026, 1, 2, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def change(user: int, channel: int | None, seconds: float, *, is_bot: bool = False) -> VoiceChanged:
    return VoiceChanged(
        user_id=user,
        is_bot=is_bot,
        channel_id=channel,
        flags=VoiceFlags.NONE,
        at_utc=at(seconds),
        earliest_utc=at(seconds),
    )


def occupant(user: int, channel: int) -> Occupant:
    return Occupant(user_id=user, is_bot=False, channel_id=channel, flags=VoiceFlags.NONE)


def snapshot(seconds: float, *occupants: Occupant) -> VoiceSnapshot:
    return VoiceSnapshot(occupants=occupants, at_utc=at(seconds))


class Boxes:
    """The mailboxes of guilds whose actors never read."""

    def __init__(self, capacity: float = 100) -> None:
        self.directory = Directory()
        self.directory.open("guilds", parent="", capacity=1000)
        self.sight = Sight(self.directory.pool("guilds", capacity))

    def read(self, guild_id: int = 81) -> list[Any]:
        cell = self.directory.find(f"guilds/{guild_id}")
        letters = []
        while cell is not None and not cell.mailbox.empty():
            letters.append(cell.mailbox.get().message)
        return letters


@pytest.fixture
def boxes() -> Boxes:
    return Boxes()


def test_a_guild_hears_who_is_in_voice_and_then_each_change_and_tick(boxes: Boxes) -> None:
    boxes.sight.appeared(81, [occupant(5, 7)], at(0))
    boxes.sight.changed(81, change(6, 7, 1))
    boxes.sight.tick(at(2))

    assert boxes.read() == [snapshot(0, occupant(5, 7)), change(6, 7, 1), Tick(at_utc=at(2))]


def test_each_guild_hears_only_what_is_its_own(boxes: Boxes) -> None:
    boxes.sight.appeared(81, [], at(0))
    boxes.sight.appeared(82, [], at(0))
    boxes.sight.changed(82, change(5, 7, 1))

    assert boxes.read(81) == [snapshot(0)]
    assert boxes.read(82) == [snapshot(0), change(5, 7, 1)]
    assert boxes.sight.guilds_in_sight == 2


def test_a_guild_that_asks_sees_who_is_in_voice_now(boxes: Boxes) -> None:
    boxes.sight.appeared(81, [occupant(5, 7), occupant(6, 7)], at(0))
    boxes.sight.changed(81, change(5, None, 1))
    boxes.sight.changed(81, change(6, 8, 2))
    boxes.read()

    boxes.sight.look_again(81, at(3))

    assert boxes.read() == [snapshot(3, occupant(6, 8))]


def test_a_guild_that_asks_while_the_line_is_broken_sees_once_it_is_whole(boxes: Boxes) -> None:
    boxes.sight.appeared(81, [occupant(5, 7)], at(0))
    boxes.read()
    boxes.sight.look_again(81, None)
    assert boxes.read() == []

    boxes.sight.changed(81, change(5, 8, 4))
    boxes.sight.show_wanted(at(5))
    boxes.sight.show_wanted(at(6))

    assert boxes.read() == [change(5, 8, 4), snapshot(5, occupant(5, 8))]


def test_a_lost_session_blinds_every_guild_once(boxes: Boxes) -> None:
    boxes.sight.appeared(81, [], at(0))
    boxes.sight.appeared(82, [], at(0))
    boxes.read(81), boxes.read(82)

    boxes.sight.lost(at(3), "gone")
    boxes.sight.lost(at(4), "again")
    boxes.sight.tick(at(5))

    assert boxes.read(81) == boxes.read(82) == [SightLost(since_utc=at(3), cause="gone")]
    assert boxes.sight.guilds_in_sight == 0


def test_guilds_that_were_misled_are_blind_and_are_shown_again_once(boxes: Boxes) -> None:
    boxes.sight.appeared(81, [occupant(5, 7)], at(0))
    boxes.sight.appeared(82, [], at(0))
    boxes.read(81), boxes.read(82)

    boxes.sight.misled(at(3), "the clock jumped")
    boxes.sight.show_wanted(at(7203))
    boxes.sight.show_wanted(at(7204))

    lost = SightLost(since_utc=at(3), cause="the clock jumped")
    assert boxes.read(81) == [lost, snapshot(7203, occupant(5, 7))]
    assert boxes.read(82) == [lost, snapshot(7203)]


def test_a_guild_whose_mailbox_is_full_learns_later_that_it_was_misled() -> None:
    boxes = Boxes(capacity=2)
    boxes.sight.appeared(81, [occupant(5, 7)], at(0))
    boxes.sight.tick(at(1))
    boxes.sight.misled(at(3), "the clock jumped")
    boxes.read()
    boxes.sight.pay(at(7203))
    boxes.sight.show_wanted(at(7204))

    lost = SightLost(since_utc=at(3), cause=BOX_FULL)
    assert boxes.read() == [lost, snapshot(7203, occupant(5, 7))]


def test_a_hidden_guild_is_blind_and_the_others_are_not(boxes: Boxes) -> None:
    boxes.sight.appeared(81, [], at(0))
    boxes.sight.appeared(82, [], at(0))
    boxes.sight.vanished(81, at(2), "hidden")
    boxes.sight.tick(at(3))

    assert boxes.read(81) == [snapshot(0), SightLost(since_utc=at(2), cause="hidden")]
    assert boxes.read(82) == [snapshot(0), Tick(at_utc=at(3))]


def test_a_full_mailbox_gets_no_more_events_until_it_takes_the_news_and_a_fresh_look() -> None:
    boxes = Boxes(capacity=3)
    boxes.sight.appeared(81, [], at(0))
    boxes.sight.changed(81, change(5, 7, 1))
    boxes.sight.changed(81, change(6, 7, 2))
    boxes.sight.changed(81, change(5, None, 3))  # refused
    before = boxes.read()
    boxes.sight.changed(81, change(9, 8, 4))  # held back: the guild does not know it is blind
    boxes.sight.tick(at(5))
    in_between = boxes.read()
    boxes.sight.pay(at(6))
    boxes.sight.changed(81, change(9, None, 7))

    assert before == [snapshot(0), change(5, 7, 1), change(6, 7, 2)]
    assert in_between == []
    assert boxes.read() == [
        SightLost(since_utc=at(3), cause=BOX_FULL),
        snapshot(6, occupant(6, 7), occupant(9, 8)),
        change(9, None, 7),
    ]
    assert boxes.sight.refused == 2


def test_a_box_with_room_for_the_news_only_gets_the_fresh_look_later() -> None:
    boxes = Boxes(capacity=1)
    boxes.sight.appeared(81, [], at(0))
    boxes.sight.changed(81, change(5, 7, 1))
    boxes.read()
    boxes.sight.pay(at(2))
    first = boxes.read()
    boxes.sight.changed(81, change(6, 7, 3))

    assert first == [SightLost(since_utc=at(1), cause=BOX_FULL)]
    assert boxes.read() == []  # still owed: no event before the look


def test_a_guild_that_is_owed_and_then_hidden_is_blind_since_the_first_refusal() -> None:
    boxes = Boxes(capacity=1)
    boxes.sight.appeared(81, [], at(0))
    boxes.sight.changed(81, change(5, 7, 1))
    boxes.sight.lost(at(2), "gone")  # refused too
    boxes.read()
    boxes.sight.pay(at(3))

    assert boxes.read() == [SightLost(since_utc=at(1), cause=BOX_FULL)]


def test_a_refused_message_or_tick_blinds_nobody() -> None:
    boxes = Boxes(capacity=1)
    boxes.sight.appeared(81, [], at(0))
    boxes.sight.tick(at(1))
    boxes.sight.wrote(
        81,
        MessageSeen(user_id=5, is_bot=False, channel_id=3, message_id=1, length=0, at_utc=at(1)),
    )
    boxes.read()
    boxes.sight.changed(81, change(5, 7, 2))

    assert boxes.read() == [change(5, 7, 2)]
    assert boxes.sight.refused == 1


def test_who_was_known_as_a_bot_still_is_when_the_payload_does_not_say(boxes: Boxes) -> None:
    boxes.sight.appeared(81, [], at(0))
    boxes.sight.changed(81, change(5, 7, 1, is_bot=True))

    assert boxes.sight.is_bot(81, 5)
    assert not boxes.sight.is_bot(81, 6)
    assert not boxes.sight.is_bot(99, 5)
