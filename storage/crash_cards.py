"""Crash cards in the ledger: adding crashes to them, judging them, reading them."""

from __future__ import annotations

from dataclasses import astuple, replace
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from storage.database import writing
from storage.rows import CardState, CrashCard, CrashRow, Verdict
from storage.statements import query
from storage.times import plain_utc, utc

if TYPE_CHECKING:
    from collections.abc import Iterable

    from storage.database import Connection

KEEP = 1000
"""Cards that stay, those that crashed last."""

Entry: TypeAlias = CrashRow | Verdict

_COLUMNS = (
    "card, state, count, first_utc, last_utc, headline, kinds, last_actor, last_in_hand, "
    "last_version, stack, fixed_in, reopened_utc"
)


def enter(connection: Connection, entries: Iterable[Entry], batch_id: int) -> list[CrashCard]:
    """Add crashes and verdicts to the cards, in order; return cards that came back by it.

    Inside a transaction of the caller's. A verdict on a card that is not there does nothing.
    """
    entries = list(entries)
    names = sorted({entry.card for entry in entries})
    before = {card.card: card for card in _read(connection, names)}
    after = dict(before)
    for entry in entries:
        card = entered(after.get(entry.card), entry)
        if card is not None:
            after[entry.card] = card
    _replace(connection, names, after.values(), batch_id)
    return [
        card
        for name, card in after.items()
        if name in before and card.reopened_utc != before[name].reopened_utc
    ]


def entered(card: CrashCard | None, entry: Entry) -> CrashCard | None:
    """Add one entry to a card; pure."""
    if isinstance(entry, Verdict):
        return None if card is None else _judged(card, entry)
    if card is None:
        return _first(entry)
    back = card.state is CardState.FIXED
    return replace(
        _first(entry),
        state=CardState.OPEN if back else card.state,
        count=card.count + entry.count,
        first_utc=min(card.first_utc, entry.first_utc),
        last_utc=max(card.last_utc, entry.last_utc),
        kinds=tuple(sorted({*card.kinds, entry.kind})),
        fixed_in=card.fixed_in,
        reopened_utc=entry.last_utc if back else card.reopened_utc,
    )


def _first(row: CrashRow) -> CrashCard:
    return CrashCard(
        card=row.card,
        state=row.born,
        count=row.count,
        first_utc=row.first_utc,
        last_utc=row.last_utc,
        headline=row.headline,
        kinds=(row.kind,),
        last_actor=row.actor,
        last_in_hand=row.in_hand,
        last_version=row.version,
        stack=row.stack,
        fixed_in=None,
        reopened_utc=None,
    )


def _judged(card: CrashCard, verdict: Verdict) -> CrashCard:
    if verdict.state is CardState.FIXED:
        return replace(card, state=verdict.state, fixed_in=verdict.version, reopened_utc=None)
    return replace(card, state=verdict.state)


def cards(connection: Connection, card: str | None = None, row_limit: int = 50) -> list[CrashCard]:
    """Read the cards, newest first; or only the one that is named."""
    parameters = {"card": card, "row_limit": row_limit}
    rows = connection.execute(query("crash_cards").sql, parameters).fetchall()
    return [_card(row) for row in rows]


def _read(connection: Connection, names: list[str]) -> list[CrashCard]:
    sql = f"SELECT {_COLUMNS} FROM crash_card WHERE card IN (SELECT unnest(?::VARCHAR[]))"  # noqa: S608 - our own names
    return [_card(row) for row in connection.execute(sql, [names]).fetchall()]


def _replace(
    connection: Connection, names: list[str], after: Iterable[CrashCard], batch_id: int
) -> None:
    connection.execute(
        "DELETE FROM crash_card WHERE card IN (SELECT unnest(?::VARCHAR[]))", [names]
    )
    for card in after:
        values = [_stored(value) for value in astuple(card)]
        marks = ", ".join("?" * (len(values) + 1))
        connection.execute(f"INSERT INTO crash_card VALUES ({marks})", [*values, batch_id])  # noqa: S608 - marks only
    connection.execute(
        "DELETE FROM crash_card WHERE rowid IN "
        "(SELECT rowid FROM crash_card ORDER BY last_utc DESC OFFSET ?)",
        [KEEP],
    )


def _stored(value: object) -> object:
    if isinstance(value, CardState):
        return value.value
    if isinstance(value, tuple):
        return list(cast("tuple[object, ...]", value))
    return plain_utc(value)


def _card(row: tuple[Any, ...]) -> CrashCard:
    (
        card,
        state,
        count,
        first,
        last,
        headline,
        kinds,
        actor,
        in_hand,
        version,
        stack,
        fixed,
        back,
    ) = row
    return CrashCard(
        card=card,
        state=CardState(state),
        count=count,
        first_utc=utc(first),
        last_utc=utc(last),
        headline=headline,
        kinds=tuple(kinds),
        last_actor=actor,
        last_in_hand=in_hand,
        last_version=version,
        stack=stack,
        fixed_in=fixed,
        reopened_utc=None if back is None else utc(back),
    )


def judge(connection: Connection, verdict: Verdict) -> None:
    """Enter a verdict in a transaction of its own; not while a bot runs."""
    with writing(connection):
        last = connection.execute("SELECT coalesce(max(batch_id), 0) FROM batch").fetchall()
        enter(connection, [verdict], last[0][0])
