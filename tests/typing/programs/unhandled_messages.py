"""A message that an actor takes and does not handle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from typing_extensions import override

from actors.kernel.actor import Actor
from actors.kernel.blocking import BlockingActor
from tests.typing.programs.protocol import Balance, Deposit, TellerMessage

if TYPE_CHECKING:
    from actors.kernel.messages import Reply


class ForgetfulTeller(Actor[TellerMessage]):
    """Does not know whose the money is."""

    @override
    async def on_receive(self, message: TellerMessage) -> Reply[Any] | None:
        match message:
            case Deposit():
                return None
            case Balance():
                return message.reply(5)
            case _:
                assert_never(message)  # E: arg-type, reportArgumentType


class ForgetfulThread(BlockingActor[TellerMessage]):
    """Neither does this one."""

    @override
    def on_receive(self, message: TellerMessage) -> Reply[Any] | None:
        match message:
            case Deposit():
                return None
            case _:
                assert_never(message)  # E: arg-type, reportArgumentType


class NarrowThread(BlockingActor[TellerMessage]):
    """Takes less than it says."""

    @override
    def on_receive(self, message: Deposit) -> None:  # E: override, reportIncompatibleMethodOverride
        """Handle a deposit only."""
