"""The book of a guild: what it says of single changes, and of whole evenings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.guild.book import Book, Facts
from actors.guild.protocol import Occupant, VoiceChanged, VoiceSnapshot
from storage.rows import VoiceFlags
from tests.end_to_end.oracle import Blind, Change, Fact, Session, complaints, pair, steps

if TYPE_CHECKING:
    from actors.recorder.protocol import RecordActivity

GUILD, ADA, BEN, BOT = 1, 7, 8, 99
LOBBY, STAGE = 20, 21


def utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def heard(
    at: float,
    user: int,
    channel: int | None,
    *,
    bot: bool = False,
    flags: VoiceFlags = VoiceFlags.NONE,
    earliest: float | None = None,
) -> VoiceChanged:
    return VoiceChanged(
        user_id=user,
        is_bot=bot,
        channel_id=channel,
        flags=flags,
        at_utc=utc(at),
        earliest_utc=utc(at if earliest is None else earliest),
    )


def look(at: float, **inside: int) -> VoiceSnapshot:
    people = {"ada": ADA, "ben": BEN, "bot": BOT}
    return VoiceSnapshot(
        occupants=tuple(
            Occupant(people[name], name == "bot", channel, VoiceFlags.NONE)
            for name, channel in inside.items()
        ),
        at_utc=utc(at),
    )


def told(facts: Facts | RecordActivity) -> list[tuple[str, int, int, float, float, str]]:
    """Each row as (event, user, channel, earliest, at, origin)."""
    return [
        (
            row.event.value,
            row.user_id,
            row.channel_id,
            row.earliest_utc.timestamp(),
            row.at_utc.timestamp(),
            row.origin.value,
        )
        for row in facts.rows
    ]


def blind(facts: Facts) -> tuple[float, float, str] | None:
    outage = facts.outage
    if outage is None:
        return None
    return outage.from_utc.timestamp(), outage.to_utc.timestamp(), outage.cause


@pytest.fixture
def book() -> Book:
    watching = Book(GUILD)
    watching.look(look(100))
    return watching


def test_a_join_is_one_row(book: Book) -> None:
    assert told(book.change(heard(110, ADA, LOBBY))) == [
        ("connect", ADA, LOBBY, 110, 110, "gateway")
    ]


def test_a_move_is_two_rows_with_one_time_and_one_move_id(book: Book) -> None:
    book.change(heard(110, ADA, LOBBY))

    facts = book.change(heard(120, ADA, STAGE))

    assert told(facts) == [
        ("disconnect", ADA, LOBBY, 120, 120, "gateway"),
        ("connect", ADA, STAGE, 120, 120, "gateway"),
    ]
    assert facts.rows[0].move_id == facts.rows[1].move_id is not None


def test_the_same_event_twice_is_one_fact_and_counted_as_a_repeat(book: Book) -> None:
    book.change(heard(110, ADA, LOBBY))

    assert not book.change(heard(110.4, ADA, LOBBY))
    assert not book.change(heard(115, ADA, LOBBY))
    assert book.repeats_within_1s == 1


def test_a_mute_is_no_fact_and_no_repeat(book: Book) -> None:
    book.change(heard(110, ADA, LOBBY))

    assert not book.change(heard(110.1, ADA, LOBBY, flags=VoiceFlags.SELF_MUTE))
    assert book.repeats_within_1s == 0


def test_join_leave_join_within_a_second_keeps_both_stays(book: Book) -> None:
    facts = [
        book.change(heard(110.0, ADA, LOBBY)),
        book.change(heard(110.3, ADA, None)),
        book.change(heard(110.6, ADA, LOBBY)),
    ]

    assert [told(each)[0][0] for each in facts] == ["connect", "disconnect", "connect"]
    assert book.repeats_within_1s == 0


def test_bots_are_ignored_in_events_and_in_snapshots(book: Book) -> None:
    assert not book.change(heard(110, BOT, LOBBY, bot=True))
    assert told(book.look(look(120, bot=LOBBY))) == []


def test_the_first_sight_of_a_guild_claims_nothing_about_the_time_before() -> None:
    facts = Book(GUILD).look(look(100, ada=LOBBY))

    assert told(facts) == [("connect", ADA, LOBBY, 100, 100, "snapshot")]
    assert facts.outage is None


def test_who_stayed_while_we_were_blind_keeps_one_stay_with_an_unknown_part(book: Book) -> None:
    book.change(heard(110, ADA, LOBBY))
    book.lose_sight(utc(120), "the link broke")

    facts = book.look(look(180, ada=LOBBY))

    assert told(facts) == []
    assert blind(facts) == (120, 180, "the link broke")


def test_who_went_and_came_and_moved_while_we_were_blind_gets_bounds(book: Book) -> None:
    book.change(heard(110, ADA, LOBBY))
    book.lose_sight(utc(120), "the link broke")

    facts = book.look(look(180, ben=STAGE))

    assert told(facts) == [
        ("disconnect", ADA, LOBBY, 120, 180, "outage"),
        ("connect", BEN, STAGE, 120, 180, "snapshot"),
    ]

    book.lose_sight(utc(200), "again")
    assert told(book.look(look(210, ben=LOBBY))) == [
        ("disconnect", BEN, STAGE, 200, 210, "outage"),
        ("connect", BEN, LOBBY, 200, 210, "snapshot"),
    ]


def test_a_snapshot_out_of_the_blue_means_that_we_were_blind_since_the_last_sight(
    book: Book,
) -> None:
    assert book.saw(utc(130))

    assert blind(book.look(look(140, ada=LOBBY))) == (130, 140, "a new session with Discord")


def test_a_tick_proves_nothing_while_we_are_blind(book: Book) -> None:
    book.lose_sight(utc(120), "the link broke")

    assert not book.saw(utc(130))
    assert blind(book.look(look(140))) == (120, 140, "the link broke")
    assert book.saw(utc(150))


def test_an_earlier_blindness_is_not_shortened_by_a_later_one(book: Book) -> None:
    book.lose_sight(utc(120), "first")
    book.lose_sight(utc(150), "second")

    assert blind(book.look(look(160))) == (120, 160, "first")


def test_the_first_news_of_a_member_after_we_went_blind_has_bounds_and_the_next_has_not(
    book: Book,
) -> None:
    book.lose_sight(utc(120), "the actor crashed")

    first = book.change(heard(130, ADA, LOBBY))
    second = book.change(heard(135, ADA, None))

    assert told(first) == [("connect", ADA, LOBBY, 120, 130, "gateway")]
    assert blind(first) == (120, 130, "the actor crashed")
    assert told(second) == [("disconnect", ADA, LOBBY, 135, 135, "gateway")]
    assert blind(second) == (130, 135, "the actor crashed")
    assert blind(book.look(look(140))) == (135, 140, "the actor crashed")


def test_what_a_resumed_session_replays_happened_at_some_time_since_the_link_broke(
    book: Book,
) -> None:
    assert told(book.change(heard(130, ADA, LOBBY, earliest=120))) == [
        ("connect", ADA, LOBBY, 120, 130, "gateway")
    ]


def test_what_was_read_late_does_not_prove_that_all_before_it_was_read(book: Book) -> None:
    book.saw(utc(120))
    book.change(heard(130, ADA, LOBBY, earliest=120))

    assert book.seen_until == utc(120)
    assert told(book.close(utc(140))) == [("disconnect", ADA, LOBBY, 120, 130, "shutdown")]


def test_the_hours_that_a_clock_jumped_over_are_nobodys(book: Book) -> None:
    book.change(heard(110, ADA, LOBBY))
    book.lose_sight(utc(120), "the clock jumped by 7200 s")

    seen = book.look(look(7321, ada=LOBBY))

    assert told(seen) == []
    assert blind(seen) == (120, 7321, "the clock jumped by 7200 s")


def test_a_stay_ends_after_it_began_though_the_clock_was_set_back(book: Book) -> None:
    book.change(heard(7310, ADA, LOBBY))
    book.lose_sight(utc(7320), "killed")

    facts = book.close(utc(130))

    assert told(facts) == [("disconnect", ADA, LOBBY, 7310, 7310, "shutdown")]


def test_closing_ends_every_stay_when_it_was_last_seen(book: Book) -> None:
    book.change(heard(110, ADA, LOBBY))
    book.saw(utc(115))

    facts = book.close(utc(118))

    assert told(facts) == [("disconnect", ADA, LOBBY, 115, 115, "shutdown")]
    assert facts.outage is None
    assert book.seen_until == utc(115)


def test_closing_while_blind_gives_bounds_and_writes_the_blindness_down(book: Book) -> None:
    book.change(heard(110, ADA, LOBBY))
    book.lose_sight(utc(120), "the link broke")

    facts = book.close(utc(150))

    assert told(facts) == [("disconnect", ADA, LOBBY, 120, 150, "shutdown")]
    assert blind(facts) == (120, 150, "the link broke")
    assert book.seen_until == utc(150)


def test_what_was_said_is_remembered_for_the_alarm_window_only(book: Book) -> None:
    for user in range(1000, 6000):
        book.change(heard(110 + user, user, LOBBY))
        book.change(heard(110.5 + user, user, None))

    assert len(book._last) <= 2


USERS = st.sampled_from([ADA, BEN, 9, 10])
PLACES = st.sampled_from([None, LOBBY, STAGE, 22])
STEPS = st.tuples(
    st.sampled_from(["move"] * 6 + ["repeat", "lose", "crash", "restart", "look"]), USERS, PLACES
)


class Watched:
    """A guild and the bot that watches it; ten seconds pass with each step."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.where: dict[int, int] = {}
        self.truth: list[Change] = []
        self.rows: list[Fact] = []
        self.blind: list[Blind] = []
        self.sees = True
        self.book = Book(GUILD)
        self.look()

    def step(self, kind: str, user: int, channel: int | None) -> None:
        self.now += 10
        match kind:
            case "move":
                self.move(user, channel)
            case "repeat" if self.sees:
                self.keep(self.book.change(heard(self.now, user, self.where.get(user))))
            case "lose":
                if self.sees:
                    self.book.saw(utc(self.now - 1))
                self.sees = False
                self.book.lose_sight(utc(self.now - 1), "the link broke")
            case "crash":
                self.recall("the actor crashed")
            case "restart":
                self.keep(self.book.close(utc(self.now)))
                self.recall("shutdown")
                self.sees = False
            case "look":
                self.look()
            case _:
                pass

    def move(self, user: int, channel: int | None) -> None:
        if channel is None:
            self.where.pop(user, None)
        else:
            self.where[user] = channel
        self.truth.append(Change(self.now, GUILD, user, channel))
        if self.sees:
            self.keep(self.book.change(heard(self.now, user, channel)))

    def recall(self, cause: str) -> None:
        """Begin again with what a recorder would remember."""
        seen = [f.at for f in self.rows] + [b.until for b in self.blind] + [1000.0]
        book = Book(GUILD)
        for open_stays in self.by_member().values():
            for channel, _, _, ended, user in open_stays:
                if ended is None:
                    book.change(heard(0, user, channel))
        book.seen_until = max(utc(max(seen)), self.watermark())
        book.lose_sight(book.seen_until, cause)
        self.book = book

    def watermark(self) -> datetime:
        before = self.book
        # A watermark is written only while we see; it is the book's own moment then.
        return before.seen_until if before.seen_until and before.blind is None else utc(0)

    def by_member(self) -> dict[int, list[tuple[int, float, float, float | None, int]]]:
        found: dict[int, list[tuple[int, float, float, float | None, int]]] = {}
        for user in {f.user_id for f in self.rows}:
            stays = pair([f for f in self.rows if f.user_id == user])
            found[user] = [(c, a, b, e, user) for c, a, b, _, e in stays]
        return found

    def look(self) -> None:
        self.sees = True
        self.keep(
            self.book.look(
                VoiceSnapshot(
                    occupants=tuple(
                        Occupant(user, False, channel, VoiceFlags.NONE)
                        for user, channel in self.where.items()
                    ),
                    at_utc=utc(self.now),
                )
            )
        )

    def keep(self, facts: Facts) -> None:
        for row in facts.rows:
            self.rows.append(
                Fact(
                    row.at_utc.timestamp(),
                    row.earliest_utc.timestamp(),
                    row.latest_utc.timestamp(),
                    row.guild_id,
                    row.user_id,
                    row.channel_id,
                    row.event.value,
                    row.origin.value,
                    str(row.move_id) if row.move_id else None,
                )
            )
        if facts.outage is not None:
            outage = facts.outage
            self.blind.append(Blind(GUILD, outage.from_utc.timestamp(), outage.to_utc.timestamp()))

    def sessions(self) -> list[Session]:
        found: list[Session] = []
        for user in {f.user_id for f in self.rows}:
            for channel, a, b, c, d in pair([f for f in self.rows if f.user_id == user]):
                start, end = b, self.now if c is None else c
                unseen = sum(max(0.0, min(x.until, end) - max(x.since, start)) for x in self.blind)
                known = max(0.0, end - start - unseen)
                whole = (self.now if d is None else d) - a
                found.append(Session(GUILD, user, channel, a, b, c, d, known, whole - known))
        return found


@given(st.lists(STEPS, max_size=40))
def test_whatever_happens_the_ledger_agrees_with_the_truth(
    script: list[tuple[str, int, int | None]],
) -> None:
    watched = Watched()

    for kind, user, channel in script:
        watched.step(kind, user, channel)
    watched.now += 10
    watched.look()

    assert (
        complaints(
            watched.truth,
            watched.rows,
            watched.sessions(),
            watched.blind,
            seen_from=1000,
            seen_until=watched.now,
        )
        == []
    )


@given(st.lists(STEPS.filter(lambda step: step[0] != "restart"), max_size=40))
def test_each_bound_holds_a_change_that_truly_happened(
    script: list[tuple[str, int, int | None]],
) -> None:
    watched = Watched()

    for kind, user, channel in script:
        watched.step(kind, user, channel)

    true_steps = {
        user: steps(c for c in watched.truth if c.user_id == user)
        for user in {c.user_id for c in watched.truth}
    }
    for fact in watched.rows:
        assert any(
            fact.earliest <= at <= fact.latest and (event, channel) == (fact.event, fact.channel_id)
            for at, event, channel in true_steps[fact.user_id]
        ), fact
