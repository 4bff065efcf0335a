"""The bot's process stands still, and goes on: what happened meanwhile has no certain time."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest
import trio

from tests.end_to_end.stage import finish, stage, until_recorded, watched

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.end_to_end

PAUSE_S = 8.0


async def test_what_happened_while_the_process_stood_still_is_told_with_its_bounds(
    tmp_path: Path,
) -> None:
    async with stage() as here, watched(here, tmp_path / "data") as bot:
        guild = here.guilds[0]
        comes, leaves, both = guild.people[:3]
        seen_from = time.time()
        await leaves.voice(guild.voice[0])
        await until_recorded(bot, 1)
        await trio.sleep(1)
        paused = time.time()
        bot.process.send_signal(signal.SIGSTOP)
        await trio.sleep(PAUSE_S / 2)
        middle = time.time()
        await comes.voice(guild.voice[0])
        await leaves.voice(None)
        await both.voice(guild.voice[0])
        await both.voice(None)
        await trio.sleep(PAUSE_S / 2)
        bot.process.send_signal(signal.SIGCONT)
        await until_recorded(bot, 5)
        await trio.sleep(2)
        resumed = time.time()
        await comes.voice(None)
        await until_recorded(bot, 6)
        story = await finish(here, bot, seen_from)

    assert story.complaints() == []
    for late in [*story.facts(comes)[:1], *story.facts(leaves)[1:], *story.facts(both)]:
        assert late.earliest - 0.1 <= middle <= late.latest, late
        assert late.earliest <= paused + 0.1, "since the last frame before the pause"
        assert late.latest - late.earliest >= PAUSE_S / 2
    (again,) = story.facts(comes)[1:]
    assert again.earliest == again.latest >= resumed, "certain again"
    certain = {each.user_id: each.known_s for each in story.ledger.sessions}
    assert certain[int(leaves.id)] <= middle - seen_from
    assert certain[int(both.id)] == 0
    assert story.ledger.blind == [], "nothing was missed"
