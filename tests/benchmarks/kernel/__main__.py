"""The kernel beside its peers, round by round, each contestant a process of its own.

    python -m tests.benchmarks.kernel [--quick] [--json FILE]

Peers: a bare deque and a bare Trio channel, Pykka's threads, Erlang/OTP, xoscar. All do one
round before any does the next, so that whatever else the machine does hits all alike. Figures
are the best of all rounds, with the median beside it; a bound holds for the best ones.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.kernel.works import Amounts
from tests.benchmarks.report import Figure, publish

HERE = Path(__file__).parent
PATIENCE_S = 600
PYTHONS = {
    "ours": "ours",
    "bare": "bare",
    "Pykka threads": "threads",
    "xoscar": "pool",
}

Rounds = dict[tuple[str, str], list[float]]
"""The figures of all rounds, in seconds or bytes, by contestant and work."""


@dataclass(frozen=True)
class Goal:
    """One row of the table: a work, whom it is held against, and how much it may take."""

    title: str
    work: str
    peer: str
    at_most: float
    unit: str = "µs"
    scale: float = 1e6
    peer_work: str = ""


GOALS = (
    Goal("tell, same loop", "tell", "bare", 3.5, "ns", 1e9),
    Goal("tell from a thread, producer's cost", "thread_tell", "bare", 3.5, "ns", 1e9, "tell"),
    Goal("ring hop, 1,000 actors", "hop", "bare", 5, "ns", 1e9),
    Goal("ring hop, 1,000 actors", "hop", "Erlang", 3, "ns", 1e9),
    Goal("ask of an idle actor, plain handler", "ask_idle", "Erlang", 1),
    Goal("ask over the loop", "ask_loop", "bare", 1.1),
    Goal("start, first message, stop", "cycle", "Erlang", 2),
    Goal("start, first message, stop", "cycle", "Pykka threads", 1 / 50),
    Goal("memory of an idle actor", "memory", "Pykka threads", 1 / 10, "bytes", 1),
    Goal("crash to next message, mailbox kept", "restart", "Erlang", 1.2),
    Goal("1,000 crashing at once", "crowd", "Erlang", 0.5, "ms", 1e3),
    Goal(
        "bounds, watch, dead letters, metrics on",
        "tell_watched",
        "ours",
        1.3,
        "ns",
        1e9,
        "tell_stripped",
    ),
)
LIMITS = (
    ("heartbeat lateness under a flood, p99", "late", 5.0),
    ("a bystander's answer while 1,000 crash, p99", "bystander", 20.0),
)
FOR_COMPARISON = ("tell", "thread_tell", "hop", "ask_idle", "cycle", "restart")


def erlang(folder: Path) -> bool:
    """Make Erlang ready to measure, installing it where that is possible; say so if it is not."""
    if shutil.which("erlc") is None:
        install = ["apt-get", "install", "--yes", "--no-install-recommends", "erlang-base"]
        if os.geteuid():
            install.insert(0, "sudo")
        print("installing erlang-base", file=sys.stderr)
        try:
            subprocess.run(install, check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE_S)
        except (OSError, subprocess.SubprocessError) as error:
            print(
                f"Erlang is left out: erlang-base can't be installed here ({error}); "
                "install it by hand and measure again",
                file=sys.stderr,
            )
            return False
    subprocess.run(["erlc", "-o", str(folder), str(HERE / "otp_bench.erl")], check=True)
    return True


def contestants(share: float, folder: Path) -> dict[str, list[str]]:
    """Name everyone who can take part, with the command that measures it once."""
    commands = {
        name: [sys.executable, "-m", f"tests.benchmarks.kernel.{module}", "--share", str(share)]
        for name, module in PYTHONS.items()
    }
    if erlang(folder):
        a = Amounts(share)
        counts = (a.tells, a.asks, a.hops, a.actors, a.crashes, a.crowd, a.rounds, a.long_rounds)
        run = ["erl", "-noshell", "-pa", str(folder), "-run", "otp_bench", "main"]
        commands["Erlang"] = [*run, *map(str, counts)]
    return commands


def measure(rounds: int, share: float) -> Rounds:
    """Let all do one round before any does the next."""
    taken: Rounds = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        commands = contestants(share, Path(name))
        for number in range(rounds):
            for contestant, command in list(commands.items()):
                ran = subprocess.run(
                    command, check=False, capture_output=True, text=True, timeout=PATIENCE_S
                )
                if ran.returncode:
                    if contestant == "ours":
                        raise RuntimeError(ran.stderr)
                    print(f"{contestant} is left out: {ran.stderr[-300:]}", file=sys.stderr)
                    del commands[contestant]
                    continue
                for work, figure in json.loads(ran.stdout.splitlines()[-1]).items():
                    taken[contestant, work].append(figure)
            print(f"round {number + 1} of {rounds} done", file=sys.stderr)
    return taken


def compare(taken: Rounds) -> list[Figure]:
    """Print each goal with its bound and whether it is reached; return all comparisons."""
    figures = []
    print(f"{'work':<42}{'ours':>10}{'(median)':>10} {'peer':>10}{'(median)':>10}")
    for goal in GOALS:
        mine = taken["ours", goal.work]
        theirs = taken.get((goal.peer, goal.peer_work or goal.work))
        if not theirs:
            print(f"{goal.title:<42}{goal.peer} was not measured")
            continue
        a, b = min(mine), min(theirs)
        peer = "the same with them off" if goal.peer == "ours" else goal.peer
        verdict = "reached" if a / b <= goal.at_most else "not reached"
        shown = (a, statistics.median(mine), b, statistics.median(theirs))
        print(
            f"{goal.title:<42}"
            + "{:>10,.2f}{:>10,.2f} {:>10,.2f}{:>10,.2f}".format(*(v * goal.scale for v in shown))
            + f" {goal.unit:<5} {a / b:.3f} x {peer}, at most {goal.at_most:g} x: {verdict}"
        )
        figures.append(
            Figure(
                figure=f"{goal.title}, at most {goal.at_most:g} x: {verdict}",
                unit=goal.unit,
                ours=a * goal.scale,
                peer=b * goal.scale,
                peer_name=peer,
            )
        )
    for title, work, limit_ms in LIMITS:
        best, middle = (1e3 * f(taken["ours", work]) for f in (min, statistics.median))
        verdict = "reached" if best <= limit_ms else "not reached"
        print(f"{title:<42}{best:>10,.2f}{middle:>10,.2f} ms, at most {limit_ms:g}: {verdict}")
        figures.append(
            Figure(
                figure=f"{title}: {verdict}",
                unit="ms",
                ours=best,
                peer=limit_ms,
                peer_name="the limit",
            )
        )
    print(f"{min(taken['ours', 'alive']):,.0f} supervised actors were alive meanwhile")
    for work in FOR_COMPARISON:
        for peer in ("Pykka threads", "xoscar", "Erlang"):
            theirs = taken.get((peer, work))
            if theirs:
                mine = taken["ours", work]
                figures.append(
                    Figure(
                        figure=work,
                        unit="µs",
                        ours=min(mine) * 1e6,
                        peer=min(theirs) * 1e6,
                        peer_name=peer,
                    )
                )
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one round with a tenth of the work")
    parser.add_argument("--share", type=float, default=1.0, help="of the work in each round")
    options = parser.parse_args()
    rounds, share = (1, 0.1) if options.quick else (options.rounds, options.share)
    figures = compare(measure(rounds, share))
    assert all(math.isfinite(each.ratio) for each in figures)
    publish(figures, options.json)


if __name__ == "__main__":
    main()
