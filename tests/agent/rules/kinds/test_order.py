"""ORDER: stops ignored, late or undone, and reductions against the days before the order."""

from __future__ import annotations

import statistics
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.kinds import LateStop, Reduction, Restarted, StopIgnored
from tests.agent.rules.kinds.naive import Feed, moment

HOUR = 3600.0


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        ("after the grace", (1, HOUR + 1, 2), True),
        ("at its end", (1, HOUR, 2), False),
        ("idle is no running", (1, HOUR + 1, 1), False),
        ("no order", (0, None, 2), False),
        ("no order, nothing else known", (0, None, None), False),
        ("order unknown", (None, None, 2), None),
        ("age unknown", (1, None, 2), None),
        ("state unknown", (1, HOUR + 1, None), None),
        ("within the grace whatever it does", (1, 60, None), False),
        ("off whatever the order", (None, None, 0), False),
    ],
)
def test_stop_ignored(name: str, row: tuple[float | None, ...], expected: bool | None) -> None:
    """A stop order with an hour of grace."""
    assert Feed(StopIgnored(grace_s=HOUR))(*row) is expected


@pytest.mark.parametrize(
    ("name", "off_at", "order", "expected"),
    [("in time", 3, 1, False), ("late", 4, 1, True), ("far too late", 9, 1, False), ("without an order", 5, 0, False)],
)
def test_late_stop(name: str, off_at: int, order: int, expected: bool) -> None:
    """Off between 3 (not included) and 8 minutes after the order."""
    feed = Feed(LateStop(grace_s=180, most_s=480, shown_s=120))
    feed.each(*[(order, minute * 60, 0 if minute >= off_at else 2) for minute in range(12)])
    assert (True in feed.answers) is expected
    if expected:
        assert feed.answers[off_at : off_at + 3] == [True, True, False]
        assert feed.evaluator.evidence()["after_s"] == off_at * 60


@pytest.mark.parametrize(
    ("name", "orders", "states", "expected"),
    [
        ("runs again", "0111111", "2200222", "ffffTTT"),
        ("never stopped", "0111111", "2222222", "fffffff"),
        ("after the order", "0111000", "2200222", "fffffff"),
        ("was off before the order and stays so", "0001111", "2000000", "fffffff"),
        ("was off, runs during the order", "0001111", "2000022", "fffffTT"),
        ("idle after running again", "0111111", "2200211", "ffffTTT"),
        ("idle is no running", "0111111", "2200111", "fffffff"),
        ("unknown", "01.1111", "220.222", "ff..fff"),
        ("a second order begins anew", "0110111", "2202222", "fffffff"),
    ],
)
def test_restarted(name: str, orders: str, states: str, expected: str) -> None:
    """Running again under the order that stopped it, as named."""
    given_ = [
        (None if order == "." else int(order), None if state == "." else int(state))
        for order, state in zip(orders, states, strict=True)
    ]
    assert Feed(Restarted()).each(*given_) == expected


def days(evaluator: Reduction, count: int, x: float = 100.0, order: float | None = 0, start: int = 0) -> list[Any]:
    """Let days of hours pass; return the answers."""
    return [evaluator.update(moment(hour * 60), order, x) for hour in range(start * 24, (start + count) * 24)]


@pytest.mark.parametrize(
    ("name", "given_", "order", "x", "expected"),
    [
        ("exactly what is left", {}, 0.5, 50.0, False),
        ("more", {}, 0.5, 50.1, True),
        ("a fixed share", {"keep": 0.9}, 0.5, 90.0, False),
        ("more than a fixed share", {"keep": 0.9}, 0.5, 90.1, True),
        ("too small an order", {"keep": 0.9, "least_order": 0.3}, 0.29, 99.0, False),
        ("just large enough", {"keep": 0.9, "least_order": 0.3}, 0.3, 99.0, True),
        ("unknown value", {}, 0.5, None, None),
        ("next to nothing usual", {"floor": 100.0}, 0.5, 99.0, False),
        ("enough usual", {"floor": 99.0}, 0.5, 99.0, True),
    ],
)
def test_reduction(name: str, given_: dict[str, Any], order: float, x: float | None, expected: bool | None) -> None:
    """After 14 days of 100 an hour."""
    evaluator = Reduction(step_s=3600, **given_)
    days(evaluator, 14)
    assert evaluator.update(moment(14 * 1440), order, 100.0) is False
    assert evaluator.update(moment(14 * 1440 + 60), order, x) is expected


def test_nothing_is_learnt_under_an_order() -> None:
    """Twenty days of half the power under an order leave the baseline where it was."""
    evaluator = Reduction(step_s=3600)
    days(evaluator, 14)
    under = days(evaluator, 20, 51.0, 0.5, start=14)
    assert under == [False] + [True] * (20 * 24 - 1)
    assert evaluator.evidence() == {"value": 51.0, "usual": 100.0, "limit": 50.0, "order": 0.5}


def test_an_unknown_order_neither_judges_nor_learns() -> None:
    """Unknown, and the sample after it too while an order is in force."""
    evaluator = Reduction(step_s=3600)
    days(evaluator, 14)
    assert days(evaluator, 1, 1.0, None, start=14) == [None] * 24
    assert evaluator.update(moment(15 * 1440), 0.5, 100.0) is None
    assert evaluator.update(moment(15 * 1440 + 60), 0.5, 100.0) is True
    assert all(set(values) == {100.0} for _, _, values in evaluator.snapshot()["baseline"]["cells"])


@given(
    st.lists(st.tuples(st.sampled_from([0, 0, 0, 0.5]), st.one_of(st.none(), st.integers(0, 20))), max_size=60),
)
def test_reduction_agrees_with_the_days_without_an_order(history: list[tuple[float, int | None]]) -> None:
    """By days: against the median of the last four days with no order, on it or the day before."""
    evaluator = Reduction(step_s=86400, by="day", days=4, ready_days=2)
    before: float | None = None
    free: list[int] = []
    for day, (order, x) in enumerate(history):
        expected: bool | None = False
        if order and before != 0:
            expected = None
            if before and x is not None and len(free) >= 2:
                expected = statistics.median(free[-4:]) > 0 and x > 0.5 * statistics.median(free[-4:])
        assert evaluator.update(moment(day * 1440), order, x) is expected
        if order == before == 0 and x is not None:
            free.append(x)
        before = order


def test_readiness() -> None:
    """Seven days are needed."""
    evaluator = Reduction(step_s=3600)
    assert evaluator.ready_in_s() == 7 * 86400
    days(evaluator, 8)
    assert evaluator.ready_in_s() == 0
