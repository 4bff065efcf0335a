"""Answers that nobody asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import override

from actors.kernel.actor import Actor
from tests.typing.programs.protocol import Balance, Deposit, Owner, TellerMessage

if TYPE_CHECKING:
    from actors.kernel.messages import Reply


class WrongTeller(Actor[TellerMessage]):
    """Answers with the wrong things."""

    @override
    async def on_receive(self, message: TellerMessage) -> Reply[Any] | None:
        match message:
            case Deposit():
                return None
            case Balance():
                return message.reply("much")  # E: arg-type, reportArgumentType
            case Owner():
                return "Ann"  # E: return-value, reportReturnType
