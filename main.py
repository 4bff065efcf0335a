"""The command line of Bulkhead; `main.py --help` tells what it can do."""

# ruff: noqa: PLC0415 - each command imports what it needs, so that the others start quickly

from __future__ import annotations

import signal

# Until a command runs, Ctrl+C ends the program as it would any other: without a stack trace.
if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import enum
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

try:
    import typer
except ModuleNotFoundError:
    sys.stderr.write(
        "The packages that Bulkhead needs are not in this Python: "
        "`make run` installs them, then use `.venv/bin/python main.py`.\n"
    )
    sys.exit(72)  # as sysexits counts a missing system file

from supervisors import operator_commands
from supervisors.command_options import AsJson, quantity
from supervisors.failures import EX_USAGE, CommandError
from supervisors.faults import exit_code_of
from supervisors.quantities import parse_duration, parse_rows, parse_speed
from supervisors.query_arguments import QueryCommand
from supervisors.version import VERSION

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Form(enum.Enum):
    """How an answer is written."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"


def _version(wanted: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if wanted:
        print(f"bulkhead {VERSION}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def bulkhead(
    context: typer.Context,
    *,
    _: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """A self-hosted Discord bot in which no part can take another part down.

    It records who was in voice and when, and says how sure it is.

    [bold]A first look[/]
    main.py demo

    [bold]The real thing[/]
    put a token into .env, then main.py check, then main.py run

    Settings and exit codes: docs/operating.md
    """
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(EX_USAGE)


@app.command(context_settings={"ignore_unknown_options": True})
def run(
    *,
    or_demo: Annotated[
        bool,
        typer.Option("--or-demo", help="Without a token, show the demo, with the demo's options."),
    ] = False,
    lifeline: Annotated[
        bool,
        typer.Option("--lifeline", help="End when standard input closes; for a parent process."),
    ] = False,
    rest: Annotated[
        list[str] | None,
        typer.Argument(metavar="[OPTIONS OF demo]...", help="See main.py demo --help."),
    ] = None,
) -> None:
    """Run the bot until Ctrl+C or SIGTERM.

    [bold]Examples[/]

    main.py run
    [dim]connects to Discord with the token of BULKHEAD_DISCORD__TOKEN[/]

    main.py run --or-demo --duration 60s
    [dim]without a token: a demo of one minute; make run does this[/]
    """
    from supervisors.settings import load_settings, without_token

    if rest and not or_demo:
        raise CommandError(
            f"run takes no {rest[0]}; if it is an option of the demo, use `main.py demo`", EX_USAGE
        )
    settings = load_settings()
    if settings.discord.token is None and or_demo:
        raise typer.Exit(app(["demo", *(rest or ())], standalone_mode=False))
    if settings.discord.token is None:
        raise without_token()
    if rest:
        raise CommandError(
            f"a token is set, so this would run the bot, which takes no {rest[0]}; "
            "leave it out, or use `main.py demo`",
            EX_USAGE,
        )
    from supervisors.logs import configure_logs

    configure_logs(settings)
    from supervisors.bot import run_bot

    raise typer.Exit(run_bot(settings, until_stdin_closes=lifeline))


@app.command()
def demo(
    *,
    duration: Annotated[
        float | None,
        typer.Option(
            parser=quantity(parse_duration),
            metavar="TIME",
            help="End by itself after so long, such as 60s or 5m.",
        ),
    ] = None,
    speed: Annotated[
        float,
        typer.Option(
            parser=quantity(parse_speed),
            metavar="TIMES",
            help="How busy the members are, such as 10x.",
        ),
    ] = 1.0,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="The same number, the same story.")
    ] = None,
    crashes: Annotated[
        bool, typer.Option(help="Crash a part every so often, to watch it heal.")
    ] = True,
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, metavar="N", help="The local Discord's port; 0: any free one."
        ),
    ] = 0,
    folder: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Where the demo keeps its data; else data/demo."),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Save the last picture there, as SVG.")
    ] = None,
) -> None:
    """Show the bot at work with a local Discord; needs no token and no network.

    Three small guilds live on this machine, the bot is connected to them,
    and every so often a part of it crashes and heals.
    A token that is set is not used. Ctrl+C ends it.

    [bold]Examples[/]

    main.py demo

    main.py demo --duration 60s --speed 10x
    [dim]short and busy[/]

    main.py demo --seed 7 --no-crashes
    [dim]the same story each time, undisturbed[/]
    """
    from supervisors.demo import DemoOptions, run_demo

    options = DemoOptions(
        duration_s=duration,
        speed=speed,
        seed=seed,
        crashes=crashes,
        port=port,
        folder=folder,
        picture=picture,
    )
    raise typer.Exit(run_demo(options))


@app.command()
def status(
    *,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Keep it on screen, fresh each second.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the supervision tree of the bot that runs, its connection and its ledger.

    [bold]Examples[/]

    main.py status --watch

    main.py status --json | jq '.tree[] | select(.restarts > 0)'
    [dim]the parts that were started again[/]

    Exit code 69: no bot runs here.
    """
    from supervisors.settings import load_settings
    from supervisors.status_command import show_status

    show_status(load_settings().storage.folder, watch=watch, as_json=as_json)


@app.command(cls=QueryCommand)
def query(
    sql: Annotated[
        str, typer.Argument(metavar="SQL", help="One SELECT; - reads it from standard input.")
    ],
    *,
    form: Annotated[Form, typer.Option("--as", help="How the answer is written.")] = Form.TABLE,
    as_json: Annotated[bool, typer.Option("--json", help="Short for --as json.")] = False,
    as_ndjson: Annotated[bool, typer.Option("--ndjson", help="Short for --as ndjson.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Short for --as csv.")] = False,
    limit: Annotated[
        int,
        typer.Option(
            parser=quantity(parse_rows),
            metavar="ROWS",
            help="Cut the answer after so many rows.",
        ),
    ] = 1000,
    timeout: Annotated[
        float,
        typer.Option(
            parser=quantity(parse_duration),
            metavar="TIME",
            help="Give up after so long, such as 2m.",
            show_default="30s",
        ),
    ] = 30.0,
) -> None:
    """Ask the ledger in SQL (DuckDB's), whether the bot runs or not.

    While the bot runs, a fresh copy is asked, so no question slows it down.

    [bold]Examples[/]

    main.py query "SHOW TABLES"

    main.py query "DESCRIBE voice_session"
    [dim]the columns of a table[/]

    main.py query "SELECT column_name, comment FROM duckdb_columns()
    WHERE table_name = 'voice_session'"
    [dim]what they mean[/]

    main.py query "SELECT user_id, sum(known_s) / 3600 AS hours FROM voice_session GROUP BY ALL"
    [dim]how long everyone was in voice[/]

    main.py query --csv --limit 1000000 "FROM user_activity" > activity.csv

    main.py query - < question.sql
    """
    from supervisors.settings import load_settings

    short = {Form.JSON: as_json, Form.NDJSON: as_ndjson, Form.CSV: as_csv}
    forms = {f for f, given in short.items() if given} | ({form} - {Form.TABLE})
    if len(forms) > 1:
        names = ", ".join(sorted(f.value for f in forms))
        raise CommandError(f"an answer has one form; choose one of {names}", EX_USAGE)
    text = sys.stdin.read() if sql == "-" else sql
    if not text.strip():
        raise CommandError('there is no SQL in that; try `main.py query "SHOW TABLES"`', EX_USAGE)
    folder = load_settings().storage.folder
    from supervisors.query_command import Question, answer_question

    chosen = next(iter(forms), Form.TABLE)
    answer_question(
        folder, Question(sql=text, form=chosen.value, row_limit=limit, time_limit_s=timeout)
    )


@app.command()
def check(*, as_json: AsJson = False) -> None:
    """Look over settings, machine and Discord, and print the invite link; changes nothing.

    [bold]Example[/]

    main.py check && main.py run

    The exit code is that of the first point that failed: 78 settings,
    73 data folder, 69 Discord out of reach, 77 token refused,
    76 Server Members Intent off, and more in docs/operating.md.
    """
    from supervisors.checkup import run_checkup

    raise typer.Exit(run_checkup(as_json=as_json))


operator_commands.add_to(app)

if __name__ == "__main__":
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(exit_code_of(partial(app, standalone_mode=False)))
