"""The commands that look into a running bot; `main.py` adds them to its own."""

# ruff: noqa: PLC0415 - each command imports what it needs, so that the others start quickly

from __future__ import annotations

import enum
from typing import Annotated

import typer

from supervisors.command_options import AsJson, quantity
from supervisors.failures import EX_USAGE, CommandError
from supervisors.quantities import parse_duration

Path = Annotated[str, typer.Argument(metavar="PATH", help="The actor's name in `main.py status`.")]

TIME = quantity(parse_duration)


class Harm(enum.Enum):
    """What a drill does to an actor."""

    KILL = "kill"
    HANG = "hang"
    FLOOD = "flood"
    SLOW = "slow"


def add_to(app: typer.Typer) -> None:
    """Give a command line the commands of this file."""
    for command in (actor, trace, suspend, resume, drill, crashes):
        app.command()(command)


def actor(path: Path, *, as_json: AsJson = False) -> None:
    """Show one actor of the bot that runs: its state, its mail, its children, its times.

    [bold]Examples[/]

    main.py actor gateway

    main.py actor guilds
    [dim]a supervisor: also how many children it has, and each of them[/]

    main.py actor recorder --json | jq .actor.report.depth
    [dim]how much mail waits[/]

    What members wrote, ids in full and secrets are never shown.
    """
    from supervisors.actor_command import show_actor
    from supervisors.settings import load_settings

    show_actor(load_settings().storage.folder, path, as_json=as_json)


def trace(
    path: Path,
    *,
    for_s: Annotated[
        float,
        typer.Option("--for", parser=TIME, metavar="TIME", help="How long.", show_default="10s"),
    ] = 10.0,
    as_json: AsJson = False,
) -> None:
    """Show what one actor handles, message by message, and how long each takes.

    It goes on through restarts of the actor. Ctrl+C ends it early.

    [bold]Examples[/]

    main.py trace recorder --for 30s

    main.py trace gateway --json | jq 'select(.took_ms > 5)'
    [dim]slow turns only[/]
    """
    from supervisors.actor_command import trace_actor
    from supervisors.settings import load_settings

    trace_actor(load_settings().storage.folder, path, for_s=for_s, as_json=as_json)


def suspend(path: Path, *, as_json: AsJson = False) -> None:
    """Let an actor leave its mail alone, to look at what comes in.

    What is told waits, up to the bound of its mailbox; who asks waits or gives up.
    A stop still works. A restart of the actor ends it, and so does main.py resume.

    [bold]Example[/]

    main.py suspend snapshots
    """
    from supervisors.actor_command import hold_actor
    from supervisors.settings import load_settings

    hold_actor(load_settings().storage.folder, path, do="suspend", as_json=as_json)


def resume(path: Path, *, as_json: AsJson = False) -> None:
    """Let a suspended actor go on with its mail.

    [bold]Example[/]

    main.py resume snapshots
    """
    from supervisors.actor_command import hold_actor
    from supervisors.settings import load_settings

    hold_actor(load_settings().storage.folder, path, do="resume", as_json=as_json)


def drill(
    harm: Annotated[Harm, typer.Argument(metavar="kill|hang|flood|slow", help="What to do.")],
    path: Path,
    *,
    limit: Annotated[
        float,
        typer.Option(
            parser=TIME,
            metavar="TIME",
            help="The drill has failed if not all is whole by then.",
            show_default="60s",
        ),
    ] = 60.0,
    for_s: Annotated[
        float,
        typer.Option(
            "--for", parser=TIME, metavar="TIME", help="slow: so long.", show_default="5s"
        ),
    ] = 5.0,
    each: Annotated[
        float, typer.Option(min=0.1, max=60_000, metavar="MS", help="slow: so much more a turn.")
    ] = 50.0,
    yes: Annotated[
        bool, typer.Option("--yes", help="Also on a bot that is connected to Discord itself.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Harm one actor of the running bot on purpose, and measure how it heals.

    [bold]kill[/] crashes it · [bold]hang[/] keeps one turn from ending, until the watchdog
    kills it · [bold]flood[/] fills its mailbox with messages that mean nothing ·
    [bold]slow[/] makes each turn take longer for a while.

    Meanwhile another actor is asked again and again, which must not notice.
    Ctrl+C takes the harm back.

    [bold]Examples[/]

    main.py drill kill gateway

    main.py drill slow recorder --each 100 --for 10s

    main.py drill flood analyst --json

    Exit code 70: not all was whole within the limit. Refused without --yes where the bot is
    connected to Discord itself, because members would notice.
    """
    from supervisors.drill_command import run_drill
    from supervisors.settings import load_settings

    code = run_drill(
        load_settings().storage.folder,
        as_json=as_json,
        what=harm.value,
        name=path,
        limit_s=limit,
        for_s=for_s,
        each_ms=each,
        yes=yes,
    )
    raise typer.Exit(code)


def crashes(
    card: Annotated[
        str | None, typer.Argument(metavar="[CARD]", help="Only this one, with its stack.")
    ] = None,
    *,
    fixed: Annotated[
        bool, typer.Option("--fixed", help="Note that this version fixes it.")
    ] = False,
    ignore: Annotated[
        bool, typer.Option("--ignore", help="Note that it is of no interest.")
    ] = False,
    reopen: Annotated[bool, typer.Option("--open", help="Note that it is to be fixed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what crashed: equal crashes are one card, with a short id. The bot need not run.

    A card that is fixed and comes back is open again, and says so.

    [bold]Examples[/]

    main.py crashes
    [dim]all of them, the newest first[/]

    main.py crashes K7QF2
    [dim]one with its stack; members are shown this id when a command fails[/]

    main.py crashes K7QF2 --fixed
    """
    chosen = [
        state for state, given in (("fixed", fixed), ("ignored", ignore), ("open", reopen)) if given
    ]
    if len(chosen) > 1:
        raise CommandError("a card is fixed, ignored or open; choose one", EX_USAGE)
    if chosen and card is None:
        raise CommandError("name the card, such as `main.py crashes K7QF2 --fixed`", EX_USAGE)
    from supervisors.crash_command import show_crashes
    from supervisors.settings import load_settings

    state = chosen[0] if chosen else None
    show_crashes(load_settings().storage.folder, card, state=state, as_json=as_json)
