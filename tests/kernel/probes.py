"""Actors to be told, crashed and killed in tests. Each keeps its story outside of itself."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import trio
from typing_extensions import override

from actors.kernel.actor import Actor
from actors.kernel.blocking import Batch, BatchActor, BlockingActor
from actors.kernel.messages import Reply, Request
from supervisors.child_spec import ChildSpec

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class Story:
    """What the incarnations of one actor did, in order; it outlives each of them."""

    lines: list[Any] = field(default_factory=list)
    failing: dict[str, BaseException] = field(default_factory=dict)
    """Hooks that raise: `__init__`, `pre_start`, `post_stop`; taken out once they did."""
    slow: dict[str, float] = field(default_factory=dict)
    """Seconds that a hook takes; in threads until `go_on` is set, if that is sooner."""
    go_on: threading.Event = field(default_factory=threading.Event)
    starts: int = 0

    def note(self, line: object) -> None:
        self.lines.append(line)

    def has_lived(self, lives: int) -> bool:
        return self.starts >= lives

    def fail(self, hook: str) -> None:
        error = self.failing.pop(hook, None)
        if error is not None:
            raise error


@dataclass(frozen=True, slots=True)
class Ping(Request[int]):
    """Ask which incarnation answers, counted from 1."""


@dataclass(frozen=True, slots=True)
class Boom:
    """Crash with an error."""

    error: BaseException = field(default_factory=lambda: ValueError("boom"))


@dataclass(frozen=True, slots=True)
class BoomAsked(Request[int]):
    """Crash on a request."""

    error: BaseException = field(default_factory=lambda: ValueError("boom"))


@dataclass(frozen=True, slots=True)
class Forget(Request[int]):
    """A request that is not answered."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Be busy for so long (in a thread: until the story's `go_on`, if that is sooner)."""

    seconds: float


@dataclass(frozen=True, slots=True)
class HoldAsked(Request[int]):
    """Be busy for so long, then answer."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Do(Request[Any]):
    """Call `act(actor)` in the handler; answer with what it returns."""

    act: Callable[[Any], object]


class Quit:
    """Stop yourself."""


class Probe(Actor[Any]):
    """Notes each message and does what it says."""

    def __init__(self, story: Story) -> None:
        super().__init__()
        self.story = story
        story.fail("__init__")
        story.starts += 1
        self.number = story.starts

    @override
    async def pre_start(self) -> None:
        await trio.sleep(self.story.slow.get("pre_start", 0))
        self.story.fail("pre_start")

    @override
    async def post_stop(self) -> None:
        self.story.note("post_stop")
        await trio.sleep(self.story.slow.get("post_stop", 0))
        self.story.fail("post_stop")

    @override
    async def on_receive(self, message: object) -> Reply[Any] | None:
        match message:
            case Ping():
                return message.reply(self.number)
            case Boom(error) | BoomAsked(error):
                raise error
            case Forget():
                return None
            case Hold(seconds):
                await trio.sleep(seconds)
            case HoldAsked(seconds):
                await trio.sleep(seconds)
                return message.reply(self.number)
            case Do(act):
                return message.reply(act(self))
            case Quit():
                self.stop()
            case _:
                self.story.note(message)
        return None


class FinishingProbe(Probe):
    finishes_mail = True


class ThreadProbe(BlockingActor[Any]):
    """The same, in a thread."""

    def __init__(self, story: Story) -> None:
        super().__init__()
        self.story = story
        story.fail("__init__")
        story.starts += 1
        self.number = story.starts

    @override
    def pre_start(self) -> None:
        self._hold(self.story.slow.get("pre_start", 0))
        self.story.fail("pre_start")

    @override
    def post_stop(self) -> None:
        self.story.note("post_stop")
        self._hold(self.story.slow.get("post_stop", 0))
        self.story.fail("post_stop")

    def _hold(self, seconds: float) -> None:
        if seconds:
            self.story.go_on.wait(seconds)

    @override
    def on_receive(self, message: object) -> Reply[Any] | None:
        match message:
            case Ping():
                return message.reply(self.number)
            case Boom(error) | BoomAsked(error):
                raise error
            case Forget():
                return None
            case Hold(seconds):
                self._hold(seconds)
            case HoldAsked(seconds):
                self._hold(seconds)
                return message.reply(self.number)
            case Do(act):
                return message.reply(act(self))
            case Quit():
                self.stop()
            case _:
                self.story.note(message)
        return None


class FinishingThreadProbe(ThreadProbe):
    finishes_mail = True


class BatchProbe(BatchActor[Any]):
    """Stores each position once, like a recorder; told `Boom`, it crashes on the batch."""

    batch_size = 10
    batch_wait_s = 0.01

    def __init__(self, story: Story) -> None:
        super().__init__()
        self.story = story
        story.starts += 1
        self.number = story.starts

    @override
    def on_batch(self, batch: Batch[Any]) -> None:
        self.story.note(tuple(d.position for d in batch.deliveries))
        for delivery in batch.deliveries:
            match delivery.message:
                case Boom(error) | BoomAsked(error):
                    raise error
                case Hold(seconds):
                    self.story.go_on.wait(seconds)
                case Ping():
                    assert delivery.reply_to
                    delivery.reply_to.send(delivery.message.reply(self.number))
                case Do(act):
                    assert delivery.reply_to
                    delivery.reply_to.send(delivery.message.reply(act(self)))


def child(id_: str, story: Any, kind: type[Any] = Probe, **options: Any) -> ChildSpec:
    """Describe a probe, or another actor that takes one argument."""
    return ChildSpec(id=id_, start=partial(kind.start, story), **options)


def eventually(condition: Callable[[], object], within: float = 5) -> None:
    """Block a thread until `condition` holds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.001)


async def until(condition: Callable[[], object], within: float = 5) -> None:
    """Wait on Trio, in real time, until `condition` holds; for tests with threads."""
    with trio.fail_after(within):
        while not condition():  # noqa: ASYNC110 - a thread's state has no event to wait for
            await trio.sleep(0.001)
