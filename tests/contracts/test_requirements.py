"""The requirements files are what pyproject.toml asks for today, pinned and hashed."""

from __future__ import annotations

import importlib.metadata
import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.contracts.repository import ROOT, asked_for, entries, extras, pins

HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")


def test_every_extra_has_its_file_and_every_file_its_extra() -> None:
    assert {path.stem for path in (ROOT / "requirements").glob("*.txt")} == set(extras())


@pytest.mark.parametrize("extra", extras())
def test_every_requirement_is_pinned_to_one_version_with_hashes(extra: str) -> None:
    loose = [
        entry[:60]
        for entry in entries(extra)
        if not HASH.search(entry) or not re.match(r"[\w.-]+==[^\s*]+ ", entry)
    ]

    assert loose == []


@pytest.mark.parametrize("extra", extras())
def test_every_package_that_pyproject_asks_for_is_pinned_within_its_bounds(extra: str) -> None:
    pinned = pins(extra)
    for wanted in asked_for(extra):
        requirement = pinned[canonicalize_name(wanted.name)]
        version = next(iter(requirement.specifier)).version
        assert wanted.specifier.contains(version, prereleases=True), (
            f"run: make requirements ({wanted})"
        )


@pytest.mark.parametrize("extra", [extra for extra in extras() if extra != "run"])
def test_no_extra_changes_what_the_product_runs_on(extra: str) -> None:
    product, pinned = pins("run"), pins(extra)

    assert {name: str(pinned[name]) for name in product} == {
        name: str(requirement) for name, requirement in product.items()
    }


@pytest.mark.parametrize("extra", ["run", "test"])
def test_nothing_is_pinned_that_nobody_asks_for(extra: str) -> None:
    here = {
        name
        for name, requirement in pins(extra).items()
        if requirement.marker is None or requirement.marker.evaluate()
    }

    assert here == reachable(asked_for(extra))


def reachable(roots: tuple[Requirement, ...]) -> set[str]:
    """Follow the metadata of what is installed from `roots` down."""
    found: set[str] = set()
    waiting = [(canonicalize_name(root.name), frozenset(root.extras)) for root in roots]
    seen = set(waiting)
    while waiting:
        name, wanted_extras = waiting.pop()
        found.add(name)
        for line in importlib.metadata.requires(name) or ():
            requirement = Requirement(line)
            marker = requirement.marker
            if marker and not any(marker.evaluate({"extra": e}) for e in ("", *wanted_extras)):
                continue
            step = (canonicalize_name(requirement.name), frozenset(requirement.extras))
            if step not in seen:
                seen.add(step)
                waiting.append(step)
    return found
