"""How spans of time, counts and reasons are put into words for operators."""

from __future__ import annotations

MINUTE_S = 60
HOUR_S = 3600


def why(reason: str) -> str:
    """Shorten the reason of a crash to what an operator reads first.

    >>> why("crashed: DrillError('gateway was crashed on purpose (demo)')")
    'crashed on purpose (demo)'
    >>> why("crashed: ValueError('x')")
    "crashed: ValueError('x')"
    """
    _, drill, rest = reason.partition(" was crashed on purpose ")
    return f"crashed on purpose {rest.removesuffix(')').rstrip(chr(39))}" if drill else reason


def span(seconds: float) -> str:
    """Show a time span in at most six characters.

    >>> [span(s) for s in (0.2, 59, 61, 7300, 200_000)]
    ['0s', '59s', '1m01s', '2h01m', '2d07h']
    """
    whole = int(seconds)
    for unit, next_unit, size, next_size in (("d", "h", 86400, 3600), ("h", "m", 3600, 60)):
        if whole >= size:
            return f"{whole // size}{unit}{whole % size // next_size:02}{next_unit}"
    return f"{whole // 60}m{whole % 60:02}s" if whole >= MINUTE_S else f"{whole}s"


def counted(number: int, noun: str) -> str:
    """Say how many.

    >>> counted(1, "row"), counted(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def hours(seconds: float) -> str:
    """Show time in voice: hours with one decimal, minutes below one hour, or seconds.

    >>> hours(5400), hours(90), hours(9.5)
    ('1.5 h', '1.5 min', '10 s')
    """
    if seconds < MINUTE_S:
        return f"{seconds:.0f} s"
    return f"{seconds / HOUR_S:,.1f} h" if seconds >= HOUR_S else f"{seconds / 60:.1f} min"


def milliseconds(seconds: float) -> str:
    """Show a short time with three digits.

    >>> [milliseconds(s) for s in (0.0000123, 0.00456, 0.25, 12.5)]
    ['0.012 ms', '4.56 ms', '250 ms', '12,500 ms']
    """
    ms = seconds * 1000
    return f"{ms:.3f} ms" if ms < 1 else f"{ms:.3g} ms" if ms < 1000 else f"{ms:,.0f} ms"  # noqa: PLR2004 - units
