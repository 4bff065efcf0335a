"""The settings: every one with its type, what it may be, and one sentence.

The environment wins over `.env`, and that over `bulkhead.toml`; both files are
looked for in the working directory. A wrong setting stops the start before
anything is opened or written.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic import ValidationError as Invalid
from pydantic_settings import BaseSettings, SettingsConfigDict, TomlConfigSettingsSource
from pydantic_settings import SettingsError as Undecodable
from typing_extensions import override

from supervisors.failures import EX_CONFIG, CommandError
from supervisors.setting_catalogue import Described, described, shown_value
from supervisors.setting_sources import DOTENV, LEVEL, PREFIX, TOML, Entry, misspelt, read_entries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic_core import ErrorDetails
    from pydantic_settings import PydanticBaseSettingsSource


class SettingsError(Exception):
    """Settings that the program cannot start with; one line for each fault."""

    exit_code = EX_CONFIG

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        head = "1 setting is wrong" if len(faults) == 1 else f"{len(faults)} settings are wrong"
        lines = (f"{head}; nothing was started and nothing was written.", *self.faults)
        super().__init__("\n  ".join(lines))


def without_token() -> CommandError:
    """Say that there is no token, and how to go on."""
    other = next((n for n in ("DISCORD_TOKEN", "BOT_TOKEN", "TOKEN") if os.environ.get(n)), "")
    mistaken = f" ({other} is set, but it is not read)" if other else ""
    return CommandError(
        f"there is no Discord token{mistaken}: put BULKHEAD_DISCORD__TOKEN=your-token into .env, "
        "or look at `main.py demo`, which needs none; `main.py check` tells how to get one",
        EX_CONFIG,
    )


def _token(given: SecretStr) -> SecretStr:
    text = given.get_secret_value().strip()
    if not text:
        raise ValueError("it is empty; paste the token or take the line out")
    if text.lower().startswith("bot "):
        raise ValueError("leave out the word 'Bot' before the token")
    if text == "your-token":
        raise ValueError("that is the example; put the token of your bot in its place")
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError("a token has no spaces and only ASCII signs; copy it again")
    return SecretStr(text)


def _url(*schemes: str) -> AfterValidator:
    def check(given: str) -> str:
        parts = urlsplit(given)
        if parts.scheme not in schemes or not parts.hostname:
            raise ValueError(
                f"it must begin with {' or '.join(f'{s}://' for s in schemes)} and name a host"
            )
        if parts.username or parts.password:
            raise ValueError("it must not contain a user name or password")
        if not _has_valid_port(given):
            raise ValueError("its port must be 1 to 65535")
        return given.rstrip("/")

    return AfterValidator(check)


def _has_valid_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _folder(given: Path) -> Path:
    if given == Path() or "\0" in str(given):
        raise ValueError("it must name a folder")
    return given.expanduser()


def _lower(given: object) -> object:
    return given.lower() if isinstance(given, str) else given


def _setting(default: object, says: str, *, allowed: str, unit: str = "none") -> Any:
    return Field(
        default=default, description=says, json_schema_extra={"allowed": allowed, "unit": unit}
    )


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DiscordSettings(_Group):
    """Who we are at Discord, and where Discord is."""

    token: Annotated[SecretStr, AfterValidator(_token)] | None = _setting(
        None,
        "The bot's token, from Discord's developer portal; without one only the demo runs.",
        allowed="a bot token",
    )
    api_url: Annotated[str, _url("http", "https")] | None = _setting(
        None,
        "The REST API of another Discord-compatible server, up to its version; "
        "not set: Discord's own.",
        allowed="an http:// or https:// address",
    )
    gateway_url: Annotated[str, _url("ws", "wss")] | None = _setting(
        None,
        "The gateway of another Discord-compatible server; not set: the one that the API names.",
        allowed="a ws:// or wss:// address",
    )


class StorageSettings(_Group):
    """Where the data is."""

    folder: Annotated[Path, AfterValidator(_folder)] = _setting(
        Path("data"),
        "The folder of the ledger, its copies and the control socket; "
        "a relative one is relative to the working directory.",
        allowed="a folder, made when it is missing",
    )


class LogSettings(_Group):
    """What is logged, and in which form."""

    level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = (
        _setting(
            "info",
            "The least severe events that are logged.",
            allowed="debug, info, warning or error",
        )
    )
    format: Annotated[Literal["auto", "lines", "json"], BeforeValidator(_lower)] = _setting(
        "auto",
        "Lines for people or JSON for programs; auto: lines on a terminal, JSON elsewhere.",
        allowed="auto, lines or json",
    )


class Settings(BaseSettings):
    """All settings, checked."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix=PREFIX,
        env_nested_delimiter=LEVEL,
        env_ignore_empty=True,
        env_file=DOTENV,
        env_file_encoding="utf-8-sig",
        dotenv_filtering="only_existing",
        toml_file=TOML,
    )

    discord: DiscordSettings = DiscordSettings()
    storage: StorageSettings = StorageSettings()
    log: LogSettings = LogSettings()

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        toml = TomlConfigSettingsSource(settings_cls)
        return init_settings, env_settings, dotenv_settings, toml


def load_settings() -> Settings:
    """Read the settings of the working directory and the environment.

    Raises:
        SettingsError: something is malformed, misspelt or cannot be read; it
            tells all faults at once.
    """
    entries, faults = read_entries()
    if faults:
        # Half of the sources would give half of the faults, and wrong ones.
        raise SettingsError(faults)
    known = {item.name: item for item in described(Settings)}
    wrong = misspelt(entries, list(known))
    faults = [f"{entry.setting} ({entry.origin}): {advice}" for entry, advice in wrong]
    try:
        settings = Settings()
    except Invalid as invalid:
        names = {".".join(str(part) for part in error["loc"]): error for error in invalid.errors()}
        # What is misspelt was told already, and pydantic complains of it too.
        faults += [
            _fault(known[n], entries, e)
            for n, e in names.items()
            if n in known and not any(entry.setting.startswith(f"{n}.") for entry, _ in wrong)
        ]
        raise SettingsError(faults) from None  # the cause would show the secrets
    except Undecodable:
        raise SettingsError(faults) from None  # a group was set to a text, which is told
    if faults:
        raise SettingsError(faults)
    return settings


def _fault(item: Described, entries: Sequence[Entry], error: ErrorDetails) -> str:
    entry = next(e for e in entries if e.setting == item.name)
    cause = error.get("ctx", {}).get("error")
    must = f"it must be {item.allowed}" if cause is None else str(cause)
    shown = shown_value(item, entry.value)
    return f"{item.name} = {shown} ({entry.origin}): {must}; correct it or take it out"
