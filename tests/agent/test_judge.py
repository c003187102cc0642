"""agent.judge: what devices say becomes alarms of rules; agent.rules.sources: where their numbers come from."""

from __future__ import annotations

import json
import zlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from agent.plant import State
from agent.rules import quantity as q
from agent.rules.outside import InForce
from agent.rules.quantity import Span
from agent.rules.rule import Grain, Group, Kind, Mutes, Param, Rule, Scope
from config.site import Text
from tests.agent.judged_house import BOOT, START, FakePlan, House
from tests.agent.rules.described import WORKS, site

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from agent.rules.quantity import Read
    from agent.rules.rule import Moment
    from config.site import Site

OFF, IDLE, RUN = State
AT_WORK = {
    "press": (40000.0, 123456.0, 231.0),
    "dcs": (True, True, 88.0),
    "cems": (21.0, 9.0, 50000.0, -200.0),
}
"""What the works say at work: press W, Wh, V; fan, pump, load; SO2, O2, flow, pressure."""


class Probe:
    """An evaluator that answers what it is given first, and remembers everything."""

    def __init__(self) -> None:
        self.given: list[tuple[Any, ...]] = []
        self.at: list[Moment] = []
        self.skipped: list[int] = []
        self.count = 0

    def update(self, at: Moment, *given: Any) -> bool | None:
        """Answer whether the first value is more than zero."""
        self.given.append(given)
        self.at.append(at)
        self.count += 1
        return None if given[0] is None else given[0] > 0

    def skip(self, count: int) -> None:
        """Remember it."""
        self.skipped.append(count)

    def evidence(self) -> dict[str, Any]:
        """Return the count."""
        return {"count": self.count}

    def ready_in_s(self) -> float:
        """Return that it needs three evaluations."""
        return max(0.0, 3.0 - self.count)

    def snapshot(self) -> Any:
        """Return the count."""
        return {"count": self.count}

    def restore(self, state: Any) -> None:
        """Take the count over."""
        self.count = state["count"]


def rule(
    *reads: Read, over: Scope = Scope.SITE, grain: Grain = Grain.NOW, probes: list[Probe] | None = None, **members: Any
) -> Rule:
    """Return a rule of one probe for each object; they are put into `probes` as they are made."""
    made = probes if probes is not None else []

    def build(p: Any, f: Any) -> Probe:
        made.append(Probe())
        return made[-1]

    plain: dict[str, Any] = {"id": "P1", "group": Group.PRODUCTION, "kind": Kind.LIM, "name": Text("探针", "probe")}
    plain |= {"means": Text("", ""), "check": Text("", "")}
    plain["params"] = {"clear_hold": Param(0.0, "s", "P", "")} | members.pop("params", {})
    return Rule(over=over, grain=grain, reads=reads, build=build, **(plain | members))


@pytest.fixture
def works(tmp_path: Path) -> Site:
    """The works."""
    return site(tmp_path)


# --- where numbers come from -----------------------------------------------------------------------------------------

LIVE = [
    (q.POWER.now, Scope.PRODUCTION, 40.0),
    (q.ENERGY.now, Scope.PRODUCTION, 123.456),
    (q.VOLTAGE_A.now, Scope.PRODUCTION, 231.0),
    (q.POWER.over(Span.FLAG), Scope.PRODUCTION, ord("N")),
    (q.POWER.over(Span.AGE), Scope.PRODUCTION, 0.0),
    (q.STATE.now, Scope.PRODUCTION, RUN),
    (q.RUNNING.now, Scope.SERVING, 1),
    (q.PRODUCTION.now, Scope.FACTOR, RUN),
    (q.TREATMENT.now, Scope.LINE, RUN),
    (q.FAN.now, Scope.LINE, RUN),
    (q.PUMP.now, Scope.LINE, RUN),
    (q.PRODUCTION_POWER.now, Scope.SERVING, 40.0),
    (q.PRODUCTION_VOLTAGE.now, Scope.SERVING, 231.0),
    (q.LINE_LOAD.now, Scope.OUTLET, 100 * 40 / 45),
    (q.CONCENTRATION.now, Scope.FACTOR, 21.0),
    (q.CONCENTRATIONS.now, Scope.OUTLET, (21.0,)),
    (q.CONVERTED.now, Scope.FACTOR, 21.0 * 12 / 12),
    (q.O2.now, Scope.PRODUCTION, 9.0),
    (q.GAS_PRESSURE.now, Scope.OUTLET, -0.2),
    (q.ANSWER.over(Span.AGE), Scope.DEVICE, 0.0),
    (q.STARTS.now, Scope.SITE, 3.0),
    (q.ORDERLY.now, Scope.SITE, 1.0),
    (q.DISK_SHARE.now, Scope.SITE, 0.1),
    (q.INSTRUMENT_CLOCK.now, Scope.SITE, ()),
    (q.MARK_FAULT.now, Scope.LINE, 0.0),
    (q.ORDER_STOP.now, Scope.LINE, 0.0),
    (q.ORDER_REDUCTION.now, Scope.PRODUCTION, 0.0),
    (q.ORDER_REMAINING.now, Scope.LINE, None),
    (q.DECLARED_AT.now, Scope.PRODUCTION, None),
    (q.DECLARING.now, Scope.LINE, 0.0),
]


@pytest.mark.parametrize(
    ("read", "scope", "value"), LIVE, ids=[f"{one[0].quantity.name}-{one[0].span}" for one in LIVE]
)
def test_a_live_value_comes_in_the_unit_of_its_quantity(works: Site, read: Read, scope: Scope, value: Any) -> None:
    """From points, states, formulas, orders or the box, whatever it is."""
    probes: list[Probe] = []
    House(works, AT_WORK, [rule(read, over=scope, probes=probes)]).run(2)

    assert probes[0].given[-1] == (pytest.approx(value),) if isinstance(value, float | tuple) else (value,)


CLOSED = [
    (q.POWER.minute, Scope.PRODUCTION, Grain.MINUTE, 40.0),
    (q.POWER.over(Span.LEAST), Scope.PRODUCTION, Grain.MINUTE, 40.0),
    (q.POWER.over(Span.MOST), Scope.PRODUCTION, Grain.MINUTE, 40.0),
    (q.POWER.over(Span.COUNT), Scope.PRODUCTION, Grain.MINUTE, 60),
    (q.POWER.over(Span.EXPECTED), Scope.PRODUCTION, Grain.MINUTE, 60),
    (q.POWER.total, Scope.PRODUCTION, Grain.MINUTE, 40.0 / 60),
    (q.POWER.hour, Scope.PRODUCTION, Grain.HOUR, 40.0),
    (q.POWER.total, Scope.PRODUCTION, Grain.HOUR, 40.0),
    (q.ENERGY.total, Scope.PRODUCTION, Grain.HOUR, 0.0),
    (q.PRODUCTION_POWER.hour, Scope.LINE, Grain.HOUR, 40.0),
    (q.SUB_ENERGY.total, Scope.SITE, Grain.HOUR, (0.0,)),
    (q.RUNTIME.total, Scope.PRODUCTION, Grain.HOUR, 3600.0),
    (q.LINE_RUNTIME.total, Scope.FACTOR, Grain.HOUR, 3600.0),
    (q.CONVERTED.hour, Scope.FACTOR, Grain.HOUR, 21.0),
    (q.LINE_LOAD.minute, Scope.FACTOR, Grain.MINUTE, 100 * 40 / 45),
    (q.FLOW.total, Scope.OUTLET, Grain.HOUR, 50000.0),
    (q.MASS.total, Scope.FACTOR, Grain.HOUR, 21.0 * 50000 * 1e-6),
    (q.READINGS.over(Span.COUNT), Scope.DEVICE, Grain.HOUR, 3600.0),
    (q.READINGS.over(Span.EXPECTED), Scope.DEVICE, Grain.HOUR, 3600.0),
    (q.BROKEN.hour, Scope.DEVICE, Grain.HOUR, 0.0),
    (q.COLUMNS.minute, Scope.SITE, Grain.MINUTE, (40000.0, 21.0)),
]


def test_closed_periods_give_means_extremes_and_amounts(works: Site) -> None:
    """A whole hour of steady work, seen by a rule for every quantity at once."""
    probes: list[Probe] = []
    rules = [
        rule(read, over=scope, grain=grain, probes=probes, id=f"P{n}")
        for n, (read, scope, grain, _) in enumerate(CLOSED)
    ]
    house = House(works, AT_WORK, rules)
    house.run(3600 + 2)
    first = {one.binding.rule.id: one.evaluator for one in reversed(house.judge._judged)}

    for n, (read, _, _, value) in enumerate(CLOSED):
        given = first[f"P{n}"].given[-1][0]  # type: ignore[attr-defined]
        assert given == pytest.approx(value, rel=1e-3, abs=1e-6), (read.quantity.name, read.span)


@pytest.mark.parametrize(
    ("poll", "minutes"),
    [
        ("60s", "44444 ....."),
        ("3m", "44444 44..."),
        ("5m", "44444 4...."),
        ("6m", "4.... ....."),
        ("1h", "4.... ....."),
    ],
)
def test_what_is_read_every_few_minutes_stands_until_it_is_read_again(tmp_path: Path, poll: str, minutes: str) -> None:
    """Rules about minutes have a value in each, up to a poll of five minutes; after a lost poll there is none."""
    works = site(tmp_path, WORKS.replace('poll = "1s"\nreport = "60s"', f'poll = "{poll}"\nreport = "on-scan"', 1))
    probes: list[Probe] = []
    house = House(works, {}, [rule(q.POWER.minute, over=Scope.PRODUCTION, grain=Grain.MINUTE, probes=probes)])
    period = {"60s": 1, "3m": 3, "5m": 5, "6m": 6, "1h": 60}[poll]
    for minute in range(11):
        if minute % period == 0 and minute < 5:
            house.says["press"] = (40.0, 100.0, 230.0)
            house.scan("press")
        for _ in range(2):
            house.mono_s += 30
            house.tick()
    given = [each[0] for each in probes[0].given]
    told = "".join("." if value is None else "4" for value in given)
    assert told[:10] == minutes.replace(" ", "")


def test_a_machine_that_stops_has_less_run_time(works: Site) -> None:
    """Seconds in RUN are those of the period, and a machine unknown for a quarter of it has none that are known."""
    probes: list[Probe] = []
    reads = (q.RUNTIME.total, q.LINE_RUNTIME.total)
    house = House(works, AT_WORK, [rule(*reads, over=Scope.PRODUCTION, grain=Grain.MINUTE, probes=probes)])
    house.run(90)
    house.run(31, press=(0.0, 0.0, 230.0))
    house.run(60, press=None)

    ran, unknown = probes[0].given[-2:]
    assert ran == (pytest.approx(30.0, abs=2), pytest.approx(30.0, abs=2))
    assert unknown == (None, None)


def test_hours_run_begin_anew_when_consumables_were_changed(works: Site) -> None:
    """And are counted on over a restart."""
    probes: list[Probe] = []
    declared = rule(q.HOURS.now, over=Scope.PRODUCTION, probes=probes)
    house = House(works, AT_WORK, [declared])
    house.run(450)
    later = House(works, AT_WORK, [declared], mono_s=house.mono_s)
    later.restore(house.snapshot())
    later.run(450)
    assert probes[1].given[-1] == (pytest.approx(0.25, abs=0.001),)

    later.plan.renewed["press-1"] = 1
    later.run(361)
    assert probes[1].given[-1] == (pytest.approx(0.1, abs=0.001),)


# --- what is not known -----------------------------------------------------------------------------------------------


def test_a_value_is_forgotten_after_three_polls_without_a_scan(works: Site) -> None:
    """At the tick too: nobody has to send anything for it to become unknown."""
    probes: list[Probe] = []
    house = House(works, AT_WORK, [rule(q.POWER.now, q.STATE.now, over=Scope.PRODUCTION, probes=probes)])
    house.run(5)
    house.says.clear()
    house.run(4)

    assert probes[0].given[-5:] == [(40.0, RUN)] * 4 + [(None, None)]


def test_a_missed_answer_is_no_reading_but_a_bad_one_is(works: Site) -> None:
    """One unanswered visit leaves the state; its value is unknown at once."""
    probes: list[Probe] = []
    house = House(works, AT_WORK, [rule(q.POWER.now, q.STATE.now, over=Scope.PRODUCTION, probes=probes)])
    house.run(5)
    house.run(1, press=None)
    assert probes[0].given[-1] == (None, RUN)

    house.run(4)
    assert probes[0].given[-1][1] is None


def test_unknown_freezes_an_alarm_and_its_delays(works: Site) -> None:
    """It neither raises nor clears; what was counted of the hold stays."""
    held = {"hold": Param(10.0, "s", "P", ""), "clear_hold": Param(10.0, "s", "P", "")}
    house = House(works, AT_WORK, [rule(q.POWER.now, over=Scope.PRODUCTION, params=held)])
    house.run(7)
    assert house.happened(house.run(60, press=None)) == []
    assert house.happened(house.run(6, press=AT_WORK["press"])) == [("rule.P1.press-1", "raised")]
    assert house.happened(house.run(60, press=None)) == []
    assert house.happened(house.run(12, press=(0.0, 0.0, 0.0))) == [("rule.P1.press-1", "cleared")]


def test_a_device_that_never_answers_raises_the_data_rules_and_nothing_else(works: Site) -> None:
    """The whole catalogue, over a full hour: what it would have told is unknown, and unknown satisfies nothing."""
    house = House(works, AT_WORK | {"press": None}, wall=START + timedelta(minutes=40))
    for minute in range(30):
        house.run(60, cems=(21.0 + minute % 7, 9.0 + minute % 5 / 10, 50000.0 + 100 * minute, -200.0))
    raised = {alarm for alarm, state in house.happened() if state == "raised"}

    assert raised == {"rule.Q1.press"}
    assert {alarm for alarm, state in house.happened() if state == "suppressed"} <= {"rule.Q3.press", "rule.Q4.press"}
    assert house.judge.failures == 0


# --- when it judges --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("read", "scope", "change"),
    [
        (q.STATE.now, Scope.TREATMENT, (False, True, 88.0)),
        (q.TREATMENT.now, Scope.LINE, (True, False, 88.0)),
        (q.RUNNING.now, Scope.SERVING, (False, True, 88.0)),
        (q.FAN.now, Scope.LINE, (False, True, 88.0)),
    ],
    ids=["a facility's state", "a line's state", "a bit", "a fan by its state"],
)
def test_a_change_of_a_state_or_bit_is_judged_in_its_scan(
    works: Site, read: Read, scope: Scope, change: tuple[Any, ...]
) -> None:
    """An alarm does not wait for the next tick."""
    probes: list[Probe] = []
    house = House(works, AT_WORK, [rule(read, over=scope, probes=probes)])
    house.run(3)
    before = probes[0].count
    house.scan("dcs")
    assert probes[0].count == before

    house.says["dcs"] = change
    house.scan("dcs")
    assert probes[0].count == before + 1
    assert not probes[0].given[-1][0]


def test_t1_raises_in_the_scan_that_shows_it(tmp_path: Path) -> None:
    """The real rule with its grace taken away: production runs, the fan stops, and the alarm is there at once."""
    house = House(site(tmp_path, f'{WORKS}\n[[rule]]\nid = "T1"\ngrace = "0s"\n'), AT_WORK)
    house.run(10)
    house.says["dcs"] = (False, True, 88.0)
    drafts = house.scan("dcs")

    t1 = next(one for one in drafts if one["alarm"] == "rule.T1.paint.fan-1")
    assert (t1["state"], t1["object"]) == ("raised", "paint/fan-1")
    assert t1["evidence"]["values"] == {"production": 2, "state": 0}
    assert t1["evidence"]["params"] == {"grace": 0.0}
    json.dumps(drafts)


def test_each_closed_period_is_judged_once_with_its_start(works: Site) -> None:
    """Minutes, hours and days of the site's wall clock; the moment is that of the start."""
    kept: dict[Grain, list[Probe]] = {grain: [] for grain in (Grain.MINUTE, Grain.HOUR, Grain.DAY)}
    rules = [rule(q.POWER.now, over=Scope.PRODUCTION, grain=grain, probes=kept[grain], id=grain.name) for grain in kept]
    wall = START.replace(hour=22, minute=30)
    house = House(works, AT_WORK, rules, wall=wall)
    house.run(2 * 3600 + 5, every=5)

    minutes = [at.minute for at in kept[Grain.MINUTE][0].at]
    assert minutes == [(22 * 60 + 30 + n) % 1440 for n in range(120)]
    assert [at.minute for at in kept[Grain.HOUR][0].at] == [22 * 60, 23 * 60]
    assert [(at.day, at.minute, at.weekday) for at in kept[Grain.DAY][0].at] == [(wall.toordinal(), 0, 0)]


def test_a_closed_period_sees_orders_as_they_stood_before_its_end(works: Site) -> None:
    """An order over a whole day is in force when that day is judged, a second after it."""
    plan = FakePlan()
    house = House(works, AT_WORK, [rule(q.ORDER_STOP.now, over=Scope.LINE, grain=Grain.MINUTE)], plan)
    house.run(60)
    assert plan.asked_ms == []

    house.run(1)
    assert plan.asked_ms == [round(START.timestamp() * 1000) + 59_999]


def test_without_time_minutes_are_judged_by_the_boot(works: Site) -> None:
    """What hangs on the calendar is unknown, what does not is judged."""
    probes: list[Probe] = []
    house = House(
        works, AT_WORK, [rule(q.POWER.minute, over=Scope.PRODUCTION, grain=Grain.MINUTE, probes=probes)], wall=None
    )
    house.run(200)

    assert probes[0].given[1:] == [(40.0,)] * (len(probes[0].given) - 1)
    assert len(probes[0].given) >= 3
    assert {(at.wall_ms, at.day, at.minute) for at in probes[0].at} == {(None, None, None)}


def test_periods_that_went_by_unseen_are_skipped(works: Site) -> None:
    """The thread stood still for an hour: sixty minutes are missing, and no more."""
    probes: list[Probe] = []
    house = House(works, AT_WORK, [rule(q.POWER.minute, over=Scope.PRODUCTION, grain=Grain.MINUTE, probes=probes)])
    house.run(180)
    house.mono_s += 3600
    house.run(180)

    assert sum(probes[0].skipped) == pytest.approx(60, abs=1)
    assert probes[0].given[-1] == (40.0,)


# --- muted -----------------------------------------------------------------------------------------------------------


def test_a_mark_mutes_while_it_is_in_force(works: Site) -> None:
    """The alarm says so, and is there again when the mark ends."""
    house = House(works, AT_WORK, [rule(q.POWER.now, over=Scope.PRODUCTION, muted=Mutes(marks=("maintenance",)))])
    house.plan.marks.add(("maintenance", "paint"))
    assert house.happened(house.run(5)) == [("rule.P1.press-1", "suppressed")]

    house.plan.marks.clear()
    assert house.happened(house.run(2))[0] == ("rule.P1.press-1", "unsuppressed")
    house.plan.marks.add(("maintenance", "elsewhere"))
    assert house.happened(house.run(5)) == []


@pytest.mark.parametrize(
    ("stronger", "weaker", "is_muted"),
    [
        ((q.POWER.now, Scope.PRODUCTION), (q.POWER.now, Scope.PRODUCTION), True),
        ((q.PRODUCTION.now, Scope.LINE), (q.POWER.now, Scope.PRODUCTION), True),
        ((q.STARTS.now, Scope.SITE), (q.CONCENTRATION.now, Scope.FACTOR), True),
        ((q.STATE.now, Scope.TREATMENT), (q.POWER.now, Scope.PRODUCTION), False),
        ((q.O2.now, Scope.OUTLET), (q.CONCENTRATION.now, Scope.FACTOR), True),
        ((q.O2.now, Scope.OUTLET), (q.POWER.now, Scope.PRODUCTION), False),
        ((q.STATE.now, Scope.SERVING), (q.CONCENTRATION.now, Scope.FACTOR), True),
    ],
    ids=[
        "the same machine",
        "its line",
        "the site",
        "another machine",
        "its outlet",
        "another thing of its line",
        "a machine before its outlet",
    ],
)
def test_a_stronger_alarm_about_the_same_mutes(
    works: Site, stronger: tuple[Read, Scope], weaker: tuple[Read, Scope], is_muted: bool
) -> None:
    """About the same object, what it is part of, or a part of it; not about its neighbours."""
    rules = [
        rule(stronger[0], over=stronger[1], id="P2"),
        rule(weaker[0], over=weaker[1], id="P1", muted=Mutes(rules=("P2",))),
    ]
    house = House(works, AT_WORK, rules)
    house.run(3)
    mine = {state for alarm, state in house.happened() if alarm.startswith("rule.P1")}

    assert mine == ({"suppressed"} if is_muted else {"raised"})


def test_a_silent_device_mutes_what_it_would_tell_of(works: Site) -> None:
    """And not what others tell."""
    rules = [
        rule(q.ANSWER.over(Span.AGE), over=Scope.DEVICE, id="Q1"),
        rule(q.POWER.over(Span.FLAG), over=Scope.PRODUCTION, muted=Mutes(rules=("Q1",))),
        rule(q.CONCENTRATION.now, over=Scope.FACTOR, id="E1", muted=Mutes(rules=("Q1",))),
    ]
    house = House(works, AT_WORK, rules)
    house.run(3)
    house.says["press"] = None
    house.run(3)

    assert ("rule.P1.press-1", "suppressed") in house.happened()
    assert [state for alarm, state in house.happened() if alarm.startswith("rule.E1")] == ["raised"]


# --- mistakes of ours ------------------------------------------------------------------------------------------------


def test_a_rule_that_fails_costs_the_others_nothing(works: Site) -> None:
    """It is not known, counted, and judged again next time."""

    class Broken(Probe):
        def update(self, at: Moment, *given: Any) -> bool | None:
            raise ZeroDivisionError

    broken = Rule(
        **{name: getattr(rule(q.POWER.now), name) for name in ("group", "kind", "name", "means", "check", "params")},
        id="P9",
        over=Scope.PRODUCTION,
        grain=Grain.NOW,
        reads=(q.POWER.now,),
        build=lambda p, f: Broken(),
    )
    house = House(works, AT_WORK, [broken, rule(q.POWER.now, over=Scope.PRODUCTION)])
    house.run(3)

    assert house.happened() == [("rule.P1.press-1", "raised")]
    assert house.judge.failures == 3


def test_a_scan_of_another_meaning_is_no_scan(works: Site) -> None:
    """A visit that outlasted a reload has other points; it is left alone."""
    house = House(works, AT_WORK)
    house.says["press"] = (1.0, 2.0)

    assert house.judge.scan(_short_scan(house), house.stamp()) == []


def _short_scan(house: House) -> Any:
    from drivers.reading import Scan

    return Scan("press", 0, house.mono_s * 10**9, (1.0,), "N")


# --- over a restart --------------------------------------------------------------------------------------------------


def restarted(
    works: Site, rules: Sequence[Rule], before: House, *, boot: str = BOOT, rest_s: int = 120, dated: bool = True
) -> tuple[House, list[dict[str, Any]]]:
    """Return the house after a restart, and what was told."""
    ran = timedelta(seconds=before.mono_s - 1000 + rest_s)
    mono_s = before.mono_s + rest_s if boot == BOOT else 50
    after = House(works, AT_WORK, rules, boot=boot, mono_s=mono_s, wall=START + ran if dated else None)
    return after, after.restore(before.snapshot())


@pytest.mark.parametrize(
    ("boot", "dated", "skipped"),
    [(BOOT, True, [7200]), (BOOT, False, [7200]), ("b0000000", True, [7200]), ("b0000000", False, [1])],
    ids=["same boot", "same boot, no time", "another boot", "another boot, no time"],
)
def test_a_restart_continues_and_counts_what_was_missed(
    works: Site, boot: str, dated: bool, skipped: list[int]
) -> None:
    """By monotonic time in the same boot, else by wall time; where nobody knows, something was missed."""
    probes: list[Probe] = []
    rules = [rule(q.POWER.now, over=Scope.PRODUCTION, probes=probes)]
    house = House(works, AT_WORK, rules)
    house.run(10)
    _, told = restarted(works, rules, house, boot=boot, rest_s=7200, dated=dated)

    assert told == []
    assert probes[1].count == 10
    assert probes[1].skipped == skipped


@pytest.mark.parametrize(
    ("boot", "dated", "skipped"),
    [(BOOT, True, 120), ("b0000000", True, 120), ("b0000000", False, 1440)],
    ids=["same boot", "another boot", "nobody knows: a day's worth"],
)
def test_minutes_missed_over_a_restart_are_skipped_once(works: Site, boot: str, dated: bool, skipped: int) -> None:
    """Before the first minute that is judged again."""
    probes: list[Probe] = []
    rules = [rule(q.POWER.minute, over=Scope.PRODUCTION, grain=Grain.MINUTE, probes=probes)]
    house = House(works, AT_WORK, rules)
    house.run(300)
    after, _ = restarted(works, rules, house, boot=boot, rest_s=7200, dated=dated)
    after.run(200)

    assert probes[1].skipped == [skipped]


def test_a_state_is_taken_up_after_a_short_restart_and_not_after_a_long_one(tmp_path: Path) -> None:
    """As after any gap: within the hold."""
    works = site(tmp_path, WORKS.replace('on_hold = "0s"', 'on_hold = "60s"', 1))
    probes: list[Probe] = []
    rules = [rule(q.STATE.now, over=Scope.PRODUCTION, probes=probes)]
    house = House(works, AT_WORK, rules)
    house.run(70)
    for rest_s, state in ((30, RUN), (90, None)):
        after, _ = restarted(works, rules, house, rest_s=rest_s)
        after.run(1)
        assert probes[-1].given[-1] == (state,)


def test_a_restart_within_the_hour_keeps_its_run_time(works: Site) -> None:
    """The hour's seconds in RUN are those before and after."""
    probes: list[Probe] = []
    rules = [rule(q.RUNTIME.total, over=Scope.PRODUCTION, grain=Grain.HOUR, probes=probes)]
    house = House(works, AT_WORK, rules)
    house.run(1800)
    after, _ = restarted(works, rules, house, rest_s=60)
    after.run(1800)

    assert probes[-1].given == [(pytest.approx(3540.0, abs=3),)]


def test_a_rule_with_other_parameters_begins_anew_and_says_so(works: Site) -> None:
    """Others continue; a rule that is new or gone is no news."""
    probes: list[Probe] = []
    old = {"level": Param(1.0, "", "P", ""), "hold": Param(1.0, "s", "P", "")}
    before = [rule(q.POWER.now, over=Scope.PRODUCTION, params=old), rule(q.O2.now, over=Scope.OUTLET, id="E1")]
    new = old | {"level": Param(2.0, "", "P", "")}
    after = [
        rule(q.POWER.now, over=Scope.PRODUCTION, params=new, probes=probes),
        rule(q.POWER.now, over=Scope.PRODUCTION, id="P3"),
    ]
    house = House(works, AT_WORK, before)
    house.run(10)
    _, told = restarted(works, after, house)

    assert told == [{"kind": "event", "event": "rules-begin-anew", "rules": ["rule.P1.press-1"]}]
    assert probes[0].count == 0


@pytest.mark.parametrize("kept", [b"", b"nonsense", zlib.compress(b"[]"), zlib.compress(b'{"v":99}')])
def test_a_state_that_cannot_be_read_is_told(works: Site, kept: bytes) -> None:
    """And everything begins anew; without any state there is nothing to tell."""
    house = House(works, AT_WORK, [rule(q.POWER.now, over=Scope.PRODUCTION)])

    assert [one["event"] for one in house.restore(kept)] == ["rule-state-lost"]
    assert house.restore(None) == []


def test_the_whole_catalogue_goes_through_a_restart(works: Site) -> None:
    """Every evaluator takes back what it gave, and gives the same again."""
    wall = START + timedelta(minutes=45)
    house = House(works, AT_WORK, wall=wall)
    house.run(1500, every=3)
    after = House(works, AT_WORK, mono_s=house.mono_s, wall=wall + timedelta(seconds=house.mono_s - 1000))
    assert after.restore(house.snapshot()) == []

    one, other = (json.loads(zlib.decompress(each.snapshot()))["rules"] for each in (house, after))
    grain = {one.id: one.binding.rule.grain for one in house.judge._judged}
    assert {name: kept for name, kept in one.items() if grain[name] is not Grain.NOW} == {
        name: kept for name, kept in other.items() if grain[name] is not Grain.NOW
    }
    assert house.judge.failures == 0


def test_readiness_is_told_of_those_that_wait(works: Site) -> None:
    """By alarm, in seconds, until nothing is missing."""
    house = House(works, AT_WORK, [rule(q.POWER.now, over=Scope.PRODUCTION)])
    assert house.judge.ready_in_s() == {"rule.P1.press-1": 3.0}

    house.run(3)
    assert house.judge.ready_in_s() == {}


def test_an_order_reaches_the_rules_of_its_line(works: Site) -> None:
    """With its reduction, time and hours, at the next second."""
    reads = (q.ORDER_REDUCTION.now, q.ORDER_ELAPSED.now, q.ORDER_REMAINING.now, q.ORDER_ANY.now, q.ORDER_ALLOWED.now)
    probes: list[Probe] = []
    house = House(works, AT_WORK, [rule(*reads, over=Scope.PRODUCTION, probes=probes)])
    house.run(1)
    house.plan.orders["paint"] = InForce(is_any=True, reduction=0.3, elapsed_s=5.0, remaining_s=60.0, is_allowed=False)
    house.run(1)

    assert probes[0].given == [(0.0, 0.0, None, 0.0, None), (0.3, 5.0, 60.0, 1.0, 0.0)]
