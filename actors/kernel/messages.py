"""Messages: the base types that every protocol module builds on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from typing import Self

M_co = TypeVar("M_co", covariant=True)
R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Reply(Generic[R_co]):
    """The answer to one `Request`, made by `Request.reply`."""

    value: R_co


class Request(Generic[R_co]):
    """A message whose sender waits for an answer of type `R_co`."""

    __slots__ = ()

    if TYPE_CHECKING:
        # Never called: by it `Asked` sees the request and the answer at once.
        def _types(self) -> tuple[Self, R_co]: ...

    def reply(self: Request[R], value: R) -> Reply[R]:
        """Pair `value` with this request, so that the type checker sees both."""
        return Reply(value)


class Asked(Protocol[M_co, R_co]):
    """A request that is one of the messages `M_co` and is answered by an `R_co`.

    For type checkers only: a request of another actor's protocol is none.
    """

    def _types(self) -> tuple[M_co, R_co]: ...
