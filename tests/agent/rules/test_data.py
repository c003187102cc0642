"""The rules about data and equipment, Q1 to Q12: a table of stories for each, and what real series look like."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, ClassVar

import pytest

from agent.rules import data
from tests.agent.rules.rig import Cases, EachRule, Rig, row, wave

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.rules.rule import Moment, Rule

Q = {rule.id: rule for rule in data.RULES}
POLL = {"poll": 5.0}
DAY_STEP_S = 600
"""A long silence is looked at every ten minutes here."""


def clock(offset_s: float = 0.0) -> Callable[[Moment], float]:
    """Return a time stamp that runs with the moment, off by so much."""
    return lambda at: at.mono_ns / 1e9 + offset_s


def copied(equal: int = 60, steps: float = 0.1) -> Callable[[Moment], float]:
    """Return a series of which every hour from 03:00 on repeats that of three hours before, in `equal` minutes."""

    def value(at: Moment) -> float:
        assert at.minute is not None
        minute, hour = at.minute % 60, at.minute // 60
        own = (minute * 7919 + (hour % 3) * 104729 + minute * minute * 31) % 997
        if hour >= 3 and minute >= equal:
            own += hour
        return round(10 + own * steps, 3)

    return value


def live(at: Moment) -> float:
    """Return a series that never repeats an hour."""
    return 20 + random.Random(at.mono_ns // 60_000_000_000).uniform(0.0, 10.0)


def twins(apart_every: int) -> Callable[[Moment], tuple[float, ...]]:
    """Return three columns; the first and the last are equal but for one minute in `apart_every`."""

    def row_at(at: Moment) -> tuple[float, ...]:
        minutes = at.mono_ns // 60_000_000_000
        value = live(at)
        return value, value / 3, value + (0.5 if minutes % apart_every == 0 else 0.0)

    return row_at


class TestData(EachRule):
    """Fires, keeps still at the border, clears, freezes on unknown, survives a restart; each parameter matters."""

    rules: ClassVar[tuple[Rule, ...]] = data.RULES
    table: ClassVar[tuple[Cases, ...]] = (
        Cases(
            rule=Q["Q1"],
            facts=POLL,
            fires=(row("5m", 901.0),),
            border=(row("5m", 900.0),),
            clears=(row("5m", 2.0),),
            unknown=(row("10m", None),),
            quiet={"age": 3600.0, "polls": 200.0},
            loud={"age": 600.0},
        ),
        Cases(
            rule=Q["Q1"],
            name="slow-poll",
            facts={"poll": 3600.0},
            fires=(row("5m", 10801.0),),
            border=(row("5m", 10800.0),),
            clears=(row("5m", 3500.0),),
            unknown=(row("10m", None),),
            quiet={"polls": 4.0},
            loud={"polls": 2.0},
        ),
        Cases(
            rule=Q["Q2"],
            fires=(row("5m", 86401.0),),
            border=(row("5m", 86400.0),),
            clears=(row("5m", 2.0),),
            unknown=(row("10m", None),),
            quiet={"age": 172800.0},
            loud={"age": 43200.0},
        ),
        Cases(
            rule=Q["Q3"],
            lead=(row("2d", 720.0, 720.0),),
            fires=(row("2h", 530.0, 720.0),),
            border=(row("2h", 540.0, 720.0),),
            clears=(row("2h", 720.0, 720.0),),
            unknown=(row("12h", None, None),),
            quiet={"hour": 0.7},
            loud={"hour": 0.8},
        ),
        Cases(
            rule=Q["Q3"],
            name="day",
            lead=(row("2d", 720.0, 720.0),),
            fires=(row("1d", 640.0, 720.0),),
            border=(row("2d", 648.0, 720.0),),
            clears=(row("1d", 720.0, 720.0),),
            unknown=(row("2d", None, None),),
            quiet={"day": 0.85},
            loud={"day": 0.95},
        ),
        Cases(
            rule=Q["Q4"],
            fires=(row("2h", 0.26),),
            border=(row("2h", 0.25),),
            clears=(row("2h", 0.0),),
            unknown=(row("5h", None),),
            quiet={"share": 0.3},
            loud={"share": 0.2},
        ),
        Cases(
            rule=Q["Q5"],
            fires=(row("1m", -31.0, ()),),
            border=(row("5m", 30.0, (120.0, -120.0)),),
            clears=(row("2m", 0.2, ()),),
            unknown=(row("1h", None, ()),),
            quiet={"host": 60.0, "hold": 600.0},
            loud={"host": 20.0, "instrument": 100.0},
        ),
        Cases(
            rule=Q["Q5"],
            name="instrument",
            fires=(row("1m", 0.2, (5.0, 121.0)),),
            border=(row("5m", 0.2, (5.0, 120.0)),),
            clears=(row("2m", 0.2, (5.0, 1.0)),),
            unknown=(row("1h", 0.2, (5.0, None)),),
            quiet={"instrument": 300.0},
            loud={"instrument": 60.0},
        ),
        Cases(
            rule=Q["Q6"],
            facts=POLL,
            lead=(row("5m", clock()),),
            fires=(row("2m", clock(-1.0 * 30)),),
            border=(row("2m", clock()), row("50s", lambda at: None), row("2m", clock())),
            clears=(row("15m", clock(-30.0)),),
            unknown=(row("5m", None),),
            quiet={"shown": 0.0},
            loud={"least": 30.0},
        ),
        Cases(
            rule=Q["Q6"],
            name="gap",
            facts={"poll": 60.0},
            lead=(row("5m", clock()),),
            fires=(row("150s", None), row("2m", clock())),
            border=(row("100s", None), row("2m", clock())),
            clears=(row("15m", clock()),),
            unknown=(row("20s", None),),
            quiet={"periods": 3.0, "least": 600.0},
            loud={"periods": 1.0},
        ),
        Cases(
            rule=Q["Q7"],
            lead=(row("5m", 4, 1, None),),
            fires=(row("2m", 5, 0, None),),
            border=(row("30m", 4, 0, None),),
            clears=(row("15m", 5, 0, None),),
            unknown=(row("5m", None, None, None),),
            quiet={"shown": 0.0},
        ),
        Cases(
            rule=Q["Q7"],
            name="in-order",
            lead=(row("5m", 4, 1, None),),
            fires=(row("2m", 5, 1, None),),
            border=(row("30m", 4, 1, None),),
            clears=(row("15m", 5, 1, None),),
            unknown=(row("5m", None, None, None),),
            quiet={"orderly": False},
        ),
        Cases(
            rule=Q["Q7"],
            name="on-reserve",
            lead=(row("5m", 4, 1, 1),),
            fires=(row("2m", 4, 1, 0),),
            border=(row("30m", 4, 1, 1),),
            clears=(row("5m", 4, 1, 1),),
            unknown=(row("1h", 4, 1, None),),
        ),
        Cases(
            rule=Q["Q8"],
            lead=(row("5m", 7),),
            fires=(row("2m", 8),),
            border=(row("30m", 7),),
            clears=(row("15m", 8),),
            unknown=(row("5m", None),),
            quiet={"shown": 0.0},
        ),
        Cases(
            rule=Q["Q9"],
            fires=(row("1m", 1, 0),),
            border=(row("1h", 1, 1), row("1h", 0, 0)),
            clears=(row("2m", 0, 0),),
            unknown=(row("1h", None, 0),),
            quiet={"open": 0.0},
            loud={"open": 0.0},
        ),
        Cases(
            rule=Q["Q10"],
            fires=(row("1m", 86401.0, 0.3),),
            border=(row("1h", 86400.0, 0.8),),
            clears=(row("2m", 600.0, 0.3),),
            unknown=(row("1h", None, 0.3),),
            quiet={"age": 172800.0},
            loud={"age": 3600.0, "disk": 0.7},
        ),
        Cases(
            rule=Q["Q10"],
            name="full-without-uplink",
            fires=(row("1m", None, 0.81),),
            border=(row("1h", None, 0.8),),
            clears=(row("2m", None, 0.5),),
            unknown=(row("1h", None, None),),
            quiet={"disk": 0.9},
        ),
        Cases(
            rule=Q["Q11"],
            lead=(row("3h", copied()),),
            fires=(row("2h", copied(equal=58)),),
            border=(row("2h", copied(equal=56)),),
            clears=(row("3h", live),),
            unknown=(row("5h", None),),
            quiet={"share": 0.98, "hours": 2.0, "distinct": 61.0},
            loud={"share": 0.9},
        ),
        Cases(
            rule=Q["Q12"],
            fires=(row("25h", twins(200)),),
            border=(row("25h", twins(20)),),
            clears=(row("2d", twins(3)),),
            unknown=(row("2d", (None, None, None)),),
            quiet={"share": 0.999, "window": 172800.0, "moves": 2000.0},
            loud={"share": 0.8},
        ),
    )


def test_a_device_that_never_answers_goes_offline_by_itself() -> None:
    """Not known until fifteen minutes have passed since the start, offline from then on, also over restarts."""
    rig = Rig(Q["Q1"], POLL)
    assert rig.feed(row("15m", None)) is None
    assert rig.feed(row("1m", None)) is True
    rig.restart()
    rig.evaluator.skip(3600)
    assert rig.feed(row("10m", None)) is None
    assert rig.changes == ["raised"], "a restart neither clears nor raises again"


def test_a_rest_of_the_box_is_no_silence_of_the_device() -> None:
    """After hours without power a device has fifteen minutes to answer again, as at the first start."""
    rig = Rig(Q["Q1"], POLL)
    rig.feed(row("1h", 2.0))
    rig.restart()
    rig.evaluator.skip(6 * 3600)
    rig.now_s += 6 * 3600
    rig.feed(row("14m", None), row("1h", 2.0))
    assert rig.changes == []


def test_a_start_tells_how_the_run_before_ended() -> None:
    """Power loss and orderly restart differ in the evidence."""
    for orderly in (0, 1, None):
        rig = Rig(Q["Q7"])
        rig.feed(row("1m", 4, None, None), row("10s", 5, orderly, None))
        assert rig.evaluator.evidence() == {"from": 4, "to": 5, "orderly": orderly}


def test_the_first_start_of_all_is_no_restart() -> None:
    """A box that has just been installed has nothing to compare with."""
    rig = Rig(Q["Q7"])
    rig.feed(row("1h", 1, None, None))
    assert rig.changes == []


@pytest.mark.parametrize(
    ("name", "series"),
    [
        ("lively", live),
        ("zero", lambda at: 0.0),
        ("setpoint", lambda at: 45.0),
        ("coarse", lambda at: float(at.minute % 8)),
        ("state", lambda at: float(at.minute % 60 > 30)),
        ("stopped at night", lambda at: live(at) if 360 <= at.minute < 1320 else 0.0),
        ("whole numbers", lambda at: float(int(live(at)))),
    ],
)
def test_series_that_are_no_copies(name: str, series: Callable[[Moment], float]) -> None:
    """Constants, coarse values and living ones raise nothing in three days."""
    rig = Rig(Q["Q11"])
    rig.feed(row("3d", series))
    assert rig.changes == [], name


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("constants", lambda at: (0.0, 0.0, 45.0, 45.0)),
        ("zeros at night", lambda at: (live(at), live(at) * 2, 0.0) if 360 <= at.minute < 1320 else (0.0, 0.0, 0.0)),
        ("states", lambda at: (float(at.minute >= 480), float(at.minute >= 480))),
        ("coarse", lambda at: (float(int(live(at))), float(int(live(at) * 1.01)))),
        ("like loads", lambda at: (round(wave(20.0, 2.0)(at), 1), round(wave(20.0, 2.0, 7.5)(at), 1))),
    ],
)
def test_points_that_are_no_twins(name: str, columns: Callable[[Moment], tuple[float, ...]]) -> None:
    """Two things that stand still together, or are alike by chance, are not one."""
    rig = Rig(Q["Q12"])
    rig.feed(row("49h", columns))
    assert rig.changes == [], name
    assert rig.answers[-1] is False


def test_a_long_silence_becomes_an_alarm_of_its_ladder() -> None:
    """The notice comes at 24 hours, and its ladder ends at 72 hours of silence."""
    rig = Rig(Q["Q2"], step_s=DAY_STEP_S)
    rig.feed(row("4d", lambda at: at.mono_ns / 1e9))
    what, raised_s = rig.told[0]
    assert what == "raised"
    assert 86400 <= raised_s + 1000 < 86400 + 2 * DAY_STEP_S
    assert 86400 + rig.values["escalate_after"] == 72 * 3600
