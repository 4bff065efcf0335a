"""What Pykka's documentation promises of its log."""

from __future__ import annotations

import logging

import pykka
import pytest

from tests.kernel.probes import eventually
from tests.pykka_promises.runtimes import Life, Runtime, Teller


class Empty(pykka.Actor):
    pass


def found(log: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [each.getMessage() for each in log.records if each.levelno == level]


def test_an_unhandled_message_is_a_warning(
    runtime: Runtime, pykka_log: pytest.LogCaptureFixture
) -> None:
    ref = runtime.make(Empty).start()
    ref.ask({"unknown": "message"}, timeout=5)

    (line,) = found(pykka_log, logging.WARNING)
    assert str(ref) in line
    assert "{'unknown': 'message'}" in line


def test_an_error_that_goes_to_an_asker_is_logged_as_info(
    runtime: Runtime, life: Life, pykka_log: pytest.LogCaptureFixture
) -> None:
    ref, error = runtime.make(Teller).start(life), ValueError("asked")
    with pytest.raises(ValueError, match="asked"):
        ref.ask(error, timeout=5)

    (record,) = [r for r in pykka_log.records if r.levelno == logging.INFO]
    assert str(ref) in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    assert found(pykka_log, logging.ERROR) == []


def test_an_error_that_goes_to_nobody_is_logged_as_an_error(
    runtime: Runtime, life: Life, pykka_log: pytest.LogCaptureFixture
) -> None:
    ref, error = runtime.make(Teller).start(life), ValueError("told")
    ref.tell(error)
    life.comes_to("on_start", error, ("on_failure", error))

    (record,) = [r for r in pykka_log.records if r.levelno == logging.ERROR]
    assert str(ref) in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[1] is error


@pytest.mark.parametrize(("hook", "errors"), [("on_start", 1), ("on_stop", 1), ("on_failure", 2)])
def test_an_error_in_a_hook_is_logged(
    runtime: Runtime, life: Life, pykka_log: pytest.LogCaptureFixture, hook: str, errors: int
) -> None:
    life.failing[hook] = LookupError("in a hook")
    ref = runtime.make(Teller).start(life)
    if hook == "on_failure":
        ref.tell(ValueError("first"))
    elif hook == "on_stop":
        ref.stop(timeout=5)

    assert ref.actor_stopped.wait(5)
    eventually(lambda: len(found(pykka_log, logging.ERROR)) == errors)
    record = [r for r in pykka_log.records if r.levelno == logging.ERROR][-1]
    assert str(ref) in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[1] is life.failing[hook]


def test_starts_stops_and_the_registry_are_logged_for_debugging(
    runtime: Runtime, pykka_log: pytest.LogCaptureFixture
) -> None:
    ref = runtime.make(Empty).start()
    ref.stop(timeout=5)

    lines = found(pykka_log, logging.DEBUG)
    for word in ("Registered", "Starting", "Unregistered", "Stopped"):
        assert any(line.startswith(word) and str(ref) in line for line in lines), word
