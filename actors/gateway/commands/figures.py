"""Figures as people read them: spans of time, unknown parts, ranks. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord

if TYPE_CHECKING:
    from actors.analyst.protocol import MemberStats, VoiceTotal

MINUTE_S, HOUR_S = 60.0, 3600.0
COLOUR = discord.Colour.teal()


def span(seconds: float) -> str:
    """Show a length of time in the largest unit that is at least 1.

    >>> span(33_120), span(725), span(40), span(0), span(5_000_000)
    ('9.2 h', '12 min', '40 s', '0 s', '1,388.9 h')
    """
    return _in_unit(seconds, _unit(seconds))


def with_unknown(known_s: float, unknown_s: float) -> str:
    """Show a total and by how much more it may be, in the same unit where that shows anything.

    >>> with_unknown(33_120, 1440), with_unknown(33_120, 0), with_unknown(33_120, 40)
    ('9.2 h (+0 to 0.4 h unknown)', '9.2 h', '9.2 h (+0 to 40 s unknown)')
    """
    if round(unknown_s) <= 0:
        return span(known_s)
    # A twentieth of an hour is the least that does not round to 0.0 h.
    same = unknown_s <= known_s and unknown_s >= _unit(known_s) / 20
    unit = _unit(known_s) if same else _unit(unknown_s)
    return f"{span(known_s)} (+0 to {_in_unit(unknown_s, unit)} unknown)"


def member_embed(stats: MemberStats, days: int) -> discord.Embed:
    """Draw the answer to `/stats me`."""
    if not (stats.voice.known_s or stats.voice.unknown_s or stats.messages):
        return _embed(
            f"Your last {_days(days)}",
            f"No voice time and no messages of yours were recorded in the last {_days(days)}.",
        )
    embed = _embed(f"Your last {_days(days)}", None)
    add: Any = embed.add_field
    add(name="Voice", value=with_unknown(stats.voice.known_s, stats.voice.unknown_s))
    add(name="Stays", value=f"{stats.voice.sessions:,}")
    add(name="Rank", value="none yet" if stats.rank is None else f"#{stats.rank}")
    add(name="Messages", value=f"{stats.messages:,}")
    if stats.top_channels:
        lines = [f"<#{channel}> {span(known_s)}" for channel, known_s in stats.top_channels]
        add(name="Most in", value="\n".join(lines), inline=False)
    return embed


def top_embed(totals: tuple[VoiceTotal, ...], days: int) -> discord.Embed:
    """Draw the answer to `/stats top`."""
    title = f"Most time in voice, last {_days(days)}"
    if not totals:
        return _embed(title, f"Nobody was seen in voice in the last {_days(days)}.")
    lines = [
        f"{place}. <@{total.user_id}> {with_unknown(total.known_s, total.unknown_s)}"
        for place, total in enumerate(totals, start=1)
    ]
    return _embed(title, "\n".join(lines))


def _embed(title: str, text: str | None) -> discord.Embed:
    embed = discord.Embed(title=title, description=text, colour=COLOUR)
    return embed.set_footer(text="Stays that go on are counted up to now.")


def _days(days: int) -> str:
    return "day" if days == 1 else f"{days} days"


def _unit(seconds: float) -> float:
    return HOUR_S if seconds >= HOUR_S else MINUTE_S if seconds >= MINUTE_S else 1.0


def _in_unit(seconds: float, unit: float) -> str:
    if unit == HOUR_S:
        return f"{seconds / HOUR_S:,.1f} h"
    return f"{seconds / unit:.0f} {'min' if unit == MINUTE_S else 's'}"
