"""Routes for login, users and guilds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from tests.doubles.discord import guild_objects, objects
from tests.doubles.discord.gateway.intents import application_flags
from tests.doubles.discord.model import ChannelType
from tests.doubles.discord.rest.answers import API, ApiError, answer, unknown
from tests.doubles.discord.rest.bodies import read

if TYPE_CHECKING:
    from tests.doubles.discord.model import Guild, Member
    from tests.doubles.discord.tuning import Tuning
    from tests.doubles.discord.world import World

_IDENTIFIES_A_DAY = 1000


class AccountRoutes:
    """What a bot asks about itself and about where it is."""

    def __init__(self, world: World, tuning: Tuning, gateway_url: str) -> None:
        self._world = world
        self._tuning = tuning
        self._gateway_url = gateway_url

    def routes(self) -> list[web.RouteDef]:
        guild = API + "/guilds/{guild_id}"
        return [
            web.get(f"{API}/gateway", self.gateway),
            web.get(f"{API}/gateway/bot", self.gateway_bot),
            web.get(f"{API}/users/@me", self.me),
            web.get(f"{API}/users/@me/guilds", self.my_guilds),
            web.get(API + "/users/{user_id}", self.user),
            web.get(f"{API}/oauth2/applications/@me", self.application),
            web.get(f"{API}/applications/@me", self.application),
            web.get(guild, self.guild),
            web.get(guild + "/channels", self.channels),
            web.get(guild + "/roles", self.roles),
            web.get(guild + "/members", self.members),
            web.get(guild + "/members/{user_id}", self.member),
            web.patch(guild + "/members/{user_id}", self.edit_member),
            web.get(guild + "/voice-states/{user_id}", self.voice_state),
        ]

    async def gateway(self, request: web.Request) -> web.Response:
        return answer({"url": self._gateway_url})

    async def gateway_bot(self, request: web.Request) -> web.Response:
        limit = {
            "total": _IDENTIFIES_A_DAY,
            "remaining": _IDENTIFIES_A_DAY - 1,
            "reset_after": 86_400_000,
            "max_concurrency": 1,
        }
        return answer({"url": self._gateway_url, "shards": 1, "session_start_limit": limit})

    async def me(self, request: web.Request) -> web.Response:
        return answer(objects.own_user(self._world.bot))

    async def my_guilds(self, request: web.Request) -> web.Response:
        return answer(
            [
                {
                    "id": guild.id,
                    "name": guild.name,
                    "icon": None,
                    "banner": None,
                    "owner": False,
                    "permissions": str(objects.EVERYONE),
                    "features": [],
                }
                for guild in self._world.guilds.values()
            ]
        )

    async def user(self, request: web.Request) -> web.Response:
        user = self._world.users.get(request.match_info["user_id"])
        if user is None:
            raise unknown("User", 10013)
        return answer(objects.user(user))

    async def application(self, request: web.Request) -> web.Response:
        world = self._world
        flags = application_flags(self._tuning.intents_allowed)
        return answer(
            guild_objects.application(
                world.application_id, world.bot, world.owner, flags, len(world.guilds)
            )
        )

    async def guild(self, request: web.Request) -> web.Response:
        guild = self._guild(request)
        body = guild_objects.guild(guild)
        if request.query.get("with_counts") in {"true", "1"}:
            counts = ("approximate_member_count", "approximate_presence_count")
            body |= dict.fromkeys(counts, len(guild.members))
        return answer(body)

    async def channels(self, request: web.Request) -> web.Response:
        return answer([objects.channel(each) for each in self._guild(request).channels.values()])

    async def roles(self, request: web.Request) -> web.Response:
        return answer([objects.everyone(self._guild(request).id)])

    async def members(self, request: web.Request) -> web.Response:
        guild = self._guild(request)
        if not self._tuning.intents_allowed & (1 << 1):
            raise ApiError(403, 50001, "Missing Access")
        after = int(request.query.get("after") or 0)
        limit = min(1000, int(request.query.get("limit") or 1))
        found = sorted((int(user_id), member) for user_id, member in guild.members.items())
        page = [objects.member(member) for number, member in found if number > after]
        return answer(page[:limit])

    async def member(self, request: web.Request) -> web.Response:
        return answer(objects.member(self._member(request)))

    async def edit_member(self, request: web.Request) -> web.Response:
        """Move, mute or rename a member, as a moderator does."""
        guild, member = self._guild(request), self._member(request)
        body, _ = await read(request)
        state = guild.voice.get(member.user.id)
        voice: dict[str, bool] = {
            name: bool(body[name]) for name in ("mute", "deaf") if name in body
        }
        if "nick" in body:
            member.nick = body["nick"] or None
        if voice or "channel_id" in body:
            if state is None:
                raise ApiError(400, 40032, "Target user is not connected to voice.")
            self._world.voice(guild.id, member.user.id, _target(guild, body, state), voice)
        return answer(objects.member(member))

    async def voice_state(self, request: web.Request) -> web.Response:
        guild, user_id = self._guild(request), request.match_info["user_id"]
        user_id = self._world.bot.id if user_id == "@me" else user_id
        state = guild.voice.get(user_id)
        if state is None:
            raise unknown("Voice State", 10065)
        return answer(objects.voice_state(guild.id, guild.members[user_id], state))

    def _guild(self, request: web.Request) -> Guild:
        guild = self._world.guilds.get(request.match_info["guild_id"])
        if guild is None:
            raise unknown("Guild", 10004)
        return guild

    def _member(self, request: web.Request) -> Member:
        member = self._guild(request).members.get(request.match_info["user_id"])
        if member is None:
            raise unknown("Member", 10007)
        return member


def _target(guild: Guild, body: dict[str, object], state: object) -> str | None:
    """Return the channel that an edit moves a member to: the present one if it names none."""
    if "channel_id" not in body:
        return getattr(state, "channel_id", None)
    if body["channel_id"] is None:
        return None
    channel = guild.channels.get(str(body["channel_id"]))
    if channel is None:
        raise unknown("Channel", 10003)
    if channel.type not in {ChannelType.VOICE, ChannelType.STAGE}:
        raise ApiError(400, 50024, "Cannot execute action on this channel type")
    return channel.id
