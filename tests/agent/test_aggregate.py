"""Statistics of reporting periods: what counts, when a period ends, and what unsteady time does to it."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.aggregate import FOLD, RECONFIGURED, STOPPED, Draft, Period, Tally, mean
from tests.agent.plant import SECOND, boiler, scan

if TYPE_CHECKING:
    from drivers.reading import Value

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON_MS = 1_795_348_800_000  # 2026-11-22T12:00:00Z
MINUTE = 60


def period(*, period_s: float = MINUTE, poll_s: float = 1.0) -> Period:
    """Return the boiler's periods."""
    return Period(boiler(period_s=period_s, poll_s=poll_s), SHANGHAI)


def at(second: float, *, step_s: float = 0.0) -> int:
    """Return the believed time of `second` since boot, boot having been at noon; `step_s` moves the clock."""
    return NOON_MS + round((second + step_s) * 1000)


def feed(filled: Period, loads: dict[float, Value], *, step_s: float = 0.0, known: bool = True) -> list[Draft]:
    """Feed loads by second; return the drafts of the periods they closed."""
    drafts = [filled.add(scan(s, load), at(s, step_s=step_s) if known else None) for s, load in loads.items()]
    return [draft for draft in drafts if draft is not None]


def test_a_period_is_told_by_the_first_scan_after_it() -> None:
    """One record with the last values, the statistics of the numbers, and the start of the period as its date."""
    filled = period()

    (draft,) = feed(filled, {0: 10.0, 20: 20.0, 40: 12.5, 60: 99.0})

    assert draft == {
        "kind": "readings",
        "ts": "2026-11-22T12:00:00.000Z",
        "device": "boiler",
        "values": {"load": 12.5, "so2": 20, "model": "DZL4", "burner": True},
        "period": 60,
        "stats": {
            "load": {"avg": 14.17, "min": 10, "max": 20, "n": 3},
            "so2": {"avg": 20, "min": 20, "max": 20, "n": 3},
        },
    }


def test_only_good_values_count() -> None:
    """A value with any flag but N is not in the statistics; the last one travels with its flag."""
    filled = period()
    filled.add(scan(0, 10.0), at(0))
    filled.add(scan(1, 999.0, flags="TNNN"), at(1))
    filled.add(scan(2, None), at(2))

    (draft,) = feed(filled, {60: 1.0})

    assert draft["stats"]["load"] == {"avg": 10, "min": 10, "max": 10, "n": 1}
    assert draft["stats"]["so2"]["n"] == 3
    assert (draft["values"]["load"], draft["flags"]) == (None, {"load": "B"})


def test_a_point_without_any_good_value_has_nothing() -> None:
    """Average, minimum and maximum are null, never zero; n is 0; why it is missing is said."""
    filled = period()
    filled.add(scan(0, None, None, flags="BBBB", fault="no answer", rest=(None, None)), at(0))

    (draft,) = feed(filled, {60: 1.0})

    assert draft["stats"]["load"] == {"avg": None, "min": None, "max": None, "n": 0}
    assert draft["values"] == {"load": None, "so2": None, "model": None, "burner": None}
    assert (draft["flags"]["so2"], draft["fault"]) == ("B", "no answer")


@pytest.mark.parametrize("count", [1, FOLD - 1, FOLD, FOLD + 1, 3 * FOLD, 3 * FOLD + 5])
def test_folding_loses_nothing(count: int) -> None:
    """Whatever the number of scans, all of them count once."""
    filled = period(period_s=3600)
    loads: dict[float, Value] = {second: float(second) for second in range(count)}

    (draft,) = feed(filled, loads | {3600.0: 0.0})

    assert draft["stats"]["load"] == {"avg": (count - 1) / 2, "min": 0, "max": count - 1, "n": count}


@given(
    st.lists(
        st.tuples(
            st.one_of(st.floats(-1e9, 1e9), st.integers(-(2**40), 2**40)),
            st.integers(0, 1000),
            st.sampled_from(["NN", "NN", "NN", "BN", "NT", "BB"]),
        ),
        min_size=1,
        max_size=60,
    )
)
def test_a_naive_computation_agrees(rows: list[tuple[float, int, str]]) -> None:
    """Minimum, maximum, sum and count of each column are those of its good values."""
    tally = Tally("NN")
    for load, so2, flags in rows:
        tally.add((load, so2), flags)
    low, high, total, counts = tally.result()

    for column in (0, 1):
        good = [(load, so2)[column] for load, so2, flags in rows if flags[column] == "N"]
        assert counts[column] == len(good)
        if good:
            assert (low[column], high[column]) == (min(good), max(good))
            assert math.isclose(total[column], math.fsum(good), rel_tol=1e-12, abs_tol=1e-3)


def test_what_is_flagged_good_but_is_no_number_does_not_count() -> None:
    """A driver that breaks its word does not end the pipeline."""
    tally = Tally("NN")
    tally.add((1.0, None), "NN")
    tally.add((2.0, "x"), "NN")

    assert tally.result() == ([1.0, math.inf], [2.0, -math.inf], [3.0, 0], [2, 0])


@pytest.mark.parametrize(
    ("values", "decimals", "expected"),
    [
        ((1.1, 1.2, 1.2), 1, 1.17),
        ((0.1,) * 7, None, 0.1),
        ((0.1,) * 7, 3, 0.1),
        ((1.0, 2.0, 2.0), None, 1.66666666667),
        ((10, 11), 0, 10.5),
        ((1e-9, 2e-9), 1, 1e-9),
        ((2.0**52, 2.0**52 + 1), None, 2.0**52),
    ],
)
def test_means_are_short_and_lie_between_the_extremes(
    values: tuple[float, ...], decimals: int | None, expected: float
) -> None:
    """One decimal more than the readings, or 12 digits; rounding never carries a mean past the minimum or maximum."""
    found = mean(sum(values), len(values), min(values), max(values), decimals)

    assert found == expected
    assert found is not None
    assert min(values) <= found <= max(values)
    assert math.isclose(found, statistics.fmean(values), abs_tol=0.01)


def test_a_silent_device_does_not_hold_its_period_back() -> None:
    """`due` closes a period a moment after its end when no scan does, and tells it once."""
    filled = period()
    feed(filled, {0: 10.0})

    found = [filled.due(round(s * SECOND), at(s)) for s in (59, 60.9, 61, 62)]

    assert [draft and draft["ts"] for draft in found] == [None, None, "2026-11-22T12:00:00.000Z", None]


def test_a_late_scan_counts_in_the_next_period() -> None:
    """A scan of a period that is closed already does not open it again."""
    filled = period()
    feed(filled, {0: 10.0})
    filled.due(61 * SECOND, at(61))

    drafts = feed(filled, {59.9: 20.0, 62: 30.0, 120: 0.0})

    assert [(draft["ts"], draft["stats"]["load"]["n"]) for draft in drafts] == [("2026-11-22T12:01:00.000Z", 2)]


def test_nothing_is_told_of_periods_without_a_scan() -> None:
    """A pause of ten minutes gives no empty records."""
    filled = period()

    drafts = feed(filled, {0: 1.0, 600: 2.0, 660: 3.0})

    assert [draft["ts"] for draft in drafts] == ["2026-11-22T12:00:00.000Z", "2026-11-22T12:10:00.000Z"]


def test_periods_are_those_of_the_sites_day() -> None:
    """A day begins at midnight in Shanghai, 16:00 UTC, and is marked by it."""
    filled = period(period_s=86400, poll_s=3600)

    drafts = feed(filled, {0: 1.0, 4 * 3600 - 1: 2.0, 4 * 3600: 3.0, 28 * 3600: 4.0})

    assert [draft["ts"] for draft in drafts] == ["2026-11-21T16:00:00.000Z", "2026-11-22T16:00:00.000Z"]
    assert [draft["stats"]["load"]["n"] for draft in drafts] == [2, 1]


def test_a_start_inside_a_period_is_said() -> None:
    """The first period after a start lacks its beginning; a start at its beginning lacks nothing."""
    (late,) = feed(period(), {30: 1.0, 60: 2.0})
    (punctual,) = feed(period(), {1: 1.0, 60: 2.0})

    assert late["fault"] == "period begun late: the agent started"
    assert "fault" not in punctual


@pytest.mark.parametrize("why", [STOPPED, RECONFIGURED])
def test_what_was_seen_of_a_period_is_told_at_the_end(why: str) -> None:
    """A stop or a reload inside a period tells the part that was seen, and says so."""
    filled = period()
    feed(filled, {0: 1.0, 1: 3.0})

    draft = filled.close(why)

    assert draft is not None
    assert (draft["ts"], draft["stats"]["load"]["n"]) == ("2026-11-22T12:00:00.000Z", 2)
    assert draft["fault"] == f"period cut short: {why}"
    assert filled.close(why) is None


def test_while_time_is_not_known_periods_are_pieces_of_the_boot_without_a_date() -> None:
    """C1: with no time there is still a record a minute, with `ts` null."""
    drafts = feed(period(), {5: 1.0, 59: 2.0, 61: 3.0, 119: 4.0, 120: 5.0}, known=False)

    assert [(draft["ts"], draft["stats"]["load"]["n"]) for draft in drafts] == [(None, 2), (None, 2)]


def test_when_time_becomes_known_the_undated_period_ends() -> None:
    """C1: what was measured before is told undated; the rest of the minute is a period of its own."""
    filled = period()
    before = feed(filled, {0: 1.0, 10: 2.0}, known=False)

    drafts = feed(filled, {20: 3.0, 60: 4.0})

    assert before == []
    assert [(draft["ts"], draft["fault"]) for draft in drafts] == [
        (None, "period cut short: the time became known"),
        ("2026-11-22T12:00:00.000Z", "period begun late: the time became known"),
    ]


@pytest.mark.parametrize(
    ("name", "step_s", "after"),
    [
        ("C2: back one hour", -3600.0, "2026-11-22T11:00:00.000Z"),
        ("C3: forward one day", 86400.0, "2026-11-23T12:00:00.000Z"),
        ("back within the minute", -5.0, "2026-11-22T12:00:00.000Z"),
    ],
)
def test_a_step_inside_a_period_ends_it(name: str, step_s: float, after: str) -> None:
    """The part before the step is told with the old date, the part after it with the new one; no scan is lost."""
    filled = period()
    before = feed(filled, {0: 1.0, 10: 2.0})

    drafts = feed(filled, {20: 3.0, 30: 4.0}, step_s=step_s)
    last = filled.close(STOPPED)

    assert before == []
    assert [(draft["ts"], draft["stats"]["load"]["n"]) for draft in drafts] == [("2026-11-22T12:00:00.000Z", 2)], name
    assert drafts[0]["fault"] == "period cut short: the clock stepped"
    assert last is not None
    assert (last["ts"], last["stats"]["load"]["n"]) == (after, 2)


def test_a_step_that_nobody_scans_through_is_noticed_by_due() -> None:
    """`due` closes a period by the old date when the clock steps away under it."""
    filled = period()
    feed(filled, {0: 1.0})

    draft = filled.due(5 * SECOND, at(5, step_s=-3600))

    assert draft is not None
    assert (draft["ts"], draft["fault"]) == ("2026-11-22T12:00:00.000Z", "period cut short: the clock stepped")


def test_a_slow_slew_does_not_cut_a_period() -> None:
    """Believed time that drifts against uptime by less than half a second a scan is followed."""
    filled = period()

    drafts = [filled.add(scan(s, 1.0), at(s, step_s=s * 0.05)) for s in range(58)]

    assert drafts == [None] * 58


@given(
    moves=st.lists(
        st.tuples(st.sampled_from([0.5, 1.0, 7.0, 61.0]), st.sampled_from([0.0] * 5 + [-3600.0, 86400.0, 3.0])),
        max_size=60,
    ),
    undated=st.integers(0, 60),
)
def test_every_scan_counts_exactly_once(moves: list[tuple[float, float]], undated: int) -> None:
    """Whatever time does, the counts of all records together are the number of scans."""
    filled, now, step, told = period(), 0.0, 0.0, 0
    for number, (wait, stepped) in enumerate(moves):
        now, step = now + wait, step + stepped
        known = at(now, step_s=step) if number >= undated else None
        drafts = (filled.due(round(now * SECOND), known), filled.add(scan(now, 1.0), known))
        told += sum(draft["stats"]["load"]["n"] for draft in drafts if draft)
    last = filled.close(STOPPED)

    assert told + (last["stats"]["load"]["n"] if last else 0) == len(moves)
