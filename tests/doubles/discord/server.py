"""The local Discord, put together: one port for REST, gateway, files and control."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from tests.doubles.discord.command_use import Uses
from tests.doubles.discord.component_press import Presses
from tests.doubles.discord.control.endpoint import Control
from tests.doubles.discord.control.faults import Faults
from tests.doubles.discord.control.verbs import Verbs
from tests.doubles.discord.founding import found
from tests.doubles.discord.gateway.endpoint import Endpoint
from tests.doubles.discord.gateway.hub import Hub
from tests.doubles.discord.ids import bot_token
from tests.doubles.discord.interactions import Interactions
from tests.doubles.discord.play.living import Living
from tests.doubles.discord.play.load import Load
from tests.doubles.discord.rest.accounts import AccountRoutes
from tests.doubles.discord.rest.answers import API, Frontier
from tests.doubles.discord.rest.attachments import Attachments
from tests.doubles.discord.rest.commands import CommandBook, CommandRoutes
from tests.doubles.discord.rest.interactions import InteractionRoutes
from tests.doubles.discord.rest.messages import MessageRoutes
from tests.doubles.discord.tuning import Tuning

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.doubles.discord.options import Options

HOST = "127.0.0.1"
_SHUTDOWN_S = 2.0
_GOING_AWAY = 1001
_BODY_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Announcement:
    """What the JSON line on standard output says."""

    api_url: str
    gateway_url: str
    control_url: str
    token: str
    application_id: str
    owner_id: str


class LocalDiscord:
    """A running local Discord; `start` opens the port, `stop` closes everything."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._world = found(seed=options.seed, guilds=options.guilds, people=options.members)
        self._tuning = Tuning(token=bot_token(self._world.bot.id))
        self._hub = Hub(self._tuning)
        self._world.publisher = self._hub
        self._frontier = Frontier(self._tuning)
        self._load = Load(self._world, self._hub, options.seed)
        self._book = CommandBook(self._world)
        self._interactions = Interactions(self._world, self._tuning)
        self._uses = Uses(self._world, self._book, self._interactions)
        self._presses = Presses(self._world, self._interactions)
        self._living = Living(
            self._world, self._hub, self._uses, seed=options.seed, speed=options.speed
        )
        app = web.Application(
            middlewares=[self._frontier.middleware()], client_max_size=_BODY_BYTES
        )
        self._app = app
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S)

    async def start(self) -> Announcement:
        """Open the port and let the scenario begin.

        Raises:
            OSError: the port cannot be had.
        """
        listener = _listen(self._options.port)
        base = f"{HOST}:{listener.getsockname()[1]}"
        announcement = self._announcement(base)
        self._app.add_routes(self._routes(announcement))
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()
        if self._options.scenario == "living":
            self._living.gather()
            self._living.start()
        return announcement

    async def stop(self) -> None:
        """End the scenario and every connection."""
        await self._living.stop()
        await self._load.stop()
        for client in self._hub.open_sockets():
            client.close(_GOING_AWAY)
        await self._runner.cleanup()

    def _announcement(self, base: str) -> Announcement:
        return Announcement(
            api_url=f"http://{base}{API}",
            gateway_url=f"ws://{base}/gateway",
            control_url=f"http://{base}/control",
            token=self._tuning.token,
            application_id=self._world.application_id,
            owner_id=self._world.owner.id,
        )

    def _routes(self, told: Announcement) -> Iterable[web.RouteDef]:
        world, base_url = self._world, told.control_url.removesuffix("/control")
        files = Attachments(world.ids, base_url)
        gateway = Endpoint(world, self._hub, told.gateway_url)
        verbs = Verbs(
            world=world,
            hub=self._hub,
            book=self._book,
            uses=self._uses,
            presses=self._presses,
            load=self._load,
            living=self._living,
            frontier=self._frontier,
        )
        return [
            web.get("/gateway", gateway.serve),
            web.get("/gateway/", gateway.serve),
            *AccountRoutes(world, self._tuning, told.gateway_url).routes(),
            *MessageRoutes(world, files).routes(),
            *CommandRoutes(world, self._book).routes(),
            *InteractionRoutes(world, self._interactions, files).routes(),
            *files.routes(),
            *Control(verbs, Faults(self._hub)).routes(),
        ]


def _listen(port: int) -> socket.socket:
    """Bind first: the routes need to know their own address."""
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
    except BaseException:
        listener.close()
        raise
    return listener
