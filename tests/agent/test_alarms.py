"""Alarms: drafts as the contract wants them, high-high over high, restarts, changed limits."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.alarms import Alarms
from agent.lifecycle import By
from config.visits import visits
from drivers.reading import Scan
from drivers.spec import StatusSpec
from tests.agent.plant import SECOND, boiler, limit, scan

if TYPE_CHECKING:
    from agent.alarm_case import Draft
    from config.site import Limit

HIGH = limit(high=100.0, deadband=2.0)
BOTH = limit(high_high=110.0, high=100.0, deadband=2.0, priority="high")


def told(drafts: Any) -> list[str]:
    """Return drafts in short: "high raised"."""
    return [f"{draft['level']} {draft['state']}" for draft in drafts]


def history(alarms: Alarms, *loads: float | None) -> list[list[str]]:
    """Feed one load a second and return what each told."""
    return [told(alarms.judge(scan(second, load), f"t{second}")) for second, load in enumerate(loads)]


def test_a_raised_alarm_is_told_in_full() -> None:
    """The draft has every member of the wire format that is an alarm's own, with text in both languages."""
    alarms = Alarms([boiler()], [HIGH])

    (draft,) = alarms.judge(scan(1, 112.4), "2026-11-22T01:30:01.000Z")

    assert draft == {
        "kind": "alarm",
        "alarm": "limit.boiler.load.high",
        "state": "raised",
        "status": "unacknowledged",
        "first_out": True,
        "priority": "medium",
        "device": "boiler",
        "point": "load",
        "level": "high",
        "value": 112.4,
        "limit": 100.0,
        "unit": "%",
        "since": "2026-11-22T01:30:01.000Z",
        "text": {"zh": "锅炉负荷 高于高限: 112.4 % > 100 %", "en": "Boiler load above high limit: 112.4 % > 100 %"},
    }


def test_a_cleared_alarm_is_told_with_the_date_it_began() -> None:
    """`since` stays that of the first violation; value and text are those of the return."""
    alarms = Alarms([boiler()], [HIGH])
    alarms.judge(scan(1, 112.4), "t1")

    (draft,) = alarms.judge(scan(2, 97.5), "t2")

    assert (draft["state"], draft["since"], draft["value"], draft["limit"]) == ("cleared", "t1", 97.5, 100.0)
    assert draft["text"]["zh"] == "锅炉负荷 不再高于高限: 97.5 % ≤ 98 %"
    assert draft["text"]["en"] == "Boiler load no longer above high limit: 97.5 % ≤ 98 %"


def test_while_time_is_not_known_since_is_null() -> None:
    """An undated violation stays undated, also when time is known by the time it clears."""
    alarms = Alarms([boiler()], [HIGH])

    (raised,) = alarms.judge(scan(1, 112.4), None)
    (cleared,) = alarms.judge(scan(2, 90.0), "t2")

    assert (raised["since"], cleared["since"]) == (None, None)


@pytest.mark.parametrize(
    ("level", "load", "zh", "en"),
    [
        ("high_high", 101, "锅炉负荷 高于高高限: 101 % > 100 %", "Boiler load above high-high limit: 101 % > 100 %"),
        ("high", 101, "锅炉负荷 高于高限: 101 % > 100 %", "Boiler load above high limit: 101 % > 100 %"),
        ("low", 99.25, "锅炉负荷 低于低限: 99.25 % < 100 %", "Boiler load below low limit: 99.25 % < 100 %"),
        ("low_low", -1, "锅炉负荷 低于低低限: -1 % < 100 %", "Boiler load below low-low limit: -1 % < 100 %"),
        (
            "high",
            100.00000001,
            "锅炉负荷 高于高限: 100.00000001 % > 100 %",
            "Boiler load above high limit: 100.00000001 % > 100 %",
        ),
    ],
)
def test_each_level_has_its_words(level: str, load: float, zh: str, en: str) -> None:
    """Four levels, two languages, and numbers that do not hide the violation."""
    (draft,) = Alarms([boiler()], [limit(**{level: 100.0})]).judge(scan(1, load), None)

    assert draft["text"] == {"zh": zh, "en": en}


@pytest.mark.parametrize(
    ("name", "loads", "expected"),
    [
        (
            "up and down the ladder",
            (105, 115, 105, 90),
            [["high raised"], ["high_high raised"], ["high_high cleared"], ["high cleared"]],
        ),
        ("straight to high-high: high stays silent", (115,), [["high_high raised"]]),
        (
            "and is announced when it is left over",
            (115, 105),
            [["high_high raised"], ["high_high cleared", "high raised"]],
        ),
        ("or never, when both return at once", (115, 90), [["high_high raised"], ["high_high cleared"]]),
        (
            "both announced, both return at once",
            (105, 115, 90),
            [["high raised"], ["high_high raised"], ["high_high cleared", "high cleared"]],
        ),
    ],
)
def test_only_the_most_severe_level_is_announced(
    name: str, loads: tuple[float, ...], expected: list[list[str]]
) -> None:
    """High-high implies high: both are active, and every raised alarm is cleared exactly once."""
    assert history(Alarms([boiler()], [BOTH]), *loads) == expected, name


def test_a_silent_high_is_dated_by_its_own_first_violation() -> None:
    """When high-high clears and leaves high, its `since` is when high was first violated."""
    alarms = Alarms([boiler()], [BOTH])
    history(alarms, 115, 115)

    drafts = alarms.judge(scan(2, 105), "t2")

    assert [(draft["level"], draft["since"], draft["value"]) for draft in drafts] == [
        ("high_high", "t0", 105),
        ("high", "t0", 105),
    ]


def test_the_two_sides_do_not_silence_each_other() -> None:
    """From above the high to below the low limit in one scan: one clears, the other raises."""
    alarms = Alarms([boiler()], [limit(high=100.0, low=10.0)])

    assert history(alarms, 101, 9) == [["high raised"], ["high cleared", "low raised"]]


@pytest.mark.parametrize("flags", ["BNNN", "TNNN", "MNNN"])
def test_bad_quality_neither_raises_nor_clears(flags: str) -> None:
    """A reading with any flag but N changes nothing, whatever its number."""
    alarms = Alarms([boiler()], [HIGH])
    before = alarms.judge(scan(0, 500.0, flags=flags), None)
    alarms.judge(scan(1, 101.0), None)
    after = alarms.judge(scan(2, 0.0, flags=flags), None)

    assert (before, after) == ([], [])
    assert told(alarms.active()) == ["high raised"]


def test_several_limits_may_share_a_point() -> None:
    """High waits, high-high does not: two tables on one point, judged as one ladder."""
    alarms = Alarms([boiler()], [limit(high=100.0, on_delay_s=2.0), limit(high_high=110.0)])

    assert history(alarms, 105, 115, 105, 105) == [
        [],
        ["high_high raised"],
        ["high_high cleared", "high raised"],
        [],
    ]


def test_bad_quality_freezes_the_delays() -> None:
    """Two seconds of violation, a long time of nothing, one more second: raised after three, not before."""
    alarms = Alarms([boiler()], [limit(high=100.0, on_delay_s=3.0)])

    found = [
        told(alarms.judge(scan(s, load), None)) for s, load in ((0, 101), (2, 101), (3, None), (90, 101), (91, 101))
    ]

    assert found == [[], [], [], [], ["high raised"]]


def test_a_device_without_limits_tells_nothing() -> None:
    """Limits of one device do not touch another."""
    alarms = Alarms([boiler(name="other"), boiler()], [limit(device="other", high=1.0)])

    assert alarms.judge(scan(0, 101.0), None) == ()


def restarted(alarms: Alarms, limits: list[Limit]) -> tuple[Alarms, tuple[Draft, ...]]:
    """Return what the next process makes of it."""
    return Alarms.restore([boiler()], limits, alarms.snapshot())


def test_a_restart_neither_raises_again_nor_forgets() -> None:
    """An alarm raised before a restart is still active after it, tells nothing, and clears once."""
    alarms = Alarms([boiler()], [BOTH])
    history(alarms, 115)

    after, drafts = restarted(alarms, [BOTH])

    assert drafts == ()
    assert told(after.active()) == ["high_high raised"]
    assert history(after, 115, 105, 90) == [[], ["high_high cleared", "high raised"], ["high cleared"]]


def test_delays_go_on_after_a_restart_without_the_time_in_between() -> None:
    """Three of five seconds before a restart, two after it: raised then, however long the process was away."""
    slow = limit(high=100.0, on_delay_s=5.0)
    alarms = Alarms([boiler()], [slow])
    history(alarms, 101, 101, 101, 101)

    after, _ = restarted(alarms, [slow])
    later = [told(after.judge(scan(1000 + second, 101.0), "late")) for second in range(3)]

    assert later == [[], [], ["high raised"]]
    assert after.active()[0]["since"] == "t0"


@pytest.mark.parametrize(
    ("name", "limits", "reason", "status"),
    [
        ("the limit is gone", [], "limit removed", "normal"),
        ("only this level is gone", [limit(low=5.0)], "limit removed", "normal"),
        ("it guards another point now", [limit(point="so2", high=100.0)], "limit removed", "normal"),
        ("its value is another", [limit(high=120.0)], "limit changed", "returned"),
    ],
)
def test_a_changed_limit_ends_its_alarm_with_the_reason(
    name: str, limits: list[Limit], reason: str, status: str
) -> None:
    """Nobody can take an alarm away unseen: it is cleared, and the record says why."""
    alarms = Alarms([boiler()], [HIGH])
    (raised,) = alarms.judge(scan(1, 112.4), "t1")

    after, (draft,) = restarted(alarms, limits)

    gone = {"state": "cleared", "value": None, "reason": reason, "text": draft["text"]}
    expected = raised | gone | {"status": status}
    assert {**draft, "first_out": True} == expected, name
    assert draft["text"]["en"] == f"Boiler load above high limit: ended, the {reason.replace(' ', ' was ')}"
    assert after.active() == []


def test_what_violates_the_new_limit_raises_anew() -> None:
    """After a change of its value a limit starts from normal."""
    alarms = Alarms([boiler()], [HIGH])
    history(alarms, 115)

    after, _ = restarted(alarms, [limit(high=110.0)])

    assert history(after, 115) == [["high raised"]]


def test_a_change_of_dead_band_or_priority_is_taken_over_silently() -> None:
    """The alarm goes on and clears by the new dead band."""
    alarms = Alarms([boiler()], [HIGH])
    history(alarms, 115)

    after, drafts = restarted(alarms, [limit(high=100.0, deadband=10.0, priority="critical")])

    assert drafts == ()
    assert history(after, 95, 90) == [[], ["high cleared"]]


def test_a_silent_alarm_whose_limit_goes_is_not_told() -> None:
    """What was never announced needs no end."""
    alarms = Alarms([boiler()], [BOTH])
    history(alarms, 115)

    _, drafts = restarted(alarms, [])

    assert told(drafts) == ["high_high cleared"]


@pytest.mark.parametrize(
    "state", [b"", b"\xff", b"[]", b"{}", b'{"v":3}', b'{"v":2,"cases":[]}', b'{"v":1,"alarms":[{}]}']
)
def test_a_state_that_cannot_be_read_is_told_and_survived(state: bytes) -> None:
    """A damaged state is an event; judging starts from normal, so that what still violates raises again."""
    alarms, (draft,) = Alarms.restore([boiler()], [HIGH], state)

    assert (draft["kind"], draft["event"]) == ("event", "alarm-state-lost")
    assert history(alarms, 115) == [["high raised"]]


def test_a_snapshot_of_normal_holds_nothing() -> None:
    """The state grows with what is not normal, not with the number of limits."""
    alarms = Alarms([boiler()], [BOTH])
    history(alarms, 115, 50)
    alarms.acknowledge("all", By("wang"), 60 * SECOND)
    state = json.loads(alarms.snapshot())

    assert {name: state[name] for name in ("v", "levels", "counts", "cases", "groups")} == {
        "v": 2,
        "levels": [],
        "counts": {},
        "cases": [],
        "groups": {},
    }


@given(
    loads=st.lists(st.one_of(st.none(), st.integers(0, 120)), max_size=40),
    restarts=st.sets(st.integers(0, 39)),
    delay=st.integers(0, 2),
)
def test_every_raised_is_followed_by_one_cleared(loads: list[int | None], restarts: set[int], delay: int) -> None:
    """Whatever the readings and whenever the process restarts, the records of each alarm alternate."""
    limits = [
        limit(high_high=110.0, high=100.0, low=20.0, low_low=10.0, deadband=3.0, on_delay_s=delay, off_delay_s=delay)
    ]
    alarms = Alarms([boiler()], limits)
    states: dict[str, str] = {}
    for second, load in enumerate(loads):
        for draft in alarms.judge(scan(second, load), None):
            assert draft["state"] != states.get(draft["alarm"], "cleared")
            states[draft["alarm"]] = draft["state"]
        if second in restarts:
            alarms, drafts = restarted(alarms, limits)
            assert drafts == ()

    active = {draft["alarm"] for draft in alarms.active()}
    assert active == {name for name, state in states.items() if state == "raised"}


def test_a_slow_point_is_judged_in_its_own_visit_under_the_device_s_name() -> None:
    """Both visits have their limits; an alarm outlives a reload that makes its point slow."""
    limits = [HIGH, limit(point="so2", high=35.0)]
    alarms = Alarms([boiler()], limits)
    (raised,) = alarms.judge(scan(1, 50.0, so2=40), "t1")

    split, ended = Alarms.restore([boiler(slow_s=60.0)], limits, alarms.snapshot())

    assert ended == ()
    assert split.active() == [raised]
    assert told(split.judge(Scan("boiler", 0, 2, (112.4, True), "NN"), "t2")) == ["high raised"]
    assert told(split.judge(Scan("boiler/slow", 0, 3, (20, "DZL4"), "NN"), "t3")) == ["high cleared"]
    assert [draft["alarm"] for draft in split.active()] == ["limit.boiler.load.high"]


def test_a_point_that_is_read_in_both_visits_is_judged_in_one() -> None:
    """A status point may be: two judges would raise twice and clear in turns."""
    device = boiler(slow_s=60.0)
    status = StatusSpec(point=0, when=(1,), flag="D", decides=(1, 3))
    device = replace(device, spec=replace(device.spec, statuses=(status,)))
    alarms = Alarms([device], [HIGH])

    assert ["load" in [info.name for info in visit.info] for visit in visits(device)] == [True, True]
    assert told(alarms.judge(Scan("boiler", 0, 1, (112.4, True), "NN"), "t1")) == ["high raised"]
    assert told(alarms.judge(Scan("boiler/slow", 0, 2, (50.0, 20, "DZL4"), "NNN"), "t2")) == []
