"""What the pipeline shows: whether orders are kept, when a list of alarms is another, and what is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from agent.alarm_case import Standing
from agent.book.orders import Order
from agent.clock import SystemClock
from agent.lifecycle import Status
from agent.plant import State
from agent.sight import complies, version_of
from agent.sites import load_site
from agent.window import LOOKED_NS, Window
from tests.agent.test_judgement import HIGH, NS, PLANT, Run
from tests.agent.test_pipeline import Host
from tests.config.sites import site

if TYPE_CHECKING:
    from pathlib import Path

    from agent.sight import Sight

HOUR_MS = 3_600_000


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a run of a site with a line and two limits."""
    path = tmp_path / "site.toml"
    path.write_text(site() + PLANT, encoding="utf-8")
    return Run(load_site(path))


def seen(run: Run, before: Sight | None = None, *, is_time_known: bool = True) -> Sight:
    """Return what is to be seen now."""
    now_ns = round(run.mono_s * NS)

    def wall_of(mono_ns: int) -> int | None:
        return run.wall_ms - (now_ns - mono_ns) // 1_000_000 if is_time_known else None

    return run.judgement.look(now_ns, wall_of, before)


# --- orders ----------------------------------------------------------------------------------------------------------


def order(**members: Any) -> Order:
    """Return an order to stop."""
    plain: dict[str, Any] = {"id": "o1", "sort": "emergency", "lines": ("paint",), "start_ms": 0, "end_ms": HOUR_MS}
    plain |= {"reduce": 1.0, "hours": None, "minimum_kw": None, "exempt": (), "reason": ""}
    return Order(**(plain | members))


def standing(rule: str, *, is_discounted: bool = False) -> dict[str, Standing]:
    """Return an active alarm of a rule on the line."""
    alarm = f"rule.{rule}.paint"
    status = Status.SUPPRESSED if is_discounted else Status.UNACKNOWLEDGED
    told = {"priority": "high", "status": status, "escalated": False, "group": None, "members": {}}
    return {alarm: Standing(alarm=alarm, is_discounted=is_discounted, **told)}  # type: ignore[arg-type]


STOP, SEASON = order(), order(sort="staggered")
CUT, HOURS = order(reduce=0.3), order(reduce=None, hours=(360, 1320))
BOTH, LEAST = order(reduce=0.3, hours=(360, 1320)), order(reduce=None, hours=None, minimum_kw=20.0)


def quiet(rule: str) -> dict[str, bool | None]:
    """Return the answer of a rule that its condition does not hold."""
    return {f"rule.{rule}.paint": False}


Q1, Q2, Q5, Q6 = map(quiet, ("R1", "R2", "R5", "R6"))

KEPT: dict[str, tuple[Order, dict[str, Standing], dict[str, bool | None], bool | None]] = {
    "the rule is quiet and knows": (STOP, {}, Q1, True),
    "the rule's alarm is active": (STOP, standing("R1"), {"rule.R1.paint": True}, False),
    "it started again": (STOP, standing("R4"), Q1, False),
    "the rule does not apply": (STOP, {}, {}, None),
    "the rule does not know": (STOP, {}, {"rule.R1.paint": None}, None),
    "the condition holds, its delay still counts": (STOP, {}, {"rule.R1.paint": True}, None),
    "the line is exempt for now": (STOP, standing("R1", is_discounted=True), {"rule.R1.paint": True}, None),
    "a season: another rule": (SEASON, {}, Q5, True),
    "a season is not judged by the rule of stops": (SEASON, {}, Q1, None),
    "a cut that is made": (CUT, {}, Q2, True),
    "a cut that is missed over the day": (CUT, standing("R10"), Q2, False),
    "hours that are kept": (HOURS, {}, Q6, True),
    "of two demands only one is known": (BOTH, {}, Q2, None),
    "both are kept": (BOTH, {}, Q2 | Q6, True),
    "one is not": (BOTH, standing("R6"), Q2 | Q6, False),
    "another line's alarm is not ours": (order(lines=("dry",)), standing("R1"), Q1, None),
    "more than the least load": (LEAST, standing("R8"), {}, False),
    "nobody can say that the least load is kept": (LEAST, {}, {}, None),
}


@pytest.mark.parametrize(("asked", "active", "conditions", "kept"), KEPT.values(), ids=KEPT)
def test_an_order_is_kept_when_the_rules_about_it_know_so(
    asked: Order, active: dict[str, Standing], conditions: dict[str, bool | None], kept: bool | None
) -> None:
    """Not knowing is neither yes nor no."""
    assert complies(asked, asked.lines[0], active, conditions) is kept


def test_orders_in_force_are_shown_by_line(run: Run) -> None:
    """One that is to come is not, and none while nobody knows the time."""
    run.enter("order", stop=True, end="+2h")
    run.enter("order", reduce=30, start="+3h", end="+5h")
    rows = seen(run).orders

    assert [(row["id"], row["line"], row["stop"], row["until_ms"]) for row in rows] == [
        ("o1", "paint", True, run.wall_ms + 2 * HOUR_MS)
    ]
    assert seen(run, is_time_known=False).orders == []


# --- states ----------------------------------------------------------------------------------------------------------


def test_what_is_not_known_is_unknown_and_has_no_beginning(run: Run) -> None:
    """Before the first reading, and of a facility that nothing tells about."""
    sight = seen(run)

    nothing = {"state": "unknown", "since_ms": None}
    assert sight.facilities == {"press": nothing, "fan": nothing}
    assert sight.lines == {"paint": {"production": "unknown", "treatment": "unknown"}}


def test_a_state_has_a_date_when_the_time_is_known(run: Run) -> None:
    """Since when a facility does what it does."""
    state = run.judgement._bound.world.states.facilities["press"]
    for _ in range(200):
        run.scan(41.0)
        run.wait(1)
    assert state.state is State.RUN
    since_ms = run.wall_ms - (round(run.mono_s * NS) - state.seen.since_ns) // 1_000_000

    assert seen(run).facilities["press"] == {"state": "run", "since_ms": since_ms}
    assert seen(run, is_time_known=False).facilities["press"] == {"state": "run", "since_ms": None}
    assert seen(run).lines["paint"]["production"] == "run"


def test_derived_points_are_shown_with_their_last_scan(run: Run) -> None:
    """They have no bus that could tell."""
    assert [scan for _, scan in seen(run).derived] == [None]
    run.scan(20.0, 1.5)

    assert [(device.spec.name, scan.values) for device, scan in seen(run).derived if scan] == [("sum", (21.5,))]


# --- alarms ----------------------------------------------------------------------------------------------------------


def test_the_version_changes_with_the_alarms_and_not_with_their_age(run: Run) -> None:
    """Whoever saw it has not to look again until there is something to see."""
    first = seen(run)
    run.scan(41.0)
    raised = seen(run, first)
    run.wait(30)
    older = seen(run, raised)

    assert raised.version > first.version
    assert older.version == raised.version
    assert older.alarms[0]["active_s"] == raised.alarms[0]["active_s"] + 30
    assert [row["alarm"] for row in older.alarms] == [HIGH]


def test_two_changes_in_a_moment_are_two_versions(run: Run) -> None:
    """Also when the clock shows the same millisecond; and a version is never used again after a restart."""
    first = seen(run)
    one = version_of([{"alarm": "a", "active_s": 1}], first.mono_ns, first)

    assert one > first.version
    run.mono_s += 60
    assert seen(run).version > one


def test_overdue_tasks_are_counted(run: Run) -> None:
    """Those that nobody answered in time."""
    run.enter("task", place="stack", items=["Anything unusual?"], due="+1h")
    assert seen(run).tasks_overdue == 0
    run.wait(3700)

    assert seen(run).tasks_overdue == 1


# --- the window ------------------------------------------------------------------------------------------------------


def test_nothing_is_shown_while_nobody_looks(run: Run) -> None:
    """And nothing is made; some seconds after somebody looked it ends again."""
    host = Host()
    window = Window(SystemClock(host=host))
    window.show(run.judgement, host.now_ns)
    assert window.look() is None
    window.show(run.judgement, host.now_ns)
    assert window.look() is not None
    host.now_ns += LOOKED_NS
    window.show(run.judgement, host.now_ns)

    assert window.look() is None


def test_a_mistake_of_ours_costs_the_view_and_nothing_else(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pipeline goes on."""
    host = Host()
    window = Window(SystemClock(host=host))
    window.look()
    monkeypatch.setattr(run.judgement, "listing", lambda: 1 / 0)
    window.show(run.judgement, host.now_ns)

    assert window.look() is None
