"""The oracle: what the ledger must say, worked out from the scenario's truth alone.

It knows nothing of the product's code. Times are Unix seconds. `SLACK_S` is how
long after a change in the local Discord the bot may read it: two processes and a
socket lie in between, on a machine that other tests keep busy.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SLACK_S = 1.5


@dataclass(frozen=True, slots=True)
class Change:
    """A member was in `channel_id` from `at` on; null is out of voice."""

    at: float
    guild_id: int
    user_id: int
    channel_id: int | None


@dataclass(frozen=True, slots=True)
class Fact:
    """One row of the ledger."""

    at: float
    earliest: float
    latest: float
    guild_id: int
    user_id: int
    channel_id: int
    event: str
    origin: str
    move_id: str | None


@dataclass(frozen=True, slots=True)
class Session:
    """One row of `voice_session`; null ends are open."""

    guild_id: int
    user_id: int
    channel_id: int
    started_earliest: float
    started_latest: float
    ended_earliest: float | None
    ended_latest: float | None
    known_s: float
    unknown_s: float


@dataclass(frozen=True, slots=True)
class Blind:
    """A time in which the bot says it saw nothing of a guild."""

    guild_id: int
    since: float
    until: float


Step = tuple[float, str, int]
"""When, `connect` or `disconnect`, and the channel."""


def steps(changes: Iterable[Change]) -> list[Step]:
    """Turn one member's changes into the facts they stand for.

    >>> steps([Change(1, 9, 5, 7), Change(2, 9, 5, 7), Change(3, 9, 5, 8)])
    [(1, 'connect', 7), (3, 'disconnect', 7), (3, 'connect', 8)]
    """
    now: int | None = None
    found: list[Step] = []
    for change in changes:
        if change.channel_id == now:
            continue
        if now is not None:
            found.append((change.at, "disconnect", now))
        if change.channel_id is not None:
            found.append((change.at, "connect", change.channel_id))
        now = change.channel_id
    return found


def complaints(
    truth: Sequence[Change],
    facts: Sequence[Fact],
    sessions: Sequence[Session],
    blind: Sequence[Blind],
    *,
    seen_from: float,
    seen_until: float,
) -> list[str]:
    """List everything in which the ledger and the truth differ; empty is right."""
    return [
        *_moves(facts),
        *_sequences(truth, facts, blind, seen_from, seen_until),
        *_sessions_from_facts(facts, sessions),
        *_known_parts(sessions, blind),
        *_still_open(truth, sessions),
        *_totals(truth, facts, sessions, blind, seen_from=seen_from, seen_until=seen_until),
    ]


T = TypeVar("T", Change, Fact, Session)


def _by_member(items: Iterable[T]) -> dict[tuple[int, int], list[T]]:
    found: dict[tuple[int, int], list[T]] = defaultdict(list)
    for item in items:
        found[item.guild_id, item.user_id].append(item)
    return found


def _moves(facts: Sequence[Fact]) -> list[str]:
    """A move is two rows, one time, one move_id: a leave and a join."""
    pairs: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        if fact.move_id is not None:
            pairs[fact.move_id].append(fact)
    return [
        f"move {move_id} is not a leave and a join at one time: {rows}"
        for move_id, rows in pairs.items()
        if [row.event for row in rows] != ["disconnect", "connect"]
        or rows[0].at != rows[1].at
        or rows[0].user_id != rows[1].user_id
    ]


def _windows(
    guild_id: int, blind: Sequence[Blind], seen_from: float, seen_until: float
) -> list[tuple[float, float]]:
    """The times in which the bot says that it saw the guild."""
    gaps = sorted((b.since, b.until) for b in blind if b.guild_id == guild_id)
    edges = [seen_from, *(edge for gap in gaps for edge in gap), seen_until]
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]


GuildStep = tuple[float, tuple[int, str, int]]
"""When, and (member, `connect` or `disconnect`, channel)."""


def _sequences(
    truth: Sequence[Change],
    facts: Sequence[Fact],
    blind: Sequence[Blind],
    seen_from: float,
    seen_until: float,
) -> list[str]:
    """While it saw, the ledger holds each change of a guild once, in order, and nothing else."""
    wrong: list[str] = []
    for guild_id in sorted({c.guild_id for c in truth} | {f.guild_id for f in facts}):
        true_steps = _guild_steps(c for c in truth if c.guild_id == guild_id)
        own = [f for f in facts if f.guild_id == guild_id and f.origin == "gateway"]
        for start, end in _windows(guild_id, blind, seen_from, seen_until):
            # What was first heard of a member after a blind time may sum up several changes:
            # its bounds begin before the window does.
            seen = [f for f in own if start <= f.earliest and f.at <= end]
            near = [s for s in true_steps if start - SLACK_S <= s[0] <= end + SLACK_S]
            fault = _misfit(near, seen, start, end)
            if fault:
                wrong.append(f"guild {guild_id} from {start:.3f} to {end:.3f}: {fault}")
    return wrong


def _guild_steps(changes: Iterable[Change]) -> list[GuildStep]:
    now: dict[int, int] = {}
    found: list[GuildStep] = []
    for change in changes:
        before, after = now.get(change.user_id), change.channel_id
        if before == after:
            continue
        if before is not None:
            found.append((change.at, (change.user_id, "disconnect", before)))
        if after is None:
            del now[change.user_id]
        else:
            found.append((change.at, (change.user_id, "connect", after)))
            now[change.user_id] = after
    return found


def _misfit(near: list[GuildStep], seen: list[Fact], start: float, end: float) -> str:
    """Say how the facts differ from every unbroken run of steps that could be meant."""
    must = [i for i, s in enumerate(near) if start + SLACK_S <= s[0] <= end - SLACK_S]
    if not seen:
        return f"nothing is told of {near[must[0]]} and what follows" if must else ""
    best, missing = -1, ""
    for offset in range(len(near)):
        agreed = _agreeing(near[offset:], seen)
        covers = not must or (offset <= must[0] and must[-1] < offset + len(seen))
        if agreed == len(seen) and covers:
            return ""
        if agreed > best:
            best, missing = agreed, _difference(near[offset:], seen, agreed)
    return missing or f"{seen[0]} and what follows never happened"


def _agreeing(true_steps: list[GuildStep], seen: list[Fact]) -> int:
    """Count how many facts tell of the steps in order, from the first on."""
    for number, ((at, key), fact) in enumerate(zip(true_steps, seen, strict=False)):
        early, late = fact.earliest - SLACK_S, fact.at + 0.05
        if key != (fact.user_id, fact.event, fact.channel_id) or not early <= at <= late:
            return number
    return min(len(true_steps), len(seen))


def _difference(true_steps: list[GuildStep], seen: list[Fact], agreed: int) -> str:
    return (
        f"after {agreed} right facts the truth goes on with {true_steps[agreed : agreed + 3]}, "
        f"the ledger with {seen[agreed : agreed + 3]}"
    )


def _sessions_from_facts(facts: Sequence[Fact], sessions: Sequence[Session]) -> list[str]:
    """`voice_session` is exactly what the facts say, and never counts a time twice."""
    wrong: list[str] = []
    told, derived = _by_member(facts), _by_member(sessions)
    for member in sorted(told.keys() | derived.keys()):
        try:
            expected = pair(told.get(member, []))
        except ValueError as impossible:
            wrong.append(f"facts of {member}: {impossible}")
            continue
        held = sorted(
            (s.channel_id, s.started_earliest, s.started_latest, s.ended_earliest, s.ended_latest)
            for s in derived.get(member, [])
        )
        if sorted(expected, key=str) != sorted(held, key=str):
            wrong.append(f"sessions of {member}: {held} where the facts say {sorted(expected)}")
        stays = sorted(derived.get(member, []), key=lambda s: s.started_latest)
        wrong.extend(
            f"sessions of {member} overlap: {a} and {b}"
            for a, b in pairwise(stays)
            if a.ended_latest is None
            or a.ended_earliest is None
            or a.ended_earliest > b.started_latest + 1e-6
        )
    return wrong


def _known_parts(sessions: Sequence[Session], blind: Sequence[Blind]) -> list[str]:
    """A stay that has ended is known to have gone on between its bounds, while we saw."""
    wrong: list[str] = []
    guilds = {stay.guild_id for stay in sessions}
    spells = {g: _spells([b for b in blind if b.guild_id == g]) for g in guilds}
    for stay in sessions:
        if stay.ended_earliest is None or stay.ended_latest is None:
            continue
        start, end = stay.started_latest, max(stay.started_latest, stay.ended_earliest)
        unseen = sum(
            max(0.0, min(until, end) - max(since, start)) for since, until in spells[stay.guild_id]
        )
        known = end - start - unseen
        unknown = stay.ended_latest - stay.started_earliest - known
        if abs(stay.known_s - known) > 1e-3 or abs(stay.unknown_s - unknown) > 1e-3:
            wrong.append(f"{stay} has {known:.3f} s known and {unknown:.3f} s unknown")
    return wrong


def _spells(blind: Sequence[Blind]) -> list[tuple[float, float]]:
    """Join blind times of one guild that follow each other without a gap."""
    joined: list[tuple[float, float]] = []
    for since, until in sorted((b.since, b.until) for b in blind):
        if joined and since <= joined[-1][1] + 1e-6:
            joined[-1] = joined[-1][0], max(joined[-1][1], until)
        else:
            joined.append((since, until))
    return joined


def pair(
    facts: Sequence[Fact],
) -> list[tuple[int, float, float, float | None, float | None]]:
    start: Fact | None = None
    found: list[tuple[int, float, float, float | None, float | None]] = []
    for fact in facts:
        if fact.event == "connect":
            if start is not None:
                raise ValueError(f"two joins in a row: {start} {fact}")
            start = fact
        else:
            if start is None or start.channel_id != fact.channel_id:
                raise ValueError(f"they left where they were not: {start} {fact}")
            found.append(
                (start.channel_id, start.earliest, start.latest, fact.earliest, fact.latest)
            )
            start = None
    if start is not None:
        found.append((start.channel_id, start.earliest, start.latest, None, None))
    return found


def _still_open(truth: Sequence[Change], sessions: Sequence[Session]) -> list[str]:
    """In the end the open sessions are who is in voice, and where."""
    last: dict[tuple[int, int], int | None] = {}
    for change in truth:
        last[change.guild_id, change.user_id] = change.channel_id
    inside: Mapping[tuple[int, int], int] = {
        key: channel for key, channel in last.items() if channel is not None
    }
    held = {(s.guild_id, s.user_id): s.channel_id for s in sessions if s.ended_latest is None}
    return [
        f"member {key} is in {inside.get(key)}; the ledger has {held.get(key)}"
        for key in sorted(inside.keys() | held.keys())
        if inside.get(key) != held.get(key)
    ]


def _totals(
    truth: Sequence[Change],
    facts: Sequence[Fact],
    sessions: Sequence[Session],
    blind: Sequence[Blind],
    *,
    seen_from: float,
    seen_until: float,
) -> list[str]:
    """The true time of every member lies between known, and known and unknown together."""
    wrong: list[str] = []
    true_changes, derived, told = _by_member(truth), _by_member(sessions), _by_member(facts)
    for member in sorted(true_changes.keys() | derived.keys()):
        true_steps = steps(true_changes.get(member, []))
        lost = _spells([b for b in blind if b.guild_id == member[0]])
        total = _time_in_voice(true_steps, seen_from, seen_until)
        known = sum(s.known_s for s in derived.get(member, []))
        unknown = sum(s.unknown_s for s in derived.get(member, []))
        missed = sum(until - since for since, until in lost)
        slack = SLACK_S * (1 + 2 * len(lost)) + 0.02 * len(true_steps)
        # What a resumed session told afterwards is uncertain by its bounds.
        vague = sum(f.latest - f.earliest for f in told.get(member, []) if f.origin == "gateway")
        # A stay that began and ended unseen is in no session, so what was missed bounds it.
        # An unseen move makes the end of one stay and the start of the next uncertain.
        most, doubt = known + missed + vague + slack, 2 * missed + vague + slack
        if not (known - slack <= total <= most and unknown <= doubt):
            wrong.append(
                f"time of {member}: truly {total:.2f} s, the ledger has {known:.2f} s "
                f"and up to {unknown:.2f} s more; blind for {missed:.2f} s"
            )
    return wrong


def _time_in_voice(true_steps: list[Step], seen_from: float, seen_until: float) -> float:
    """Add up the stays within a window; one that does not end goes on to the end of it."""
    ends = [*true_steps, (seen_until, "end", 0)]
    return sum(
        max(0.0, min(left, seen_until) - max(came, seen_from))
        for (came, event, _), (left, _, _) in pairwise(ends)
        if event == "connect"
    )
