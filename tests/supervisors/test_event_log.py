"""The event log: the log, status and the ledger hear of each event once, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from actors.recorder.protocol import RecordSupervision
from supervisors import event_log
from tests.supervisors.operated import Operated

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tree import Tree


@pytest.fixture
def bot(tree: Tree, tmp_path: Path) -> Operated:
    return Operated(tree, tmp_path)


def recorded(bot: Operated) -> list[str]:
    return [m.event.child for m in bot.told if isinstance(m, RecordSupervision)]


def happen(bot: Operated, *children: str, reason: str = "", action: str = "started") -> None:
    for child in children:
        bot.tree.directory.publish(supervisor="s", child=child, reason=reason, action=action)


async def test_the_recorder_hears_of_all_also_of_what_was_before_it(bot: Operated) -> None:
    happen(bot, "early")
    await bot.tree.grow(bot.part("recorder"))
    happen(bot, "late")
    await bot.tree.settle()

    assert recorded(bot) == ["early", "recorder", "late"]
    assert [event.child for event in bot.events.recent] == ["early", "recorder", "late"]
    assert (bot.events.owed, bot.events.dropped) == (0, 0)


async def test_what_the_recorder_refuses_waits_in_order_and_is_no_dead_letter(
    bot: Operated,
) -> None:
    await bot.tree.grow(bot.part("recorder", capacity=2))
    await bot.tree.settle()
    happen(bot, "a", "b", "c", "d")
    assert bot.events.owed == 2

    await bot.tree.settle()
    bot.events.deliver()
    await bot.tree.settle()
    bot.events.deliver()
    await bot.tree.settle()

    assert recorded(bot) == ["recorder", "a", "b", "c", "d"]
    assert bot.events.owed == 0
    assert bot.tree.dead == []


async def test_while_the_recorder_is_away_the_newest_are_kept_and_the_rest_counted(
    bot: Operated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "OWE", 3)
    happen(bot, "a", "b", "c", "d", "e")

    assert (bot.events.owed, bot.events.dropped) == (3, 2)
    await bot.tree.grow(bot.part("recorder"))
    await bot.tree.settle()
    assert recorded(bot) == ["d", "e", "recorder"]
    assert bot.events.dropped == 3, "the recorder's own start pushed one out"


async def test_only_so_many_are_kept_for_status(bot: Operated) -> None:
    happen(bot, *(str(n) for n in range(event_log.KEEP + 5)))

    assert len(bot.events.recent) == event_log.KEEP
    assert bot.events.recent[-1].child == str(event_log.KEEP + 4)
    assert bot.tree.dead == []


@pytest.mark.parametrize(
    ("reason", "action", "level"),
    [
        ("", "started", "info"),
        ("restarted", "started", "info"),
        ("stopped", "stopped, because root stops", "info"),
        ("crashed: ValueError('x')", "restart in 0.25 s", "warning"),
        ("killed: it did not start within 1 s", "restart", "warning"),
        ("crashed: ValueError('x')", "gave up: more than 3 restarts within 30 s", "warning"),
        ("stopped", "gave up: more than 3 restarts within 30 s", "warning"),
    ],
)
async def test_the_log_has_the_four_fields_and_warns_of_what_went_wrong(
    bot: Operated, reason: str, action: str, level: str
) -> None:
    with capture_logs() as lines:
        happen(bot, "gateway", reason=reason, action=action)

    expected: list[dict[str, Any]] = [
        {
            "event": "supervision",
            "supervisor": "s",
            "child": "gateway",
            "reason": reason,
            "action": action,
            "log_level": level,
        }
    ]
    assert lines == expected
