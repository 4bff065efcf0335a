"""A question to the ledger in the words of the demo: the ledger itself knows ids only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

QUESTION = "voice.sql"
"""The file in the demo's folder that the question is kept in, to be asked and to be read."""

FORM = """\
-- Who was in voice longest, and where last. The ledger knows ids; the names are this demo's.
WITH
person(user_id, name) AS (VALUES {people}),
room(channel_id, title) AS (VALUES {rooms})
SELECT
    coalesce(name, user_id::VARCHAR) AS member,
    count(*) AS stays,
    round(sum(known_s)) AS seconds,
    arg_max(title, started_latest_utc) AS last_seen_in
FROM voice_session
LEFT JOIN person USING (user_id)
LEFT JOIN room USING (channel_id)
GROUP BY ALL
ORDER BY seconds DESC, member
LIMIT 9
"""


def question(world: Mapping[str, Any]) -> str:
    """Write the question, with the names of a local Discord's members and channels."""
    guilds = world["guilds"]
    people = {each["id"]: each["name"] for guild in guilds for each in guild["members"]}
    rooms = {each["id"]: each["name"] for guild in guilds for each in guild["channels"]}
    return FORM.format(people=_values(people.items()), rooms=_values(rooms.items()))


def _values(names: Iterable[tuple[str, str]]) -> str:
    r"""Write ids and names as SQL.

    >>> _values([("7", "Mina"), ("8", "O'Hara")])
    "\n    (7, 'Mina'),\n    (8, 'O''Hara')"
    """
    rows = [f"({int(number)}, '{name.replace(chr(39), chr(39) * 2)}')" for number, name in names]
    return "\n    " + ",\n    ".join(rows)
