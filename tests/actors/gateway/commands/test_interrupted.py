"""The gateway ends while members wait for an answer: each of them gets one, and only one."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import trio

from actors.gateway.protocol import Link
from actors.gateway.socket import GatewaySocket
from actors.gateway.unanswered import INTERRUPTED, SWITCHED_OFF, Unanswered
from tests.actors.gateway.commands.test_use import analyst, is_private, open_house, text_of
from tests.actors.gateway.stage import Stage, stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from supervisors.child_spec import ChildSpec
    from tests.tree import Tree

MEMBERS = 8
NOT_YET_DEFERRED_S, DEFERRED_S = 0.4, 1.3


@contextlib.asynccontextmanager
async def waiting(on: Stage, seen: list[Any], for_s: float) -> AsyncIterator[None]:
    """Let members use a command and wait for `for_s`; after the block all have seen an answer."""

    async def use(member: int) -> None:
        seen.append(await on.use("stats me", user_id=member))

    async with trio.open_nursery() as nursery:
        for member in on.members[:MEMBERS]:
            nursery.start_soon(use, member)
        await trio.sleep(for_s)
        yield
    assert len(seen) == MEMBERS


def slow_analyst() -> ChildSpec:
    return replace(analyst([], late_s=10), shutdown_s=0.1)


async def crash(on: Stage) -> None:
    on.tree.crash("gateway")


async def kill(on: Stage) -> None:
    cell = on.tree.directory.find("gateway")
    assert cell
    assert cell.incarnation
    cell.incarnation.kill("a test kills it")


async def end_the_client(on: Stage) -> None:
    await on.discord.do("close", code=4012)


async def stop(on: Stage) -> None:
    await on.tree.stop()


@pytest.mark.parametrize(
    ("end", "waited_s", "told"),
    [
        (crash, NOT_YET_DEFERRED_S, INTERRUPTED),
        (crash, DEFERRED_S, INTERRUPTED),
        (kill, DEFERRED_S, INTERRUPTED),
        (end_the_client, NOT_YET_DEFERRED_S, INTERRUPTED),
        (end_the_client, DEFERRED_S, INTERRUPTED),
        (stop, NOT_YET_DEFERRED_S, SWITCHED_OFF),
        (stop, DEFERRED_S, SWITCHED_OFF),
    ],
)
async def test_whoever_waits_for_an_answer_when_the_gateway_ends_gets_one(
    tree: Tree, end: Any, waited_s: float, told: str
) -> None:
    seen: list[dict[str, Any]] = []
    async with stage(tree) as on:
        await open_house(on, slow_analyst())
        async with waiting(on, seen, waited_s):
            await end(on)

    assert [text_of(each) for each in seen] == [told] * MEMBERS
    assert all(is_private(each) for each in seen)
    assert max(each["after_s"] for each in seen) < waited_s + 1


async def test_an_answer_that_is_on_its_way_at_a_crash_is_the_only_one(tree: Tree) -> None:
    seen: list[dict[str, Any]] = []
    async with stage(tree) as on:
        await open_house(on, analyst([]))
        await on.discord.do("set", rest_delay_ms=600)
        async with waiting(on, seen, 0.3):
            tree.crash("gateway")

    assert all("Voice: " in text_of(each) for each in seen)


async def test_commands_that_were_sent_but_not_read_at_a_crash_are_answered_too(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, Any]] = []
    read, came = GatewaySocket.received_message, list[Any]()
    go_on = threading.Event()

    async def read_slowly(self: GatewaySocket, frame: Any, /) -> None:
        await read(self, frame)
        while not go_on.is_set():  # noqa: ASYNC110 - the test sets it from Trio
            await asyncio.sleep(0.01)

    def note(self: Unanswered, interaction: Any) -> None:
        came.append(interaction)
        note_it(self, interaction)

    note_it = Unanswered.came
    async with stage(tree) as on:
        await open_house(on, slow_analyst())
        monkeypatch.setattr(GatewaySocket, "received_message", read_slowly)
        monkeypatch.setattr(Unanswered, "came", note)
        async with waiting(on, seen, 0.4):
            assert len(came) <= 1
            go_on.set()
            tree.crash("gateway")

    assert [text_of(each) for each in seen] == [INTERRUPTED] * MEMBERS


async def test_a_discord_that_takes_no_answers_delays_a_restart_by_a_second_at_most(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object, **_what: object) -> None:
        await asyncio.Event().wait()

    seen: list[dict[str, Any]] = []
    async with stage(tree) as on:
        await open_house(on, slow_analyst())
        async with waiting(on, seen, 0.4):
            monkeypatch.setattr("actors.gateway.unanswered._say", never)
            began = trio.current_time()
            tree.crash("gateway")
            await on.until(lambda now: now.link is not Link.CONNECTED)
            took_s = trio.current_time() - began
            monkeypatch.undo()
            await on.connected()

        assert 0.9 < took_s < 1.6
        assert "Commands" in text_of(await on.use("help"))


async def test_commands_before_and_after_a_crash_are_answered_as_ever(tree: Tree) -> None:
    async with stage(tree) as on:
        await open_house(on, analyst([]))
        before = await on.use("stats me")
        tree.crash("gateway")
        await trio.sleep(0.1)
        await on.connected()
        after = await on.use("stats me", user_id=on.members[1])

        assert "Voice: " in text_of(before)
        assert "Voice: " in text_of(after)
