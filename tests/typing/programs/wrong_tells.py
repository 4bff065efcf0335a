"""Messages that the actor does not take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.typing.programs.protocol import Deposit, TellerMessage, Weather

if TYPE_CHECKING:
    from actors.kernel.actor import Actor
    from actors.kernel.addresses import Address, Pool


def tell(teller: Address[TellerMessage], tellers: Pool[TellerMessage]) -> None:
    teller.tell(Weather())  # E: arg-type, reportArgumentType
    teller.offer(Weather())  # E: arg-type, reportArgumentType
    tellers.tell(1, Weather())  # E: arg-type, reportArgumentType
    tellers.offer(1, Weather())  # E: arg-type, reportArgumentType
    tellers.tell("1", Deposit(5))  # E: arg-type, reportArgumentType
    tellers.address(1).tell(Weather())  # E: arg-type, reportArgumentType
    teller.tell(Deposit)  # E: arg-type, reportArgumentType
    teller.tell()  # E: call-arg, reportCallIssue


def to_itself(actor: Actor[TellerMessage]) -> None:
    actor.after(1, Weather())  # E: arg-type, reportArgumentType
    actor.address.tell(Weather())  # E: arg-type, reportArgumentType


def pass_on(weather: Address[Weather]) -> Address[TellerMessage]:
    return weather  # E: return-value, reportReturnType
