"""The host itself: opened once, started on from anywhere, stopped in bounded time."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pykka
import pytest
import trio

from actors.kernel.errors import (
    ActorGoneError,
    HostStoppedError,
    HostStuckError,
    UnsupervisedError,
)
from actors.kernel.pykka_actor import TrioActor
from supervisors import guests
from supervisors.child_spec import ChildSpec, Restart
from supervisors.host import TrioHost
from supervisors.supervisor import Supervisor
from tests.contracts.repository import ROOT
from tests.kernel.probes import Ping, Probe, Story, ThreadProbe, child, eventually, until
from tests.pykka_promises.runtimes import BLOCKING, TRIO, Gated, Life, Teller

if TYPE_CHECKING:
    from collections.abc import Iterator

TellerHere = TRIO.make(Teller)


class Where(TrioActor):
    """Tells where it runs, and starts others there."""

    def on_receive(self, message: Any) -> Any:
        return threading.current_thread().name

    def start_another(self) -> Any:
        return Where.start()

    def stop_host(self, host: TrioHost) -> None:
        host.stop_soon()

    async def wait_for_the_end_of(self, host: TrioHost) -> None:
        await host.stop_async()


@pytest.fixture
def host() -> Iterator[TrioHost]:
    host = TrioHost("stage")
    with host:
        yield host
    assert not any(thread.name == "stage" for thread in threading.enumerate())
    assert host.directory.census() == ()


def test_a_host_runs_actors_in_a_thread_of_its_own(host: TrioHost) -> None:
    ref = host.start(Where)

    assert isinstance(ref, pykka.ActorRef)
    assert ref.ask("where", timeout=5) == "stage"
    assert host.running


def test_actors_are_started_from_any_thread(host: TrioHost) -> None:
    refs: list[Any] = []
    threads = [threading.Thread(target=lambda: refs.append(host.start(Where))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(host.directory.census()) == 10
    assert [ref.ask("where", timeout=5) for ref in refs] == ["stage"] * 10


def test_a_host_stops_the_last_started_first_and_lets_each_finish_its_mail(host: TrioHost) -> None:
    life = Life()
    for number in range(3):

        class Numbered(TrioActor):
            def on_receive(self, message: Any, number: int = number) -> None:
                life.lines.append((number, message))

            def on_stop(self, number: int = number) -> None:
                life.lines.append((number, "stopped"))

        host.start(Numbered).tell("mail")

    assert host.stop(within=5) is True

    ends = [line for line in life.lines if line[1] == "stopped"]
    assert ends == [(2, "stopped"), (1, "stopped"), (0, "stopped")]
    assert sorted(line for line in life.lines if line[1] == "mail") == [
        (0, "mail"), (1, "mail"), (2, "mail"),
    ]  # fmt: skip
    assert pykka.ActorRegistry.get_all() == []


def test_whoever_does_not_stop_in_time_is_killed(host: TrioHost) -> None:
    class Endless(TrioActor):
        async def on_stop(self) -> None:  # type: ignore[override]  # ours may be async
            await trio.sleep_forever()

    life = Life()
    answered = host.start(TellerHere, life)
    blocked = host.start(BLOCKING.make(Gated), Life())
    answer = blocked.ask("wait", block=False)
    host.start(Endless)
    began = time.monotonic()

    assert host.stop(within=0.05) is False

    assert time.monotonic() - began < 3
    with pytest.raises(pykka.ActorDeadError):
        answer.get(timeout=5)
    assert not answered.is_alive()
    assert pykka.ActorRegistry.get_all() == []


def test_a_stop_of_a_stopped_host_changes_nothing(host: TrioHost) -> None:
    assert [host.stop(), host.stop()] == [True, True]
    host.stop_soon()
    assert not host.running


def test_a_stopped_host_says_so() -> None:
    host = TrioHost("stage")
    with pytest.raises(HostStoppedError, match=r"Where was not started: the host stage is not ope"):
        host.start(Where)
    with host:
        ref = host.start(Where)
        with pytest.raises(HostStoppedError, match="the host stage was opened before"):
            host.open()
    with pytest.raises(HostStoppedError, match="Where was not started: the host stage has stopped"):
        host.start(Where)
    with pytest.raises(HostStoppedError, match="Probe was not started: the host stage has stopped"):
        host.start(Probe, Story())
    with pytest.raises(HostStoppedError, match="opened before: make a new TrioHost"), host:
        pass
    with pytest.raises(pykka.ActorDeadError):
        ref.tell("late")
    assert pykka.ActorRegistry.get_all() == []


def test_a_host_that_was_stopped_before_it_was_opened_stays_closed() -> None:
    host = TrioHost()
    assert host.stop() is True
    with pytest.raises(HostStoppedError):
        host.open()


def test_a_stop_needs_a_time_that_makes_sense(host: TrioHost) -> None:
    with pytest.raises(ValueError, match="within must be 0 or more, not -1"):
        host.stop(within=-1)
    assert host.running


def test_nobody_starts_while_a_host_stops(host: TrioHost) -> None:
    life = Life()
    host.start(BLOCKING.make(Gated), life).tell("wait")
    life.comes_to("wait")
    host.stop_soon(within=5)

    with pytest.raises(HostStoppedError, match="the host stage is stopping"):
        host.start(Where)
    life.go_on.set()
    assert host.stop() is True


def test_a_constructor_during_which_the_host_stops_leaves_nothing(host: TrioHost) -> None:
    class Slow(TrioActor):
        def __init__(self) -> None:
            super().__init__()
            host.stop_soon()
            eventually(lambda: not host.running)

    with pytest.raises(HostStoppedError):
        host.start(Slow)
    assert pykka.ActorRegistry.get_all() == []


def test_a_constructor_that_fails_leaves_nothing(host: TrioHost) -> None:
    class Unborn(TrioActor):
        def __init__(self) -> None:
            super().__init__()
            self.actor_ref.tell("never handled")
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        host.start(Unborn)
    eventually(lambda: host.directory.census() == ())


def test_hosts_run_side_by_side_and_each_keeps_its_own() -> None:
    with TrioHost("one") as one, TrioHost("two") as two:
        first, second = one.start(Where), two.start(Where)

        assert [ref.ask("where", timeout=5) for ref in (first, second)] == ["one", "two"]
        assert second.proxy().start_another().get(timeout=5).ask("where", timeout=5) == "two"
        with pytest.raises(UnsupervisedError, match=r"2 TrioHosts run, so Where.start"):
            Where.start()
        two.stop()
        assert first.is_alive()
        assert Where.start().ask("where", timeout=5) == "one"
    with pytest.raises(UnsupervisedError, match=r"no TrioHost runs, so Where.start"):
        Where.start()


def test_an_actor_may_stop_its_host_but_not_wait_for_it(host: TrioHost) -> None:
    proxy = host.start(Where).proxy()
    with pytest.raises(RuntimeError, match="can't wait for the end of its own host stage"):
        proxy.wait_for_the_end_of(host).get(timeout=5)

    host.start(Where).proxy().stop_host(host)
    assert host.stop() is True


def test_an_actor_of_another_runtime_is_refused(host: TrioHost) -> None:
    class Threaded(pykka.ThreadingActor):
        pass

    with pytest.raises(TypeError, match="Threaded is no actor that Trio can run: inherit from"):
        host.start(Threaded)


@pytest.mark.parametrize("kind", [Probe, ThreadProbe])
def test_the_kernels_own_actors_run_on_a_host_as_well(host: TrioHost, kind: type[Any]) -> None:
    story = Story()
    ref = host.start(kind, story)

    assert ref.ask(Ping(), timeout=5) == 1
    assert ref.stop(timeout=5)
    assert story.lines == ["post_stop"]
    for hook in ("__init__", "pre_start"):
        story.failing[hook] = ValueError(hook)
        with pytest.raises(ValueError, match=hook):
            host.start(kind, story)


def test_a_whole_tree_runs_on_a_host(host: TrioHost) -> None:
    life = Life()
    spec = ChildSpec(id="teller", start=partial(TellerHere.start, life))
    host.start(Supervisor, [spec, child("probe", Story(), restart=Restart.TEMPORARY)])
    (first,) = pykka.ActorRegistry.get_by_class(TellerHere)
    first.tell(ValueError("boom"))

    eventually(
        lambda: len(pykka.ActorRegistry.get_by_class(TellerHere)) == 1 and len(life.lines) > 3
    )
    (second,) = pykka.ActorRegistry.get_by_class(TellerHere)
    assert second.ask("again", timeout=5) == "again"
    assert host.directory.address("probe").ask_from_thread(Ping(), within=5) == 1


async def test_a_host_attaches_to_a_run_that_exists() -> None:
    async with trio.open_nursery() as nursery:
        host: TrioHost = await nursery.start(TrioHost().serve)
        here = threading.current_thread().name
        ref = await trio.to_thread.run_sync(host.start, Where)

        assert await trio.to_thread.run_sync(lambda: ref.ask("where", timeout=5)) == here
        assert await host.start(Where).ask("where", block=False) == here
        assert await trio.to_thread.run_sync(host.start, Probe, Story()) is not None
        assert host.start(Probe, Story()).is_alive()
        with pytest.raises(HostStoppedError):
            await host.serve()
        assert await host.stop_async() is True


async def test_an_attached_host_that_is_cancelled_kills_its_actors() -> None:
    life = Life()
    async with trio.open_nursery() as nursery:
        host: TrioHost = await nursery.start(TrioHost().serve)
        ref = host.start(TellerHere, life)
        await until(lambda: life.lines == ["on_start"])
        nursery.cancel_scope.cancel()

    assert not ref.is_alive()
    assert life.lines == ["on_start"]
    with pytest.raises(HostStoppedError):
        host.start(TellerHere, life)


def test_what_can_not_be_ended_is_reported_and_does_not_hold_up_whoever_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("supervisors.host.KILL_S", -0.9)
    monkeypatch.setattr(guests, "KILL_S", 0.01)
    host, life = TrioHost("stage", daemon=True).open(), Life()
    ref = host.start(TRIO.make(Gated), life)
    ref.tell("wait")
    life.comes_to("wait")

    with pytest.raises(HostStuckError, match="the host stage can't be ended: Gated-1 neither"):
        host.stop(within=0.01)

    life.go_on.set()
    eventually(lambda: not ref.is_alive())
    assert host.stop(within=5) in {True, False}


def test_what_a_host_saw_is_in_its_events(host: TrioHost) -> None:
    events: list[str] = []
    host.directory.supervision.append(
        lambda event: events.append(f"{event.supervisor}: {event.child} {event.action}")
    )
    host.start(Where).stop(timeout=5)

    eventually(lambda: len(events) == 2)
    assert events == ["stage: Where-1 started", "stage: Where-1 not started again"]


def test_a_request_by_address_of_an_actor_that_is_gone_says_so(host: TrioHost) -> None:
    host.start(Where).stop(timeout=5)
    eventually(lambda: host.directory.census() == ())
    with pytest.raises(ActorGoneError, match="no actor is called Where-1"):
        host.directory.address("Where-1").ask_from_thread(Ping(), within=5)


PROGRAM = """
from actors.kernel.pykka_actor import TrioActor
from supervisors.host import TrioHost
import time, trio

class Late(TrioActor):
    may_block = True

    def on_start(self):
        print("started", flush=True)

    def work(self):
        time.sleep(0.3)
        print("worked", flush=True)
        self.stop()

    def on_stop(self):
        print("stopped", flush=True)

host = TrioHost(daemon={daemon}).open()
if {starts}:
    host.start(Late).proxy().work()
print("main ends", flush=True)
"""


@pytest.mark.parametrize(
    ("daemon", "starts", "stops"),
    [(False, True, True), (False, False, False), (True, True, False)],
    ids=["until its last actor has stopped", "not without actors", "not as a daemon"],
)
def test_a_program_goes_on_as_long_as_its_hosts_say(
    daemon: bool, starts: bool, stops: bool
) -> None:
    source = textwrap.dedent(PROGRAM).format(daemon=daemon, starts=starts)
    done = subprocess.run(
        [sys.executable, "-c", source],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "main ends" in lines
    assert ("stopped" in lines) is stops
