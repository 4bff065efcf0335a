"""Lines that are cut at their seams: what does not fit whole is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable


def whole(line: Text, width: int, seam: str) -> Text:
    """Leave out the last parts of a line, until it fits into `width` columns.

    >>> whole(Text("3 rows, 1 session, 2 messages"), 20, ", ").plain
    '3 rows, 1 session'
    """
    return joined(line.split(seam), width, seam)


def joined(parts: Iterable[Text], width: int, seam: str) -> Text:
    """Join the first parts, as many as fit; the first one is always there."""
    line = Text(no_wrap=True, overflow="ellipsis")
    for part in parts:
        if not line:
            line.append_text(part)
        elif line.cell_len + len(seam) + part.cell_len <= width:
            line.append(seam).append_text(part)
        else:
            break
    return line
