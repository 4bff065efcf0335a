"""Where our rules differ from Pykka's on purpose: each difference, on both runtimes.

`docs/semantics.md` gives the reasons, in the section "Where we differ from Pykka".
"""

from __future__ import annotations

from queue import Full
from typing import Any

import pykka
import pytest

from actors.kernel.errors import ActorCrashedError, MailboxFullError
from tests.kernel.probes import eventually
from tests.pykka_promises.runtimes import Gated, Life, Runtime, Teller


def test_an_error_in_an_ask_ends_the_actor_too(runtime: Runtime, life: Life) -> None:
    ref, error = runtime.make(Teller).start(life), ValueError("asked")
    with pytest.raises(ValueError, match="asked"):
        ref.ask(error, timeout=5)

    assert ref.is_alive() is not runtime.is_ours
    if runtime.is_ours:
        life.comes_to("on_start", error, ("on_failure", error))
        with pytest.raises(pykka.ActorDeadError):
            ref.ask("again")
    else:
        assert ref.ask("again", timeout=5) == "again"


def test_an_actor_lives_on_after_errors_that_it_expects(runtime: Runtime, life: Life) -> None:
    kind = runtime.make(Teller, expected_errors=(LookupError,))
    ref, proxy = kind.start(life), kind.start(life).proxy()

    for _ in range(2):
        with pytest.raises(KeyError):
            ref.ask(KeyError("expected"), timeout=5)
        with pytest.raises(KeyError):
            proxy.on_receive(KeyError("expected")).get(timeout=5)
    assert ref.ask("still here", timeout=5) == "still here"
    with pytest.raises(ValueError, match="unexpected"):
        ref.ask(ValueError("unexpected"), timeout=5)
    assert ref.is_alive() is not runtime.is_ours


def test_expected_errors_end_an_actor_that_nobody_asked(runtime: Runtime, life: Life) -> None:
    ref = runtime.make(Teller, expected_errors=(Exception,)).start(life)
    ref.tell(ValueError("told"))

    eventually(lambda: not ref.is_alive())


class OutOfTheOrdinary(BaseException):
    pass


@pytest.mark.parametrize(
    "error", [SystemExit(1), KeyboardInterrupt(), GeneratorExit(), OutOfTheOrdinary("!")], ids=repr
)
def test_a_base_exception_ends_one_actor_and_not_all(
    runtime: Runtime, life: Life, error: BaseException
) -> None:
    bystanders = [runtime.make(Teller).start(Life()) for _ in range(3)]
    runtime.make(Teller).start(life).tell(error)

    if runtime.is_ours:
        life.comes_to("on_start", error, ("on_failure", error))
        assert [ref.ask("here", timeout=5) for ref in bystanders] == ["here"] * 3
    else:
        life.comes_to("on_start", error, "on_stop")
        eventually(lambda: not any(ref.is_alive() for ref in bystanders))


def test_whoever_asked_is_told_of_a_base_exception(runtime: Runtime, life: Life) -> None:
    answer = runtime.make(Teller).start(life).ask(OutOfTheOrdinary("!"), block=False)

    if runtime.is_ours:
        with pytest.raises(ActorCrashedError) as caught:
            answer.get(timeout=5)
        assert isinstance(caught.value.__cause__, OutOfTheOrdinary)
    else:
        with pytest.raises(pykka.Timeout):
            answer.get(timeout=0.1)


def test_the_first_outcome_of_an_ask_counts(runtime: Runtime) -> None:
    answer = runtime.actor_class._create_future()
    answer.set("first")

    if runtime.is_ours:
        answer.set("second")
        answer.fail(ValueError("third"))
    else:
        with pytest.raises(Full):
            answer.set("second")
    assert answer.get(timeout=5) == "first"


def test_a_mailbox_may_have_a_bound_and_refuses_then(runtime: Runtime, life: Life) -> None:
    ref = runtime.make(Gated, mailbox_capacity=2).start(life)
    ref.tell("wait")
    life.comes_to("wait")
    ref.tell(1)
    ref.tell(2)

    if runtime.is_ours:
        with pytest.raises(MailboxFullError, match="2 messages wait already; refused 3"):
            ref.tell(3)
        with pytest.raises(MailboxFullError):
            ref.ask(4, block=False).get(timeout=5)
        stop = ref.stop(block=False)
    else:
        ref.tell(3)
        stop = ref.stop(block=False)
    life.go_on.set()
    assert stop.get(timeout=5) is True
    assert life.lines == ["wait", 1, 2, *([] if runtime.is_ours else [3]), "on_stop"]


class Adder(pykka.Actor):
    def add_one(self, n: int) -> int:
        return n + 1


class Counter(pykka.Actor):
    def __init__(self, adder: Any) -> None:
        super().__init__()
        self._adder = adder

    def count(self) -> int:
        n: int = self._adder.add_one(1).get(timeout=5)
        return n


def test_an_actor_that_waits_for_another_must_say_so(runtime: Runtime) -> None:
    adder = runtime.make(Adder).start().proxy()
    counter = runtime.make(Counter).start(adder).proxy()

    if runtime.is_ours and not runtime.actor_class.may_block:
        with pytest.raises(RuntimeError, match="would block the Trio thread"):
            counter.count().get(timeout=5)
    else:
        assert counter.count().get(timeout=5) == 2
