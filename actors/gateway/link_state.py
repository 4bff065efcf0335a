"""How the link to Discord stands, and of what time that which is read may be."""

from __future__ import annotations

import time
from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from actors.gateway.protocol import GatewayReport, Link

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

TICK_S = 1.0
"""How often `ticked` is called."""

LATE_TICK_S = 2.5
"""A tick that is later than this shows that the process stood still."""

LATE_FRAME_S = 1.0
"""How much later than `probe_s` the next frame may come; a round trip fits in."""

JUMP_S = 2.0
"""By this much the computer's clock may be corrected without making times uncertain."""

IDENTIFIES_PER_DAY = 900
"""Discord allows 1000 in 24 hours and then resets the token."""

DAY_S = 86_400.0

log = structlog.get_logger(__name__)


class IdentifyBudgetError(Exception):
    """Too many sessions were begun in 24 hours."""


class LinkState:
    """How the gateway stands with Discord, through all lives of one incarnation.

    What is read is as fresh as the link is proven to be. A working link brings a frame at
    least every `probe_s`; when one comes later, or the process itself stood still, what it
    brings may have happened at any time since the frame before. Then the link is in doubt,
    until Discord has answered a heartbeat that was sent after that was noticed: frames keep
    their order, so all that is older has been read by then.

    A clock that jumps forward (it was set, or the computer slept) makes every guild blind:
    nobody knows how much of the time in between there was.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        steady: Callable[[], float] = time.monotonic,
        *,
        probe_s: float = 5.0,
    ) -> None:
        self._now, self._steady = now, steady
        self._gap_s = probe_s + LATE_FRAME_S
        self.link = Link.CONNECTING
        self.since_utc = self.frame_utc = now()
        """`frame_utc` is when the last frame was read."""
        self.lost_utc: datetime | None = None
        """The last frame before the session was interrupted; null while it is not."""
        self.doubt_utc: datetime | None = None
        """Since when what is read may be old; null while it is fresh."""
        self.on_doubt: Callable[[], object] = _nothing
        """Called when doubt begins: whoever can, asks Discord for a sign of life."""
        self.on_jump: Callable[[datetime, str], object] = _nobody_misled
        """Called when the clock jumped, with the last time before and what to say."""
        self.unreadable = 0
        """How many frames could not be read and were dropped."""
        self.lives = self.resumes = self.attempts = 0
        """`attempts` counts connections since the last session that worked."""
        self.trouble = ""
        self.next_try_utc: datetime | None = None
        """When Discord is tried again; null before there was trouble."""
        self.latency_s: float | None = None
        self._identified: deque[float] = deque()
        self._up_since: float | None = None
        self._anew_s: float | None = None
        self._framed_s = self._ticked_s = self._checked_s = steady()
        self._checked_utc = self.since_utc

    def greeted(self) -> None:
        """Note the first frame of a connection: what was of the one before is over."""
        self._framed_s = self._steady()
        self._look_for_a_jump(self._framed_s)
        self.doubt_utc = None
        self.frame_utc = self._checked_utc

    def frame_read(self) -> None:
        """Note the time of a frame; all it carries gets this one."""
        steady = self._steady()
        self._look_for_a_jump(steady)
        if steady - self._framed_s > self._gap_s:
            self._doubt(f"no frame came for {steady - self._framed_s:.1f} s")
        self._look_for_a_pause(steady)
        self._framed_s = steady
        self.frame_utc = self._checked_utc

    def ticked(self) -> None:
        """Note that the process runs; call it each `TICK_S`."""
        steady = self._steady()
        self._look_for_a_jump(steady)
        self._look_for_a_pause(steady)
        self._ticked_s = steady

    def proven(self) -> None:
        """Note that all that Discord sent before the doubt was noticed has been read."""
        if self.doubt_utc is not None:
            log.info("what Discord sent late has been read", since=self.doubt_utc.isoformat())
            self.doubt_utc = None

    @property
    def up(self) -> bool:
        """Whether everything that Discord sends is read as it comes."""
        return self.link is Link.CONNECTED

    @property
    def fresh(self) -> bool:
        """Whether what was read last is how things are now."""
        return self.up and self.doubt_utc is None

    @property
    def seen_until_utc(self) -> datetime:
        """Everything that Discord sent before this has been read; what is read now is younger."""
        return self.lost_utc or self.doubt_utc or self.frame_utc

    def life_begins(self) -> None:
        """Note that a new client was made."""
        self.lives += 1
        self.attempts = 0
        self._checked_utc, self._checked_s = self._now(), self._steady()
        self._up_since = None
        self._turn(Link.CONNECTING)

    def session_works(self, *, resumed: bool) -> None:
        """Note READY or RESUMED: from here on frames are news."""
        self.resumes += resumed
        self.attempts = 0
        self.lost_utc = None
        if self._up_since is None:
            self._up_since = time.monotonic()
        self._turn(Link.CONNECTED)

    def interrupted(self, trouble: str) -> None:
        """Note that a connection ended and that its session may be resumed."""
        self.trouble = trouble
        if self.up:
            self.lost_utc = self.seen_until_utc
            self._turn(Link.RESUMING)
        self.doubt_utc = None

    def life_ended(self, trouble: str) -> float | None:
        """Note the end of a client; return for how many seconds it worked, null if never."""
        self.trouble = trouble
        self.lost_utc = self.doubt_utc = None
        self.latency_s = None
        self._turn(Link.WAITING)
        return None if self._up_since is None else time.monotonic() - self._up_since

    def may_begin_anew(self, once_in_s: float) -> bool:
        """Say, and count it, whether a new session may be begun only to be shown all again."""
        now = self._steady()
        if self._anew_s is not None and now - self._anew_s < once_in_s:
            return False
        self._anew_s = now
        return True

    def next_try_in(self, seconds: float) -> None:
        """Note when the next try comes."""
        self.next_try_utc = self._now() + timedelta(seconds=seconds)

    def spend_identify(self) -> None:
        """Count a new session against Discord's daily limit.

        Raises:
            IdentifyBudgetError: no more are left today.

        """
        now = time.monotonic()
        while self._identified and self._identified[0] < now - DAY_S:
            self._identified.popleft()
        if len(self._identified) >= IDENTIFIES_PER_DAY:
            raise IdentifyBudgetError(
                f"{IDENTIFIES_PER_DAY} sessions were begun in 24 hours; waiting, because Discord "
                "resets the token of a bot that begins 1000: read in the log why they ended"
            )
        self._identified.append(now)

    def report(self, guilds: int) -> GatewayReport:
        """Describe the link; `guilds` are in sight."""
        return GatewayReport(
            link=self.link,
            since_utc=self.since_utc,
            guilds=guilds,
            latency_s=self.latency_s,
            lives=self.lives,
            resumes=self.resumes,
            last_trouble=self._trouble_and_next_try(),
        )

    def _trouble_and_next_try(self) -> str:
        at = self.next_try_utc
        if self.up or at is None or at <= self._now():
            return self.trouble
        return f"{self.trouble}; next try at {at:%H:%M:%S} UTC"

    def _look_for_a_jump(self, steady: float) -> None:
        now = self._now()
        jump_s = (now - self._checked_utc).total_seconds() - (steady - self._checked_s)
        self._checked_utc, self._checked_s = now, steady
        if jump_s > JUMP_S:
            why = f"the clock jumped by {jump_s:.0f} s"
            since = self.seen_until_utc
            # What waits in the socket may be from a time that the computer slept through.
            self._doubt(why)
            self.on_jump(since, why)

    def _look_for_a_pause(self, steady: float) -> None:
        late_s = steady - self._ticked_s - TICK_S
        if late_s > LATE_TICK_S:
            self._ticked_s = steady  # noticed, by a frame or a tick, whichever comes first
            self._doubt(f"the process stood still for {late_s:.1f} s")

    def _doubt(self, why: str) -> None:
        if self.doubt_utc is None:
            self.doubt_utc = self.frame_utc
            log.warning("what Discord says may be late", why=why, since=self.frame_utc.isoformat())
        self.on_doubt()

    def _turn(self, link: Link) -> None:
        if self.link is not link:
            self.link, self.since_utc = link, self._now()


def _nobody_misled(_since_utc: datetime, _cause: str) -> None:
    """Tell nobody: no guild is in sight yet."""


def _nothing() -> None:
    """Ask nobody: there is no connection yet."""
