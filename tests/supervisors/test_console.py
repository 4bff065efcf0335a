"""The control socket, from the side of a client that speaks it as it likes."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio

from actors.gateway.protocol import HowIsTheLink
from actors.snapshots.protocol import TakeSnapshot
from storage.database import FolderError
from supervisors import console
from supervisors.application import ending_of
from supervisors.console import ConsoleActor
from supervisors.control import RefusedError, request
from supervisors.lives import StartError
from supervisors.wire import LINE_LIMIT
from tests.supervisors.operated import ANSWERS, DISCORD_ID, Operated

if TYPE_CHECKING:
    from tests.tree import Tree


@pytest.fixture
async def bot(tree: Tree, tmp_path: Path) -> Operated:
    bot = Operated(tree, tmp_path)
    await bot.start()
    return bot


async def connected(bot: Operated) -> trio.SocketStream:
    return await trio.open_unix_socket(str(bot.folder / "bulkhead.sock"))


async def one_line(stream: trio.SocketStream) -> bytes:
    answer = bytearray()
    with trio.fail_after(5):
        while not answer.endswith(b"\n"):
            part = await stream.receive_some()
            if not part:
                break
            answer += part
    return bytes(answer)


async def told(stream: trio.SocketStream, text: bytes) -> dict[str, Any]:
    await stream.send_all(text)
    answer: dict[str, Any] = json.loads(await one_line(stream))
    return answer


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def open_files() -> set[Path]:
    return {file.resolve() for file in Path("/proc/self/fd").iterdir()}


async def status(bot: Operated) -> dict[str, Any]:
    answer: dict[str, Any] = (await request(bot.folder, do="status"))["status"]
    return answer


async def test_status_tells_everything_at_once(bot: Operated) -> None:
    answer = await status(bot)

    assert answer["version"] == "1.2.3"
    assert answer["pid"] == os.getpid()
    assert [(a["name"], a["parent"], a["state"]) for a in answer["tree"]] == [
        ("root", "", "running"),
        ("storage", "root", "running"),
        ("recorder", "storage", "running"),
        ("analyst", "storage", "running"),
        ("snapshots", "storage", "running"),
        ("gateway", "root", "running"),
        ("console", "root", "running"),
        ("watchdog", "root", "running"),
    ]
    assert answer["link"]["link"] == "connected"
    assert answer["link"]["since_utc"] == "2026-01-02T12:00:00+00:00"
    assert answer["ledger"]["activity_rows"] == 10
    assert answer["responsiveness"]["stalls"] == 0
    assert answer["supervision"][-1]["child"] == "watchdog"
    assert answer["supervision"][-1]["action"] == "started"


async def test_an_id_that_a_double_cannot_hold_is_text(bot: Operated) -> None:
    line = (await status(bot))["ledger"]["recent"][0]

    assert line["guild_id"] == str(DISCORD_ID)
    assert line["channel_id"] == 3


async def test_status_has_null_for_what_is_silent_and_takes_a_second_for_all_of_it(
    bot: Operated,
) -> None:
    bot.mute |= {"gateway", "analyst"}

    began = trio.current_time()
    answer = await status(bot)

    assert 0.9 < trio.current_time() - began < 1.8
    assert answer["link"] is None
    assert answer["ledger"] is None
    assert answer["responsiveness"] is not None


async def test_status_asks_nobody_who_does_not_run(bot: Operated) -> None:
    bot.tree.crash("gateway")
    await bot.tree.settle()
    bot.tree.crash("gateway")  # the second one waits before it is started again
    bot.told.clear()

    began = trio.current_time()
    answer = await status(bot)

    assert trio.current_time() - began < 0.5
    assert [a["state"] for a in answer["tree"] if a["name"] == "gateway"] == ["waiting"]
    assert answer["link"] is None
    assert not [message for message in bot.told if isinstance(message, HowIsTheLink)]


async def test_status_answers_while_everything_else_crashes(bot: Operated) -> None:
    others = ("recorder", "analyst", "snapshots", "storage", "gateway", "watchdog")
    for name in others:
        bot.tree.directory.crash(name)

    answer = await status(bot)

    assert {a["name"] for a in answer["tree"]} >= {"root", "storage", "console"}


async def test_dead_letters_are_counted_and_the_last_are_shown(bot: Operated) -> None:
    for number in range(30):
        bot.tree.tell("nobody", number)

    letters = (await status(bot))["dead_letters"]

    assert letters["count"] == 30
    assert [letter["message"] for letter in letters["recent"]] == [str(n) for n in range(10, 30)]
    assert letters["recent"][0]["to"] == "nobody"


async def test_a_snapshot_is_answered_with_its_place(bot: Operated) -> None:
    answer = await request(bot.folder, do="snapshot")

    assert answer == {
        "ok": True,
        "path": "data/snapshots/1.duckdb",
        "taken_utc": "2026-01-02T12:00:00+00:00",
        "last_batch_id": 5,
    }


@pytest.mark.parametrize("age", [-1, "old", True])
async def test_a_snapshot_of_an_impossible_age_is_refused(bot: Operated, age: object) -> None:
    with pytest.raises(RefusedError, match="max_age_s must be 0 or more seconds, not"):
        await request(bot.folder, do="snapshot", max_age_s=age)


async def test_the_top_of_a_guild_takes_its_id_as_text(bot: Operated) -> None:
    answer = await request(bot.folder, do="top", guild_id=str(DISCORD_ID), limit=3)

    assert answer["top"] == [
        {"user_id": str(DISCORD_ID), "known_s": 60.0, "unknown_s": 1.0, "sessions": 2}
    ]
    assert bot.told[-1].guild_id == DISCORD_ID
    with pytest.raises(RefusedError, match="guild_id must be a whole number, not None"):
        await request(bot.folder, do="top")


@pytest.mark.parametrize("key", ["guild_id", "limit"])
@pytest.mark.parametrize("value", [-1, 2**63, str(2**63), "9" * 5000, 1.5, True, "²"])
async def test_a_number_that_no_column_holds_is_refused_and_asked_of_nobody(
    bot: Operated, key: str, value: Any
) -> None:
    asked = list(bot.told)
    asking: dict[str, Any] = {"guild_id": DISCORD_ID, key: value}
    with pytest.raises(RefusedError, match=f"{key} must be (a whole number|at most 92233)"):
        await request(bot.folder, do="top", **asking)

    assert bot.told == asked


@pytest.mark.parametrize("name", ["recorder", "storage", "gateway", "watchdog"])
async def test_a_drill_crashes_what_it_names_and_keeps_the_mail(bot: Operated, name: str) -> None:
    answer = await request(bot.folder, do="crash", name=name, why="to see it heal")
    await trio.sleep(0.05)

    assert answer["name"] == name
    assert answer["waiting"] == 0
    reports = {report.name: report for report in bot.tree.directory.census()}
    assert reports[name].restarts == 1
    assert reports[name].state.value == "running"
    assert "to see it heal" in reports[name].last_error


async def test_a_drill_on_the_console_itself_is_answered_first(bot: Operated) -> None:
    async with await connected(bot) as stream:
        answer = await told(stream, b'{"do": "crash", "name": "console"}\n')
        assert await one_line(stream) == b""

    assert answer["ok"]
    (report,) = [a for a in (await status(bot))["tree"] if a["name"] == "console"]
    assert report["restarts"] == 1


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nobody", "no actor is called nobody; there are: root, storage, recorder"),
        (None, "no actor is called None"),
        (["gateway"], "no actor is called"),
        ("root", "root is the whole bot; to end it, send"),
    ],
)
async def test_a_drill_that_makes_no_sense_is_refused(
    bot: Operated, name: object, sentence: str
) -> None:
    with pytest.raises(RefusedError, match=sentence):
        await request(bot.folder, do="crash", name=name)
    assert [r.restarts for r in bot.tree.directory.census()] == [0] * 8


async def test_a_drill_on_what_is_down_already_is_refused(bot: Operated) -> None:
    bot.tree.crash("gateway")
    await bot.tree.settle()
    bot.tree.crash("gateway")
    await bot.tree.settle()

    with pytest.raises(RefusedError, match="gateway does not run now, it is waiting; try again"):
        await request(bot.folder, do="crash", name="gateway")


async def test_stop_is_answered_before_it_is_done(bot: Operated) -> None:
    answer = await request(bot.folder, do="stop")

    assert answer["pid"] == os.getpid()
    assert bot.stopped_because == ["asked to over the control socket"]


@pytest.mark.parametrize(
    "line",
    [b"\n", b"{\n", b"[]\n", b"null\n", b"{}\n", b'{"do": 1}\n', b'{"do": "x"}\n', b"\xff\n"],
)
async def test_what_is_no_request_is_answered_with_the_verbs(bot: Operated, line: bytes) -> None:
    async with await connected(bot) as stream:
        answer = await told(stream, line)
        again = await told(stream, b'{"do": "status"}\n')

    assert not answer["ok"]
    assert "status, snapshot, top, crash, stop" in answer["error"]
    assert again["ok"]


async def test_a_part_that_fails_is_an_answer_and_costs_no_restart(bot: Operated) -> None:
    bot.broken.add("snapshots")
    with pytest.raises(RefusedError, match=r"^snapshot: snapshots crashed on TakeSnapshot\("):
        await request(bot.folder, do="snapshot")

    (report,) = [a for a in (await status(bot))["tree"] if a["name"] == "console"]
    assert report["restarts"] == 0


async def test_why_no_copy_can_be_made_is_the_whole_answer(
    bot: Operated, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = "no copy can be made in data/snapshots (File exists); make it a folder"
    monkeypatch.setitem(ANSWERS, TakeSnapshot, FolderError(why))

    with pytest.raises(RefusedError) as told_why:
        await request(bot.folder, do="snapshot")

    assert str(told_why.value) == why


async def test_requests_that_come_together_or_in_pieces_are_each_answered(bot: Operated) -> None:
    async with await connected(bot) as stream:
        await stream.send_all(b'{"do": "x"}\n{"do": "sta')
        first = await one_line(stream)
        second = await told(stream, b'tus"}\n')

    assert b'"ok":false' in first
    assert second["ok"]


async def test_a_line_without_end_is_refused_and_hung_up_on(bot: Operated) -> None:
    async with await connected(bot) as stream:
        answer = await told(stream, b"x" * (LINE_LIMIT + 1))

        assert answer == {"ok": False, "error": "a request has at most 65536 bytes"}
        assert await one_line(stream) == b""


async def test_a_client_that_says_nothing_is_hung_up_on(
    bot: Operated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "IDLE_S", 0.05)

    async with await connected(bot) as stream:
        assert await one_line(stream) == b""


async def test_one_connection_more_than_allowed_is_told_so(
    bot: Operated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "MAX_CONNECTIONS", 2)
    async with await connected(bot), await connected(bot) as second:
        await told(second, b'{"do": "x"}\n')  # both are counted now
        async with await connected(bot) as third:
            answer = json.loads(await one_line(third))

    assert answer["error"] == "2 connections are open already; try again"
    await trio.sleep(0.05)
    assert (await request(bot.folder, do="status"))["ok"]


async def test_a_client_that_leaves_in_the_middle_disturbs_nobody(bot: Operated) -> None:
    async with await connected(bot) as stream:
        await stream.send_all(b'{"do": "status"}\n')
    async with await connected(bot) as stream:
        await stream.send_all(b'{"do": ')

    assert (await request(bot.folder, do="status"))["ok"]
    (report,) = [a for a in (await status(bot))["tree"] if a["name"] == "console"]
    assert report["restarts"] == 0


async def test_only_this_user_may_connect_and_nothing_is_left_behind(
    bot: Operated, tmp_path: Path
) -> None:
    assert names_in(tmp_path) == ["bulkhead.sock"]
    assert stat.S_IMODE((tmp_path / "bulkhead.sock").stat().st_mode) == 0o600

    await bot.tree.stop()

    assert names_in(tmp_path) == []


async def test_the_socket_of_a_killed_bot_is_replaced(tree: Tree, tmp_path: Path) -> None:
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(tmp_path / "bulkhead.sock"))
    stale.close()
    bot = Operated(tree, tmp_path)

    await bot.start()

    assert (await status(bot))["pid"] == os.getpid()


LISTENER = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(1)
print(flush=True)
sys.stdin.read()
"""


async def test_a_folder_that_another_bot_uses_is_an_error_that_names_it(
    tree: Tree, tmp_path: Path
) -> None:
    path = tmp_path / "bulkhead.sock"
    bot = Operated(tree, tmp_path)
    with subprocess.Popen(  # noqa: ASYNC220 - a program of one line, started by a test
        [sys.executable, "-c", LISTENER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(StartError) as failure:
            await tree.grow(bot.console())
        other.communicate()

    ending = ending_of(failure.value)
    assert ending.exit_code == 75
    assert f"{path} is in use by process {other.pid}" in ending.why
    assert path.exists(), "the socket of the other bot was removed"


async def test_a_stop_leaves_the_socket_of_a_newer_bot_alone(bot: Operated, tmp_path: Path) -> None:
    path = tmp_path / "bulkhead.sock"
    path.unlink()
    path.write_text("a newer bot's")

    await bot.tree.stop()

    assert path.read_text() == "a newer bot's"


async def test_a_folder_however_deep_is_served(tree: Tree, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120) / ("e" * 120)
    deep.mkdir(parents=True)
    bot = Operated(tree, deep)
    await bot.start()

    assert (await status(bot))["version"] == "1.2.3"
    assert deep not in open_files()


def test_the_console_understands_no_message() -> None:
    assert ConsoleActor.__orig_bases__[0].__args__[0].__name__ == "Never"  # type: ignore[attr-defined] # what typing keeps
