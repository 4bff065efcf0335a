"""Figures as people read them: spans of time, unknown parts, ranks. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord

if TYPE_CHECKING:
    from actors.analyst.protocol import MemberStats, VoiceTotal

MINUTE_S, HOUR_S = 60.0, 3600.0
COLOUR = discord.Colour.teal()


def span(seconds: float) -> str:
    """Show a length of time in the largest unit that is at least 1, where room is scarce.

    >>> span(33_120), span(725), span(40), span(0), span(5_000_000)
    ('9.2 h', '12 min', '40 s', '0 s', '1,388.9 h')
    """
    return _in_unit(seconds, _unit(seconds))


def length(seconds: float) -> str:
    """Show a length of time to the second, from an hour on to the minute.

    >>> length(40.2), length(151), length(720), length(33_120), length(0)
    ('40 s', '2 min 31 s', '12 min', '9 h 12 min', '0 s')
    """
    whole, names = round(seconds), ("min", "s")
    if whole >= HOUR_S:
        whole, names = round(seconds / MINUTE_S), ("h", "min")
    whole, part = divmod(whole, 60)
    shown = [f"{n:,} {name}" for n, name in zip((whole, part), names, strict=True) if n]
    return " ".join(shown) or "0 s"


def with_unknown(known_s: float, unknown_s: float) -> str:
    """Show a total and by how much more it may be, if that is not nothing beside it.

    >>> with_unknown(33_120, 1440), with_unknown(150, 2)
    ('9 h 12 min, perhaps up to 24 min more', '2 min 30 s, perhaps up to 2 s more')
    >>> with_unknown(33_120, 20), with_unknown(0, 90), with_unknown(0, 0)
    ('9 h 12 min', 'none for certain, perhaps up to 1 min 30 s', 'none')
    """
    grain = MINUTE_S if round(known_s) >= HOUR_S else 1.0
    more_s = round(unknown_s / grain) * grain
    known = length(known_s) if round(known_s) else "less than 1 s" if known_s > 0 else "none"
    if not more_s:
        return known
    if not round(known_s):
        return f"none for certain, perhaps up to {length(more_s)}"
    return f"{known}, perhaps up to {length(more_s)} more"


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
    add(name="Visits", value=f"{stats.voice.sessions:,}")
    add(name="Rank", value="none yet" if stats.rank is None else f"#{stats.rank}")
    add(name="Messages", value=f"{stats.messages:,}")
    if stats.top_channels:
        lines = [f"<#{channel}> {length(known_s)}" for channel, known_s in stats.top_channels]
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
    return embed.set_footer(text="Whoever is in voice right now: the time so far counts.")


def _days(days: int) -> str:
    return "day" if days == 1 else f"{days} days"


def _unit(seconds: float) -> float:
    return HOUR_S if seconds >= HOUR_S else MINUTE_S if seconds >= MINUTE_S else 1.0


def _in_unit(seconds: float, unit: float) -> str:
    if unit == HOUR_S:
        return f"{seconds / HOUR_S:,.1f} h"
    return f"{seconds / unit:.0f} {'min' if unit == MINUTE_S else 's'}"
