"""Interactions that members began, and what the bot answered."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.doubles.discord import objects
from tests.doubles.discord.rest.answers import ApiError, unknown

if TYPE_CHECKING:
    from tests.doubles.discord.model import Json, Member
    from tests.doubles.discord.tuning import Tuning
    from tests.doubles.discord.world import World

EPHEMERAL = 1 << 6
LOADING = 1 << 7
_REPLY_TYPE = 20
_KEPT = 1000


@dataclass(slots=True)
class Interaction:
    """One use of a command, until its token runs out.

    `messages` has what the member sees, by id; a message that says only that the
    bot is thinking is among them, with the LOADING flag.
    """

    id: str
    token: str
    channel_id: str
    member: Member
    command: str
    began: float = field(default_factory=time.monotonic)
    answered: bool = False
    original_id: str | None = None
    modal: Json | None = None
    pressed: Json | None = None
    """The message whose button began it; null for a command."""

    messages: dict[str, Json] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    seen_after_s: float | None = None
    seen: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def age_s(self) -> float:
        return time.monotonic() - self.began

    def show(self) -> None:
        """Note that the member sees an answer now."""
        if self.seen_after_s is None:
            self.seen_after_s = self.age_s
        self.seen.set()


class Interactions:
    """The interactions of the last minutes, by token."""

    def __init__(self, world: World, tuning: Tuning) -> None:
        self._world = world
        self._tuning = tuning
        self._by_token: dict[str, Interaction] = {}

    def begin(self, channel_id: str, member: Member, command: str) -> Interaction:
        token = secrets.token_urlsafe(60)
        begun = Interaction(self._world.ids.take(), token, channel_id, member, command)
        self._by_token[token] = begun
        while len(self._by_token) > _KEPT:
            del self._by_token[next(iter(self._by_token))]
        return begun

    def to_answer(self, interaction_id: str, token: str) -> Interaction:
        """Return the interaction for its first answer.

        Raises:
            ApiError: 10062 when there is none or 3 s are over, 40060 when it has one.
        """
        found = self._by_token.get(token)
        if found is None or found.id != interaction_id:
            raise unknown("interaction", 10062)
        if found.answered:
            found.errors.append("a second first answer was refused (40060)")
            raise ApiError(400, 40060, "Interaction has already been acknowledged.")
        if found.age_s > self._tuning.interaction_s:
            found.errors.append(f"an answer after {found.age_s:.1f} s was refused (10062)")
            raise unknown("interaction", 10062)
        return found

    def to_follow(self, application_id: str, token: str) -> Interaction:
        """Return the interaction for what comes after its first answer.

        Raises:
            ApiError: 50027 when the token is wrong or over, 10015 before the first answer.
        """
        found = self._by_token.get(token)
        right = found is not None and application_id == self._world.application_id
        if found is None or not right or found.age_s > self._tuning.interaction_token_s:
            raise ApiError(401, 50027, "Invalid Webhook Token")
        if not found.answered:
            raise unknown("Webhook", 10015)
        return found

    def message(self, message_id: str, user_id: str) -> Json | None:
        """Return an answer that this member sees; an ephemeral one is its member's alone."""
        for interaction in self._by_token.values():
            message = interaction.messages.get(message_id)
            mine = interaction.member.user.id == user_id
            if message is not None and (mine or not message["flags"] & EPHEMERAL):
                return message
        return None

    def add_message(self, interaction: Interaction, shown: Json, flags: int) -> Json:
        """Let the bot answer; an ephemeral answer is seen by its member alone."""
        world, member = self._world, interaction.member
        about = {
            "id": interaction.id,
            "type": 2,
            "user": objects.user(member.user),
            "authorizing_integration_owners": {
                "0": world.channels[interaction.channel_id].guild_id
            },
            "name": interaction.command,
        }
        message = world.new_message(
            interaction.channel_id,
            world.bot,
            type=_REPLY_TYPE,
            **shown,
            flags=flags,
            application_id=world.application_id,
            webhook_id=world.application_id,
            interaction_metadata=about,
            interaction={k: about[k] for k in ("id", "type", "name", "user")},
        )
        interaction.messages[message["id"]] = message
        if interaction.original_id is None:
            interaction.original_id = message["id"]
        if not flags & EPHEMERAL:
            world.post(message)
        if not flags & LOADING:
            interaction.show()
        return message

    def change_message(self, interaction: Interaction, message: Json, shown: Json) -> None:
        """Let the bot edit an answer; what was only loading is an answer from now on."""
        message |= shown
        message["flags"] &= ~LOADING
        if not message["flags"] & EPHEMERAL:
            self._world.publish(self._world.message_event("MESSAGE_UPDATE", message))
        interaction.show()
