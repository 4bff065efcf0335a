"""A local Discord: REST, gateway and people who talk, as a program of its own.

`python -m tests.doubles.discord` runs it; `process.py` runs it for a test. `world` is
what exists, `gateway/` and `rest/` are how a bot sees it, `play/` is who moves in it,
`control/` is how a test or a demonstration steers it.
"""
