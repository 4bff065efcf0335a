"""The gateway: keeps the bot connected to Discord and tells the guilds what happens there."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, assert_never

import structlog
import trio
from typing_extensions import override

from actors.gateway.client import GatewayClient
from actors.gateway.clock import CLOCK
from actors.gateway.commands.tree import install
from actors.gateway.crossing import asyncio_loop, on_asyncio
from actors.gateway.endings import beyond_healing
from actors.gateway.line import Line
from actors.gateway.link import Patience
from actors.gateway.link_state import TICK_S, LinkState
from actors.gateway.protocol import (
    GatewayMessage,
    GatewayReport,
    HowIsTheLink,
    SnapshotWanted,
)
from actors.gateway.redirect import redirect
from actors.gateway.sight import Sight
from actors.kernel.actor import Actor
from actors.kernel.causes import one_line
from actors.kernel.errors import ActorError
from actors.recorder.protocol import NewestTime

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from actors.gateway.desk import Desk
    from actors.gateway.link import GatewaySettings
    from actors.guild.protocol import GuildMessage
    from actors.kernel.addresses import Address, Pool
    from actors.kernel.halting import HaltProgram
    from actors.kernel.messages import Reply
    from actors.recorder.protocol import RecorderMessage

NEWEST_WITHIN_S = 5.0
NEWEST_PAUSE_S = 0.25

log = structlog.get_logger(__name__)


class GatewayActor(Actor[GatewayMessage]):
    """The one connection to Discord.

    State: the client of the present life, who is in voice as Discord last said, and which
    guild was refused something. A crash loses the session: each guild is told that it is
    blind, and the next incarnation shows it who is in voice. What is known to happen
    (Discord away, a session ended, a frame that cannot be read) costs a client at most,
    never the incarnation.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        guilds: Pool[GuildMessage],
        recorder: Address[RecorderMessage],
        desk: Desk,
        halt: HaltProgram,
    ) -> None:
        super().__init__()
        self._recorder = recorder
        self._settings, self._desk, self._halt = settings, desk, halt
        self._state = LinkState(CLOCK.now, probe_s=settings.probe_s)
        self._sight = Sight(guilds)
        self._line = Line(settings, self._state, self._sight)
        self._patience = Patience(settings.first_tries_s, settings.slow_try_s)
        self._client: GatewayClient | None = None
        self._connection = trio.CancelScope()
        self._closed = trio.Event()
        self._stopping = False

    @override
    async def pre_start(self) -> None:
        redirect(self._settings)
        self.spawn(self._stay_connected)
        self.spawn(self._tick)

    @override
    async def post_stop(self) -> None:
        self._stopping = True
        if self._client is not None:
            self._client.leave()
        if self._state.up:
            with trio.move_on_after(self._settings.close_s):
                await self._closed.wait()
        self._connection.cancel("the gateway stops")
        await self._closed.wait()

    @override
    def shown_state(self) -> Mapping[str, object]:
        report = self._report()
        return {
            "link": report.link.value,
            "since": report.since_utc,
            "guilds in sight": report.guilds,
            "latency (s)": report.latency_s,
            "clients so far": report.lives,
            "resumes": report.resumes,
            "last trouble": report.last_trouble,
        }

    @override
    async def on_receive(self, message: GatewayMessage) -> Reply[Any] | None:
        match message:
            case HowIsTheLink():
                return message.reply(self._report())
            case SnapshotWanted(guild_id=guild_id):
                at = self._state.frame_utc if self._state.fresh else None
                self._sight.look_again(guild_id, at)
            case _:
                assert_never(message)
        return None

    async def _tick(self) -> None:
        told = None
        while True:
            await trio.sleep(TICK_S)
            self._state.ticked()
            if not self._state.up:
                continue
            # Not the present time: on a connection that died unnoticed that would be a lie.
            at = self._state.seen_until_utc
            if self._state.fresh:
                self._sight.pay(at)
                self._sight.show_wanted(at)
            if at != told:
                self._sight.tick(at)
                told = at

    async def _stay_connected(self) -> None:
        try:
            with self._connection:
                await self._set_clock()
                async with asyncio_loop(_log_stray):
                    await self._live_on()
        finally:
            # However it ended, nobody may go on believing that it sees.
            until = self._state.seen_until_utc
            if self._stopping:
                if self._state.fresh:
                    self._sight.pay(until)
                self._sight.tick(until)
            else:
                self._sight.lost(until, "the gateway's actor crashed")
            self._closed.set()

    async def _set_clock(self) -> None:
        """See to it that no time is before one that the ledger has already."""
        newest = None
        # A recorder that restarts, or has much to write, is waited for: a known outage.
        while True:
            try:
                newest = await self._recorder.ask(NewestTime(), within=NEWEST_WITHIN_S)
                break
            except (ActorError, trio.TooSlowError) as late:
                log.info("waiting for the recorder", why=str(late))
                await trio.sleep(NEWEST_PAUSE_S)
        behind_s = 0.0 if newest is None else CLOCK.not_before(newest)
        if behind_s:
            log.warning(
                "the computer's clock is behind the ledger; times go on from the ledger's until "
                "it has caught up",
                behind_s=round(behind_s, 1),
                newest=newest and newest.isoformat(),
            )

    async def _live_on(self) -> None:
        while True:
            self._state.life_begins()
            self._client = client = GatewayClient(self._line)
            install(client, self._desk, self._report)
            try:
                await on_asyncio(client.live, self._settings.token)
            except Exception as error:  # noqa: BLE001 - whatever it is, it ends one client only
                pause_s = self._life_ended(error)
            else:
                return
            await trio.sleep(pause_s)

    def _life_ended(self, error: Exception) -> float:
        """Tell the guilds that they are blind and say when to try again."""
        until, why = self._state.seen_until_utc, one_line(error)
        worked_s = self._state.life_ended(why)
        self._sight.lost(until, why)
        fault = beyond_healing(error)
        if fault is not None:
            self._halt(fault)
            return math.inf
        pause_s = self._patience.pause_s(worked_s)
        self._state.next_try_in(pause_s)
        tell = log.error if self._patience.alarming else log.warning
        tell("lost Discord", why=why, next_try_s=pause_s, failures=self._patience.failures)
        return pause_s

    def _report(self) -> GatewayReport:
        return self._state.report(self._sight.guilds_in_sight)


def _log_stray(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # trio-asyncio's own handler would end the actor for an error that nobody waits for.
    log.warning("asyncio", what=context.get("message"), exc_info=context.get("exception"))
