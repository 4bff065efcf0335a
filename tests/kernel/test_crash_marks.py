"""Which crashes are equal, and what a crash tells its listeners."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from actors.kernel.crash_marks import CrashSeen, card_id, headline, stack_text
from tests.kernel.probes import BatchProbe, Boom, Probe, Story, ThreadProbe, child, until

if TYPE_CHECKING:
    from tests.tree import Tree

SOURCE = """
def outer(n):
    return inner(n)

def inner(n):
    if n:
        return inner(n - 1)
    raise ValueError(f"bad id {n} at {object()!r}")
"""


def crashed(source: str = SOURCE, call: str = "outer", depth: int = 0, file: str = "a.py") -> Any:
    scope: dict[str, Any] = {}
    exec(compile(textwrap.dedent(source), file, "exec"), scope)
    with pytest.raises(Exception) as caught:
        scope[call](depth)
    # Without the frame of this function, which no two crashes have in common elsewhere.
    return caught.value.with_traceback(caught.tb.tb_next)


def test_an_edit_elsewhere_and_another_object_leave_the_id_as_it_is() -> None:
    edited = "\n\nX = 1\n" + SOURCE.replace("return inner(n)\n", "y = n\n    return inner(y)\n", 1)

    assert card_id(crashed()) == card_id(crashed(edited)) == card_id(crashed(depth=3))


@pytest.mark.parametrize(
    "other",
    [
        SOURCE.replace("ValueError", "KeyError"),
        SOURCE.replace("outer", "outside"),
    ],
)
def test_another_error_or_another_way_is_another_crash(other: str) -> None:
    call = "outside" if "outside" in other else "outer"

    assert card_id(crashed()) != card_id(crashed(other, call))


def test_the_folder_that_the_program_is_in_makes_no_difference() -> None:
    one, other = (f"{root}lib/python3.11/site-packages/thing/a.py" for root in ("/", "elsewhere/"))

    assert card_id(crashed(file=one)) == card_id(crashed(file=other))
    assert "thing/a.py:8 in inner" in stack_text(crashed(file=one))


def test_a_recursion_that_is_too_deep_is_one_crash_at_any_depth() -> None:
    endless = "def outer(n):\n    return outer(n + 1)\n"

    assert card_id(crashed(endless)) == card_id(crashed(endless, depth=7))


def test_the_cause_counts() -> None:
    def raised(cause: Exception) -> Exception:
        error = RuntimeError("x")
        error.__cause__ = cause
        return error

    assert card_id(raised(ValueError("1"))) == card_id(raised(ValueError("2")))
    assert card_id(raised(ValueError("1"))) != card_id(raised(KeyError("1")))


def test_a_cause_that_causes_itself_ends() -> None:
    error = ValueError("x")
    error.__cause__ = RuntimeError("y")
    error.__cause__.__cause__ = error

    assert len(card_id(error)) == 5


def test_a_headline_holds_no_ids_and_is_cut() -> None:
    assert headline(KeyError(123456789012345678)) == "KeyError: #"
    assert len(headline(ValueError("x" * 1000))) < 250


@pytest.mark.parametrize("kind", [Probe, ThreadProbe, BatchProbe])
async def test_a_crash_tells_its_card_its_actor_and_the_message_in_hand(
    tree: Tree, kind: type[Any]
) -> None:
    seen: list[CrashSeen] = []
    tree.directory.crashes.append(seen.append)
    await tree.grow(child("probe", Story(), kind))
    message = Boom()
    tree.tell("probe", message)
    await until(lambda: len(tree.log) >= 3)

    # A batch is tried again, and crashes once more, before its message is quarantined.
    assert {(crash.name, crash.kind, crash.in_hand) for crash in seen} == {
        ("probe", kind.__name__, message)
    }
    cards = {event.card for event in tree.events if event.reason.startswith("crashed")}
    assert cards == {seen[0].card}
    others = [event for event in tree.events if not event.reason.startswith("crashed")]
    assert {event.card for event in others} == {""}
    (report,) = (r for r in tree.directory.census() if r.name == "probe")
    assert report.card == seen[0].card


async def test_a_listener_that_fails_keeps_no_life_from_ending(tree: Tree) -> None:
    def fail(_crash: CrashSeen) -> None:
        raise RuntimeError("listener")

    tree.directory.crashes.append(fail)
    story = Story()
    await tree.grow(child("probe", story))

    tree.tell("probe", Boom())
    await until(lambda: story.starts == 2)
