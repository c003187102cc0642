"""Chatter, floods, and the alarm-system figures against a naive recount."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.alarm_figures import MOST_DAYS, MOST_NAMES, SLOT_NS, Figures
from agent.alarm_load import Chatter, Flood
from agent.elapsed import Now

S = 1_000_000_000
SLOT_S = 600


# --- chatter and floods ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moves_s", "chatters"),
    [((0, 30), False), ((0, 30, 60), True), ((0, 30, 61), False), ((0, 31, 62, 91), True), ((0, 0, 0), True)],
)
def test_three_transitions_in_a_minute_are_chatter(moves_s: tuple[int, ...], chatters: bool) -> None:
    """Three within sixty seconds, both ends included."""
    chatter = Chatter()
    begins = [chatter.moved("a", moment * S) for moment in moves_s]

    assert chatter.is_chattering("a") == chatters
    assert sum(begins) == chatters
    assert not chatter.is_chattering("b")


def test_chatter_ends_after_ten_calm_minutes_and_costs_nothing_then() -> None:
    """Each further transition begins the calm anew; what is past is forgotten."""
    chatter = Chatter()
    for moment in (0, 1, 2, 300):
        chatter.moved("a", moment * S)
    chatter.tick(899 * S)
    assert (chatter.is_chattering("a"), len(chatter)) == (True, 1)
    chatter.tick(900 * S)

    assert (chatter.is_chattering("a"), len(chatter), chatter._moves) == (False, 0, {})


def flooded(flood: Flood, *moments_s: int) -> list[str]:
    """Annunciate at these moments; return what was told."""
    return [event["state"] for moment in moments_s for event in flood.annunciated(moment * S)]


def test_the_eleventh_alarm_in_ten_minutes_is_a_flood() -> None:
    """Ten are not; eleven that take ten minutes and a second are not either."""
    assert flooded(Flood(), *range(10)) == []
    assert flooded(Flood(), *range(11)) == ["begin"]
    assert flooded(Flood(), *range(0, 601, 60)) == []
    assert flooded(Flood(), *range(0, 599, 59)) == ["begin"]


def test_a_flood_ends_when_fewer_than_five_came_in_ten_minutes() -> None:
    """It is told once, with how many it had and how long it lasted."""
    flood = Flood()
    flooded(flood, *range(12))

    assert flood.tick(606 * S) == []
    (event,) = flood.tick(607 * S)
    assert event == {"kind": "event", "event": "alarm-flood", "state": "end", "annunciated": 12, "lasted_s": 607}
    assert flood.tick(608 * S) == []


@pytest.mark.parametrize(("boot", "ends_s"), [("a", 606), ("b", 606)])
def test_a_flood_survives_a_restart(boot: str, ends_s: int) -> None:
    """Its beginning is not told again, and its end is not forgotten."""
    flood = Flood()
    flooded(flood, *range(11))
    state = json.loads(json.dumps(flood.snapshot()))
    after = Flood.restore(state, Now("a", 10 * S, 10_000), Now(boot, 10 * S, 10_000))

    assert flooded(after, 11) == []
    assert after.tick((ends_s) * S) == []
    assert [event["annunciated"] for event in after.tick((ends_s + 1) * S)] == [12]


# --- figures ---------------------------------------------------------------------------------------------------------

NAMES = st.sampled_from([f"limit.boiler.p{number}.high" for number in range(14)])
PRIORITY = {f"limit.boiler.p{number}.high": ("low", "low", "medium", "high")[number % 4] for number in range(14)}


@settings(max_examples=60, deadline=None)
@given(
    events=st.lists(st.tuples(st.integers(0, 2000), NAMES), max_size=200),
    restarts=st.sets(st.integers(0, 199), max_size=5),
    step_s=st.sampled_from([1, 7, 60, 700]),
)
def test_the_figures_are_those_of_a_naive_recount(
    events: list[tuple[int, str]], restarts: set[int], step_s: int
) -> None:
    """Periods of ten minutes and hours of observed time, counted from a list of all annunciations."""
    figures, at_s = Figures(), 0
    figures.tick(0, stale=0, flood=False)
    told: list[tuple[int, str]] = []
    for number, (later_s, name) in enumerate(events):
        until_s = at_s + later_s
        for moment in [*range(at_s + step_s, until_s, step_s), until_s]:
            figures.tick(moment * S, stale=0, flood=False)
        at_s = until_s
        figures.annunciated(name, PRIORITY[name])
        told.append((at_s, name))
        if number in restarts:
            figures = Figures.restore(figures.snapshot())
            figures.tick(at_s * S, stale=0, flood=False)
    report = figures.report()

    slots = Counter(moment // SLOT_S for moment, _ in told)
    hours = Counter(moment // 3600 for moment, _ in told)
    closed_slots, closed_hours = at_s // SLOT_S, at_s // 3600
    assert report["annunciated"] == len(told)
    assert report["peak_10min"] == max(slots.values(), default=0)
    assert report["per_hour"] == (round(len(told) * 3600 / at_s, 4) if at_s else None)
    above = sum(count > 10 for slot, count in slots.items() if slot < closed_slots)
    assert report["share_10min_above_10"] == (round(above / closed_slots, 4) if closed_slots else None)
    above = sum(count > 30 for hour, count in hours.items() if hour < closed_hours)
    assert report["share_hours_above_30"] == (round(above / closed_hours, 4) if closed_hours else None)
    counts = sorted(Counter(name for _, name in told).items(), key=lambda one: (-one[1], one[0]))
    assert [(row["alarm"], row["count"]) for row in report["top"]] == counts[:10]
    assert {name: count for name, count in report["priorities"].items() if count} == Counter(
        PRIORITY[name] for _, name in told
    )


def test_thirty_days_are_kept_and_no_more() -> None:
    """The oldest day falls out; memory is bounded by days and names, also in a year of floods."""
    figures, at_ns = Figures(), 0
    for day in range(40):
        figures.tick(at_ns, stale=day, flood=False)
        for number in range(80):
            for _ in range(1 + (number == 7)):
                figures.annunciated(f"alarm-{number}", "low")
        at_ns += 144 * SLOT_NS
    figures.tick(at_ns, stale=0, flood=False)
    report = figures.report()

    assert len(figures._days) == MOST_DAYS
    assert report["observed_h"] == 30 * 24
    assert report["annunciated"] == 30 * 81
    assert report["per_day"] == 81.0
    assert report["top"][0] == {"alarm": "alarm-7", "count": 60, "share": round(60 / (30 * 81), 4)}
    assert max(len(day.names) for day in figures._days) == MOST_NAMES
    assert report["stale_most"] == 39
    assert len(figures.snapshot()) < 50_000


@pytest.mark.parametrize(
    ("lasted_s", "acknowledged", "fleeting"), [(10, False, 1), (10.1, False, 0), (1, True, 0), (0, False, 1)]
)
def test_what_goes_within_seconds_by_itself_is_fleeting(lasted_s: float, acknowledged: bool, fleeting: int) -> None:
    """Ten seconds, and nobody had acknowledged it."""
    figures = Figures()
    figures.cleared(round(lasted_s * S), acknowledged=acknowledged)

    assert figures.report()["fleeting"] == fleeting


def test_floods_are_counted_with_their_share_of_time() -> None:
    """A flood that touched one of three periods of ten minutes."""
    figures = Figures()
    figures.tick(0, stale=0, flood=False)
    figures.flooded()
    figures.tick(300 * S, stale=0, flood=True)
    figures.tick(500 * S, stale=0, flood=False)
    figures.tick(1800 * S, stale=0, flood=False)
    report = figures.report()

    assert (report["floods"], report["share_10min_in_flood"]) == (1, round(1 / 3, 4))


@pytest.mark.parametrize("state", [None, b"", b"{}", b'{"v":9,"running":[0,0,0,false],"days":[[]]}', b'{"days":3}'])
def test_figures_that_cannot_be_read_begin_anew(state: Any) -> None:
    """They are no evidence: nothing is told of it."""
    assert Figures.restore(state).report()["annunciated"] == 0
