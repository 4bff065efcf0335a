"""Settings: who wins, what is refused, and what the refusal says."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from supervisors.setting_catalogue import described, effective
from supervisors.setting_sources import read_entries, variable
from supervisors.settings import Settings, SettingsError, load_settings, without_token

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
TOKEN = "MTA.abc.def-SECRET"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and none of the developer's own settings."""
    for name in list(os.environ):
        if name.upper().startswith("BULKHEAD_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def faults() -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert TOKEN not in str(caught.value)
    assert caught.value.exit_code == 78
    return caught.value.faults


def test_nothing_set_gives_the_defaults() -> None:
    settings = load_settings()

    assert settings.discord.token is None
    assert settings.discord.api_url is None
    assert settings.storage.folder == Path("data")
    assert (settings.log.level, settings.log.format) == ("info", "auto")


def test_the_environment_wins_over_dotenv_and_that_over_toml(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "bulkhead.toml").write_text(
        '[log]\nlevel = "error"\nformat = "json"\n[storage]\nfolder = "from toml"\n'
    )
    (folder / ".env").write_text("BULKHEAD_LOG__LEVEL=debug\nBULKHEAD_LOG__FORMAT=lines\n")
    monkeypatch.setenv("BULKHEAD_LOG__LEVEL", "warning")

    settings = load_settings()

    assert settings.log.level == "warning"
    assert settings.log.format == "lines"
    assert settings.storage.folder == Path("from toml")
    origins = {item.name: item.origin for item in effective(settings, read_entries()[0])}
    assert origins["log.level"] == "environment variable BULKHEAD_LOG__LEVEL"
    assert origins["log.format"] == ".env, BULKHEAD_LOG__FORMAT"
    assert origins["storage.folder"] == "bulkhead.toml, storage.folder"
    assert origins["discord.token"] == "default"


def test_an_empty_variable_counts_as_not_set(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text("BULKHEAD_DISCORD__TOKEN=\nBULKHEAD_LOG__LEVEL=error\n")
    monkeypatch.setenv("BULKHEAD_LOG__LEVEL", "")

    settings = load_settings()

    assert settings.discord.token is None
    assert settings.log.level == "error"


def test_a_dotenv_may_hold_the_variables_of_others_and_a_byte_order_mark(folder: Path) -> None:
    lines = f"BULKHEAD_DISCORD__TOKEN=' {TOKEN} '\nexport POSTGRES=1\nFLAG\n# a comment\n"
    (folder / ".env").write_text(lines, encoding="utf-8-sig")

    token = load_settings().discord.token

    assert token is not None
    assert token.get_secret_value() == TOKEN


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("log.level", "loud", "log.level = 'loud' ({}): it must be debug, info, warning or error"),
        ("log.format", "xml", "log.format = 'xml' ({}): it must be auto, lines or json"),
        ("discord.token", f"Bot {TOKEN}", "discord.token = *** ({}): leave out the word 'Bot'"),
        ("discord.token", f"{TOKEN} x", "discord.token = *** ({}): a token has no spaces"),
        ("discord.token", f"{TOKEN}é", "discord.token = *** ({}): a token has no spaces and only"),
        ("discord.token", "your-token", "discord.token = *** ({}): that is the example"),
        ("discord.api_url", "ftp://x", "discord.api_url = 'ftp://x' ({}): it must begin with http"),
        ("discord.api_url", "http://", "discord.api_url = 'http://' ({}): it must begin with http"),
        ("discord.api_url", "http://x:99999", "= 'http://x:99999' ({}): its port must be 1 to"),
        ("discord.api_url", "https://me:pw@x/", "= 'https://***@x/' ({}): it must not contain a"),
        ("discord.gateway_url", "http://x", "= 'http://x' ({}): it must begin with ws:// or wss"),
        ("storage.folder", ".", "storage.folder = '.' ({}): it must name a folder"),
    ],
)
def test_a_wrong_value_is_told_with_its_origin_and_what_it_may_be(
    setting: str, value: str, said: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group, name = setting.split(".")
    (folder / "bulkhead.toml").write_text(f'[{group}]\n{name} = "{value}"\n', encoding="utf-8")
    (from_toml,) = faults()
    (folder / "bulkhead.toml").unlink()
    monkeypatch.setenv(variable(setting), value)
    (from_environment,) = faults()

    assert said.format(f"bulkhead.toml, {setting}") in from_toml
    assert said.format(f"environment variable {variable(setting)}") in from_environment
    assert from_toml.endswith("correct it or take it out")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("BULKHEAD_TOKEN", "did you mean BULKHEAD_DISCORD__TOKEN?"),
        ("BULKHEAD_DISCORD_TOKEN", "did you mean BULKHEAD_DISCORD__TOKEN?"),
        ("BULKHEAD_DISCORD__TOKN", "did you mean BULKHEAD_DISCORD__TOKEN?"),
        ("bulkhead_storage__foldr", "did you mean BULKHEAD_STORAGE__FOLDER?"),
        ("BULKHEAD_DISCORD", "it is a group of settings, not a value; it has discord.token"),
        ("BULKHEAD_XYZ", "there is no such setting; take it out, or choose one of discord.token"),
    ],
)
def test_an_unknown_variable_is_told_with_what_was_meant(
    name: str, said: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".env").write_text(f"{name}={TOKEN}\n")
    (from_dotenv,) = faults()
    (folder / ".env").unlink()
    monkeypatch.setenv(name, TOKEN)
    (from_environment,) = faults()

    assert said in from_dotenv
    assert f".env, {name}" in from_dotenv
    assert said in from_environment
    assert f"environment variable {name}" in from_environment


def test_an_unknown_key_of_the_file_is_told_as_the_file_has_it(folder: Path) -> None:
    (folder / "bulkhead.toml").write_text('[log]\nlevle = "info"\n[log.format]\nx = 1\n')

    assert faults() == (
        "log.levle (bulkhead.toml, log.levle): there is no such setting; did you mean log.level?",
        (
            "log.format.x (bulkhead.toml, log.format.x): there is no such setting; "
            "did you mean log.format?"
        ),
    )


def test_all_faults_are_told_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "bulkhead.toml").write_text('storage = "here"\n[log]\nlevel = 3\n')
    (folder / ".env").write_text("BULKHEAD_DISCORD__API_URL=nowhere\n")
    monkeypatch.setenv("BULKHEAD_LOG__FORMAT", "xml")

    found = faults()

    assert [fault.split()[0] for fault in found] == [
        "storage",
        "discord.api_url",
        "log.level",
        "log.format",
    ]
    assert "log.level = 3 (bulkhead.toml, log.level)" in found[2]


def test_a_long_value_is_told_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BULKHEAD_LOG__LEVEL", "x" * 10_000)

    (fault,) = faults()

    assert len(fault) < 300


@pytest.mark.parametrize(
    ("name", "spoil", "said"),
    [
        ("bulkhead.toml", lambda f: f.write_text("[log]\nlevel = info\n"), "line 2"),
        ("bulkhead.toml", lambda f: f.write_bytes(b'a = "\xff"'), "it is not UTF-8 text"),
        ("bulkhead.toml", lambda f: f.mkdir(), "Is a directory"),
        (".env", lambda f: f.write_text("A=1\n\nthis is no line\n"), "line 3: write it as NAME"),
        (".env", lambda f: f.write_text("A=1\nBULKHEAD_DISCORD__TOKEN\n"), "line 2: write it as"),
        (".env", lambda f: f.write_bytes(b"A=\xff"), "it is not UTF-8 text"),
        (".env", lambda f: f.mkdir(), "Is a directory"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(
    name: str, spoil: Callable[[Path], object], said: str, folder: Path
) -> None:
    spoil(folder / name)

    (fault,) = faults()

    assert fault.startswith(name)
    assert said in fault


def test_a_wrong_start_writes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BULKHEAD_LOG__LEVEL", "loud")

    faults()

    assert list(folder.iterdir()) == []


def test_the_token_does_not_print_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BULKHEAD_DISCORD__TOKEN", TOKEN)

    settings = load_settings()

    assert TOKEN not in repr(settings) + str(settings) + settings.model_dump_json()
    assert TOKEN not in str(list(effective(settings, read_entries()[0])))


def test_settings_do_not_change_while_the_bot_runs() -> None:
    settings = load_settings()

    with pytest.raises(ValidationError):
        settings.log.level = "debug"


def test_a_token_under_another_name_is_pointed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "is set" not in str(without_token())
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)

    assert "(DISCORD_TOKEN is set, but it is not read)" in str(without_token())
    assert TOKEN not in str(without_token())


def test_the_documents_list_every_setting_as_it_is() -> None:
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w.]+)` \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$", text, re.MULTILINE)

    assert rows == [
        (item.name, item.allowed, item.unit, item.default, item.sentence)
        for item in described(Settings)
    ]
