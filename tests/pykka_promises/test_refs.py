"""What Pykka's documentation promises of `ActorRef`."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import pykka
import pytest
from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr

from tests.pykka_promises.runtimes import Gated, Life, Runtime, Teller


class Echo(pykka.Actor):
    attribute = "value"

    def on_receive(self, message: Any) -> Any:
        return message

    def shout(self, text: str, *, times: int = 1) -> str:
        return text.upper() * times


@dataclass
class Plain:
    number: int


def test_a_ref_says_whose_it_is(runtime: Runtime) -> None:
    kind = runtime.make(Echo)
    ref = kind.start()

    assert isinstance(ref, pykka.ActorRef)
    assert str(ref) == f"Echo ({ref.actor_urn})"
    assert repr(ref) == f"<ActorRef for Echo ({ref.actor_urn})>"
    assert ref.actor_class is kind
    assert ref.is_alive()
    assert not ref.actor_stopped.is_set()


@pytest.mark.parametrize(
    "message",
    [
        "text", b"bytes", 1, 1.5, True, None, (), ("a", 1), ["list"], {"a": "dict"}, {1, 2},
        Plain(1), Plain, ValueError("an error"), object(), len, lambda: None,
    ],
    ids=lambda message: type(message).__name__,
)  # fmt: skip
def test_any_object_is_a_message_and_arrives_as_it_is(runtime: Runtime, message: object) -> None:
    assert runtime.make(Echo).start().ask(message, timeout=5) is message


def test_a_tell_returns_nothing_and_does_not_wait(runtime: Runtime, life: Life) -> None:
    ref = runtime.make(Gated).start(life)
    ref.tell("wait")
    assert ref.tell("second") is None
    assert "second" not in life.lines
    life.go_on.set()
    ref.stop(timeout=5)
    assert life.lines == ["wait", "second", "on_stop"]


def test_the_reply_to_a_tell_is_ignored(runtime: Runtime, life: Life) -> None:
    ref = runtime.make(Teller).start(life)
    ref.tell("hello")
    assert ref.ask("again", timeout=5) == "again"


def test_none_is_a_reply(runtime: Runtime) -> None:
    class Silent(pykka.Actor):
        def on_receive(self, message: Any) -> None:
            return None

    assert runtime.make(Silent).start().ask("anything", timeout=5) is None


def test_an_ask_may_return_a_future_at_once(runtime: Runtime, life: Life) -> None:
    ref = runtime.make(Gated).start(life)
    future = ref.ask("wait", block=False)

    assert isinstance(future, pykka.Future)
    life.go_on.set()
    assert future.get(timeout=5) == "wait"
    assert future.get() == "wait"


def test_an_ask_may_take_too_long(runtime: Runtime, life: Life) -> None:
    ref = runtime.make(Gated).start(life)

    with pytest.raises(pykka.Timeout):
        ref.ask("wait", timeout=0.02)
    with pytest.raises(pykka.Timeout):
        ref.ask("behind it", block=False).get(timeout=0.02)
    assert ref.is_alive()
    life.go_on.set()
    assert ref.ask("now", timeout=5) == "now"
    assert life.lines == ["wait", "behind it", "now"]


def test_an_error_in_an_ask_reaches_the_asker_as_it_is(runtime: Runtime, life: Life) -> None:
    error = LookupError("nothing here")

    with pytest.raises(LookupError) as caught:
        runtime.make(Teller).start(life).ask(error, timeout=5)

    assert caught.value is error


def test_an_error_in_an_ask_that_does_not_block_is_raised_by_its_future(
    runtime: Runtime, life: Life
) -> None:
    future = runtime.make(Teller).start(life).ask(LookupError("nothing here"), block=False)

    for _ in range(2):
        with pytest.raises(LookupError, match="nothing here"):
            future.get(timeout=5)


def test_an_ask_of_a_dead_actor_is_an_error(runtime: Runtime) -> None:
    ref = runtime.make(Echo).start()
    ref.stop(timeout=5)

    with pytest.raises(pykka.ActorDeadError):
        ref.ask("hello")
    future = ref.ask("hello", block=False)
    with pytest.raises(pykka.ActorDeadError):
        future.get(timeout=5)


def test_a_stop_says_whether_there_was_something_to_stop(runtime: Runtime) -> None:
    ref = runtime.make(Echo).start()

    assert ref.stop(block=False).get(timeout=5) is True
    assert ref.stop(block=False).get(timeout=5) is False
    assert ref.stop() is False


def test_a_stop_that_blocks_may_take_too_long(runtime: Runtime, life: Life) -> None:
    ref = runtime.make(Gated).start(life)
    ref.tell("wait")

    with pytest.raises(pykka.Timeout):
        ref.stop(timeout=0.02)
    life.go_on.set()
    assert ref.actor_stopped.wait(5)


def test_a_ref_can_be_passed_around_and_used_by_any_actor(runtime: Runtime, life: Life) -> None:
    class Forwarder(pykka.Actor):
        def on_receive(self, message: tuple[pykka.ActorRef[Any], object]) -> Any:
            target, what = message
            target.tell(what)
            return target.ask(what, block=False)

    target = runtime.make(Teller).start(life)
    answer = runtime.make(Forwarder).start().ask((target, "hello"), timeout=5)

    assert answer.get(timeout=5) == "hello"
    assert life.lines == ["on_start", "hello", "hello"]


def test_many_threads_ask_at_once(runtime: Runtime) -> None:
    ref = runtime.make(Echo).start()
    answers: list[int] = []

    def ask(n: int) -> None:
        answers.extend(ref.ask(n * 100 + i, timeout=5) for i in range(20))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [n * 100 + i for n in range(8) for i in range(20)]


def test_pykkas_own_messages_may_be_sent_by_hand(runtime: Runtime) -> None:
    ref = runtime.make(Echo).start()
    call = ProxyCall(attr_path=("shout",), args=("hi",), kwargs={"times": 2})

    assert ref.ask(call, timeout=5) == "HIHI"
    assert ref.ask(ProxyGetAttr(attr_path=("attribute",)), timeout=5) == "value"
    ref.tell(ProxySetAttr(attr_path=("attribute",), value="other"))
    assert ref.ask(ProxyGetAttr(attr_path=("attribute",)), timeout=5) == "other"
