"""What Pykka's documentation promises of `Actor`."""

from __future__ import annotations

import re
import threading
from typing import Any

import pykka
import pytest

from tests.kernel.probes import eventually
from tests.pykka_promises.runtimes import PYKKA, TRIO, Gated, Life, Runtime, Teller


class Empty(pykka.Actor):
    pass


def test_the_arguments_of_start_are_those_of_the_constructor(runtime: Runtime) -> None:
    class Greeter(pykka.Actor):
        def __init__(self, greeting: str, *, name: str) -> None:
            super().__init__()
            self.thread = threading.get_ident()
            self.said = f"{greeting} {name}"

    proxy = runtime.make(Greeter).start("hello", name="you").proxy()

    assert proxy.said.get() == "hello you"
    assert proxy.thread.get() == threading.get_ident()


def test_the_base_class_takes_any_argument(runtime: Runtime) -> None:
    assert runtime.make(Empty).start(1, 2, three=3).is_alive()


def test_an_error_in_the_constructor_reaches_whoever_starts(runtime: Runtime) -> None:
    class Unborn(pykka.Actor):
        def __init__(self) -> None:
            super().__init__()
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        runtime.make(Unborn).start()
    assert pykka.ActorRegistry.get_all() == []


def test_urn_inbox_and_ref_are_there_in_the_constructor(runtime: Runtime) -> None:
    class Curious(pykka.Actor):
        def __init__(self) -> None:
            super().__init__()
            self.seen = (self.actor_urn, self.actor_inbox, self.actor_ref)
            self.actor_ref.tell("a message to myself")

        def on_receive(self, message: Any) -> None:
            self.got = message

    ref = runtime.make(Curious).start()

    seen = ref.proxy().seen.get()
    assert seen == (ref.actor_urn, ref.actor_inbox, ref)
    assert ref.proxy().got.get() == "a message to myself"


def test_every_actor_has_a_uuid_of_its_own(runtime: Runtime) -> None:
    kind = runtime.make(Empty)
    urns = {kind.start().actor_urn for _ in range(3)}

    assert len(urns) == 3
    assert all(re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", urn) for urn in urns)


def test_an_actor_can_be_made_without_being_started(runtime: Runtime) -> None:
    actor = runtime.make(Empty)()

    assert str(actor) == f"Empty ({actor.actor_urn})"
    assert str(actor.actor_ref) == str(actor)
    assert pykka.ActorRegistry.get_all() == []


def test_an_actor_may_make_and_start_others_in_its_constructor(runtime: Runtime) -> None:
    kind = runtime.make(Empty)

    class Parent(pykka.Actor):
        def __init__(self) -> None:
            self.loose = kind()
            super().__init__()
            self.child = kind.start()

        def on_receive(self, message: Any) -> Any:
            return message, self.child.is_alive()

    assert runtime.make(Parent).start().ask("still mine", timeout=5) == ("still mine", True)


def test_an_actor_may_start_others_in_any_hook(runtime: Runtime) -> None:
    kind = runtime.make(Empty)

    class Parent(pykka.Actor):
        def on_start(self) -> None:
            self.child = kind.start()

        def on_receive(self, message: Any) -> Any:
            return self.child, kind.start()

    first, second = runtime.make(Parent).start().ask("more", timeout=5)
    assert first.is_alive()
    assert second.is_alive()
    assert first != second


def test_on_start_comes_before_the_first_message(runtime: Runtime, life: Life) -> None:
    ref = runtime.make(Teller).start(life)
    ref.ask("hello", timeout=5)

    assert life.lines == ["on_start", "hello"]


def test_an_actor_is_registered_when_on_start_runs(runtime: Runtime, life: Life) -> None:
    class Early(pykka.Actor):
        def on_start(self) -> None:
            life.lines.append(pykka.ActorRegistry.get_by_urn(self.actor_urn))

    ref = runtime.make(Early).start()
    life.comes_to(ref)


def test_an_actor_may_stop_itself_in_on_start(runtime: Runtime, life: Life) -> None:
    class Brief(Teller):
        def on_start(self) -> None:
            super().on_start()
            self.stop()

    ref = runtime.make(Brief).start(life)

    life.comes_to("on_start", "on_stop")
    eventually(lambda: not ref.is_alive())


def test_an_error_in_on_start_stops_the_actor(runtime: Runtime, life: Life) -> None:
    life.failing["on_start"] = ValueError("no start")
    ref = runtime.make(Teller).start(life)

    assert ref.actor_stopped.wait(5)
    eventually(lambda: pykka.ActorRegistry.get_all() == [])
    assert life.lines == ["on_start"]


def test_on_stop_comes_after_the_last_message(runtime: Runtime, life: Life) -> None:
    ref = runtime.make(Teller).start(life)
    ref.tell("hello")

    assert ref.stop(timeout=5)

    assert life.lines == ["on_start", "hello", "on_stop"]


def test_an_error_in_on_stop_stops_the_actor_all_the_same(runtime: Runtime, life: Life) -> None:
    life.failing["on_stop"] = ValueError("no goodbye")
    ref = runtime.make(Teller).start(life)

    assert ref.stop(timeout=5)

    assert not ref.is_alive()
    assert life.lines == ["on_start", "on_stop"]


def test_an_actor_is_dead_and_unregistered_while_on_stop_runs(runtime: Runtime, life: Life) -> None:
    class Looking(pykka.Actor):
        def on_stop(self) -> None:
            life.lines.append((self.actor_ref.is_alive(), pykka.ActorRegistry.get_all()))

    runtime.make(Looking).start().stop(timeout=5)
    assert life.lines == [(False, [])]


def test_an_error_that_nobody_asked_for_calls_on_failure_and_not_on_stop(
    runtime: Runtime, life: Life
) -> None:
    error = ValueError("boom")
    ref = runtime.make(Teller).start(life)
    ref.tell(error)

    life.comes_to("on_start", error, ("on_failure", error))
    eventually(lambda: not ref.is_alive())
    assert life.lines == ["on_start", error, ("on_failure", error)]


def test_an_actor_is_dead_and_unregistered_while_on_failure_runs(
    runtime: Runtime, life: Life
) -> None:
    class Looking(pykka.Actor):
        def on_receive(self, message: Any) -> None:
            raise ValueError(message)

        def on_failure(self, *_: object) -> None:
            life.lines.append((self.actor_ref.is_alive(), pykka.ActorRegistry.get_all()))

    runtime.make(Looking).start().tell("boom")
    life.comes_to((False, []))


def test_an_error_in_on_failure_stops_the_actor_all_the_same(runtime: Runtime, life: Life) -> None:
    life.failing["on_failure"] = ValueError("worse")
    ref = runtime.make(Teller).start(life)
    ref.tell(ValueError("boom"))

    assert ref.actor_stopped.wait(5)
    eventually(lambda: len(life.lines) == 3)


def test_what_was_sent_before_a_stop_is_handled_first(runtime: Runtime, life: Life) -> None:
    ref = runtime.make(Gated).start(life)
    ref.tell("wait")
    ref.tell("before")
    answer = ref.ask("asked before", block=False)
    stopped = ref.stop(block=False)
    late = ref.ask("asked after", block=False)
    ref.tell("told after")
    life.go_on.set()

    assert answer.get(timeout=5) == "asked before"
    assert stopped.get(timeout=5) is True
    with pytest.raises(pykka.ActorDeadError):
        late.get(timeout=5)
    assert life.lines == ["wait", "before", "asked before", "on_stop"]


def test_an_actor_that_stops_itself_handles_what_waits(runtime: Runtime, life: Life) -> None:
    ref = runtime.make(Gated).start(life)
    for message in ("wait", "stop yourself", "waits", "stop yourself"):
        ref.tell(message)
    last = ref.ask("waits too", block=False)
    life.go_on.set()

    assert last.get(timeout=5) == "waits too"
    assert ref.actor_stopped.wait(5)
    life.comes_to("wait", "stop yourself", "waits", "stop yourself", "waits too", "on_stop")


def test_a_stop_that_is_asked_twice_is_answered_twice(runtime: Runtime, life: Life) -> None:
    ref = runtime.make(Gated).start(life)
    ref.tell("wait")
    stops = [ref.stop(block=False) for _ in range(3)]
    life.go_on.set()

    assert stops[0].get(timeout=5) is True
    assert all(isinstance(stop.get(timeout=5), bool) for stop in stops)
    assert life.lines == ["wait", "on_stop"]


def test_who_waits_behind_a_crash_is_told_that_the_actor_is_dead(
    runtime: Runtime, life: Life
) -> None:
    ref = runtime.make(Gated).start(life)
    ref.tell("wait")
    ref.tell(ValueError("boom"))
    answers = [ref.ask(n, block=False) for n in range(3)]
    stop = ref.stop(block=False)
    life.go_on.set()

    for answer in answers:
        with pytest.raises(pykka.ActorDeadError):
            answer.get(timeout=5)
    assert stop.get(timeout=5) is True
    assert len(life.lines) == 2


def test_messages_are_handled_one_at_a_time_and_in_order(runtime: Runtime) -> None:
    class Counter(pykka.Actor):
        def __init__(self) -> None:
            super().__init__()
            self.inside = 0
            self.seen: list[tuple[int, int]] = []

        def on_receive(self, message: tuple[int, int]) -> None:
            self.inside += 1
            assert self.inside == 1
            self.seen.append(message)
            self.inside -= 1

    ref = runtime.make(Counter).start()

    def send(sender: int) -> None:
        for n in range(100):
            ref.tell((sender, n))

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    seen = ref.proxy().seen.get(timeout=5)
    assert len(seen) == 400
    for sender in range(4):
        assert [n for who, n in seen if who == sender] == list(range(100))


def test_hooks_and_messages_run_outside_of_the_callers_thread(runtime: Runtime, life: Life) -> None:
    class Where(pykka.Actor):
        def on_start(self) -> None:
            life.lines.append(threading.get_ident())

        def on_receive(self, message: Any) -> None:
            life.lines.append(threading.get_ident())

        def on_stop(self) -> None:
            life.lines.append(threading.get_ident())

    ref = runtime.make(Where).start()
    ref.ask("where", timeout=5)
    ref.stop(timeout=5)

    assert len(life.lines) == 3
    assert threading.get_ident() not in life.lines
    if runtime in (PYKKA, TRIO):
        assert len(set(life.lines)) == 1


def test_a_message_that_no_class_handles_is_answered_with_none(runtime: Runtime) -> None:
    assert runtime.make(Empty).start().ask("anything", timeout=5) is None


@pytest.fixture
def gone(runtime: Runtime, life: Life) -> pykka.ActorRef[Any]:
    ref: pykka.ActorRef[Any] = runtime.make(Teller).start(life)
    ref.stop(timeout=5)
    return ref


def test_a_dead_actor_stays_dead(gone: pykka.ActorRef[Any]) -> None:
    assert not gone.is_alive()
    assert gone.stop(timeout=5) is False
    with pytest.raises(pykka.ActorDeadError, match=re.escape(str(gone))):
        gone.tell("hello")
    with pytest.raises(pykka.ActorDeadError):
        gone.proxy()
