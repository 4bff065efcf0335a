"""One line of what happened in the local Discord, in the longest form that fits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

if TYPE_CHECKING:
    from supervisors.demo_show import FeedLine

ROOMY = 44
"""Columns from which there is room for the whole time and the whole name of a server."""

TINY = 26
"""Columns below which there is room for what happened only."""

SHORTER = tuple(
    (re.compile(form), to)
    for form, to in (
        (r"^([^:]+?) moved from .+ to ", r"\1 moved to "),
        (r"^([^:]+?) is on the microphone again", r"\1 unmuted"),
        (r" and is on the microphone again", " and unmuted"),
        (r"(muted) the microphone", r"\1"),
        (r" turned the camera (on|off)", r" camera \1"),
        (r" was (muted|deafened) by a moderator", r" \1 by mod"),
        (r"^([^:]+?) in (#[\w-]+: )", r"\1 \2"),
        (r": answered (?:in [\d.]+ s|at once)$", ""),
    )
)
"""How a line is told where there is little room."""

SHORTEST = re.compile(r"^([^:#]+?) (?:joined|moved to) ")
"""What a sign tells as well."""


def feed_line(line: FeedLine, width: int) -> Text:
    """Tell when, what and where; with little room the server is told by its initials."""
    if width < TINY:
        return Text(_fitting(line.text, width))
    if width < ROOMY:
        tag = initials(line.guild)
        text = Text(f"{line.clock[-5:]} ", style="dim").append(f"{tag} ", style="not dim cyan")
        return text.append(_fitting(line.text, width - text.cell_len), style="not dim")
    text = Text(f"{line.clock} ", style="dim")
    what = _fitting(line.text, width - text.cell_len - 2 - cell_len(line.guild))
    return text.append(what, style="not dim").append(f"  {line.guild}", style="not dim cyan")


def _fitting(text: str, width: int) -> str:
    text = text.replace("answered in 0.00 s", "answered at once")
    if cell_len(text) > width:
        text = shorter(text)
    if cell_len(text) > width:
        text = SHORTEST.sub(r"\1 → ", text)
    cut = Text(text)
    cut.truncate(max(1, width), overflow="ellipsis")
    return cut.plain


def shorter(text: str) -> str:
    """Say the same in fewer words.

    >>> shorter("Zofia moved from Night Watch to Open Mic and muted the microphone")
    'Zofia moved to Open Mic and muted'
    >>> shorter("Clara used /help: answered in 0.04 s")
    'Clara used /help'
    """
    for form, to in SHORTER:
        text = form.sub(to, text)
    return text


def initials(name: str) -> str:
    """Shorten a server's name to at most three letters.

    >>> [initials(name) for name in ("The Lighthouse", "Compile & Chill", "Raid Night 2", "Den")]
    ['TL', 'CC', 'RN2', 'De']
    """
    words = re.findall(r"\w+", name)
    return "".join(word[0] for word in words)[:3] if len(words) > 1 else name[:2]
