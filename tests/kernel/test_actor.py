"""One actor: order, asks, stops, crashes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.kernel.probes import Story, child

if TYPE_CHECKING:
    from trio.testing import MockClock

    from tests.tree import Tree


async def test_messages_of_one_sender_arrive_in_the_order_sent(
    tree: Tree, autojump_clock: MockClock
) -> None:
    story = Story()
    await tree.grow(child("probe", story))

    tree.tell("probe", *range(500))
    await tree.settle()

    assert story.lines == list(range(500))
