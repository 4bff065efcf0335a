"""Names: the people, the other bots, and guilds with a character each."""

from __future__ import annotations

from dataclasses import dataclass

from tests.doubles.discord.model import ChannelType

PEOPLE = (
    "Mina",
    "Jonas",
    "Aylin",
    "Tomás",
    "Priya",
    "Wren",
    "Kofi",
    "Sanne",
    "Luca",
    "Noor",
    "Hiro",
    "Freya",
    "Mateo",
    "Ines",
    "Björn",
    "Zofia",
    "Ravi",
    "Elif",
    "Oskar",
    "Maya",
    "Dario",
    "Leila",
    "Anton",
    "Yuki",
    "Sofia",
    "Emre",
    "Clara",
    "Nils",
    "Amara",
    "Pavel",
    "Rosa",
    "Idris",
    "Hanna",
    "Felix",
    "Marta",
    "Jamal",
    "Lena",
    "Akira",
    "Greta",
    "Omar",
    "Ida",
    "Bruno",
    "Selma",
    "Viktor",
    "Nadia",
    "Theo",
    "Alba",
    "Kenji",
    "Ruth",
    "Milo",
)

OTHER_BOTS = ("Jukebox", "Modbot")
OWNER = "Robin"

TEXT, VOICE, STAGE = ChannelType.TEXT, ChannelType.VOICE, ChannelType.STAGE


@dataclass(frozen=True, slots=True)
class Character:
    """A kind of guild: its rooms and what people write there."""

    name: str
    rooms: tuple[tuple[ChannelType, str], ...]
    afk: str
    talk: tuple[str, ...]


CHARACTERS = (
    Character(
        name="The Lighthouse",
        rooms=(
            (TEXT, "general"),
            (TEXT, "photos"),
            (VOICE, "Lounge"),
            (VOICE, "Kitchen Table"),
            (VOICE, "Night Watch"),
            (STAGE, "Open Mic"),
            (VOICE, "Away"),
        ),
        afk="Away",
        talk=(
            "anyone up for a walk on Saturday?",
            "the soup worked, thank you!",
            "look at that fog this morning",
            "I'm in the lounge if you want to chat",
            "happy birthday 🎂",
            "back in ten",
            "who took the last chair at the kitchen table",
            "good night all",
        ),
    ),
    Character(
        name="Raid Night",
        rooms=(
            (TEXT, "planning"),
            (TEXT, "clips"),
            (VOICE, "Group One"),
            (VOICE, "Group Two"),
            (VOICE, "Warm-up"),
            (STAGE, "Briefing"),
            (VOICE, "Bench"),
        ),
        afk="Bench",
        talk=(
            "pulling in 5, get to your group",
            "gg",
            "need one more healer",
            "that was so close",
            "my connection again, sorry",
            "who has the clip of the last pull? I need it for the guide, it shows phase three well",
            "one more and then bed",
            "lol",
        ),
    ),
    Character(
        name="Compile & Chill",
        rooms=(
            (TEXT, "help"),
            (TEXT, "show-and-tell"),
            (VOICE, "Pairing A"),
            (VOICE, "Pairing B"),
            (VOICE, "Quiet Room"),
            (STAGE, "Lightning Talks"),
            (VOICE, "Idle"),
        ),
        afk="Idle",
        talk=(
            "does anyone understand this traceback?",
            "it was DNS",
            "tests are green, I don't trust it",
            "pushed, please have a look when you find the time",
            "I split the module into three and it reads much better now, thanks for the hint",
            "coffee first",
            "can someone pair for an hour?",
            "shipped 🎉",
        ),
    ),
)


def character(number: int) -> Character:
    """Return the character of the guild with this number; they repeat after the third."""
    return CHARACTERS[number % len(CHARACTERS)]


def guild_name(number: int) -> str:
    """Name a guild.

    >>> guild_name(1), guild_name(4)
    ('Raid Night', 'Raid Night 2')
    """
    again = number // len(CHARACTERS)
    return character(number).name + (f" {again + 1}" if again else "")


def person_name(number: int) -> str:
    """Name a person.

    >>> person_name(0), person_name(50)
    ('Mina', 'Mina 2')
    """
    again = number // len(PEOPLE)
    return PEOPLE[number % len(PEOPLE)] + (f" {again + 1}" if again else "")
