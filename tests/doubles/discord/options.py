"""The command line."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_EPILOG = """\
When it is ready it writes one line of JSON to standard output:
  {"api_url", "gateway_url", "control_url", "token", "application_id", "owner_id"}
Give api_url, gateway_url and token to a bot, and it believes that it is on Discord.

Steer it by POST to control_url, one JSON object with "do" and its fields:
  world                       who and what there is: guilds, channels, members, with their ids
  voice                       guild_id user_id channel_id|null, self_mute self_deaf self_stream
                              self_video mute deaf suppress: join, move, switch, leave
  repeat_voice                guild_id user_id: the last voice event again, unchanged
  say                         guild_id channel_id user_id content: someone writes
  use                         guild_id channel_id user_id command options wait_s: someone uses
                              "stats top" and waits; the answer is what the member then sees
  press                       message_id custom_id user_id wait_s: someone presses a button
  load, load_stop             rate seconds guild_ids bots: random voice changes, steadily
  burst                       count: voice changes as fast as the client reads them
  scenario                    run: people move by themselves, or stand still
  close, reconnect,           code (1006 cuts the connection) | - | resumable
  invalid_session
  raw                         name data: a dispatch to every session, as it is told
  refuse, hang_up_on_resume   on: no new connections | every resume is cut
  set                         token intents_allowed heartbeat_ms session_s replay_frames
                              backlog_frames identify_every_s interaction_s interaction_token_s
                              rest_delay_ms ack_heartbeats; answers with all of them
  truth, reset_truth          since: every change of a voice channel, with its time
  feed                        since: what happened, in words
  state                       connections, sessions, requests, synced commands

examples:
  python -m tests.doubles.discord --scenario living --speed 10x
  curl -s -d '{"do": "feed"}' http://127.0.0.1:PORT/control

exit codes: 0 ended as asked, 2 wrong usage, 71 the port is in use
"""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    port: int
    scenario: str
    seed: int
    speed: float
    guilds: int
    members: int
    lifeline: bool


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line; wrong usage ends the program with exit code 2."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.doubles.discord",
        description="A local Discord: REST, gateway, slash commands, and people who use them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=_whole(0, 65535), default=0, help="port on 127.0.0.1; 0 takes any free one")
    add(
        "--scenario",
        choices=("living", "quiet"),
        default="quiet",
        help="living: people join, talk, move and leave; quiet: nothing happens by itself",
    )
    add("--seed", type=_whole(0, 4_194_303), default=1, help="the same seed has the same world")
    add("--speed", type=speed, default=1.0, help="1x is about one event a second over all guilds")
    add("--guilds", type=_whole(1, 1000), default=3, help="how many guilds there are")
    add(
        "--members",
        type=_whole(1, 100_000),
        default=30,
        help="how many people, all guilds together",
    )
    add("--lifeline", action="store_true", help="end when standard input is closed")
    return Options(**vars(parser.parse_args(arguments)))


def speed(text: str) -> float:
    """Read a speed.

    >>> speed("10x"), speed("0.5")
    (10.0, 0.5)
    """
    try:
        value = float(text.removesuffix("x"))
    except ValueError:
        value = math.nan
    if not 0.01 <= value <= 10_000:
        raise argparse.ArgumentTypeError(f"must be 0.01x to 10000x, such as 10x, not {text!r}")
    return value


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"must be {low} to {high}, not {text!r}")
        return int(text)

    return read
