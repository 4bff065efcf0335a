"""An operator looks into a bot, harms it and reads its crashes, over the control socket."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio

from actors.analyst.actor import AnalystActor
from actors.kernel.inspection import Trace
from actors.recorder.actor import RecorderActor
from supervisors.child_spec import ChildSpec
from supervisors.control import RefusedError, follow, request
from supervisors.crash_log import CrashLog
from supervisors.watchdog import WatchdogActor
from tests.kernel.probes import BatchProbe, Boom, Hold, Ping, Probe, Story, ThreadProbe, until
from tests.supervisors.operated import Operated
from tests.tree import supervisor

if TYPE_CHECKING:
    from pathlib import Path

    from tests.tree import Tree

ALL = pytest.mark.parametrize("kind", [Probe, ThreadProbe, BatchProbe])
BOTH = pytest.mark.parametrize("kind", [Probe, ThreadProbe])


class Watched(Operated):
    """The small bot with a real ledger, and a probe of any kind to look at."""

    def __init__(self, tree: Tree, folder: Path) -> None:
        super().__init__(tree, folder)
        self.story = Story()
        CrashLog(tree.directory, tree.directory.address("recorder"))

    async def run(self, kind: type[Any] = Probe, **options: Any) -> None:
        file = self.folder / "activity.duckdb"
        await self.tree.grow(
            supervisor(
                "storage",
                ChildSpec(id="recorder", start=partial(RecorderActor.start, file)),
                ChildSpec(id="analyst", start=partial(AnalystActor.start, file)),
            ),
            self.part("gateway"),
            supervisor(
                "guilds", ChildSpec(id="probe", start=partial(kind.start, self.story), **options)
            ),
            self.console(),
            ChildSpec(id="watchdog", start=WatchdogActor.start),
        )

    async def ask(self, do: str, **body: Any) -> dict[str, Any]:
        return await request(self.folder, do=do, **body)

    async def drill(self, what: str, name: str = "probe", **body: Any) -> dict[str, Any]:
        with trio.fail_after(20):
            return await follow(
                self.folder, lambda _line: None, do="drill", what=what, name=name, **body
            )


@pytest.fixture
def bot(tree: Tree, tmp_path: Path) -> Watched:
    return Watched(tree, tmp_path)


async def test_an_actor_is_shown_with_its_mail_state_and_times(bot: Watched) -> None:
    await bot.run()
    bot.tree.tell("probe", Hold(0.001))
    await bot.tree.ask("probe", Ping())

    answer = await bot.ask("actor", name="probe")

    assert answer["actor"]["report"]["name"] == "probe"
    assert answer["actor"]["shown_state"]["number"] == 1
    assert answer["actor"]["capacity"] == 1000
    assert (answer["children"], answer["count"]) == ([], None)


async def test_a_supervisor_is_shown_with_its_children_and_their_count(bot: Watched) -> None:
    await bot.run()

    answer = await bot.ask("actor", name="root")

    assert [child["name"] for child in answer["children"]] == [
        "storage", "gateway", "guilds", "console", "watchdog",
    ]  # fmt: skip
    assert answer["count"] == {"specs": 5, "active": 5, "supervisors": 2, "workers": 3}
    assert answer["actor"]["capacity"] is None
    assert answer["actor"]["shown_state"]["strategy"] == "one_for_one"


@pytest.mark.parametrize("verb", ["actor", "trace", "suspend", "resume", "drill", "crash"])
async def test_a_name_that_nobody_has_is_refused_with_the_nearest(bot: Watched, verb: str) -> None:
    await bot.run()

    with pytest.raises(RefusedError, match=r"no actor is called prob; did you mean probe\?"):
        await bot.ask(verb, name="prob", what="kill")


async def test_suspend_and_resume_say_how_the_actor_stands(bot: Watched) -> None:
    await bot.run()

    held = await bot.ask("suspend", name="probe")
    bot.tree.tell("probe", "waits")
    status = (await bot.ask("status"))["status"]
    resumed = await bot.ask("resume", name="probe")

    assert (held["state"], held["waiting"]) == ("suspended", 0)
    assert {a["name"]: a["state"] for a in status["tree"]}["probe"] == "suspended"
    assert (resumed["state"], resumed["waiting"]) == ("running", 1)
    with pytest.raises(RefusedError, match="probe is not suspended"):
        await bot.ask("resume", name="probe")


@BOTH
async def test_a_trace_streams_turns_and_says_at_the_end_how_many(
    bot: Watched, kind: type[Any]
) -> None:
    await bot.run(kind)
    turns: list[dict[str, Any]] = []

    def heard(line: dict[str, Any]) -> None:
        if "tracing" in line:
            bot.tree.tell("probe", "one", "two", Hold(0.01))
        turns.extend([line["turn"]] if "turn" in line else [])

    end = await follow(bot.folder, heard, do="trace", name="probe", for_s=0.6)

    assert end == {"turns": 3, "missed": 0}
    assert [turn["message"] for turn in turns] == ["str", "str", "Hold(seconds=0.01)"]
    assert turns[2]["took_ms"] >= 10


def _cell(bot: Watched) -> Any:
    return bot.tree.directory.find("probe")


async def test_a_trace_ends_when_the_operator_hangs_up(bot: Watched) -> None:
    await bot.run()
    with trio.move_on_after(0.2):
        await follow(bot.folder, lambda _: None, do="trace", name="probe", for_s=600)

    await until(lambda: not _traces(bot))
    assert (await bot.ask("status"))["ok"]


def _traces(bot: Watched) -> list[object]:
    lens = _cell(bot).lens
    watchers = () if lens is None else lens._watchers
    return [each for each in watchers if isinstance(getattr(each, "__self__", None), Trace)]


@ALL
async def test_a_killed_actor_is_back_and_the_bystander_did_not_notice(
    bot: Watched, kind: type[Any]
) -> None:
    await bot.run(kind)

    report = await bot.drill("kill")

    assert report["recovered"]
    assert 0 < report["recovery_ms"] < 5000
    assert (report["restarts"], report["messages_lost"]) == (1, 0)
    assert report["bystander"]["name"] == "watchdog"
    assert report["bystander"]["answered"] > 10
    assert report["bystander"]["unanswered"] == 0
    assert report["bystander"]["p50_ms"] <= report["bystander"]["p99_ms"]


async def test_a_killed_supervisor_counts_as_back_when_all_below_it_are(bot: Watched) -> None:
    await bot.run()

    report = await bot.drill("kill", "guilds")

    assert report["recovered"]
    assert bot.story.starts == 2
    assert {r.state.value for r in bot.tree.directory.census()} == {"running"}


@BOTH
async def test_a_hung_actor_is_healed_by_the_watchdog(bot: Watched, kind: type[Any]) -> None:
    await bot.run(kind, turn_s=0.3)

    report = await bot.drill("hang")

    assert report["recovered"]
    assert report["recovery_ms"] >= 300
    assert (report["restarts"], report["messages_lost"]) == (1, 0)
    assert await bot.tree.ask("probe", Ping()) == 2
    assert bot.story.lines == []  # the drill's own message never reached a handler


@BOTH
async def test_a_hang_that_is_not_healed_in_time_fails_the_drill_and_is_taken_back(
    bot: Watched, kind: type[Any]
) -> None:
    await bot.run(kind, turn_s=60)

    report = await bot.drill("hang", limit_s=0.3)

    assert (report["recovered"], report["recovery_ms"]) == (False, None)
    assert await bot.tree.ask("probe", Ping()) == 1
    assert _cell(bot).lens is None or _cell(bot).lens.obstacle is None


async def test_a_hang_is_taken_back_when_the_operator_hangs_up(bot: Watched) -> None:
    await bot.run(turn_s=60)
    with trio.move_on_after(0.3):
        await bot.drill("hang")

    assert await bot.tree.ask("probe", Ping()) == 1


@ALL
async def test_a_flooded_mailbox_refuses_and_drains_and_no_handler_sees_the_flood(
    bot: Watched, kind: type[Any]
) -> None:
    await bot.run(kind, mailbox_capacity=2000)

    report = await bot.drill("flood")

    assert report["recovered"]
    assert (report["accepted"], report["refused"]) == (2000, 100)
    assert (report["restarts"], report["messages_lost"]) == (0, 0)
    assert _cell(bot).mailbox.depth() == 0
    assert await bot.tree.ask("probe", Ping()) == 1
    assert [line for line in bot.story.lines if not isinstance(line, tuple)] == []


@ALL
async def test_a_slowed_actor_catches_up(bot: Watched, kind: type[Any]) -> None:
    await bot.run(kind)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_keep_telling, bot, 30)
        report = await bot.drill("slow", for_s=0.3, each_ms=30)

    assert report["recovered"]
    assert report["turns_slowed"] >= 2
    assert report["most_waiting"] > 0
    assert _cell(bot).mailbox.depth() == 0


async def _keep_telling(bot: Watched, times: int) -> None:
    for number in range(times):
        bot.tree.tell("probe", f"message {number}")
        await trio.sleep(0.005)


@pytest.mark.parametrize(
    ("what", "name", "why"),
    [
        ("kill", "root", "root is the whole bot"),
        ("kill", "console", "the drill would run in console itself"),
        ("hang", "probe", "probe has no limit for a turn"),
        ("flood", "guilds", "guilds is a supervisor, whose mailbox has no bound"),
        ("maim", "probe", "a drill is one of kill, hang, flood, slow, not 'maim'"),
    ],
)
async def test_a_drill_that_makes_no_sense_is_refused(
    bot: Watched, what: str, name: str, why: str
) -> None:
    await bot.run()

    with pytest.raises(RefusedError, match=why):
        await bot.drill(what, name)
    assert bot.story.starts == 1


@pytest.mark.parametrize("limit_s", [0, -1, 1e9, "5", True, None])
async def test_a_limit_that_is_no_time_is_refused(bot: Watched, limit_s: object) -> None:
    await bot.run()

    with pytest.raises(RefusedError, match="limit_s must be more than 0"):
        await bot.drill("kill", limit_s=limit_s)


async def test_one_drill_at_a_time_and_none_on_a_suspended_actor(bot: Watched) -> None:
    await bot.run(turn_s=60)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(bot.drill, "slow", for_s=0.5))
        await until(lambda: _cell(bot).lens is not None and _cell(bot).lens.obstacle is not None)
        with pytest.raises(RefusedError, match="is going on already"):
            await bot.drill("hang")
    await bot.ask("suspend", name="probe")
    with pytest.raises(RefusedError, match="probe is suspended; resume it first"):
        await bot.drill("kill")


async def test_a_bot_on_the_real_discord_is_drilled_only_with_a_yes(bot: Watched) -> None:
    bot.sources = replace(bot.sources, real_discord=True)
    await bot.run()

    with pytest.raises(RefusedError, match=r"connected to Discord itself.*--yes"):
        await bot.drill("kill")
    assert bot.story.starts == 1
    assert (await bot.drill("kill", yes=True))["recovered"]


async def test_the_watchdog_itself_can_be_drilled_with_another_bystander(bot: Watched) -> None:
    await bot.run()

    report = await bot.drill("kill", "watchdog")

    assert report["recovered"]
    assert report["bystander"]["name"] == "gateway"


async def test_equal_crashes_are_one_card_that_can_be_judged_and_comes_back(bot: Watched) -> None:
    await bot.run()
    for lives in (2, 3):
        bot.tree.tell("probe", Boom())
        await until(partial(bot.story.has_lived, lives))

    (card,) = (await bot.ask("crashes"))["cards"]
    assert (card["state"], card["count"], card["kinds"]) == ("open", 2, ["Probe"])
    assert card["last_actor"] == "probe"
    assert card["last_in_hand"].startswith("Boom(")
    assert "in on_receive" in card["stack"]
    status = (await bot.ask("status"))["status"]
    assert [e["card"] for e in status["supervision"] if e["reason"].startswith("crashed")] == [
        card["card"],
        card["card"],
    ]

    judged = await bot.ask("judge", card=card["card"].lower(), state="fixed", version="9.9")
    assert [(c["state"], c["fixed_in"]) for c in judged["cards"]] == [("fixed", "9.9")]
    bot.tree.tell("probe", Boom())
    await until(lambda: bot.story.starts == 4)
    (back,) = (await bot.ask("crashes", card=card["card"]))["cards"]
    assert (back["state"], back["count"]) == ("open", 3)
    assert back["reopened_utc"] is not None


async def test_a_crash_on_purpose_is_a_card_that_is_ignored_from_birth(bot: Watched) -> None:
    await bot.run()
    await bot.drill("kill")

    (card,) = (await bot.ask("crashes"))["cards"]

    assert (card["state"], card["headline"].partition(":")[0]) == ("ignored", "DrillError")


async def test_a_card_that_nobody_has_is_refused_with_the_nearest(bot: Watched) -> None:
    await bot.run()
    bot.tree.tell("probe", Boom())
    await until(lambda: bot.story.starts == 2)
    (card,) = (await bot.ask("crashes"))["cards"]
    near = card["card"][:-1] + ("0" if card["card"][-1] != "0" else "1")

    with pytest.raises(RefusedError, match=f"did you mean {card['card']}"):
        await bot.ask("crashes", card=near)
    with pytest.raises(RefusedError, match="a card is one of open, fixed, ignored, not 'dead'"):
        await bot.ask("judge", card=card["card"], state="dead")
