"""Where the parts of the demo's picture go, on a terminal of any size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Group
from rich.layout import Layout
from rich.text import Text

from supervisors import demo_panels as part

if TYPE_CHECKING:
    from rich.console import RenderableType

    from supervisors.demo_show import Show

TREE = 46
"""Columns of a tree whose states are signs."""

WORDY_TREE, WORDY_FROM = 72, 134
"""Columns of a tree with whole words, and of a terminal that has them."""

FULL_TREE, FULL_FROM = 110, 200
"""Likewise of a tree with each actor's last error."""

BESIDE_FROM = 76
"""Columns from which something fits beside the tree."""

BOXES_FROM = 15
"""Lines from which there are boxes at all."""

CRASHES = 5
"""The least lines of the crashes, with the edges."""

PANEL = 4
"""Lines of the ledger's figures in a box."""


@dataclass(frozen=True, slots=True)
class Heights:
    """How the lines below the head are given away."""

    body: int
    figures: int
    legend: int
    foot: int


def heights(room: int, tree: int, foot: int, *, explains: bool) -> Heights:
    """Divide `room` lines: first comes the whole tree, then what is nice to have.

    >>> heights(23, 17, 2, explains=False)
    Heights(body=17, figures=4, legend=0, foot=2)
    >>> heights(19, 17, 2, explains=False)
    Heights(body=17, figures=1, legend=0, foot=1)
    """
    spare = max(0, room - tree - 2)
    second = min(1, spare, foot - 1)
    boxed = PANEL - 1 if spare - second >= PANEL - 1 else 0
    legend = 1 if explains and spare - second - boxed >= 1 else 0
    rest = min(foot - 1 - second, spare - second - boxed - legend)
    given = Heights(0, 1 + boxed, legend, 1 + second + rest)
    return Heights(room - given.figures - legend - given.foot, given.figures, legend, given.foot)


def frame(show: Show, width: int, height: int) -> RenderableType:
    """Compose one picture of `width` columns and `height` lines."""
    if show.status is None:
        return _waiting(show, width)
    if width < TREE or height < BOXES_FROM:
        return _plain(show, width, height)
    tree_width = _tree_width(width)
    share = heights(
        height - 1,
        part.tree_height(show),
        len(part.foot(show, width)),
        explains=width >= 100 or height >= 30,  # noqa: PLR2004 - a large terminal
    )
    boxed = share.figures == PANEL
    rows: list[tuple[int, RenderableType]] = [
        (1, part.head(show, width)),
        (share.body, _body(show, width, share.body, tree_width)),
        (share.figures, part.figures(show, width) if boxed else part.figures_line(show, width)),
        (share.legend, part.legend(tree_width, width)),
        (share.foot, Group(*part.short_foot(show, width, share.foot))),
    ]
    return _stack(rows)


def _tree_width(width: int) -> int:
    if width < BESIDE_FROM:
        return width
    if width >= FULL_FROM:
        return FULL_TREE
    return WORDY_TREE if width >= WORDY_FROM else TREE


def _body(show: Show, width: int, height: int, tree_width: int) -> RenderableType:
    tree = part.tree_height(show)
    below = height - tree if height - tree >= CRASHES else 0
    if tree_width == width:
        return _stack(_one_column(show, width, height, below))
    right = width - tree_width
    left: list[tuple[int, RenderableType]] = [
        (height - below, part.tree(show, tree_width, height - below))
    ]
    beside: list[tuple[int, RenderableType]]
    if not show.crashing:
        left = [(height, part.tree(show, tree_width, height))]
        beside = [(height, part.feed(show, right, height))]
    elif below:
        left.append((below, part.crashes(show, tree_width, below)))
        beside = [(height, part.feed(show, right, height))]
    else:
        least = max(CRASHES, height // 3)
        beside = [
            (height - least, part.feed(show, right, height - least)),
            (least, part.crashes(show, right, least)),
        ]
    both = Layout()
    both.split_row(Layout(_stack(left), size=tree_width), Layout(_stack(beside), size=right))
    return both


def _one_column(
    show: Show, width: int, height: int, below: int
) -> list[tuple[int, RenderableType]]:
    healing = CRASHES if show.crashing and below >= 2 * CRASHES else 0
    return [
        (height - below, part.tree(show, width, height - below)),
        (below - healing, part.feed(show, width, below - healing)),
        (healing, part.crashes(show, width, healing)),
    ]


def _stack(rows: list[tuple[int, RenderableType]]) -> RenderableType:
    whole = Layout()
    whole.split_column(*(Layout(content, size=lines) for lines, content in rows if lines))
    return whole


def _plain(show: Show, width: int, height: int) -> RenderableType:
    """Tell the same without boxes, where they would leave no room."""
    lines = [
        part.head(show, width),
        part.tree_sentence(show, width),
        part.figures_line(show, width),
    ]
    last = part.short_foot(show, width, 1)
    news = part.feed_lines(show, width, height - len(lines) - len(last))
    return Group(*[*lines, *news, *last][:height])


def _waiting(show: Show, width: int) -> RenderableType:
    text = Text("\n  Bulkhead demo\n\n", style="bold")
    text.append(f"  {show.step}…\n\n", style="not bold yellow")
    kept = f"  its data and logs: {show.folder}"
    return text.append(kept if len(kept) <= width else "", style="not bold dim")
