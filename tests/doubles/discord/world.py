"""The world: what exists in it, and the changes that everyone can see."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Protocol

from tests.doubles.discord import objects
from tests.doubles.discord.chronicle import Change, Feed, Truth
from tests.doubles.discord.ids import Snowflakes, iso
from tests.doubles.discord.model import Channel, ChannelType, Guild, Json, Member, User, Voice
from tests.doubles.discord.wording import voice_line

if TYPE_CHECKING:
    from collections.abc import Mapping

VOICE_FLAGS = frozenset(f.name for f in fields(Voice)) - {"channel_id", "session_id"}
SERVER_FLAGS = frozenset({"mute", "deaf"})
MESSAGES_KEPT = 500


class UnknownThingError(LookupError):
    """An id names nothing in this world; the text says which."""


@dataclass(frozen=True, slots=True)
class Event:
    """One dispatch of the gateway, before it is numbered for a session."""

    name: str
    data: Json
    guild_id: str | None = None


class Publisher(Protocol):
    """Whoever carries events to the sessions."""

    def publish(self, event: Event) -> None: ...


@dataclass(slots=True)
class World:
    """All that exists. Changes go through its methods, which tell the publisher."""

    ids: Snowflakes
    bot: User
    owner: User
    application_id: str
    users: dict[str, User] = field(default_factory=dict)
    guilds: dict[str, Guild] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    messages: dict[str, dict[str, Json]] = field(default_factory=dict)
    truth: Truth = field(default_factory=Truth)
    feed: Feed = field(default_factory=Feed)
    publisher: Publisher | None = None

    def publish(self, event: Event) -> None:
        if self.publisher is not None:
            self.publisher.publish(event)

    def guild(self, guild_id: str) -> Guild:
        if guild_id not in self.guilds:
            raise UnknownThingError(f"no guild has the id {guild_id}; `world` lists them")
        return self.guilds[guild_id]

    def member(self, guild_id: str, user_id: str) -> Member:
        guild = self.guild(guild_id)
        if user_id not in guild.members:
            raise UnknownThingError(f"no member of {guild.name} has the id {user_id}")
        return guild.members[user_id]

    def channel_of(self, guild_id: str, channel_id: str) -> Channel:
        guild = self.guild(guild_id)
        if channel_id not in guild.channels:
            raise UnknownThingError(f"no channel of {guild.name} has the id {channel_id}")
        return guild.channels[channel_id]

    def add_channel(self, channel: Channel) -> Channel:
        self.channels[channel.id] = channel
        self.messages[channel.id] = {}
        if channel.guild_id is not None:
            self.guilds[channel.guild_id].channels[channel.id] = channel
        return channel

    def direct_channel(self, user: User) -> Channel:
        """Return the channel between the bot and `user`, opened when first asked for."""
        for channel in self.channels.values():
            if channel.recipient == user:
                return channel
        return self.add_channel(Channel(self.ids.take(), ChannelType.DM, recipient=user))

    def apply_voice(
        self, guild_id: str, user_id: str, channel_id: str | None, flags: Mapping[str, bool]
    ) -> tuple[Event, Change | None]:
        """Change a voice state without telling anyone; the caller publishes the event.

        The change is null when the member stays in the same channel, or out of voice.
        """
        guild, member = self.guild(guild_id), self.member(guild_id, user_id)
        state = guild.voice.get(user_id) or Voice(None, self._voice_session(user_id))
        changed = state.channel_id != channel_id
        if changed and channel_id is not None:
            stage = self.channel_of(guild_id, channel_id).type is ChannelType.STAGE
            state.suppress = stage and user_id != guild.owner_id
        state.channel_id = channel_id
        for name, on in flags.items():
            setattr(member if name in SERVER_FLAGS else state, name, on)
        if channel_id is None:
            guild.voice.pop(user_id, None)
            state.self_stream = state.self_video = state.suppress = False
        else:
            guild.voice[user_id] = state
        change = Change(guild_id, user_id, channel_id, member.user.is_bot) if changed else None
        return self.voice_event(guild, member, state), change

    def _voice_session(self, user_id: str) -> str:
        return f"{int(self.ids.take()):032x}{int(user_id) & 0xFFFF:04x}"

    def voice_event(self, guild: Guild, member: Member, state: Voice) -> Event:
        data = objects.voice_state(guild.id, member, state) | {"member": objects.member(member)}
        return Event("VOICE_STATE_UPDATE", data, guild.id)

    def voice(
        self,
        guild_id: str,
        user_id: str,
        channel_id: str | None,
        flags: Mapping[str, bool] | None = None,
        *,
        told: bool = True,
    ) -> bool:
        """Change a voice state for everyone to see; false when the channel stayed."""
        before = self._at(guild_id, user_id)
        event, change = self.apply_voice(guild_id, user_id, channel_id, flags or {})
        if change is not None:
            self.truth.record(change)
        self.publish(event)
        if told:
            guild = self.guilds[guild_id]
            line = voice_line(guild, guild.members[user_id], before, channel_id, flags or {})
            self.feed.tell(guild.name, line)
        return change is not None

    def repeat_voice(self, guild_id: str, user_id: str) -> None:
        """Send a member's voice state again, unchanged, as Discord sometimes does."""
        guild, member = self.guild(guild_id), self.member(guild_id, user_id)
        state = guild.voice.get(user_id) or Voice(None, self._voice_session(user_id))
        self.publish(self.voice_event(guild, member, state))

    def _at(self, guild_id: str, user_id: str) -> str | None:
        state = self.guild(guild_id).voice.get(user_id)
        return None if state is None else state.channel_id

    def new_message(self, channel_id: str, author: User, **fields: object) -> Json:
        """Make a message that is not in its channel yet; `fields` are Discord's."""
        return objects.message(self.ids.take(), channel_id, author, iso()) | fields

    def post(self, message: Json) -> None:
        """Put a message into its channel for everyone to see."""
        kept = self.messages[message["channel_id"]]
        kept[message["id"]] = message
        if len(kept) > MESSAGES_KEPT:
            del kept[next(iter(kept))]
        self.publish(self.message_event("MESSAGE_CREATE", message))

    def message_event(self, name: str, message: Json) -> Event:
        """Wrap a message with what the gateway adds: its guild and its author's member."""
        guild_id = self.channels[message["channel_id"]].guild_id
        if guild_id is None:
            return Event(name, message)
        data = message | {"guild_id": guild_id}
        author = self.guilds[guild_id].members.get(message["author"]["id"])
        if author is not None:
            data["member"] = objects.member_fields(author)
        return Event(name, data, guild_id)

    def say(self, guild_id: str, channel_id: str, user_id: str, content: str) -> Json:
        """Let a member write."""
        member, channel = self.member(guild_id, user_id), self.channel_of(guild_id, channel_id)
        message = self.new_message(channel_id, member.user, content=content)
        self.post(message)
        self.feed.tell(self.guilds[guild_id].name, f"{member.name} in #{channel.name}: {content}")
        return message
