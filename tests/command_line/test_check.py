"""`check` finds what a start would stumble over, says what to do, and changes nothing."""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from supervisors import checkup_discord, checkup_host
from supervisors.checkup_host import look_at_disk, look_at_folder, look_at_packages, look_at_python
from supervisors.settings import DiscordSettings
from tests.command_line.portal import INTENT_OF_A_VERIFIED_BOT, TOKEN, Portal, portal
from tests.command_line.program import Ended, main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INVITE = "https://discord.com/oauth2/authorize?client_id="


@pytest.fixture
def discord() -> Iterator[Portal]:
    with portal() as it:
        yield it


def check(discord: Portal, folder: Path, *arguments: str, **extra: str) -> Ended:
    settings = {"BULKHEAD_DISCORD__TOKEN": TOKEN, "BULKHEAD_DISCORD__API_URL": discord.url}
    ended = main("check", *arguments, cwd=folder, settings=settings | extra)
    assert TOKEN not in ended.out + ended.err
    assert list(folder.iterdir()) == []
    return ended


def test_all_in_order(discord: Portal, tmp_path: Path) -> None:
    ended = check(discord, tmp_path)

    assert ended.code == 0, ended
    assert "✗" not in ended.out
    for said in (
        "discord.token        ***",
        "environment variable BULKHEAD_DISCORD__TOKEN",
        "✓ settings",
        "✓ Python",
        "✓ packages",
        f"✓ data folder     {tmp_path / 'data'}, writable, will be made at the first start",
        "✓ ledger          none yet",
        "✓ disk",
        f"✓ Discord         answers at {discord.url}",
        "✓ token           accepted; the bot is bulkhead",
        "✓ members intent  Server Members Intent is switched on",
        "View Channels, Send Messages, Embed Links, Attach Files",
        f"{INVITE}81&scope=bot+applications.commands&permissions=52224\n",
        "`make run` connects",
    ):
        assert said in ended.out
    paths, authorizations, agents = zip(*discord.asked, strict=True)
    assert paths == ("/api/v10/users/@me", "/api/v10/oauth2/applications/@me")
    assert set(authorizations) == {f"Bot {TOKEN}"}
    assert agents[0].startswith("DiscordBot (")


def asked(discord: Portal) -> checkup_discord.Findings:
    """Ask within this process, which is quicker."""
    return checkup_discord.ask_discord(DiscordSettings(token=SecretStr(TOKEN), api_url=discord.url))


def test_the_intent_of_a_verified_bot_counts_too(discord: Portal) -> None:
    discord.flags = INTENT_OF_A_VERIFIED_BOT

    assert [point.ok for point in asked(discord).points] == [True, True, True]


@pytest.mark.parametrize("flags", [0, None, 1 << 13 | 1 << 19])
def test_a_missing_intent_is_told_with_its_page(discord: Portal, flags: int | None) -> None:
    discord.flags = flags
    found = asked(discord)

    assert (found.points[-1].name, found.points[-1].ok) == ("members intent", False)
    assert found.points[-1].exit_code == 76
    assert "https://discord.com/developers/applications/81/bot" in found.points[-1].next
    assert found.invite is not None  # it is good all the same
    assert found.invite.startswith(f"{INVITE}81&")


def test_a_refused_token_is_told(discord: Portal, tmp_path: Path) -> None:
    discord.token = "another"
    ended = check(discord, tmp_path)

    assert ended.code == 77
    assert "✓ Discord" in ended.out
    assert "✗ token           Discord refuses it (401)" in ended.out
    assert "Reset Token" in ended.out
    assert "- members intent  not looked at" in ended.out
    assert len(discord.asked) == 1  # a refused token is not tried again: Discord counts that


def test_a_discord_out_of_reach_is_told(discord: Portal, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nothing else can answer there
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        ended = check(discord, tmp_path, BULKHEAD_DISCORD__API_URL=url)

    assert ended.code == 69
    assert f"✗ Discord         out of reach at {url}/users/@me" in ended.out
    assert "- token           not looked at" in ended.out


def test_a_discord_that_does_not_answer_is_not_waited_for_long(
    discord: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkup_discord, "ALL_S", 0.2)
    discord.delay_s = 1.0
    found = asked(discord)

    assert [(p.name, p.ok, p.exit_code) for p in found.points] == [
        ("Discord", False, 69),
        ("token", None, 0),
        ("members intent", None, 0),
    ]


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ((503, None), 69, "it answered 503"),
        ((429, None), 75, "wait 7 s, then check again"),
        ((404, None), 69, "answered 404 and not as Discord would"),
        ((200, b"<html>"), 69, "answered 200 and not as Discord would"),
        ((200, b"[]"), 69, "answered 200 and not as Discord would"),
    ],
)
def test_a_strange_answer_is_told(
    discord: Portal, answer: tuple[int, bytes | None], code: int, said: str
) -> None:
    discord.status, discord.body = answer
    failed = [point for point in asked(discord).points if point.ok is False]

    assert [point.exit_code for point in failed] == [code]
    assert said in f"{failed[0].said} {failed[0].next}"


def test_the_proxies_of_the_environment_are_not_used_as_the_bot_uses_none(
    discord: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    assert all(point.ok for point in asked(discord).points)


def test_without_a_token_it_says_how_to_get_one(discord: Portal, tmp_path: Path) -> None:
    ended = check(discord, tmp_path, BULKHEAD_DISCORD__TOKEN="")

    assert ended.code == 78
    assert "✗ token           there is none yet" in ended.out
    assert "https://discord.com/developers/applications make a New Application" in ended.out
    assert f"✓ Discord         answers at {discord.url}" in ended.out
    assert "`make run` shows the demo" in ended.out
    assert discord.asked[0][1] is None


def test_wrong_settings_are_told_and_nothing_is_asked(discord: Portal, tmp_path: Path) -> None:
    ended = check(discord, tmp_path, BULKHEAD_LOG__LEVEL="loud", BULKHEAD_DISCORD__TOKN="x")

    assert ended.code == 78
    assert ended.out.count("✗ settings") == 2
    assert ended.out.count("correct it or take it out") == 1
    assert "✓ Python" in ended.out
    assert discord.asked == []


def test_json_says_the_same(discord: Portal, tmp_path: Path) -> None:
    discord.flags = 0
    ended = check(discord, tmp_path, "--json")
    found: dict[str, Any] = json.loads(ended.out)

    assert (found["ok"], found["exit_code"], ended.code) == (False, 76, 76)
    assert [p["name"] for p in found["points"] if not p["ok"]] == ["members intent"]
    assert found["settings"][0] == {
        "name": "discord.token",
        "value": "***",
        "origin": "environment variable BULKHEAD_DISCORD__TOKEN",
    }
    assert found["invite"].startswith(f"{INVITE}81&")


def test_the_code_is_that_of_the_first_point_that_failed(discord: Portal, tmp_path: Path) -> None:
    discord.token = "another"
    ended = check(discord, tmp_path, BULKHEAD_STORAGE__FOLDER="/proc/data")

    assert ended.code == 73
    assert "✗ data folder     /proc/data can't be used: /proc takes no files" in ended.out
    assert "                  → set storage.folder to another\n" in ended.out
    assert "- ledger          not looked at: the data folder comes first" in ended.out
    assert "- disk            not looked at: /proc is on none" in ended.out
    assert "make room" not in ended.out
    assert "✗ token" in ended.out


def test_a_file_in_place_of_the_data_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    point = look_at_folder(tmp_path / "data" / "deeper")

    assert (point.ok, point.exit_code) == (False, 73)
    assert f"{tmp_path / 'data'} is not a folder" in point.said


def test_a_bot_that_runs_is_told_with_its_process(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "bulkhead.sock"))
        listener.listen()
        point = look_at_folder(tmp_path)

    assert point.ok
    assert point.said == f"{tmp_path}, a bot runs on it (process {os.getpid()})"


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert look_at_disk(tmp_path).ok
    monkeypatch.setattr(checkup_host, "LEAST_FREE_BYTES", 10**18)
    point = look_at_disk(tmp_path)

    assert (point.ok, point.exit_code) == (False, 73)
    assert "make room: 1,000,000,000.0 GB are needed" in point.next


def test_a_disk_that_takes_nothing_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    point = look_at_folder(tmp_path)

    assert (point.ok, point.exit_code, point.next) == (False, 73, "")
    assert point.said == f"{tmp_path} can't be used: it has no space left"


def test_another_python_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert look_at_python().ok
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    point = look_at_python()

    assert (point.ok, point.exit_code, point.said) == (False, 72, "3.14.0")


def test_other_packages_than_the_pinned_ones_are_told(tmp_path: Path) -> None:
    requirements = tmp_path / "run.txt"
    requirements.write_text(
        "trio==0.0.1 \\\n    --hash=x\nno-such-package-here==1.0 \\\n    --hash=x\n"
        "only-elsewhere==1.0 ; sys_platform == 'win32' \\\n    --hash=x\n"
    )
    point = look_at_packages(requirements)

    assert (point.ok, point.exit_code) == (False, 72)
    assert point.said.startswith("2 not as pinned: trio is ")
    assert point.said.endswith("pinned is 0.0.1; no-such-package-here is missing")
