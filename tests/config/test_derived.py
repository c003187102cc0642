"""Derived points: mistakes by line and remedy, and the devices that come of them."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest

from config.amounts import total_by
from config.apart import load_apart
from config.site import Text
from config.visits import places
from tests.config.plants import loaded
from tests.config.sites import MARK, marked_lines, problems_of, site

if TYPE_CHECKING:
    from pathlib import Path

    from config.site import Derived, Site

METER = """
[[device]]
name = "press-1"
bus = "dcs"
address = 2
poll = "5s"
slow = "60s"
report = "60s"
[[device.point]]
name = "power"
register = "input"
at = 0
type = "float32"
unit = "kW"
[[device.point]]
name = "energy"
register = "input"
at = 2
type = "uint32"
unit = "kWh"
period = "slow"
[[device.point]]
name = "on"
register = "coil"
at = 0
[[device.point]]
name = "maker"
register = "input"
at = 10
type = "string:4"
"""


def derived(name: str, formula: str, *lines: str) -> str:
    """Return one table."""
    return "\n".join(["[[derived]]", f'name = "{name}"', f'formula = "{formula}"', *lines, ""])


def marked(name: str, formula: str) -> str:
    """Return one table whose formula is to be reported."""
    return derived(name, formula).replace(f'= "{formula}"', f'= "{formula}" {MARK}')


CASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "no such point": (marked("a.b", "boiler.laod * 2.5"), ('no point "boiler.laod"', 'did you mean "boiler.load"?')),
    "no such device": (marked("a.b", "boler.load * 2"), ('did you mean "boiler.load"?',)),
    "no grammar": (marked("a.b", "boiler.load * (2"), ("closing bracket", "(character 17)", "brackets come in pairs")),
    "a minus without spaces": (marked("a.b", "21-boiler.load"), ("a minus needs spaces around it: 21 - boiler.load",)),
    "a minus behind a point": (marked("a.b", "boiler.load-9"), ("spaces around it: boiler.load - 9",)),
    "a minus between points": (marked("a.b", "boiler.load-press-1.on"), ("a minus needs spaces",)),
    "a text": (marked("a.b", "press-1.maker * 2"), ('"press-1.maker" is a text',)),
    "no point at all": (marked("a.b", "2 * 3"), ("names no point",)),
    "itself": (marked("a.b", "a.b + boiler.load"), ("names the point itself",)),
    "a circle": (
        derived("x.ok", "a.b + 1") + marked("a.b", "a.c + 1") + derived("a.c", "d.e * 2") + derived("d.e", "a.b"),
        ("goes round in a circle, a.b needs a.c needs d.e needs a.b",),
    ),
    "devices that need each other": (
        derived("a.x", "b.y + 1").replace('"a.x"', f'"a.x" {MARK}')
        + derived("b.y", "boiler.load")
        + derived("b.z", "a.x"),
        ("a and b would each", "a name of its own before the dot"),
    ),
    "the name of a device": (
        derived("boiler.twice", "boiler.load * 2").replace('"boiler.twice"', f'"boiler.twice" {MARK}'),
        ("there is a device of this name",),
    ),
    "twice": (
        derived("a.b", "boiler.load") + derived("a.b", "boiler.load").replace('"a.b"', f'"a.b" {MARK}'),
        ("name: given twice", "the first is on line"),
    ),
    "another's total": (derived("a.b", "boiler.load", f'total = "hourly" {MARK}'), ("per-hour",)),
    "a limit out of order": (
        derived("a.b", "boiler.load") + f'[[limit]]\npoint = "a.b"\nlow = 5\nhigh = 4 {MARK}\ndeadband = 0.5\n',
        ("high: is not above low",),
    ),
    "a limit on a point that is not derived": (
        derived("a.b", "boiler.load") + f'[[limit]]\npoint = "a.c" {MARK}\nhigh = 4\ndeadband = 1\n',
        ('did you mean "a.b"?',),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_reported_alone_on_its_line(tmp_path: Path, name: str) -> None:
    """One message, with the remedy."""
    more, words = CASES[name]
    text = site({}, METER + more)

    problems = problems_of(tmp_path, text)

    assert [problem.line for problem in problems] == marked_lines(text), [str(problem) for problem in problems]
    assert all(word in str(problems[0]) for word in words), str(problems[0])
    assert problems[0].hint


def test_each_circle_is_named_once(tmp_path: Path) -> None:
    """Two circles are two messages, and what hangs on a circle is none."""
    text = site({}, marked("a.a", "a.b") + derived("a.b", "a.a") + marked("c.a", "c.b") + derived("c.b", "c.a + a.a"))

    problems = problems_of(tmp_path, text)

    assert [problem.line for problem in problems] == marked_lines(text)


def test_circles_through_the_same_point_are_all_named(tmp_path: Path) -> None:
    """Whoever mends one need not come back for the next."""
    text = site({}, marked("a.a", "a.b + c.c") + derived("a.b", "a.a") + derived("c.c", "a.a"))

    problems = problems_of(tmp_path, text)

    assert [problem.line for problem in problems] == marked_lines(text) * 2
    assert all(circle in str(problems) for circle in ("a.a needs a.b needs a.a", "a.a needs c.c needs a.a"))


def test_a_broken_point_of_an_unknown_model_is_not_asked_about(tmp_path: Path) -> None:
    """Of a device whose model is missing nothing is known, so a formula over it is no mistake too."""
    more = '[[device]]\nname = "m"\nbus = "dcs"\naddress = 9\nmodel = "no-such" #!\n' + derived("a.b", "m.power * 2")
    text = site({}, more)

    assert [problem.line for problem in problems_of(tmp_path, text)] == marked_lines(text)


PLANT = (
    METER
    + derived(
        "hall.specific", "hall.total / hall.load", 'unit = "kWh"', "decimals = 2", "range = [0, 9]", 'code = "i1"'
    )
    + derived("stack.x", "boiler.load + 1", 'unit = "m3/h"')
    + derived("hall.total", "press-1.energy + 1", 'unit = "kWh"', 'label = "Total"')
    + derived("hall.load", "stack.x * press-1.on")
    + '[[outlet]]\nname = "stack"\nlabel = "Stack 1"\nmedium = "air"\n'
    + '[[limit]]\npoint = "hall.specific"\nhigh = 8\ndeadband = 1\n'
)


@pytest.fixture
def plant(tmp_path: Path) -> Site:
    """Return the site of `PLANT`: a boiler read each second, a meter each five and its energy each minute."""
    return loaded(tmp_path, site({}, PLANT))


def by_name(plant: Site) -> dict[str, Derived]:
    """Return the derived devices."""
    return {one.device.spec.name: one for one in plant.derived}


def test_points_of_one_name_are_one_device_after_those_it_needs(plant: Site) -> None:
    """Devices and points come in an order in which they can be computed, whatever the order of the file."""
    assert [one.device.spec.name for one in plant.derived] == ["stack", "hall"]
    names = [info.name for info in by_name(plant)["hall"].device.info]
    assert sorted(names) == ["load", "specific", "total"]
    assert names[-1] == "specific"
    assert [formula.inputs for formula in by_name(plant)["hall"].formulas][-1] == ("hall.total", "hall.load")


def test_a_derived_device_is_like_any_other(plant: Site) -> None:
    """It has a name, a label (of the outlet that it is named after), infos and no points that could be read."""
    hall, stack = by_name(plant)["hall"].device, by_name(plant)["stack"].device
    specific = hall.info[-1]

    assert (hall.spec.protocol, hall.spec.points, hall.slow_s) == ("derived", (), None)
    assert (hall.label, stack.label) == (Text("hall", "hall"), Text("Stack 1", "Stack 1"))
    assert (specific.unit, specific.decimals, specific.code, specific.is_number) == ("kWh", 2, "i1", True)
    assert by_name(plant)["hall"].ranges[-1] == (0.0, 9.0)
    assert {info.name: info.total for info in hall.info}["total"] == "counter"
    assert stack.info[0].total == "per-hour"


def test_the_slowest_visit_in_the_end_sets_the_pace(plant: Site) -> None:
    """The energy is read each minute, so what needs it is computed then; through other derived points as well."""
    hall, stack = by_name(plant)["hall"], by_name(plant)["stack"]

    assert (stack.paced_by, stack.device.poll_s, stack.device.report.kind) == ("boiler", 1.0, "on-scan")
    assert (hall.paced_by, hall.device.poll_s) == ("press-1/slow", 60.0)
    assert hall.device.report == plant.devices[1].report


def test_a_limit_on_a_derived_point_is_one(plant: Site) -> None:
    """It names the derived device and its point."""
    assert [(one.device, one.point, one.high) for one in plant.limits][-1] == ("hall", "specific", 8.0)


def test_a_dead_band_wider_than_the_range_of_a_derived_point_never_clears(tmp_path: Path) -> None:
    """What is checked of a limit by the range of a point is checked here too."""
    text = site({}, PLANT.replace("high = 8\ndeadband = 1", f"high = 8\ndeadband = 20 {MARK}"))

    (problem,) = problems_of(tmp_path, text)

    assert "could never clear" in problem.what
    assert problem.line == marked_lines(text)[0]


def test_places_are_those_of_visits(plant: Site) -> None:
    """A slow point is found in the slow visit, any other in the fast one."""
    found = {name: (visit.spec.name, place) for name, (visit, place) in places(plant.devices).items()}

    assert found["press-1.energy"] == ("press-1/slow", 0)
    assert found["press-1.on"] == ("press-1", 1)
    assert found["boiler.load"] == ("boiler", 0)


def test_what_points_tell_about_themselves(plant: Site) -> None:
    """Bits and texts are no numbers, and amounts follow from units."""
    info = {one.name: one for one in plant.devices[1].info}

    assert {name: (one.is_number, one.total) for name, one in info.items()} == {
        "power": (True, "per-hour"),
        "energy": (True, "counter"),
        "on": (False, "none"),
        "maker": (False, "none"),
    }


def test_a_total_can_be_said(tmp_path: Path) -> None:
    """A weighbridge in t is a counter only when the file says so; a text can have none."""
    text = METER.replace('unit = "kWh"', 'unit = "t"\ntotal = "counter"')

    assert {one.name: one.total for one in loaded(tmp_path, site({}, text)).devices[1].info}["energy"] == "counter"
    (problem,) = problems_of(tmp_path, site({}, METER + 'total = "counter" #!\n'))
    assert "total: has no meaning" in problem.what


@pytest.mark.parametrize(
    ("unit", "total"),
    [
        ("kWh", "counter"),
        ("Wh", "counter"),
        ("kvarh", "counter"),
        ("m3", "counter"),
        ("W", "per-hour"),
        ("kW", "per-hour"),
        ("m3/h", "per-hour"),
        ("kg/h", "per-hour"),
        ("m3/s", "per-second"),
        ("L/s", "per-second"),
        ("t", "none"),
        ("kg", "none"),
        ("mg/m3", "none"),
        ("Cel", "none"),
        ("", "none"),
    ],
)
def test_the_amount_of_a_period_follows_from_the_unit(unit: str, total: str) -> None:
    """Energies and volumes count, rates are integrated, and a mass may be a weight."""
    assert total_by(unit) == total


def test_a_derived_site_comes_over_from_the_other_process(tmp_path: Path) -> None:
    """Formulas are plain data, and records keep no dictionaries."""
    here = loaded(tmp_path, site({}, PLANT))
    there = load_apart(tmp_path / "site.toml")

    assert repr(there) == repr(here)
    assert there.derived[0].formulas[0].evaluate([2.5]) == 3.5
    assert pickle.loads(pickle.dumps(here)).derived == here.derived
    assert not hasattr(here.derived[0], "__dict__")
    assert not hasattr(here.derived[0].formulas[0], "__dict__")


def test_a_thousand_points_in_a_row_are_ordered_soon(tmp_path: Path) -> None:
    """Each over the one before: no recursion, no quadratic waiting."""
    chain = "".join(derived(f"d{number}.x", f"d{number - 1}.x + 1") for number in range(1, 1000))

    site_of = loaded(tmp_path, site({}, chain + derived("d0.x", "boiler.load")))

    assert [one.device.spec.name for one in site_of.derived] == [f"d{number}" for number in range(1000)]
    assert {one.paced_by for one in site_of.derived} == {"boiler"}
