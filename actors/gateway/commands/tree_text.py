"""The tree of actors as text that fits one answer, and the health line. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.gateway.commands.figures import span
from actors.gateway.protocol import GatewayReport, Link
from actors.kernel.system import ActorReport, ChildState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from storage.rows import CrashCard

EMBED_LIMIT = 4096
"""Characters that Discord takes in the description of an embed."""

ERROR_CHARS = 60
FENCE = "```"
UNWELL = frozenset({ChildState.WAITING, ChildState.STOPPED})

PAGE_LINES = 25
"""Lines of one page: about what a screen shows."""


def tree_block(reports: Sequence[ActorReport], limit: int = EMBED_LIMIT) -> str:
    """Draw the tree in a code block of at most `limit` characters.

    Where it is too wide, siblings are left out and a line says how many: those without
    trouble first.
    """
    room = limit - 2 * len(FENCE) - 2
    text = ""
    for breadth in (len(reports), 40, 20, 10, 5, 3):
        text = "\n".join(_draw(reports, breadth))
        if len(text) <= room:
            break
    else:
        note = "… the tree goes on; main.py status shows all of it"
        text = text[: room - len(note) - 1].rpartition("\n")[0] + "\n" + note
    return f"{FENCE}\n{text}\n{FENCE}"


def health_for_members(link: GatewayReport, reports: Sequence[ActorReport]) -> str:
    """Say how the bot is in words that need no knowledge of its parts."""
    if link.link is not Link.CONNECTED:
        return (
            "Not connected to Discord right now; I keep trying. "
            "Time in voice that I miss is shown as 'perhaps'."
        )
    since = f"<t:{int(link.since_utc.timestamp())}:R>"
    healing = any(each.state in UNWELL for each in reports)
    health = "Something is being repaired; please be patient." if healing else "All is well."
    servers = f"{link.guilds} server" + ("" if link.guilds == 1 else "s")
    return f"{health} Connected to Discord (since {since}), watching {servers}."


def pages(reports: Sequence[ActorReport]) -> list[str]:
    """Draw the tree whole, in code blocks that each fit one screen and one embed."""
    lines = _draw(reports, len(reports))
    cut: list[list[str]] = [[]]
    room = EMBED_LIMIT - 2 * len(FENCE) - 2
    for line in lines:
        page = cut[-1]
        if len(page) >= PAGE_LINES or sum(len(each) + 1 for each in page) + len(line) > room:
            cut.append([])
        cut[-1].append(line)
    return [f"{FENCE}\n" + "\n".join(page) + f"\n{FENCE}" for page in cut]


def whole_text(reports: Sequence[ActorReport]) -> str:
    """Draw the tree whole, as the text of a file."""
    return "\n".join(_draw(reports, len(reports))) + "\n"


def crash_lines(cards: Sequence[CrashCard], limit: int = 1024) -> str:
    """List crash cards that somebody should look at, one a line; empty if there are none."""
    lines = [_crash_line(card) for card in cards]
    while lines and len("\n".join(lines)) > limit:
        lines.pop()
    return "\n".join(lines)


def _crash_line(card: CrashCard) -> str:
    said = _cut(card.headline.replace("`", "'"), ERROR_CHARS)
    line = f"`{card.card}` {said}, {card.count:,} times, <t:{int(card.last_utc.timestamp())}:R>"
    return line if card.reopened_utc is None else f"{line}, back after {card.fixed_in}"


def health_line(link: GatewayReport, reports: Sequence[ActorReport]) -> str:
    """Say in one line, to its owner, how the bot is."""
    since = f"<t:{int(link.since_utc.timestamp())}:R>"
    state = "Connected" if link.link is Link.CONNECTED else f"Not connected: {link.link.value}"
    restarted = [each for each in reports if each.restarts and each.state is ChildState.RUNNING]
    last = min((each.uptime_s for each in restarted), default=None)
    restart = "no part was restarted" if last is None else f"last restart {span(last)} ago"
    servers = f"{link.guilds} server" + ("" if link.guilds == 1 else "s")
    return f"{state} (since {since}), {servers}, {restart}."


def _draw(reports: Sequence[ActorReport], breadth: int) -> list[str]:
    below: dict[str, list[ActorReport]] = {}
    for report in reports:
        below.setdefault(report.parent, []).append(report)
    rows = list(_walk(below, "", "", breadth))
    width = max((len(name) for name, _ in rows), default=0)
    return [f"{name:<{width}} {facts}".rstrip() for name, facts in rows]


def _walk(
    below: dict[str, list[ActorReport]], parent: str, indent: str, breadth: int
) -> Iterator[tuple[str, str]]:
    children = below.get(parent, [])
    shown = _most_telling(children, breadth)
    left_out = len(children) - len(shown)
    for index, child in enumerate(shown):
        last = index == len(shown) - 1 and not left_out
        mark = "" if not parent else "└ " if last else "├ "
        yield indent + mark + child.name.rpartition("/")[2], _facts(child)
        deeper = "" if not parent else "  " if last else "│ "
        yield from _walk(below, child.name, indent + deeper, breadth)
    if left_out:
        yield f"{indent}└ … {left_out} more", ""


def _most_telling(children: list[ActorReport], breadth: int) -> list[ActorReport]:
    if len(children) <= breadth:
        return children
    troubled = sorted(children, key=lambda each: (not _in_trouble(each), -each.restarts))
    kept = {each.name for each in troubled[:breadth]}
    return [each for each in children if each.name in kept]


def _in_trouble(report: ActorReport) -> bool:
    return report.state is not ChildState.RUNNING or bool(report.restarts)


def _facts(report: ActorReport) -> str:
    state = span(report.uptime_s) if report.state is ChildState.RUNNING else report.state.value
    facts = f"{state:>8}  {report.depth:>4} waiting"
    if report.restarts:
        facts += f"  {report.restarts} restart" + ("s" if report.restarts > 1 else "")
    if report.card:
        facts += f"  {report.card}"
    if report.last_error:
        facts += "  " + _cut(report.last_error.replace("`", "'"), ERROR_CHARS)
    return facts


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
