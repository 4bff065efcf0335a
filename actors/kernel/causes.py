"""Errors, looked into: what ended an actor, and whether it came from outside."""

from __future__ import annotations

import math
from typing import cast

import trio


def root_cause(error: BaseException) -> BaseException:
    """Unwrap groups that hold one error, so that reports name the real cause.

    >>> root_cause(ExceptionGroup("outer", [ExceptionGroup("inner", [ValueError("x")])]))
    ValueError('x')
    """
    group = as_group(error)
    while group is not None and len(group.exceptions) == 1:
        error = group.exceptions[0]
        group = as_group(error)
    return error


def as_group(error: BaseException) -> BaseExceptionGroup[BaseException] | None:
    """Return `error` if it is a group, typed as one."""
    is_group = isinstance(error, BaseExceptionGroup)
    return cast("BaseExceptionGroup[BaseException]", error) if is_group else None


def one_line(error: BaseException, limit: int = 160) -> str:
    """Show an error as status pages do: its type and its first line, cut at `limit`."""
    first = str(error).partition("\n")[0]
    text = f"{type(error).__name__}: {first}" if first else type(error).__name__
    return text if len(text) <= limit else text[: limit - 1] + "…"


def from_outside(error: BaseException) -> bool:
    """Tell whether this is nothing but a cancellation that came from outside."""
    return split_cancelled(error)[1] is None and (trio.current_effective_deadline() == -math.inf)


def split_cancelled(error: BaseException) -> tuple[BaseException | None, BaseException | None]:
    """Part an error into its cancellations and everything else."""
    group = as_group(error)
    if group is not None:
        return group.split(trio.Cancelled)
    return (error, None) if isinstance(error, trio.Cancelled) else (None, error)
