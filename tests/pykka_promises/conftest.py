"""Each promise is shown on Pykka's own runtime and on ours."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pykka
import pytest

from supervisors.host import TrioHost
from tests.pykka_promises.runtimes import RUNTIMES, Life, Runtime

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=RUNTIMES, ids=lambda runtime: runtime.name)
def runtime(request: pytest.FixtureRequest) -> Iterator[Runtime]:
    """Every runtime in turn; afterwards nothing of it is left."""
    chosen: Runtime = request.param
    if not chosen.is_ours:
        yield chosen
        pykka.ActorRegistry.stop_all(timeout=5)
    else:
        with TrioHost() as host:
            yield chosen
            assert pykka.ActorRegistry.stop_all(timeout=5) is not None
        assert host.directory.census() == ()
    assert pykka.ActorRegistry.get_all() == []


@pytest.fixture
def life() -> Iterator[Life]:
    life = Life()
    yield life
    life.go_on.set()


@pytest.fixture
def pykka_log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG, logger="pykka")
    return caplog
