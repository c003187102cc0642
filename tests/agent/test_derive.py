"""Derived points: computed at the pace of their slowest input, from values that are known, with the worst flag."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.derive import Derivation
from config.formula import parse
from config.site import Derived, Device, PointInfo, Report, Text
from drivers.reading import Scan, Value
from drivers.spec import DeviceSpec
from drivers.status import WORST_FIRST, worse
from tests.agent.plant import SECOND, boiler

if TYPE_CHECKING:
    from collections.abc import Sequence

BOILER = boiler(poll_s=1.0, slow_s=60.0)
"""Its load and burner are read each second, its so2 and model each minute."""
METER = boiler(name="meter", poll_s=5.0)


def derived(name: str, *points: tuple[str, str], paced_by: str = "boiler", poll_s: float = 1.0) -> Derived:
    """Return a derived device of points, each a name and a formula."""
    info = tuple(PointInfo(name=point, unit="", label=Text(point, point), code=None) for point, _ in points)
    spec = DeviceSpec(name=name, bus="", protocol="derived", address="", timeout_s=0.0, points=())
    report = Report(kind="on-scan", period_s=1.0)
    device = Device(spec=spec, label=Text(name, name), poll_s=poll_s, report=report, info=info)
    return Derived(device=device, formulas=tuple(parse(formula) for _, formula in points), paced_by=paced_by)


def fast(at_s: float, load: Value, burner: Value = True, flags: str = "NN") -> Scan:
    """Return a scan of the boiler's fast visit."""
    return Scan("boiler", 1000, round(at_s * SECOND), (load, burner), flags)


def slow(at_s: float, so2: Value, flags: str = "NN") -> Scan:
    """Return a scan of the boiler's slow visit."""
    return Scan("boiler/slow", 2000, round(at_s * SECOND), (so2, "DZL4"), flags)


def meter(at_s: float, load: Value, flags: str = "NNNN") -> Scan:
    """Return a scan of the meter."""
    return Scan("meter", 3000, round(at_s * SECOND), (load, 1, "x", True), flags)


def derivation(*all_of_them: Derived) -> Derivation:
    """Return a fresh derivation for the boiler and the meter."""
    return Derivation(all_of_them, (BOILER, METER))


def one_of(made: Sequence[Scan]) -> tuple[Value, str]:
    """Return value and flag of the only point of the only scan."""
    (scan,) = made
    return scan.values[0], scan.flags


def test_a_derived_device_gives_a_scan_at_its_pace() -> None:
    """At the moment of the scan that brought it about, without a fault; other visits give none."""
    room = derivation(derived("x", ("twice", "boiler.load * 2"), ("on", "boiler.burner + 1")))

    assert room.scans(slow(0.5, 20)) == []
    assert room.scans(meter(0.5, 20)) == []
    assert room.scans(fast(1, 12.5)) == [Scan("x", 1000, SECOND, (25.0, 2.0), "NN", None)]


def test_a_site_without_derived_points_derives_nothing() -> None:
    """And keeps nothing."""
    assert Derivation((), (BOILER, METER)).scans(fast(1, 12.5)) == []


def test_the_latest_values_of_other_devices_are_used() -> None:
    """Also of the slow visit of the same device."""
    room = derivation(
        derived("x", ("sum", "boiler.load + meter.load + boiler.so2"), paced_by="boiler/slow", poll_s=60.0)
    )
    room.scans(meter(56, 1.0))
    room.scans(fast(57, 10.0))
    room.scans(fast(58, 20.0))

    assert one_of(room.scans(slow(58.5, 100.0))) == (121.0, "N")


FLAGS: dict[str, tuple[str, Scan, tuple[Value, str]]] = {
    "good": ("boiler.load + boiler.burner", fast(1, 2.0), (3.0, "N")),
    "out of range keeps its number": ("boiler.load + boiler.burner", fast(1, 2.0, flags="TN"), (3.0, "T")),
    "calibration goes with the number": ("boiler.load * boiler.burner", fast(1, 2.0, flags="CN"), (2.0, "C")),
    "the worst of two": ("boiler.load * boiler.burner", fast(1, 2.0, flags="TC"), (2.0, "C")),
    "no value": ("boiler.load * boiler.burner", fast(1, None, flags="FN"), (None, "F")),
    "no value, and another's worse flag": ("boiler.load * boiler.burner", fast(1, None, flags="TD"), (None, "D")),
    "no value and no reason": ("boiler.load * 2", fast(1, None), (None, "D")),
    "no communication": ("boiler.load + boiler.burner", fast(1, None, None, "BB"), (None, "B")),
    "not chosen, yet not known": ("if(boiler.burner, 1, boiler.load)", fast(1, None, flags="BN"), (None, "B")),
    "division by zero": ("1 / boiler.load", fast(1, 0.0), (None, "D")),
    "division by zero of a calibration": ("1 / boiler.load", fast(1, 0.0, flags="CN"), (None, "D")),
    "division by zero without communication": (
        "boiler.load / 0 + boiler.burner",
        fast(1, 0.0, None, "NB"),
        (None, "B"),
    ),
    "oxygen of 21 %": ("converted(50, boiler.load, 9)", fast(1, 21.0), (None, "D")),
    "oxygen above, by hand": ("50 * (21 - 9) / (21 - boiler.load)", fast(1, 21.2), (None, "D")),
    "too large for a reading": ("boiler.load * 10 ** 10", fast(1, 1e9), (None, "T")),
    "too large, in calibration": ("boiler.load * 10 ** 10", fast(1, 1e9, flags="CN"), (None, "C")),
    "infinite": ("boiler.load * 10 ** 300", fast(1, 1e9), (None, "D")),
    "never seen": ("boiler.load + meter.load", fast(1, 1.0), (None, "B")),
}


@pytest.mark.parametrize("name", FLAGS)
def test_the_flag_is_the_worst_of_the_inputs(name: str) -> None:
    """And D where there are values that cannot be computed with; nothing unknown becomes a number."""
    formula, scan, expected = FLAGS[name]

    assert one_of(derivation(derived("x", ("y", formula))).scans(scan)) == expected


@pytest.mark.parametrize(("age_s", "is_known"), [(0, True), (15, True), (15.001, False), (600, False)])
def test_a_value_is_too_old_after_three_polls_of_its_device(age_s: float, *, is_known: bool) -> None:
    """The meter is read every five seconds; what it said is not the last good value for ever."""
    room = derivation(derived("x", ("sum", "boiler.load + meter.load")))
    room.scans(meter(100, 5.0))

    assert one_of(room.scans(fast(100 + age_s, 1.0))) == ((6.0, "N") if is_known else (None, "B"))


def test_a_device_that_does_not_answer_is_not_known() -> None:
    """Its unanswered scan takes the place of the last good one."""
    room = derivation(derived("x", ("sum", "boiler.load + meter.load")))
    room.scans(meter(100, 5.0))
    room.scans(Scan("meter", 0, 101 * SECOND, (None,) * 4, "BBBB", "no answer"))

    assert one_of(room.scans(fast(102, 1.0))) == (None, "B")


def test_derived_points_of_derived_points() -> None:
    """Within a device, and of another one; each scan uses what was derived just before."""
    one = derived("one", ("a", "boiler.load + 1"), ("b", "one.a * 2"))
    two = derived("two", ("c", "one.b + boiler.burner"))

    made = derivation(one, two).scans(fast(1, 4.0, flags="TN"))

    assert [(scan.device, scan.values, scan.flags) for scan in made] == [
        ("one", (5.0, 10.0), "TT"),
        ("two", (11.0,), "T"),
    ]


def test_a_derived_point_of_another_pace_is_used_while_it_is_young() -> None:
    """Three polls of what paces it."""
    one = derived("one", ("a", "meter.load + 1"), paced_by="meter", poll_s=5.0)
    room = derivation(one, derived("two", ("c", "one.a + boiler.load")))

    assert one_of(room.scans(meter(100, 5.0))) == (6.0, "N")
    assert one_of(room.scans(fast(115, 1.0))) == (7.0, "N")
    assert one_of(room.scans(fast(115.5, 1.0))) == (None, "B")


def test_decimals_and_range() -> None:
    """A result is rounded first; outside its range it keeps its number, with flag T or a worse one."""
    plain = derived("x", ("y", "boiler.load / 3"))
    info = replace(plain.device.info[0], decimals=2)
    room = derivation(replace(plain, device=replace(plain.device, info=(info,)), ranges=((0.0, 3.33),)))

    assert one_of(room.scans(fast(1, 10.0))) == (3.33, "N")
    assert one_of(room.scans(fast(2, 10.5))) == (3.5, "T")
    assert one_of(room.scans(fast(3, 10.5, flags="CN"))) == (3.5, "C")
    assert repr(one_of(room.scans(fast(4, -0.001)))) == "(0.0, 'N')"


@given(
    st.lists(
        st.tuples(st.one_of(st.none(), st.floats(-1e6, 1e6)), st.sampled_from("BDFMCSTN")), min_size=2, max_size=2
    ),
    st.integers(0, 40),
)
def test_sums_of_any_two_readings(readings: list[tuple[float | None, str]], age_s: int) -> None:
    """Against the rule in words: a number only of two numbers that are young, the flag the worse of the two."""
    (load, flag), (other, other_flag) = readings
    room = derivation(derived("x", ("sum", "boiler.load + meter.load")))
    room.scans(meter(100, other, other_flag + "NNN"))
    if age_s > 15:
        other, other_flag = None, "B"

    value, found = one_of(room.scans(fast(100 + age_s, load, flags=flag + "N")))

    if load is None or other is None:
        worst = worse(flag, other_flag)
        assert (value, found) == (None, "D" if worst == "N" else worst)
    else:
        assert (value, found) == (load + other, worse(flag, other_flag))
    assert found in WORST_FIRST
