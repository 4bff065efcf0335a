from __future__ import annotations

from typing import Any

import pytest

from actors.gateway.commands.definitions import canonical


def as_discord_answers() -> dict[str, Any]:
    return {
        "id": "1",
        "application_id": "2",
        "version": "3",
        "type": 1,
        "name": "stats",
        "name_localizations": None,
        "description": "Time",
        "default_member_permissions": None,
        "dm_permission": False,
        "contexts": [0],
        "integration_types": [0],
        "nsfw": False,
        "options": [
            {
                "type": 1,
                "name": "me",
                "description": "Yours",
                "options": [
                    {
                        "type": 4,
                        "name": "days",
                        "description": "How many",
                        "min_value": 1,
                        "max_value": 365,
                    }
                ],
            }
        ],
    }


def as_we_define() -> dict[str, Any]:
    days = {"type": 4, "name": "days", "description": "How many", "required": False}
    return {
        "name": "stats",
        "description": "Time",
        "type": 1,
        "nsfw": False,
        "dm_permission": False,
        "default_member_permissions": None,
        "contexts": None,
        "integration_types": None,
        "options": [
            {
                "type": 1,
                "name": "me",
                "description": "Yours",
                "options": [days | {"min_value": 1, "max_value": 365}],
            }
        ],
    }


def test_what_discord_adds_makes_no_difference() -> None:
    assert canonical([as_discord_answers()]) == canonical([as_we_define()])


def test_the_order_of_commands_makes_no_difference() -> None:
    other = as_we_define() | {"name": "help"}

    assert canonical([as_we_define(), other]) == canonical([other, as_we_define()])


@pytest.mark.parametrize(
    "change",
    [
        {"description": "Another"},
        {"options": []},
        {"dm_permission": True, "contexts": None},
        {"name": "figures"},
        {"default_member_permissions": "8"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_members_can_notice_makes_a_difference(change: dict[str, Any]) -> None:
    assert canonical([as_discord_answers() | change]) != canonical([as_we_define()])
