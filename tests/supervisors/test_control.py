"""The client of the control socket: which error tells what."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio

from supervisors.control import (
    NotRunningError,
    RefusedError,
    find_running,
    is_running,
    request,
)
from tests.supervisors.operated import Operated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.tree import Tree


@pytest.fixture
async def bot(tree: Tree, tmp_path: Path) -> Operated:
    bot = Operated(tree, tmp_path / "bot")
    bot.folder.mkdir()
    await bot.start()
    return bot


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Work in an empty folder that has a data/demo."""
    before = Path.cwd()
    (tmp_path / "place/data/demo").mkdir(parents=True)
    os.chdir(tmp_path / "place")
    yield tmp_path / "place"
    os.chdir(before)


@pytest.mark.parametrize("folder", ["missing", "."])
async def test_a_folder_without_a_bot_is_told_at_once(tmp_path: Path, folder: str) -> None:
    with (
        trio.fail_after(0.2),
        pytest.raises(NotRunningError, match=r"; `make run` starts the demo"),
    ):
        await request(tmp_path / folder, do="status")


async def test_the_socket_of_a_killed_bot_is_told_soon(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(tmp_path / "bulkhead.sock"))

    with (
        trio.fail_after(2),
        pytest.raises(NotRunningError, match=re.escape(f"no bot runs on {tmp_path};")),
    ):
        await request(tmp_path, do="status")
    assert not is_running(tmp_path)


async def test_a_console_that_has_just_crashed_is_waited_for(bot: Operated) -> None:
    for _ in range(2):  # the second restart comes with a delay
        assert (await request(bot.folder, do="crash", name="console"))["ok"]
        assert (await request(bot.folder, do="status"))["ok"]


async def test_a_refusal_is_an_error_with_the_bots_sentence(bot: Operated) -> None:
    with pytest.raises(RefusedError, match=r"^send one JSON object a line"):
        await request(bot.folder, do="nothing")


async def test_a_bot_that_ends_before_it_answers_is_not_running(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "bulkhead.sock"))
        listening.listen()

        async def hang_up() -> None:
            connection, _ = await trio.to_thread.run_sync(listening.accept)
            connection.close()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(hang_up)
            with pytest.RaisesGroup(NotRunningError, allow_unwrapped=True, flatten_subgroups=True):
                await request(tmp_path, do="stop")


async def test_a_bot_that_does_not_answer_is_too_slow(bot: Operated) -> None:
    bot.mute.add("snapshots")

    with pytest.raises(trio.TooSlowError):
        await request(bot.folder, within=0.1, do="snapshot")


async def test_the_bot_that_runs_is_asked_also_beside_a_demo(
    tree: Tree, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bot = Operated(tree, Path("data"))
    await bot.start()
    with socket.socket(socket.AF_UNIX) as demo:
        demo.bind("data/demo/bulkhead.sock")
        demo.listen()

        assert find_running(Path("data")) == Path("data")
    assert capsys.readouterr().err == ""


async def test_a_demo_is_asked_where_no_bot_runs_and_stderr_says_so(
    tree: Tree, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bot = Operated(tree, Path("data/demo"))
    await bot.start()

    assert find_running(Path("data")) == Path("data/demo")
    assert capsys.readouterr().err == "asking the demo (data/demo)\n"
    assert find_running(place / "data/demo") == place / "data/demo"
    assert capsys.readouterr().err == ""


def test_without_any_bot_the_folder_stays_as_it_is(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert find_running(Path("data")) == Path("data")
    assert capsys.readouterr().err == ""
