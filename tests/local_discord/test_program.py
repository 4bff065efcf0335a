"""The program: its options, its line, its end; and what the control API refuses."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from functools import partial
from typing import Any

import httpx
import pytest
import trio

from tests.doubles.discord.process import ROOT, FailedError, RefusedError, local_discord

COMMAND = [sys.executable, "-W", "error", "-m", "tests.doubles.discord"]


async def program(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    with trio.fail_after(20):
        return await trio.run_process(
            [*COMMAND, *arguments],
            cwd=ROOT,
            stdin=stdin,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )


async def test_help_teaches_the_options_the_line_and_every_verb() -> None:
    done = await program("--help")
    text = done.stdout.decode()
    assert done.returncode == 0
    for word in (
        *("--port", "--scenario", "--seed", "--speed", "--guilds", "--members", "--lifeline"),
        *("api_url", "gateway_url", "control_url", "token", "application_id", "owner_id"),
    ):
        assert word in text
    async with local_discord() as discord:
        with pytest.raises(RefusedError, match="unknown verb 'help'") as refused:
            await discord.do("help")
        for verb in str(refused.value).split("there are ")[1].split(", "):
            assert verb in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "70000"], "must be 0 to 65535, not '70000'"),
        (["--speed", "fast"], "such as 10x, not 'fast'"),
        (["--guilds", "0"], "must be 1 to 1000, not '0'"),
        (["--scenario", "wild"], "invalid choice: 'wild'"),
    ],
)
async def test_wrong_usage_is_one_sentence_and_exit_code_2(
    arguments: list[str], words: str
) -> None:
    done = await program(*arguments)
    assert done.returncode == 2
    assert words in done.stderr.decode()


async def test_a_port_in_use_is_one_sentence_and_exit_code_71() -> None:
    async with local_discord() as discord:
        port = discord.control_url.split(":")[2].split("/")[0]
        done = await program("--port", port)
        assert done.returncode == 71
        assert done.stdout == b""
        assert done.stderr.decode() == (
            f"port {port} is in use; choose another one, or --port 0 for any\n"
        )
        with pytest.raises(FailedError, match="is in use"):
            async with local_discord("--port", port):
                pass


async def test_it_ends_with_its_lifeline_also_while_clients_are_connected() -> None:
    done = await program("--lifeline", "--scenario", "living", "--speed", "100x")
    assert (done.returncode, done.stderr) == (0, b"")
    line = json.loads(done.stdout)
    assert list(line) == [
        "api_url",
        "gateway_url",
        "control_url",
        "token",
        "application_id",
        "owner_id",
    ]


async def test_it_ends_when_the_process_that_started_it_is_killed() -> None:
    parent = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen({[*COMMAND, '--lifeline']!r}, stdin=subprocess.PIPE)\n"
        "time.sleep(60)\n"
    )
    async with trio.open_nursery() as nursery:
        process = await nursery.start(
            partial(
                trio.run_process,
                [sys.executable, "-c", parent],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                check=False,
            )
        )
        with trio.fail_after(20):
            line = await process.stdout.receive_some()
            url = json.loads(line)["control_url"]
            process.kill()
            # The child holds the other end of this pipe: it closes when the child has ended.
            assert await process.stdout.receive_some() == b""
        async with httpx.AsyncClient() as http:
            with pytest.raises(httpx.ConnectError):
                await http.post(url, json={"do": "state"})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_cleanly(number: int) -> None:
    async with local_discord("--scenario", "living", "--speed", "50x") as discord:
        await discord.do("load", rate=100, seconds=60)
        discord.process.send_signal(number)
        with trio.fail_after(10):
            assert await discord.process.wait() == 0


async def refusal(discord: Any, verb: str, **fields: Any) -> str:
    with pytest.raises(RefusedError) as refused:
        await discord.do(verb, **fields)
    return str(refused.value)


async def test_bad_requests_are_one_sentence_each_and_change_nothing() -> None:
    async with local_discord() as discord:
        world = await discord.do("world")
        guild = world["guilds"][0]
        written, spoken = guild["channels"][0]["id"], guild["channels"][2]["id"]
        user = {"guild_id": guild["id"], "user_id": guild["members"][0]["id"]}
        for verb, fields, words in [
            ("dance", {}, "unknown verb 'dance'; there are burst, close,"),
            ("voice", {}, "voice: the field 'guild_id' is missing; it must be text"),
            ("voice", {**user, "channel_id": 5}, "channel_id must be text or null, not 5"),
            ("voice", user, "the field 'channel_id' is missing"),
            ("voice", {**user, "channel_id": "5"}, "no channel of The Lighthouse has the id 5"),
            ("voice", {**user, "channel_id": written}, "general is no voice channel"),
            ("voice", {**user, "channel_id": spoken, "self_mute": 1}, "must be true or false"),
            ("voice", {**user, "channel_id": spoken, "loud": True}, "unknown field loud"),
            (
                "voice",
                {**user, "guild_id": "7", "channel_id": spoken},
                "no guild has the id 7; `world` lists them",
            ),
            ("repeat_voice", {**user, "user_id": "9"}, "no member of The Lighthouse"),
            ("say", {**user, "channel_id": "3", "content": "x"}, "no channel of"),
            ("use", {**user, "channel_id": written, "command": "stats"}, "it has none"),
            ("use", {**user, "channel_id": written, "command": ""}, "it has none"),
            ("close", {"code": 1005}, "code must be 1000, 1006 or 3000 to 4999"),
            ("close", {"code": True}, "code must be a whole number"),
            ("load", {"rate": 0, "seconds": 1}, "rate must be 0.01 to 20000, not 0"),
            ("load", {"rate": 1, "seconds": 1, "guild_ids": ["1"]}, "no guild has the id 1"),
            ("load", {"rate": 1, "seconds": 1, "guild_ids": []}, "must name one guild"),
            ("burst", {"count": 1.5}, "count must be a whole number"),
            ("truth", {"since": -1}, "since must be 0 to"),
            ("set", {"heartbeat_ms": 100, "intents_allowed": ["all"]}, "bits or a list of"),
            ("set", {"colour": 1}, "unknown field colour"),
            ("scenario", {}, "the field 'run' is missing"),
        ]:
            error = await refusal(discord, verb, **fields)
            assert words in error
            assert "\n" not in error
        assert await discord.do("world") == world
        assert (await discord.do("truth"))["changes"] == []
        assert (await discord.do("feed"))["lines"] == []
        assert (await discord.do("set"))["heartbeat_ms"] == 41250


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"{", "the request is no JSON"), (b"[]", "must be an object"), (b"{}", "unknown verb None")],
)
async def test_a_request_that_is_no_object_is_refused_with_400(body: bytes, words: str) -> None:
    async with local_discord() as discord, httpx.AsyncClient() as http:
        response = await http.post(discord.control_url, content=body)
        assert response.status_code == 400
        answer = response.json()
        assert answer["ok"] is False
        assert words in answer["error"]
