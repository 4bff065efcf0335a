"""Questions that the actor does not answer, and answers taken for what they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.typing.programs.protocol import Balance, Deposit, Forecast, TellerMessage

if TYPE_CHECKING:
    from actors.kernel.addresses import Address, Pool


async def ask(teller: Address[TellerMessage], tellers: Pool[TellerMessage]) -> None:
    await teller.ask(Deposit(5), within=1)  # E: arg-type, reportArgumentType
    await teller.ask(Forecast(), within=1)  # E: arg-type, reportArgumentType
    await tellers.address(1).ask(Forecast(), within=1)  # E: arg-type, reportArgumentType
    await teller.ask(Balance())  # E: call-arg, reportCallIssue
    balance = await teller.ask(Balance(), within=1)
    owner: str = balance  # E: assignment, reportAssignmentType
    print(owner)


def ask_from_a_thread(teller: Address[TellerMessage]) -> None:
    teller.ask_from_thread(Deposit(5), within=1)  # E: arg-type, reportArgumentType
    teller.ask_from_thread(Forecast(), within=1)  # E: arg-type, reportArgumentType
    balance = teller.ask_from_thread(Balance(), within=1)
    owner: str = balance  # E: assignment, reportAssignmentType
    print(owner)
