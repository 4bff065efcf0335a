"""Messages: the base types that every protocol module builds on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Reply(Generic[R_co]):
    """The answer to one `Request`, made by `Request.reply`."""

    value: R_co


class Request(Generic[R_co]):
    """A message whose sender waits for an answer of type `R_co`."""

    __slots__ = ()

    def reply(self: Request[R], value: R) -> Reply[R]:
        """Pair `value` with this request, so that the type checker sees both."""
        return Reply(value)
