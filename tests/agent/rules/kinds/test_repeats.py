"""SHAPE of series: periods found and not found, hours copied, twins."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.kinds import Copied, Periodic, Twin
from agent.rules.kinds.repeats import _correlation
from tests.agent.rules.kinds.naive import Feed, moment

DICE = random.Random(4)
NOISE = [DICE.gauss(0, 1) for _ in range(800)]


def walk() -> list[float]:
    """Return a slow random walk: alike at every short lag."""
    found, here = [], 50.0
    for step in NOISE:
        here += step
        found.append(here)
    return found


SERIES: dict[str, tuple[list[float], bool]] = {
    "noise": ([50 + step for step in NOISE], False),
    "a walk": (walk(), False),
    "a constant": ([50.0] * 800, False),
    "a ramp": ([float(at) for at in range(800)], False),
    "one step": ([50.0] * 600 + [80.0] * 200, False),
    "a sine of 40 minutes": ([50 + 5 * math.sin(at * math.tau / 40) + 0.5 * NOISE[at] for at in range(800)], True),
    "a saw of 7 minutes": ([50.0 + at % 7 + 0.3 * NOISE[at] for at in range(800)], True),
    "a pulse every 2 hours": ([80.0 + NOISE[at] if at % 120 < 10 else 50.0 + NOISE[at] for at in range(800)], True),
    "a sine of 4 minutes": ([50 + 5 * math.sin(at * math.tau / 4) for at in range(60)] + [50.0] * 740, False),
    "a sine drowned in noise": ([50 + math.sin(at * math.tau / 40) + NOISE[at] for at in range(800)], False),
    "a sine slower than 2 hours": (
        [50 + 5 * math.sin(at * math.tau / 300) + 0.2 * NOISE[at] for at in range(800)],
        False,
    ),
}


@pytest.mark.parametrize("name", SERIES)
def test_periodic(name: str) -> None:
    """A period between 5 minutes and 2 hours is found in what has one, and in nothing else."""
    values, expected = SERIES[name]
    feed = Feed(Periodic())
    feed.each(*values)
    assert feed.answers[:269] == [None] * 269
    assert feed.answers[-1] is expected


def test_the_period_is_told() -> None:
    """The evidence names the period or a whole multiple of it, and the correlation."""
    feed = Feed(Periodic())
    feed.each(*SERIES["a sine of 40 minutes"][0])
    told = feed.evaluator.evidence()
    assert told["period_s"] % 2400 in (0, 60, 2340)
    assert told["correlation"] > 0.9


def test_a_few_missing_samples_do_not_hide_a_period() -> None:
    """One in twenty missing is filled with the one before; more than a quarter missing is not known."""
    values = SERIES["a sine of 40 minutes"][0]
    few, many = Feed(Periodic()), Feed(Periodic())
    few.each(*[None if at % 20 == 3 else value for at, value in enumerate(values)])
    many.each(*[None if at % 3 == 1 else value for at, value in enumerate(values)])
    assert (few.answers[-1], many.answers[-1]) == (True, None)


@given(st.lists(st.integers(-9, 9).map(float), min_size=12, max_size=30), st.integers(1, 8), st.integers(0, 3))
def test_the_correlation_at_a_lag_is_pearsons(values: list[float], lag: int, start: int) -> None:
    """From running sums as from the two series themselves."""
    sums, squares = [0.0], [0.0]
    for value in values:
        sums.append(sums[-1] + value)
        squares.append(squares[-1] + value * value)
    early, late = values[start : len(values) - lag], values[start + lag :]
    one, two = sum(early) / len(early), sum(late) / len(late)
    together = sum((a - one) * (b - two) for a, b in zip(early, late, strict=True))
    scale = math.sqrt(sum((a - one) ** 2 for a in early) * sum((b - two) ** 2 for b in late))
    expected = together / scale if scale > 1e-6 else 0.0
    assert _correlation(values, sums, squares, start, lag) == pytest.approx(expected, abs=1e-9)


def hours(*series: list[float | None]) -> list[bool | None]:
    """Feed hours of minutes, then one more minute; return the answer after each hour."""
    evaluator, answers = Copied(hours=3), []
    for hour, minutes in enumerate(series):
        for minute, value in enumerate(minutes):
            answer = evaluator.update(moment(hour * 60 + minute), value)
        answers.append(answer)
    answers.append(evaluator.update(moment(len(series) * 60), 0.0))
    return answers[1:]


FIRST: list[float | None] = [50 + step for step in NOISE[:60]]
OTHERS: list[list[float | None]] = [[50 + step for step in NOISE[at : at + 60]] for at in range(60, 660, 60)]


def changed(count: int) -> list[float | None]:
    """Return the first hour with so many minutes changed."""
    return [0.0 if at < count else value for at, value in enumerate(FIRST)]


@pytest.mark.parametrize(
    ("name", "series", "expected"),
    [
        ("two hours of their own", [FIRST, OTHERS[0]], [False, False]),
        ("the same again", [FIRST, FIRST], [False, True]),
        ("the same after two others", [FIRST, OTHERS[0], OTHERS[1], FIRST], [False, False, False, True]),
        ("the same after three others: forgotten", [FIRST, *OTHERS[:3], FIRST], [False] * 5),
        ("two minutes changed", [FIRST, changed(2)], [False, True]),
        ("three minutes changed: exactly 95 %", [FIRST, changed(3)], [False, False]),
        ("constants", [[5.0] * 60, [5.0] * 60], [False, False]),
        ("few values", [[float(at % 9) for at in range(60)]] * 2, [False, False]),
        ("ten values", [[float(at % 10) for at in range(60)]] * 2, [False, True]),
        ("45 minutes known", [FIRST, [None] * 15 + FIRST[15:]], [False, True]),
        ("44 minutes known", [FIRST, [None] * 16 + FIRST[16:]], [False, None]),
    ],
)
def test_copied(name: str, series: list[list[float | None]], expected: list[bool | None]) -> None:
    """An hour is an earlier one's copy as named; three hours are kept."""
    assert hours(*series) == expected


def test_copied_needs_a_calendar() -> None:
    """Minutes of unknown hours are no minutes of any."""
    evaluator = Copied()
    assert {evaluator.update(moment(at, calendar=False), FIRST[at % 60]) for at in range(200)} == {None}


def twins(*rows: tuple[float | None, ...], **given_: Any) -> bool | None:
    """Return the answer after a window of so many rows."""
    feed = Feed(Twin(window_s=len(rows) * 60, step_s=60, **given_))
    feed.each(*[(row,) for row in rows])
    return feed.answers[-1]


@pytest.mark.parametrize(
    ("name", "rows", "expected"),
    [
        ("equal", [(step, 1.0, step) for step in NOISE[:101]], True),
        ("unlike", [(step, 1.0, step + 1) for step in NOISE[:101]], False),
        ("equal and constant", [(5.0, 5.0)] * 101, False),
        ("too few moves", [(step, step) for step in NOISE[:60]], False),
        ("enough moves", [(step, step) for step in NOISE[:61]], True),
        ("exactly 99 %", [(step, 9.0 if at == 50 else step) for at, step in enumerate(NOISE[:101])], False),
        ("more than 99 %", [(step, 9.0 if at == 50 else step) for at, step in enumerate(NOISE[:102])], True),
        ("one moves more often", [(step, NOISE[at // 2 * 2]) for at, step in enumerate(NOISE[:201])], False),
        ("too little seen", [(None, None) if at % 3 == 0 else (s, s) for at, s in enumerate(NOISE[:201])], None),
    ],
)
def test_twin(name: str, rows: list[tuple[float | None, ...]], expected: bool | None) -> None:
    """Columns of a window are twins as named."""
    assert twins(*rows) is expected


def test_twin_names_the_pair_and_stands_until_the_next_window_ends() -> None:
    """Columns from 0; before the first window has ended nothing is known."""
    feed = Feed(Twin(window_s=6000, step_s=60, moves=10))
    assert feed.evaluator.ready_in_s() == 6000
    assert feed.each(*[((1.0, step, 0.0, step),) for step in NOISE[:100]]) == "." * 99 + "T"
    assert feed.evaluator.evidence() == {"first": 1, "second": 3, "equal": 99, "of": 99, "share": 0.99}
    assert feed.each(*[((1.0, step, 0.0, -step),) for step in NOISE[:100]]) == "T" * 99 + "f"


def test_twin_of_two_numbers() -> None:
    """Two points may be given as two numbers."""
    feed = Feed(Twin(window_s=6000, step_s=60))
    feed.each(*[(step, step) for step in NOISE[:100]])
    assert feed.answers[-1] is True


def many(columns: int, seed: int = 5) -> list[tuple[float, ...]]:
    """Return two hours of so many columns of coarse readings: alike by chance in every minute, and never twins.

    Every 20 minutes all of them fall to 0. The last two are one signal; the first is another one for ten minutes.
    """
    dice = random.Random(seed)
    rows = []
    for minute in range(120):
        row = [0.0 if minute % 20 == 19 else round(dice.gauss(40.0, 2.0), 1) for _ in range(columns - 1)]
        row[0] = row[1] if minute < 10 else row[0]
        rows.append((*row, row[-1]))
    return rows


@pytest.mark.parametrize("columns", [3, 16, 17, 65, 200])
def test_twins_are_found_among_any_number_of_columns(columns: int) -> None:
    """Also where all fall to one value at the same time; and in the evidence they have their names."""
    names = [f"meter-{number}.power" for number in range(columns)]
    feed = Feed(Twin(window_s=7200, step_s=60, share=0.95, names=names))
    feed.each(*[(row,) for row in many(columns)])

    assert feed.answers[-1] is True
    assert feed.evaluator.evidence().items() >= {"first": names[-2], "second": names[-1]}.items()


def test_a_signal_that_stands_for_a_hundred_points_is_found() -> None:
    """However many are one: a crowd is no hiding place."""
    assert twins(*[(step,) * 100 for step in NOISE[:101]]) is True


def test_what_twins_remember_is_bounded() -> None:
    """A thousand columns that go through the same values together by chance do not fill the memory."""
    dice = random.Random(6)
    twin = Twin()
    for minute in range(12):
        twin.update(moment(minute), tuple(float(dice.randrange(40)) for _ in range(1000)))
    assert len(twin.snapshot()["alike"]) <= 4096
