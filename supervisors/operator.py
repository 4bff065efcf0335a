"""What the commands for operators have in common: asking the running bot, and its refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from supervisors.control import NotRunningError, RefusedError, follow, request
from supervisors.failures import EX_TEMPFAIL, EX_UNAVAILABLE, EX_USAGE, CommandError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ANSWER_S = 10.0


def ask_bot(folder: Path, *, do: str, **body: Any) -> dict[str, Any]:
    """Ask the bot on `folder` and return its answer.

    Raises:
        CommandError: no bot runs there (69), it refuses (2), or it does not answer (75).

    """

    async def asking() -> dict[str, Any]:
        return await request(folder, within=ANSWER_S, do=do, **body)

    return _told(folder, asking)


def follow_bot(
    folder: Path, heard: Callable[[dict[str, Any]], object], *, do: str, **body: Any
) -> dict[str, Any]:
    """Ask for a stream, give each line to `heard` and return the last; Ctrl+C calls it off.

    Raises:
        CommandError: as `ask_bot`.

    """

    async def following() -> dict[str, Any]:
        return await follow(folder, heard, do=do, **body)

    return _told(folder, following)


def _told(folder: Path, work: Callable[[], Any]) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = trio.run(work)
    except NotRunningError as error:
        raise CommandError(str(error), EX_UNAVAILABLE) from error
    except RefusedError as error:
        raise CommandError(str(error), EX_USAGE) from error
    except (trio.TooSlowError, OSError) as error:
        raise CommandError(
            f"the bot on {folder} does not answer ({type(error).__name__}); try again, "
            "and if it stays so, look at its log",
            EX_TEMPFAIL,
        ) from error
    return answer
