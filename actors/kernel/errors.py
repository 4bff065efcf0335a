"""Errors of the actor runtime.

ActorError
├── MailboxFullError      the message was refused; the sender decides what then
├── ActorGoneError        no actor has this name, or it stopped before it answered
├── ActorCrashedError     the actor died while it held your request; see `__cause__`
├── NoReplyError          a handler forgot to answer a request
├── UnsupervisedError     an actor was started outside a supervisor
├── HostStoppedError      the host is over, or not open yet: it starts no actor
├── HostStuckError        what runs on the host can't be ended
├── AlreadySetError       a future has its one outcome already
└── DrillError            somebody crashed the actor on purpose
"""

from __future__ import annotations

import queue

import pykka


class ActorError(Exception):
    """Base of every error that the actor runtime raises itself."""


class MailboxFullError(ActorError):
    """The mailbox was at capacity, so the message was not delivered."""


class ActorGoneError(ActorError, pykka.ActorDeadError):
    """No actor has this name any more, or it ended before it answered."""


class ActorCrashedError(ActorError):
    """The actor died while it was handling the request; see `__cause__`."""


class NoReplyError(ActorError):
    """The handler finished a request without a reply."""


class UnsupervisedError(ActorError):
    """`start()` was called outside a supervisor."""


class HostStoppedError(ActorError):
    """The host does not run (any more), so it starts no actor."""


class HostStuckError(ActorError):
    """Something on the host neither stopped nor could be killed."""


class AlreadySetError(ActorError, queue.Full):
    """A future was set twice; `queue.Full` is what Pykka's own futures raise then."""


class DrillError(ActorError):
    """The actor was crashed on purpose, by an operator or a test."""
