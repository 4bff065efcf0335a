"""How the command line hands SQL to `main.py query`, whatever the SQL begins with."""

from __future__ import annotations

import re
from typing import Any

from typer.core import TyperCommand
from typing_extensions import override

from supervisors.failures import EX_USAGE, CommandError

SHORT = 60


class QueryCommand(TyperCommand):
    """Takes SQL that begins with a comment for SQL, where another command sees an option."""

    @override
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.allow_extra_args = True
        rest = super().parse_args(ctx, [_no_option(each) for each in args])
        if ctx.args:
            raise _unquoted([ctx.params["sql"], *ctx.args])
        return rest


def _no_option(argument: str) -> str:
    r"""Put a space before a comment, so that it does not begin like an option.

    >>> [_no_option(each) for each in ("-- all\nFROM outage", "--all\nFROM outage", "--csv", "-")]
    [' -- all\nFROM outage', ' --all\nFROM outage', '--csv', '-']
    """
    return f" {argument}" if re.match(r"--(\s|.*\n)", argument) else argument


def _unquoted(words: list[str]) -> CommandError:
    """Tell that the shell has cut the SQL into words."""
    sql = " ".join(words)
    shown = sql if len(sql) <= SHORT and '"' not in sql else f"{words[0]} ..."
    return CommandError(f'put the SQL in quotes, as in `main.py query "{shown}"`', EX_USAGE)
