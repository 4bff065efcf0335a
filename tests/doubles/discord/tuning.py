"""What a test may change while the program runs."""

from __future__ import annotations

from dataclasses import dataclass

PRIVILEGED = {"presences": 1 << 8, "members": 1 << 1, "message_content": 1 << 15}


@dataclass(slots=True)
class Tuning:
    """The dials of the local Discord; each has Discord's own value unless noted."""

    token: str
    intents_allowed: int = sum(PRIVILEGED.values())
    """Privileged intents that the application may ask for, as bits."""

    heartbeat_ms: int = 41_250
    session_s: float = 300.0
    """How long a session without a socket can be resumed."""

    replay_frames: int = 50_000
    """How many events a session keeps for a resume."""

    backlog_frames: int = 10_000
    """How many frames may wait for a slow client before it is dropped."""

    identify_every_s: float = 0.0
    """Discord says 5; tests start bots more often than that."""

    interaction_s: float = 3.0
    interaction_token_s: float = 900.0
    rest_delay_ms: float = 0.0
    """Added to each REST answer, as a distant Discord would."""

    refuse: bool = False
    hang_up_on_resume: bool = False
    ack_heartbeats: bool = True
