"""The log: one line for each event, in both forms, without the token and without stack traces."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any, Literal, Never

import pytest
import structlog
from pydantic import SecretStr

from supervisors.logs import configure_logs
from supervisors.settings import DiscordSettings, LogSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "MTA.abc.def-SECRET"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.raiseExceptions = raising
    for name in ("discord", "httpx", "httpcore", "asyncio"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def log_to(
    stream: io.StringIO,
    format_: Literal["auto", "lines", "json"] = "auto",
    level: Literal["debug", "info", "warning", "error"] = "info",
) -> Any:
    settings = Settings.model_construct(
        discord=DiscordSettings(token=SecretStr(TOKEN)),
        log=LogSettings(level=level, format=format_),
    )
    configure_logs(settings, stream)
    return structlog.get_logger("here")


def written(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_elsewhere_than_on_a_terminal_each_event_is_a_json_object() -> None:
    stream = io.StringIO()
    log = log_to(stream)
    log.info("a guild came", guild_id=2**63, names=("a", "b"))
    logging.getLogger("discord.gateway").warning("shard %s is late", 4)

    ours, theirs = written(stream)
    assert ours.pop("at").endswith("Z")
    assert ours == {
        "event": "a guild came",
        "level": "info",
        "logger": "here",
        "guild_id": 2**63,
        "names": ["a", "b"],
    }
    assert (theirs["event"], theirs["logger"]) == ("shard 4 is late", "discord.gateway")


def test_on_a_terminal_each_event_is_a_line() -> None:
    stream = Terminal()
    log_to(stream).info("a guild came", guild_id=81)

    (line,) = stream.getvalue().splitlines()
    assert "a guild came" in line
    assert "81" in line


def refuse() -> Never:
    raise ValueError(f"refused {TOKEN}")


@pytest.mark.parametrize("format_", ["lines", "json"])
def test_no_event_shows_the_token_nor_takes_more_than_its_line(
    format_: Literal["lines", "json"],
) -> None:
    stream = io.StringIO()
    log = log_to(stream, format_)
    try:
        refuse()
    except ValueError as error:
        log.exception(TOKEN, header=f"Bot {TOKEN}")
        log.warning("given", exc_info=error)
        logging.getLogger("discord").exception("theirs")
    log.info("what a member is called: \ud800")

    lines = stream.getvalue().splitlines()
    assert len(lines) == 4
    assert TOKEN not in stream.getvalue()
    assert "Traceback" not in stream.getvalue()
    assert all("ValueError" in line and "test_logs.py" in line for line in lines[:3])


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_what_is_less_severe_than_the_level_is_left_out(
    level: Literal["debug", "info", "warning", "error"],
) -> None:
    stream = io.StringIO()
    log = log_to(stream, level=level)
    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)(name)

    names = [event["level"] for event in written(stream)]
    assert names == ["debug", "info", "warning", "error"][-len(names) :]
    assert names[0] == level


@pytest.mark.parametrize(("level", "lines"), [("debug", 2), ("info", 1), ("error", 0)])
def test_discord_py_is_heard_from_warnings_on_unless_debug_is_wanted(
    level: Literal["debug", "info", "error"], lines: int
) -> None:
    stream = io.StringIO()
    log_to(stream, level=level)
    logging.getLogger("discord.gateway").info("Shard ID None has connected to Gateway")
    logging.getLogger("discord.http").warning("We are being rate limited")

    assert len(written(stream)) == lines


def test_what_members_say_is_not_logged_even_at_debug() -> None:
    stream = io.StringIO()
    log_to(stream, level="debug")
    logging.getLogger("discord.gateway").debug("For Shard ID None: WebSocket Event: a message")

    assert stream.getvalue() == ""


def test_a_log_that_nobody_reads_any_more_does_no_harm(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stream = io.StringIO()
    log = log_to(stream)
    stream.close()
    log.info("lost")

    assert capsys.readouterr().err == ""


def test_configuring_again_does_not_double_the_lines() -> None:
    first, second = io.StringIO(), io.StringIO()
    log_to(first)
    log_to(second).info("once")

    assert first.getvalue() == ""
    assert len(written(second)) == 1
