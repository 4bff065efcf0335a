"""Everything here is right, and neither checker says a word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never, assert_type

from typing_extensions import override

from actors.kernel.actor import Actor
from tests.typing.programs.protocol import Balance, Deposit, Owner, TellerMessage

if TYPE_CHECKING:
    from actors.kernel.addresses import Address, Pool
    from actors.kernel.messages import Reply


async def use(teller: Address[TellerMessage], tellers: Pool[TellerMessage]) -> None:
    teller.tell(Deposit(5))
    teller.offer(Deposit(5))
    tellers.tell(1, Deposit(5))
    tellers.offer(1, Deposit(5))
    tellers.address(1).tell(Deposit(5))
    assert_type(await teller.ask(Balance(), within=1), int)
    assert_type(await tellers.address(1).ask(Owner(), within=1), str)
    assert_type(teller.ask_from_thread(Owner(), within=1), str)


class TellerActor(Actor[TellerMessage]):
    """Handles every message there is."""

    @override
    async def on_receive(self, message: TellerMessage) -> Reply[Any] | None:
        match message:
            case Deposit(cents):
                self.after(1, Deposit(cents))
            case Balance():
                return message.reply(5)
            case Owner():
                return message.reply("Ann")
            case _:
                assert_never(message)
        return None
