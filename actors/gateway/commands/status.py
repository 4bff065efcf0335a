"""`/status`: the whole tree for the owner, one line for everybody else."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Self, cast

import discord
import trio
from discord import app_commands
from typing_extensions import override

from actors.analyst.protocol import CrashCards
from actors.gateway.commands.answering import Shown, answer, ask
from actors.gateway.commands.figures import COLOUR
from actors.gateway.commands.tree_text import (
    crash_lines,
    health_for_members,
    health_line,
    pages,
    tree_block,
    whole_text,
)
from actors.kernel.errors import ActorError
from storage.rows import CardState

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

    from actors.gateway.desk import Desk
    from actors.gateway.protocol import GatewayReport

DESCRIPTION = "How the bot is; its owner sees every part"

MOST_PAGES = 8
"""Beyond so many a tree is no pleasure to turn over: it comes as a file."""

NEWEST = 3
LOOKED_AT = 50
OWNERS_ONLY = "Only the owner of this bot sees its parts."


class StatusBoard:
    """Draws the answers to `/status`, fresh each time; it remembers nothing."""

    def __init__(self, desk: Desk, link: Callable[[], GatewayReport]) -> None:
        self._desk, self._link = desk, link

    async def draw(self, interaction: discord.Interaction[Any], number: int = 0) -> Shown:
        """Draw one page for the owner, from 0; for others a line."""
        reports = self._desk.census()
        embed = discord.Embed(title="Status", colour=COLOUR)
        if not is_owner(interaction):
            embed.description = health_for_members(self._link(), reports)
            return Shown(embed)
        embed.add_field(name="Link", value=health_line(self._link(), reports))
        crashes = await self._crashes()
        if crashes:
            embed.add_field(name="Newest crashes", value=crashes, inline=False)
        drawn = pages(reports)
        if len(drawn) > MOST_PAGES:
            embed.description = tree_block(reports)
            data = io.BytesIO(whole_text(reports).encode())
            return Shown(embed, file=discord.File(data, "tree.txt"))
        number = max(0, min(number, len(drawn) - 1))
        embed.description = drawn[number]
        if len(drawn) == 1:
            return Shown(embed)
        embed.set_footer(text=f"Page {number + 1} of {len(drawn)}")
        return Shown(embed, view=_buttons(self, number, len(drawn)))

    async def _crashes(self) -> str:
        """List the newest open cards; a ledger that does not answer delays no status."""
        try:
            cards = await ask(self._desk.analyst, CrashCards(limit=LOOKED_AT))
        except (ActorError, trio.TooSlowError):
            return "not known: the ledger does not answer"
        return crash_lines([card for card in cards if card.state is CardState.OPEN][:NEWEST])


def status(board: StatusBoard) -> Any:
    """Make the command (its type, in discord.py, names what no caller needs)."""

    @app_commands.command(description=DESCRIPTION)
    async def status(interaction: discord.Interaction[Any]) -> None:
        await answer(interaction, board.draw(interaction), ephemeral=True)

    return cast("Any", status)


def page_button(board: StatusBoard) -> Any:
    """Make the kind of button that turns to a page: its id says to which, so it outlives us."""

    class PageButton(
        discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"status:(?P<page>\d+):\w+"
    ):
        def __init__(self, page: int, label: str, name: str, *, off: bool = False) -> None:
            custom_id = f"status:{page}:{name}"
            super().__init__(discord.ui.Button(label=label, custom_id=custom_id, disabled=off))
            self._page = page

        @classmethod
        @override
        async def from_custom_id(
            cls,
            interaction: discord.Interaction[Any],
            item: discord.ui.Item[Any],
            match: re.Match[str],
            /,
        ) -> Self:
            return cls(int(match["page"]), "", "pressed")

        @override
        async def callback(self, interaction: discord.Interaction[Any]) -> None:
            if not is_owner(interaction):
                await interaction.response.send_message(OWNERS_ONLY, ephemeral=True)
                return
            shown = await board.draw(interaction, self._page)
            files = [] if shown.file is None else [shown.file]
            await interaction.response.edit_message(
                embed=shown.embed, view=shown.view, attachments=files
            )

    return PageButton


def _buttons(board: StatusBoard, number: int, count: int) -> discord.ui.View:
    button = page_button(board)
    view = discord.ui.View(timeout=None)
    view.add_item(button(max(0, number - 1), "◀ Previous", "previous", off=number == 0))
    view.add_item(button(number, "Refresh", "refresh"))
    last = number + 1 >= count
    view.add_item(button(min(count - 1, number + 1), "Next ▶", "next", off=last))
    # A view that is over is sent, and not kept by discord.py for as long as the bot runs.
    view.stop()
    return view


def is_owner(interaction: discord.Interaction[Any]) -> bool:
    """Tell whether the member may see the parts of the bot."""
    return interaction.user.id in owners(interaction.client.application)


def owners(application: discord.AppInfo | None) -> frozenset[int]:
    """Name those who may see the tree: the application's owner, or the members of its team."""
    if application is None:
        return frozenset()
    team = application.team
    if team is None:
        return frozenset({application.owner.id})
    accepted = discord.TeamMembershipState.accepted
    return frozenset(each.id for each in team.members if each.membership_state is accepted)
