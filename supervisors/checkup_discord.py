"""What `main.py check` asks Discord: is it there, does it know us, may we see members."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import httpx
import trio

from supervisors.failures import EX_NOPERM, EX_PROTOCOL, EX_TEMPFAIL, EX_UNAVAILABLE
from supervisors.points import Point, skipped
from supervisors.version import VERSION

if TYPE_CHECKING:
    from supervisors.settings import DiscordSettings

DISCORD_API = "https://discord.com/api/v10"
PORTAL = "https://discord.com/developers/applications"

CONNECT_S = 5.0
ALL_S = 12.0
"""How long all questions together may take."""

SERVER_MEMBERS = 1 << 14 | 1 << 15
"""Application flags: the intent is switched on, for a verified bot or for one in few servers."""

PERMISSIONS = {
    "View Channels": 1 << 10,
    "Send Messages": 1 << 11,
    "Embed Links": 1 << 14,
    "Attach Files": 1 << 15,
}
"""What the invite link asks for, and nothing more."""


class NoAnswerError(Exception):
    """Discord gave no answer that helps; `point` says so."""

    def __init__(self, point: Point) -> None:
        super().__init__(point.said)
        self.point = point


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What Discord said."""

    points: list[Point] = field(default_factory=list[Point])
    invite: str | None = None


def ask_discord(settings: DiscordSettings) -> Findings:
    """Ask with the token, or without one only whether Discord is there; takes seconds at most."""
    return trio.run(_ask, settings)


async def _ask(settings: DiscordSettings) -> Findings:
    found = Findings()
    api = settings.api_url or DISCORD_API
    try:
        with trio.fail_after(ALL_S):
            async with _client(settings) as client:
                return await _look(client, api, found)
    except NoAnswerError as error:
        found.points.append(error.point)
    except trio.TooSlowError:
        found.points.append(_out_of_reach(api, f"no answer within {ALL_S:g} s"))
    told = {point.name for point in found.points}
    if settings.token is not None:
        found.points.extend(
            skipped(name, "Discord gave no answer to that")
            for name in ("token", "members intent")
            if name not in told
        )
    return found


def _client(settings: DiscordSettings) -> httpx.AsyncClient:
    headers = {"User-Agent": f"DiscordBot (bulkhead, {VERSION})"}
    if settings.token is not None:
        headers["Authorization"] = f"Bot {settings.token.get_secret_value()}"
    # As the bot itself connects: without the proxies that the environment names.
    return httpx.AsyncClient(
        headers=headers,
        timeout=httpx.Timeout(ALL_S, connect=CONNECT_S),
        trust_env=False,
        verify=ssl.create_default_context(),
    )


async def _look(client: httpx.AsyncClient, api: str, found: Findings) -> Findings:
    me = await _get(client, f"{api}/users/@me")
    found.points.append(Point(name="Discord", ok=True, said=f"answers at {api}"))
    if "Authorization" not in client.headers:
        return found
    if me.status_code == HTTPStatus.UNAUTHORIZED:
        raise NoAnswerError(_refused())
    user = _object(me, api)
    application = _object(await _get(client, f"{api}/oauth2/applications/@me"), api)
    found.points.append(
        Point(name="token", ok=True, said=f"accepted; the bot is {user.get('username')}")
    )
    found.points.append(_intent(application))
    invite = _invite(str(application.get("id")))
    return Findings(points=found.points, invite=invite)


async def _get(client: httpx.AsyncClient, url: str) -> httpx.Response:
    try:
        answer = await client.get(url)
    except httpx.HTTPError as error:
        why = str(error) or type(error).__name__
        raise NoAnswerError(_out_of_reach(url, why)) from error
    if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        raise NoAnswerError(_limited(answer))
    if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise NoAnswerError(_out_of_reach(url, f"it answered {answer.status_code}"))
    return answer


def _object(answer: httpx.Response, api: str) -> dict[str, Any]:
    """Read the JSON object of an answer that has to be one."""
    try:
        body: object = answer.json() if answer.is_success else None
    except ValueError:
        body = None
    if isinstance(body, dict) and "id" in body:
        return cast("dict[str, Any]", body)
    raise NoAnswerError(
        Point(
            name="token",
            ok=False,
            said=f"{answer.url} answered {answer.status_code} and not as Discord would",
            next=f"see that {api} is the REST API of Discord or of a server like it",
            exit_code=EX_UNAVAILABLE,
        )
    )


def _out_of_reach(url: str, why: str) -> Point:
    return Point(
        name="Discord",
        ok=False,
        said=f"out of reach at {url}: {why}",
        next="look at network, name resolution and firewall, or at discord.api_url if you set it",
        exit_code=EX_UNAVAILABLE,
    )


def _limited(answer: httpx.Response) -> Point:
    after = answer.headers.get("Retry-After", "60")
    return Point(
        name="Discord",
        ok=False,
        said="it limits how often this machine may ask",
        next=f"wait {after} s, then check again",
        exit_code=EX_TEMPFAIL,
    )


def _refused() -> Point:
    return Point(
        name="token",
        ok=False,
        said="Discord refuses it (401)",
        next=f"at {PORTAL} open the application, then Bot, then Reset Token, "
        "and put the new one where the old one is",
        exit_code=EX_NOPERM,
    )


def _intent(application: dict[str, Any]) -> Point:
    name = "members intent"
    if int(application.get("flags") or 0) & SERVER_MEMBERS:
        return Point(name=name, ok=True, said="Server Members Intent is switched on")
    return Point(
        name=name,
        ok=False,
        said="Server Members Intent is not switched on, and Discord will hang up",
        next=f"switch it on at {PORTAL}/{application.get('id')}/bot and save",
        exit_code=EX_PROTOCOL,
    )


def _invite(application_id: str) -> str:
    permissions = sum(PERMISSIONS.values())
    return (
        f"https://discord.com/oauth2/authorize?client_id={application_id}"
        f"&scope=bot+applications.commands&permissions={permissions}"
    )
