"""Whole guilds and the application, as Discord's JSON objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.doubles.discord import objects

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.doubles.discord.model import Guild, Json, Member, User

_GUILD_DEFAULTS: Json = {
    "icon": None,
    "description": None,
    "home_header": None,
    "splash": None,
    "discovery_splash": None,
    "features": [],
    "banner": None,
    "application_id": None,
    "region": "deprecated",
    "afk_timeout": 300,
    "system_channel_id": None,
    "system_channel_flags": 0,
    "widget_enabled": False,
    "widget_channel_id": None,
    "verification_level": 1,
    "default_message_notifications": 1,
    "mfa_level": 0,
    "explicit_content_filter": 0,
    "max_presences": None,
    "max_members": 500_000,
    "max_stage_video_channel_users": 50,
    "max_video_channel_users": 25,
    "vanity_url_code": None,
    "premium_tier": 0,
    "premium_subscription_count": 0,
    "preferred_locale": "en-US",
    "rules_channel_id": None,
    "safety_alerts_channel_id": None,
    "public_updates_channel_id": None,
    "premium_progress_bar_enabled": False,
    "nsfw": False,
    "nsfw_level": 0,
    "emojis": [],
    "stickers": [],
    "incidents_data": None,
}


def guild(what: Guild) -> Json:
    """Return a guild as REST shows it."""
    return {
        **_GUILD_DEFAULTS,
        "id": what.id,
        "name": what.name,
        "owner_id": what.owner_id,
        "afk_channel_id": what.afk_channel_id,
        "roles": [objects.everyone(what.id)],
    }


def guild_create(
    what: Guild, members: Iterable[Member], voices: Iterable[Json], *, large: bool
) -> Json:
    """Return a guild as the gateway sends it to one session."""
    return {
        **guild(what),
        "joined_at": what.joined_at,
        "large": large,
        "unavailable": False,
        "member_count": len(what.members),
        "channels": [objects.channel(each) for each in what.channels.values()],
        "members": [objects.member(each) for each in members],
        "voice_states": list(voices),
        "threads": [],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def application(app_id: str, bot: User, owner: User, flags: int, guilds: int) -> Json:
    return {
        "id": app_id,
        "name": bot.name,
        "icon": None,
        "description": "",
        "summary": "",
        "type": None,
        "bot": objects.user(bot),
        "bot_public": False,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": flags,
        "flags_new": str(flags),
        "owner": objects.user(owner),
        "team": None,
        "rpc_origins": [],
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "approximate_guild_count": guilds,
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "eligible_oauth2_scopes": [],
        "install_params": None,
        "integration_types_config": {"0": {}},
    }
