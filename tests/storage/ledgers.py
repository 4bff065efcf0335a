"""Plans of what guilds might tell, and what the ledger must hold after it, worked out by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from hypothesis import strategies as st

from actors.recorder.journal import Journal
from storage.activity import Run, Writer, recall
from storage.rows import ActivityRow, Event, Origin, OutageRow
from tests.storage.facts import fact, outage

if TYPE_CHECKING:
    from storage.database import Connection

GUILDS = (81, 82)
RUN = UUID(int=7)


@st.composite
def facts(draw: st.DrawFn) -> ActivityRow:
    """Any fact, whether it fits to what came before or not."""
    when = draw(st.integers(0, 60))
    before, after = draw(st.sampled_from([(0, 0), (0, 0), (5, 0), (3, 4)]))
    return fact(
        draw(st.sampled_from(Event)),
        draw(st.integers(1, 2)),
        draw(st.integers(11, 12)),
        when,
        bounds=(when - before, when + after),
        origin=draw(st.sampled_from([Origin.GATEWAY, Origin.SNAPSHOT, Origin.OUTAGE])),
        guild_id=draw(st.sampled_from(GUILDS)),
    )


@st.composite
def moves(draw: st.DrawFn) -> tuple[ActivityRow, ...]:
    user_id, guild_id = draw(st.integers(1, 2)), draw(st.sampled_from(GUILDS))
    when, move_id = draw(st.integers(0, 60)), uuid4()
    old, new = draw(st.permutations([11, 12]))
    return tuple(
        fact(event, user_id, channel_id, when, move_id=move_id, guild_id=guild_id)
        for event, channel_id in ((Event.DISCONNECT, old), (Event.CONNECT, new))
    )


@st.composite
def outages(draw: st.DrawFn) -> OutageRow:
    since = draw(st.integers(0, 60))
    return outage(since, since + draw(st.integers(0, 9)), guild_id=draw(st.sampled_from(GUILDS)))


messages = st.one_of(
    st.lists(facts(), min_size=1, max_size=2).map(lambda rows: (tuple(rows), None)),
    moves().map(lambda rows: (rows, None)),
    st.tuples(st.lists(facts(), max_size=2).map(tuple), outages()),
)
"""(rows, outage) of one message."""

batches = st.lists(st.lists(messages, min_size=1, max_size=6), min_size=1, max_size=6)


def store(connection: Connection, plan: list[list[Any]]) -> Journal:
    """Store the batches of a plan as the recorder does."""
    journal, writer = Journal(recall(connection, RUN)), Writer(connection)
    position = 0
    for batch in plan:
        first = position + 1
        for rows, blind in batch:
            position += 1
            journal.activity(rows, blind)
        made = journal.rows()
        if made is not None:
            writer.write(made, Run(run_id=RUN, first_position=first, last_position=position))
            journal.committed(position)
    return journal


def everything(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """All derived rows, and what readers see of them."""
    return {
        name: sorted(connection.execute(f"FROM {name}").fetchall(), key=repr)
        for name in ("closed_session", "open_session", "voice_session")
    }
