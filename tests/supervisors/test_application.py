"""The application in this process: endings, exit codes, the drain limit, the lifeline."""

from __future__ import annotations

import math
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from actors.kernel import blocking
from actors.kernel.addresses import Directory
from actors.kernel.halting import Halt
from supervisors import application
from supervisors.application import EX_SOFTWARE, Application, Ending, ending_of
from supervisors.child_spec import ChildSpec, Restart
from supervisors.intensity import RestartIntensity
from supervisors.lives import RestartIntensityError, StartError
from supervisors.strategy import AutoShutdown
from tests.kernel.probes import Boom, Hold, Probe, Quit, Story, ThreadProbe, child, until
from tests.tree import supervisor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from trio.testing import MockClock

BOTH = pytest.mark.parametrize("kind", [Probe, ThreadProbe])


class NoRoomError(Exception):
    """An error that says how the program ends."""

    exit_code = 73


class Running:
    """An application that runs beside the test."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.nursery = nursery
        self.directory = Directory()
        self.application = Application(self.directory)
        self.log: list[str] = []
        self.directory.supervision.append(
            lambda event: self.log.append(f"{event.child}: {event.action}")
        )
        self._ended = trio.Event()
        self._ending: Ending | None = None

    async def begin(self, *children: ChildSpec, **options: Any) -> None:
        lifeline = options.pop("until_stdin_closes", False)
        root = supervisor("root", *children, **options)
        self.nursery.start_soon(self._run, root, lifeline)
        await trio.testing.wait_all_tasks_blocked()

    async def _run(self, root: ChildSpec, lifeline: bool) -> None:
        self._ending = await self.application.run(root, until_stdin_closes=lifeline)
        self._ended.set()

    async def ending(self, within: float = 20) -> Ending:
        with trio.fail_after(within):
            await self._ended.wait()
        assert self._ending
        assert self.directory.census() == ()
        return self._ending


@pytest.fixture
async def app(nursery: trio.Nursery) -> AsyncIterator[Running]:
    yield Running(nursery)
    assert not nursery.child_tasks


@pytest.fixture
def story() -> Iterator[Story]:
    story = Story()
    yield story
    story.go_on.set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_stops_the_tree_in_order_with_exit_code_0(
    app: Running, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    await app.begin(child("a", Story()), child("b", Story(), ThreadProbe))
    await until(lambda: "b: started" in app.log)

    os.kill(os.getpid(), number)

    assert await app.ending() == Ending(number.name, 0)
    assert app.log[-2:] == [f"{name}: stopped, because root stops" for name in "ba"]
    assert signal.getsignal(number) is before


async def test_a_hangup_that_nohup_ignores_stays_ignored(app: Running) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        await app.begin(child("a", Story()))

        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        os.kill(os.getpid(), signal.SIGHUP)
        await trio.sleep(0.05)
        assert app.directory.find("a")
        app.application.stop("a test")

        assert await app.ending() == Ending("a test", 0)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


async def test_a_halt_stops_the_tree_in_order_with_its_own_exit_code_and_sentence(
    app: Running, autojump_clock: MockClock
) -> None:
    story = Story()
    await app.begin(child("a", story))

    app.application.halt(Halt(77, "the token was refused"))

    assert await app.ending() == Ending("the token was refused", 77)
    assert story.lines == ["post_stop"]


async def test_the_first_reason_to_end_is_the_one_that_counts(
    app: Running, autojump_clock: MockClock
) -> None:
    await app.begin(child("a", Story()))

    app.application.halt(Halt(77, "the token was refused"))
    for _ in range(50):
        app.application.stop("SIGTERM")

    assert await app.ending() == Ending("the token was refused", 77)


@BOTH
@pytest.mark.parametrize("hook", ["__init__", "pre_start"])
async def test_a_start_that_fails_below_two_supervisors_ends_with_the_code_of_its_cause(
    app: Running, kind: type[Any], hook: str
) -> None:
    first = Story()
    error = NoRoomError("the folder data is not writable; choose another with storage.folder")
    group = supervisor("storage", child("recorder", Story(failing={hook: error}), kind))

    await app.begin(child("first", first), supervisor("upper", group))

    assert await app.ending() == Ending(str(error), 73)
    assert first.lines == ["post_stop"]


@BOTH
async def test_a_child_that_no_longer_starts_ends_the_program_with_the_code_of_its_cause(
    app: Running, kind: type[Any]
) -> None:
    class Broken(Story):
        def fail(self, hook: str) -> None:
            if self.starts > 1:
                raise NoRoomError("the disk is gone")

    once = RestartIntensity(1, 100)
    group = supervisor("storage", child("recorder", Broken(), kind), intensity=once)
    await app.begin(group, intensity=once)
    await until(lambda: "recorder: started" in app.log)

    app.directory.crash("recorder")

    assert await app.ending() == Ending("the disk is gone", 73)


async def test_an_error_without_a_code_is_a_fault_of_ours_told_in_one_sentence(
    app: Running, autojump_clock: MockClock
) -> None:
    await app.begin(
        supervisor("group", child("a", Story(failing={"pre_start": ValueError("boom")})))
    )

    assert await app.ending() == Ending(
        "the tree gave up: group did not start: a did not start: crashed: ValueError('boom')",
        EX_SOFTWARE,
    )


async def test_a_root_that_gives_up_ends_the_program(
    app: Running, autojump_clock: MockClock
) -> None:
    other = Story()
    await app.begin(child("a", Story()), child("other", other), intensity=RestartIntensity(0, 1))

    app.directory.address("a").tell(Boom())

    ending = await app.ending()
    assert ending.exit_code == EX_SOFTWARE
    assert ending.why == (
        "the tree gave up: a: crashed: ValueError('boom'); that is more than 0 restarts within 1 s"
    )
    assert other.lines == ["post_stop"]


async def test_a_root_that_stops_by_itself_ends_the_program(
    app: Running, autojump_clock: MockClock
) -> None:
    await app.begin(
        child("a", Story(), significant=True, restart=Restart.TRANSIENT),
        auto_shutdown=AutoShutdown.ANY_SIGNIFICANT,
    )

    app.directory.address("a").tell(Quit())

    assert await app.ending() == Ending("the root supervisor stopped", EX_SOFTWARE)


async def test_a_root_that_cannot_be_made_ends_the_program(
    app: Running, autojump_clock: MockClock
) -> None:
    await app.begin(child("a", Story()), child("a", Story()))

    ending = await app.ending()
    assert (ending.exit_code, "each child needs an id of its own" in ending.why) == (70, True)


async def test_the_drain_limit_kills_what_overruns_it_even_below_limits_of_infinity(
    app: Running, autojump_clock: MockClock
) -> None:
    first = Story()
    slow = child("slow", Story(slow={"post_stop": 1000}), shutdown_s=math.inf)
    await app.begin(child("first", first), supervisor("group", slow))

    began = trio.current_time()
    app.application.stop("a test")

    assert await app.ending(within=30) == Ending("a test", 0)
    assert trio.current_time() - began == pytest.approx(application.DRAIN_S)
    assert first.lines == []


async def test_a_stop_that_comes_while_the_tree_starts_is_over_within_the_drain_limit(
    app: Running, autojump_clock: MockClock
) -> None:
    await app.begin(child("slow", Story(slow={"pre_start": 1000}), start_s=math.inf))

    app.application.stop("a test")

    assert await app.ending(within=30) == Ending("a test", 0)
    assert trio.current_time() == pytest.approx(application.DRAIN_S)


async def test_a_stuck_thread_does_not_hold_up_the_end(
    app: Running, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "DRAIN_S", 0.1)
    monkeypatch.setattr(blocking, "KILL_GRACE_S", 0.05)
    await app.begin(child("stuck", story, ThreadProbe, shutdown_s=math.inf))
    await until(lambda: "stuck: started" in app.log)
    app.directory.address("stuck").tell(Hold(60))
    cell = app.directory.find("stuck")
    assert cell
    await until(cell.mailbox.empty)

    app.application.stop("a test")

    assert await app.ending(within=1) == Ending("a test", 0)


async def test_the_program_ends_when_its_stdin_closes(
    app: Running,
) -> None:
    with stdin_from(os.pipe()) as lifeline:
        await app.begin(child("a", Story()), until_stdin_closes=True)
        os.write(lifeline, b"whatever is written is ignored\n")
        await trio.sleep(0.01)
        assert app.application.directory.find("a")
        os.close(lifeline)

        assert await app.ending() == Ending("stdin was closed", 0)


async def test_a_stdin_that_cannot_be_waited_for_counts_as_closed(app: Running) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    with stdin_from((null, -1)):
        await app.begin(child("a", Story()), until_stdin_closes=True)

        assert await app.ending() == Ending("stdin was closed", 0)


class stdin_from:  # noqa: N801 - reads as the statement that it is
    """Puts the reading end of a pipe in the place of stdin; gives the writing end."""

    def __init__(self, ends: tuple[int, int]) -> None:
        self.read, self.write = ends

    def __enter__(self) -> int:
        self.kept = os.dup(0)
        os.dup2(self.read, 0)
        os.close(self.read)
        return self.write

    def __exit__(self, *_: object) -> None:
        os.dup2(self.kept, 0)
        os.close(self.kept)


def test_the_code_is_found_wherever_it_is_in_the_chain_of_causes() -> None:
    def caused(error: Exception, cause: BaseException) -> Exception:
        error.__cause__ = cause
        return error

    deep = caused(StartError("b"), caused(StartError("a"), NoRoomError("no room")))
    assert ending_of(caused(RestartIntensityError("c"), deep)) == Ending("no room", 73)
    grouped = ExceptionGroup("several", [ValueError("x"), NoRoomError("no room")])
    assert ending_of(caused(StartError("a"), grouped)) == Ending("no room", 73)
    assert ending_of(ValueError("x")) == Ending("the tree gave up: x", 70)
