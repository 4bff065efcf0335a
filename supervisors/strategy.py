"""Restart strategies: which children go down with a failed one."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Strategy(enum.Enum):
    """Which children are restarted when one fails (the names and rules are OTP's)."""

    ONE_FOR_ONE = "one_for_one"
    REST_FOR_ONE = "rest_for_one"
    ONE_FOR_ALL = "one_for_all"

    def affected(self, started: Sequence[str], failed: str) -> tuple[str, ...]:
        """Name the children to start again, in start order.

        >>> Strategy.REST_FOR_ONE.affected(["store", "gateway", "voices"], "gateway")
        ('gateway', 'voices')
        """
        match self:
            case Strategy.ONE_FOR_ONE:
                return (failed,)
            case Strategy.REST_FOR_ONE:
                return tuple(started[started.index(failed) :])
            case Strategy.ONE_FOR_ALL:
                return tuple(started)


class AutoShutdown(enum.Enum):
    """Whether a supervisor stops by itself when significant children have finished."""

    NEVER = "never"
    ANY_SIGNIFICANT = "any_significant"
    ALL_SIGNIFICANT = "all_significant"
