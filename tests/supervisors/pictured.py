"""A status object for tests of what is drawn from it."""

from __future__ import annotations

from typing import Any

GUILDS = {"guilds/1203456789012345678": "Harbour", "guilds/1203456789012345679": "Compile & Chill"}


def actor(name: str, parent: str, **more: Any) -> dict[str, Any]:
    usual = {
        "kind": "SomeActor",
        "state": "running",
        "depth": 0,
        "restarts": 0,
        "uptime_s": 100.0,
        "handled": 1234,
        "last_error": "",
    }
    return {"name": name, "parent": parent} | usual | more


def event(child: str, action: str, reason: str = "") -> dict[str, str]:
    at = "2026-01-02T12:34:56.789000+00:00"
    return {"supervisor": "s", "child": child, "reason": reason, "action": action, "at_utc": at}


def status(**more: Any) -> dict[str, Any]:
    """Everything well, two guilds; `more` replaces parts of it."""
    tree = [
        actor("root", ""),
        actor("storage", "root"),
        actor("recorder", "storage", depth=12),
        actor("analyst", "storage"),
        actor("guilds", "root"),
        *(actor(name, "guilds") for name in GUILDS),
        actor("discord", "root"),
        actor("gateway", "discord"),
        actor("console", "root"),
        actor("watchdog", "root"),
    ]
    usual = {
        "version": "1.2.3",
        "pid": 12345,
        "uptime_s": 3723.0,
        "tree": tree,
        "link": {
            "link": "connected",
            "since_utc": "2026-01-02T12:00:00+00:00",
            "guilds": 2,
            "latency_s": 0.01,
            "lives": 1,
            "resumes": 0,
            "last_trouble": "",
        },
        "ledger": {
            "activity_rows": 1234,
            "sessions_closed": 321,
            "sessions_open": 7,
            "messages": 991,
            "outages": 1,
            "voice_s": 123456.0,
            "last_batch_id": 8,
            "recent": [],
        },
        "dead_letters": {"count": 0, "recent": []},
        "supervision": [event("gateway", "started")],
        "responsiveness": {
            "worst_ms": 3.2,
            "stalls": 0,
            "last_stack": "",
            "samples": 9,
            "pauses": 0,
        },
    }
    return usual | more
