"""A ledger that is removed or replaced while the bot runs ends the bot, whatever it does then."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import trio

from actors.recorder import actor as recorder_module
from actors.recorder.protocol import Flush, RecordActivity
from storage.new_file import log_of
from tests.storage.facts import join
from tests.storage.living import storage, table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from actors.kernel.halting import Halt


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "activity.duckdb"


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "LOOK_S", 0.05)


class Halts:
    """Takes the place of the program that ends."""

    def __init__(self) -> None:
        self.heard: list[Halt] = []
        self._came = trio.Event()

    def __call__(self, halt: Halt) -> None:
        assert trio.lowlevel.in_trio_run()
        self.heard.append(halt)
        self._came.set()

    async def come(self) -> None:
        with trio.fail_after(5):
            await self._came.wait()


def remove(file: Path) -> None:
    file.unlink()


def remove_the_folder(file: Path) -> None:
    shutil.rmtree(file.parent)


def make_the_folder_a_file(file: Path) -> None:
    shutil.rmtree(file.parent)
    file.parent.write_text("in the way")


def replace(file: Path) -> None:
    other = file.with_name("other")
    other.write_bytes(b"theirs")
    other.replace(file)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def content(file: Path) -> bytes:
    return file.read_bytes()


@pytest.mark.parametrize("harm", [remove, remove_the_folder, make_the_folder_a_file, replace])
async def test_a_lost_file_is_noticed_while_nothing_is_recorded(
    file: Path, harm: Callable[[Path], None]
) -> None:
    halts = Halts()
    async with storage(file, halt=halts) as directory:
        await directory.address("recorder").ask(Flush(), within=10)
        harm(file)
        await halts.come()
        await trio.sleep(0.2)

    (halt,) = halts.heard
    assert halt.exit_code == 74
    assert f"the ledger {file} was removed or replaced while the bot ran; put it" in halt.sentence


async def test_a_lost_file_is_noticed_while_much_is_recorded(file: Path) -> None:
    halts = Halts()
    async with storage(file, halt=halts) as directory:
        recorder = directory.address("recorder")
        remove(file)
        with trio.fail_after(5):
            for number in range(100_000):
                recorder.tell(RecordActivity((join(number, 1, 0),)))
                if halts.heard:
                    break
                await trio.sleep(0.001)

    assert len(halts.heard) == 1


async def test_a_recorder_that_starts_again_goes_on_with_no_other_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "LOOK_S", 1000.0)
    halts = Halts()
    async with storage(file, halt=halts) as directory:
        await directory.address("recorder").ask(Flush(), within=10)
        remove(file)
        directory.crash("recorder")
        await halts.come()

    assert halts.heard[0].exit_code == 74
    assert file.name not in names(file.parent)


async def test_the_log_of_whoever_took_the_place_is_left_alone(file: Path) -> None:
    async with storage(file, halt=Halts()) as directory:
        recorder = directory.address("recorder")
        recorder.tell(RecordActivity((join(1, 1, 0),)))
        await recorder.ask(Flush(), within=10)
        replace(file)
        replace(log_of(file))

    assert names(file.parent) == {file.name, log_of(file).name}
    assert content(file) == content(log_of(file)) == b"theirs"


async def test_a_file_that_stays_is_no_reason_to_end(file: Path) -> None:
    halts = Halts()
    async with storage(file, halt=halts) as directory:
        recorder = directory.address("recorder")
        for number in range(5):
            recorder.tell(RecordActivity((join(number, 1, 0),)))
            await recorder.ask(Flush(), within=10)
            await trio.sleep(0.06)
        handled = directory.find("recorder").handled  # type: ignore[union-attr]  # it runs

    assert halts.heard == []
    assert handled > 10
    assert table(file, "SELECT count(*) FROM user_activity") == [(5,)]
