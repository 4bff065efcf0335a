"""Fixtures for everyone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pykka
import pytest
from hypothesis import Phase, settings

from tests.tree import Tree

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import trio


# A machine that others use too is now and then slow; that is no failure of an example.
settings.register_profile("bulkhead", deadline=None, print_blob=True)
# In `make mutants` a failure is what is hoped for: nobody reads its smallest example.
settings.register_profile(
    "mutants",
    deadline=None,
    database=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
)
settings.load_profile("bulkhead")


@pytest.fixture
async def tree(nursery: trio.Nursery) -> AsyncIterator[Tree]:
    """A tree that is stopped after the test, and must then be gone without a trace."""
    already = set(pykka.ActorRegistry.get_all())
    tree = Tree(nursery)
    yield tree
    await tree.stop()
    assert tree.names == []
    assert set(pykka.ActorRegistry.get_all()) <= already
    assert not nursery.child_tasks, "an actor left a task behind"
