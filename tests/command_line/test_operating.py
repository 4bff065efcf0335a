"""Looking into, holding, drilling a bot that really runs, and reading its crashes afterwards."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio

from storage.crash_cards import enter
from storage.database import open_activity, writing
from tests.command_line.program import main
from tests.command_line.test_with_a_running_bot import operator
from tests.doubles.discord.process import local_discord
from tests.end_to_end.bot_process import running_bot
from tests.storage.test_crash_cards import row

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command_line.program import Ended
    from tests.end_to_end.bot_process import Bot

pytestmark = pytest.mark.end_to_end


async def keep_asking(bot: Bot) -> None:
    while True:
        await bot.status()
        await trio.sleep(0.02)


def json_of(ended: Ended) -> dict[str, Any]:
    assert ended.code == 0, ended
    value: dict[str, Any] = json.loads(ended.out)
    return value


async def test_an_operator_looks_into_a_running_bot_drills_it_and_reads_its_crashes(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    async with local_discord("--scenario", "quiet") as discord, running_bot(discord, data) as bot:
        await bot.until_watching()
        use = partial(operator, discord, data)
        found: dict[str, Ended] = {}

        async def note(*arguments: str) -> None:
            found[" ".join(arguments)] = await use(*arguments)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(note, "actor", "guilds")
            nursery.start_soon(note, "actor", "recorder", "--json")
            nursery.start_soon(note, "actor", "gatewy")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keep_asking, bot)
            await note("trace", "analyst", "--for", "0.5s", "--json")
            nursery.cancel_scope.cancel()
        await note("suspend", "analyst")
        await note("status")
        await note("resume", "analyst", "--json")
        await note("drill", "kill", "gateway", "--json")
        await bot.until_watching()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(note, "drill", "flood", "analyst")
            nursery.start_soon(note, "drill", "hang", "snapshots", "--limit", "0.3s")
        card = (await bot.control(do="crashes"))["cards"][0]["card"]
        await note("crashes", card)
        await note("crashes", card, "--fixed", "--json")
        assert await bot.stop() == 0
        await note("crashes", card, "--open", "--json")  # the bot need not run

    assert "children      3 of 3 run, 0 supervisors, 3 workers" in found["actor guilds"].out
    recorder = json_of(found["actor recorder --json"])["actor"]
    assert recorder["report"]["kind"] == "RecorderActor"
    assert recorder["shown_state"]["last batch"] >= 1
    assert (found["actor gatewy"].code, found["actor gatewy"].err) == (
        2,
        "no actor is called gatewy; did you mean gateway?\n",
    )
    *turns, end = map(json.loads, found["trace analyst --for 0.5s --json"].out.splitlines())
    assert end["end"]["turns"] == len(turns) > 0
    assert {turn["message"] for turn in turns} == {"LedgerReport()"}

    assert "analyst is suspended" in found["suspend analyst"].out
    assert "⏸ suspended" in found["status"].out
    assert json_of(found["resume analyst --json"])["state"] == "running"

    killed = json_of(found["drill kill gateway --json"])
    assert (killed["recovered"], killed["restarts"]) == (True, 1)
    assert killed["bystander"]["answered"] > 10
    assert "✓ flood analyst: whole again after" in found["drill flood analyst"].out
    assert "1,000 taken" in found["drill flood analyst"].out
    assert found["drill hang snapshots --limit 0.3s"].code == 70
    assert "not whole again within 0.3 s; taken back" in (
        found["drill hang snapshots --limit 0.3s"].out
    )

    assert f"{card}  DrillError: gateway was crashed on purpose" in found[f"crashes {card}"].out
    fixed = json_of(found[f"crashes {card} --fixed --json"])["cards"][0]
    assert (fixed["state"], fixed["count"], fixed["fixed_in"]) == ("fixed", 1, "0.1.0")
    reopened = json_of(found[f"crashes {card} --open --json"])["cards"][0]
    assert (reopened["state"], reopened["fixed_in"]) == ("open", "0.1.0")
    assert "Traceback" not in bot.log.replace("faulthandler", "")


def cards_in(folder: Path) -> None:
    connection = open_activity(folder / "activity.duckdb")
    with writing(connection):
        enter(connection, [row(), row("ABCDE", minute=1, count=7)], 0)
    connection.close()


def crashes(folder: Path, *arguments: str) -> Ended:
    settings = {"BULKHEAD_STORAGE__FOLDER": str(folder)}
    return main("crashes", *arguments, cwd=folder.parent, settings=settings)


def test_crashes_are_listed_newest_first_and_one_in_full(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    cards_in(folder)

    listed, one = crashes(folder), crashes(folder, "k7qf2")

    assert [line.split()[0] for line in listed.out.splitlines()] == ["card", "ABCDE", "K7QF2"]
    assert "a.py:1 in f" in one.out
    assert "VoiceChanged()" in one.out


def test_a_wrong_use_of_crashes_is_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    cards_in(folder)

    assert crashes(folder, "K7QF3").err == "there is no crash card K7QF3; did you mean K7QF2?\n"
    assert "choose one" in crashes(folder, "K7QF2", "--fixed", "--open").err
    assert "name the card" in crashes(folder, "--fixed").err
    assert crashes(tmp_path / "nothing").code == 66
    older = open_activity(folder / "activity.duckdb")
    older.execute("DROP TABLE crash_card")
    older.close()
    assert crashes(folder).code == 74
    assert "start the bot once" in crashes(folder).err
    assert not (tmp_path / "nothing").exists()
