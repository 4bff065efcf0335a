"""The log: one line for each event, readable on a terminal, JSON elsewhere.

structlog's events and those of libraries take the same way to standard error.
The token never gets there, and no stack trace takes more than its line.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, TextIO, cast

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from typing_extensions import override

if TYPE_CHECKING:
    from structlog.typing import EventDict, ExcInfo, Processor

    from supervisors.settings import Settings

QUIETER = {
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "asyncio": logging.WARNING,
}
"""Libraries that are never more talkative than this."""

DISCORD = "discord"
"""discord.py. At debug it would write every frame, and with it what members say; what it tells
at info, our own lines say better."""


def configure_logs(settings: Settings, stream: TextIO | None = None) -> None:
    """Log as the settings say, to `stream` or else standard error; may be called again."""
    stream = stream or cast(TextIO, sys.stderr)
    level = logging.getLevelNamesMapping()[settings.log.level.upper()]
    token = settings.discord.token
    handler = logging.StreamHandler(stream)
    as_lines = settings.log.format == "lines" or (settings.log.format == "auto" and stream.isatty())
    formatter = _Formatter(
        _lines(colors=stream.isatty()) if as_lines else _json(),
        token.get_secret_value() if token else "",
    )
    handler.setFormatter(formatter)
    # A log that nobody can read any more is no reason to print about it.
    logging.raiseExceptions = False
    logging.basicConfig(handlers=[handler], level=level, force=True)
    discord = logging.INFO if level == logging.DEBUG else logging.WARNING
    for name, least in {DISCORD: discord, **QUIETER}.items():
        logging.getLogger(name).setLevel(max(least, level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Renders an event without the token."""

    def __init__(self, renderers: list[Processor], secret: str) -> None:
        remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
        super().__init__(foreign_pre_chain=_shared(), processors=[remove, *renderers])
        self._secret = secret

    @override
    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text.replace(self._secret, "***") if self._secret else text


def _lines(*, colors: bool) -> list[Processor]:
    renderer = structlog.dev.ConsoleRenderer(
        colors=colors, timestamp_key="at", pad_event_to=0, pad_level=False
    )
    return [_one_line_error, renderer]


def _json() -> list[Processor]:
    frames = ExceptionDictTransformer(show_locals=False, max_frames=20)
    return [
        structlog.processors.ExceptionRenderer(frames),
        structlog.processors.JSONRenderer(default=str),
    ]


def _one_line_error(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Say what was raised and where, in place of a stack trace."""
    given = event.pop("exc_info", None)
    error = _error_of(given)
    if error is not None:
        event["error"] = f"{type(error).__name__}: {error}"
        event["raised_at"] = raised_at(error)
    return event


def _error_of(given: Any) -> BaseException | None:
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        return cast("ExcInfo", given)[1]
    return sys.exc_info()[1] if given else None


def raised_at(error: BaseException) -> str:
    """Name the innermost place that raised an error, such as `storage/rows.py:12`."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "nowhere"
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
