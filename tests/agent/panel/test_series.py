"""What is chosen of trends, what is drawn of it, and the figures beside it."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.panel.series import MOST_POINTS, amount_unit, charts, chosen, drawn, figures, gaps, periods

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR = 3_600_000
NOW = 1_782_887_400_000  # 2026-07-01 14:30 in Shanghai
KNOWN = [f"meter.p{number}" for number in range(12)]


def series(*rows: tuple[int, float | None, bool]) -> dict[str, list[Any]]:
    """Return minutes: (start in minutes, mean, valid); least and most lie one below and above."""
    return {
        "start_ms": [60_000 * start for start, _, _ in rows],
        "span_ms": [60_000] * len(rows),
        "avg": [avg for _, avg, _ in rows],
        "min": [None if avg is None else avg - 1 for _, avg, _ in rows],
        "max": [None if avg is None else avg + 1 for _, avg, _ in rows],
        "n": [12] * len(rows),
        "valid": [valid for _, _, valid in rows],
        "flag": ["N" if valid else "B" for _, _, valid in rows],
        "total": [avg for _, avg, _ in rows],
    }


CHOICES: dict[str, tuple[list[str], dict[str, str], tuple[str | None, int, int], set[str]]] = {
    "nothing said": ([], {}, ("24h", NOW - 24 * HOUR, NOW), set()),
    "a button": (["meter.p1"], {"range": "7d"}, ("7d", NOW - 168 * HOUR, NOW), set()),
    "no such button": (["meter.p1"], {"range": "9z"}, ("24h", NOW - 24 * HOUR, NOW), set()),
    "from a local hour to now": ([], {"from": "2026-07-01T12:30"}, (None, NOW - 2 * HOUR, NOW), set()),
    "from and to": (
        [],
        {"from": "2026-07-01 12:30", "to": "2026-07-01 13:30"},
        (None, NOW - 2 * HOUR, NOW - HOUR),
        set(),
    ),
    "moments that say their zone": ([], {"from": "2026-07-01T05:30:00Z"}, (None, NOW - HOUR, NOW), set()),
    "backwards": (
        [],
        {"from": "2026-07-01 12:30", "to": "2026-07-01 12:30"},
        ("24h", NOW - 24 * HOUR, NOW),
        {"to"},
    ),
    "unreadable": ([], {"from": "yesterday"}, ("24h", NOW - 24 * HOUR, NOW), {"from"}),
    "only an end": ([], {"to": "2026-07-01 12:30"}, ("24h", NOW - 24 * HOUR, NOW), {"from"}),
    "too long": ([], {"from": "2020-01-01"}, ("24h", NOW - 24 * HOUR, NOW), {"from"}),
    "a point that is gone": (["meter.p1", "<b>"], {}, ("24h", NOW - 24 * HOUR, NOW), {"p"}),
    "too many points": (KNOWN, {}, ("24h", NOW - 24 * HOUR, NOW), {"p"}),
}


@pytest.mark.parametrize("name", CHOICES)
def test_an_address_says_what_is_looked_at(name: str) -> None:
    """Points and time come from the address; whatever is wrong is told at its field and left out."""
    points, when, expected, wrong = CHOICES[name]

    choice, problems = chosen(points, when, KNOWN, NOW, SHANGHAI)

    assert (choice.span, choice.from_ms, choice.to_ms) == expected
    assert set(problems) == wrong
    assert choice.points == tuple(point for point in points if point in KNOWN)[:MOST_POINTS]


def test_the_address_of_a_choice_leads_back_to_it() -> None:
    """A choice written as a query and read again is the same: pages can be kept as bookmarks."""
    choice, _ = chosen(["meter.p1", "meter.p2"], {"from": "2026-07-01 12:30"}, KNOWN, NOW, SHANGHAI)
    fields = [pair.split("=") for pair in choice.query().replace("%3A", ":").split("&")]

    again, problems = chosen(
        [value for name, value in fields if name == "p"], dict(fields), KNOWN, NOW + HOUR, SHANGHAI
    )

    assert (again, problems) == (choice, {})


def test_a_chart_has_axes_for_two_units_at_most() -> None:
    """The points are spread over as many charts as their units need, in the order they were chosen."""
    units = {"a": "kW", "b": "A", "c": "mg/m3", "d": "kW", "e": ""}

    assert charts(["a", "b", "c", "d", "e"], units) == [("a", "b", "d"), ("c", "e")]
    assert charts([], units) == []


def test_gaps_stay_gaps() -> None:
    """Where periods are missing, or nothing was good, the line is broken; what is not valid is marked."""
    told = drawn(series((0, 5.0, True), (1, None, False), (2, 6.0, False), (10, 7.0, True)))

    assert told["x"] == [30.0, 90.0, 150.0, 390.0, 630.0]
    assert told["avg"] == [5.0, None, 6.0, None, 7.0]
    assert told["bad"] == [[60.0, 180.0, "B"]]
    assert gaps(series((0, 5.0, True), (1, 5.0, True), (10, 5.0, True))) == 1


def test_figures_count_only_what_is_valid_in_the_mean() -> None:
    """Extremes are of all good readings, the mean of the valid periods; the share is of the whole time asked for."""
    shown = figures(series((0, 4.0, True), (1, 6.0, True), (2, 90.0, False)), 0, 240_000)

    assert (shown.least, shown.avg, shown.most, shown.valid) == (3.0, 5.0, 91.0, 0.5)


def test_figures_of_nothing_are_not_known() -> None:
    """Where there is no row nothing is known: never zero."""
    nothing = figures(series(), 0, 60_000)

    assert {nothing.least, nothing.avg, nothing.most, nothing.total, nothing.valid} == {None}


def test_periods_lie_side_by_side() -> None:
    """Rows of all points with one start are one period; after a step back of the clock both rows are kept."""
    found = periods({"a": series((1, 1.0, True), (1, 2.0, True)), "b": series((0, 9.0, True), (1, 3.0, True))})

    assert [(start, {point: one["avg"] for point, one in by.items()}) for start, _, by in found] == [
        (0, {"b": 9.0}),
        (60_000, {"a": 1.0, "b": 3.0}),
        (60_000, {"a": 2.0}),
    ]


@pytest.mark.parametrize(
    ("unit", "amount"),
    [
        ("kW", "kWh"),
        ("kvar", "kvarh"),
        ("kVA", "kVAh"),
        ("m3/h", "m3"),
        ("kg/s", "kg"),
        ("kWh", "kWh"),
        ("m3", "m3"),
        ("", ""),
    ],
)
def test_an_amount_has_a_unit_of_its_own(unit: str, amount: str) -> None:
    """A rate adds up to what it is a rate of; a counter tells its own unit."""
    assert amount_unit(unit) == amount
