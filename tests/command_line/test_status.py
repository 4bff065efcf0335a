"""`status` draws what the running bot says, again and again if asked to."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.command_line.fake_bot import fake_bot
from tests.command_line.program import MAIN, clean_environment, main, read_terminal

if TYPE_CHECKING:
    from pathlib import Path

STATUS: dict[str, Any] = {
    "version": "0.1.0",
    "pid": 4711,
    "uptime_s": 61.0,
    "tree": [
        {
            "name": name,
            "parent": parent,
            "kind": kind,
            "state": "running",
            "depth": 0,
            "restarts": 2,
            "uptime_s": 3.0,
            "handled": 5,
            "last_error": "",
        }
        for name, parent, kind in (
            ("root", "", "Supervisor"),
            ("gateway", "root", "GatewayActor"),
        )
    ],
    "link": None,
    "ledger": None,
    "dead_letters": {"count": 0, "recent": []},
    "supervision": [],
    "events_dropped": 0,
    "responsiveness": {"worst_ms": 1.0, "stalls": 0, "last_stack": ""},
}


def give_status(_: dict[str, Any]) -> dict[str, Any]:
    return {"ok": True, "status": STATUS}


def test_the_tree_is_drawn(tmp_path: Path) -> None:
    with fake_bot(tmp_path / "data", give_status) as asked:
        ended = main("status", cwd=tmp_path)

    assert ended.code == 0, ended
    assert "gateway" in ended.out
    assert "\x1b" not in ended.out  # no colours where there is no terminal
    assert asked == [{"do": "status"}]


def test_json_is_what_the_bot_said(tmp_path: Path) -> None:
    with fake_bot(tmp_path / "data", give_status):
        ended = main("status", "--json", cwd=tmp_path)

    assert json.loads(ended.out) == STATUS
    assert len(ended.out.splitlines()) == 1


def test_no_bot_is_told_in_one_sentence(tmp_path: Path) -> None:
    ended = main("status", cwd=tmp_path)

    assert ended.code == 69
    assert ended.err == ("no bot runs on data; `make run` starts the demo, which needs no token\n")
    assert ended.out == ""
    assert list(tmp_path.iterdir()) == []


def test_no_bot_to_watch_is_told_at_once(tmp_path: Path) -> None:
    assert main("status", "--watch", cwd=tmp_path).code == 69


def test_a_bot_that_refuses_or_hangs_up_is_told(tmp_path: Path) -> None:
    with fake_bot(tmp_path / "data", lambda _: {"ok": False, "error": "not now"}):
        refused = main("status", cwd=tmp_path)
    with fake_bot(tmp_path / "data", lambda _: None):
        hung_up = main("status", cwd=tmp_path)

    assert (refused.code, refused.err) == (75, "the bot on data refused: not now\n")
    assert hung_up.code == 69
    assert "ended before it answered" in hung_up.err


def test_the_demo_is_found_when_no_bot_runs(tmp_path: Path) -> None:
    with fake_bot(tmp_path / "data" / "demo", give_status):
        ended = main("status", "--json", cwd=tmp_path)

    assert json.loads(ended.out)["pid"] == 4711
    assert ended.err == "asking the demo (data/demo)\n"


def watch(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(MAIN), "status", "--watch", *arguments],
        cwd=folder,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_watching_goes_on_until_interrupted_and_that_is_no_fault(tmp_path: Path) -> None:
    with fake_bot(tmp_path / "data", give_status), watch(tmp_path, "--json") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline(), process.stdout.readline()]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)

    assert [json.loads(line)["pid"] for line in lines] == [4711, 4711]
    assert (process.returncode, err) == (0, "")


def test_watching_ends_quietly_when_its_reader_goes(tmp_path: Path) -> None:
    with fake_bot(tmp_path / "data", give_status), watch(tmp_path) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_watching_on_a_terminal_keeps_the_screen_fresh_and_gives_it_back(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with fake_bot(tmp_path / "data", give_status) as asked:
        process = subprocess.Popen(
            [sys.executable, str(MAIN), "status", "--watch"],
            cwd=tmp_path,
            env=clean_environment(TERM="xterm"),
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        shown = b""
        while b"gateway" not in shown or len(asked) < 3:
            shown += read_terminal(ours)
    # The bot is gone now: it is watched for, and only Ctrl+C ends that.
    while b"no bot runs on data" not in shown:
        shown += read_terminal(ours)
    process.send_signal(signal.SIGINT)
    while part := read_terminal(ours):
        shown += part
    os.close(ours)

    assert process.wait(timeout=10) == 0
    assert b"\x1b[?1049h" in shown
    assert shown.rstrip().endswith((b"\x1b[?1049l", b"\x1b[?25h"))
    assert b"Traceback" not in shown
