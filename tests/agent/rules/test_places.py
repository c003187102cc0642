"""agent.rules.places: the objects of a site, and where each finds what rules look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.rules import quantity as q
from agent.rules.binding import FINDERS
from agent.rules.places import RATED_VOLTAGE_V, Place, Places
from agent.rules.rule import Grain, Scope
from agent.rules.sources import Asked, World, find
from tests.agent.rules.described import WORKS, site

if TYPE_CHECKING:
    from pathlib import Path

    from agent.rules.quantity import Quantity

OBJECTS = {
    Scope.SITE: ["site"],
    Scope.LINE: ["paint"],
    Scope.FACILITY: ["press-1", "fan-1", "pump-1"],
    Scope.PRODUCTION: ["press-1"],
    Scope.TREATMENT: ["fan-1", "pump-1"],
    Scope.SERVING: ["paint/fan-1", "paint/pump-1"],
    Scope.METERED: ["press-1"],
    Scope.OUTLET: ["stack-1"],
    Scope.FACTOR: ["stack-1/a21026"],
    Scope.DEVICE: ["press", "dcs", "cems"],
}


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """The objects of the works."""
    return World.of(site(tmp_path)).places


@pytest.mark.parametrize("scope", OBJECTS)
def test_every_scope_has_its_objects(places: Places, scope: Scope) -> None:
    """Keys are those of alarms."""
    assert [place.key for place in places.of(scope)] == OBJECTS[scope]


def only(places: Places, scope: Scope, place: int = 0) -> Place:
    """Return an object."""
    return places.of(scope)[place]


@pytest.mark.parametrize(
    ("scope", "quantity", "refs"),
    [
        (Scope.PRODUCTION, q.POWER, ["press.power"]),
        (Scope.PRODUCTION, q.ENERGY, ["press.energy_import"]),
        (Scope.PRODUCTION, q.VOLTAGE_A, ["press.voltage_a"]),
        (Scope.PRODUCTION, q.VOLTAGE_B, []),
        (Scope.TREATMENT, q.RUNNING, ["dcs.fan_runs"]),
        (Scope.TREATMENT, q.LOAD, []),
        (Scope.FACTOR, q.CONCENTRATION, ["cems.so2"]),
        (Scope.FACTOR, q.O2, ["cems.oxygen"]),
        (Scope.OUTLET, q.FLOW, ["cems.wet_flow"]),
        (Scope.OUTLET, q.GAS_PRESSURE, ["cems.pressure"]),
        (Scope.PRODUCTION, q.O2, ["cems.oxygen"]),
        (Scope.LINE, q.FLOW, ["cems.wet_flow"]),
        (Scope.LINE, q.POWER, ["press.power"]),
        (Scope.LINE, q.VOLTAGE_A, []),
        (Scope.FACTOR, q.SECOND, []),
    ],
    ids=[
        "stated",
        "by another name that meters give it",
        "by its name",
        "a phase that the meter does not tell",
        "a running signal",
        "a shared device is nobody's own",
        "stated of a factor",
        "of the factor's outlet",
        "by its code",
        "by a name on the outlet's device",
        "of the outlet of a machine's line",
        "of a line's outlet",
        "of a line's machine, as stated",
        "of a line's machine, not by name",
        "not stated",
    ],
)
def test_a_quantity_is_found_where_it_is_told(
    places: Places, scope: Scope, quantity: Quantity, refs: list[str]
) -> None:
    """Stated points first, then names, then codes; a device that serves several is nobody's own."""
    assert [point.ref for point in places.points(only(places, scope), quantity)] == refs


def test_what_is_stated_comes_before_what_could_be_found(tmp_path: Path) -> None:
    """[facility.points] wins over a point of the quantity's name on the facility's own device."""
    text = WORKS.replace("rated = 45.0\n", 'rated = 45.0\npoints = { voltage_a = "cems.pressure" }\n', 1)
    places = World.of(site(tmp_path, text)).places

    assert [point.ref for point in places.points(only(places, Scope.PRODUCTION), q.VOLTAGE_A)] == ["cems.pressure"]


def test_a_fan_or_pump_of_production_is_none_of_treatment(tmp_path: Path) -> None:
    """A dryer's blower moves no gas through the scrubber: only facilities that treat stand for the line's fan."""
    text = WORKS.replace('role = "production"\n', 'role = "production"\ntype = "fan"\n', 1)
    works = text.replace('type = "fan"\nrunning', 'type = "bag"\nrunning', 1)
    for bound_to, is_told in ((text, True), (works, False)):
        world = World.of(site(tmp_path, bound_to))
        for quantity in (q.FAN, q.FAN_POWER):
            source = find(Asked(world, quantity.now, only(world.places, Scope.LINE), Grain.NOW), FINDERS)
            is_named = source is not None and "press-1" in source.wakes
            assert not is_named
            assert (source is not None) == (is_told and quantity is q.FAN)


def test_facts_are_those_of_the_object_and_of_what_it_is_part_of(places: Places) -> None:
    """A factor knows its outlet's reference oxygen, a line what its production is rated at together."""
    factor, machine, line = (only(places, scope) for scope in (Scope.FACTOR, Scope.PRODUCTION, Scope.LINE))

    assert places.facts(factor).items() >= {"limit": 35.0, "range": (0.0, 300.0), "reference_o2": 9.0}.items()
    assert places.facts(machine).items() >= {"rated": 45.0, "poll": 1.0, "rated_voltage": RATED_VOLTAGE_V}.items()
    assert places.facts(line)["rated"] == 45.0
    assert places.facts(only(places, Scope.TREATMENT)).get("rated") is None


def test_an_object_is_meant_by_the_names_of_what_it_is_part_of(places: Places) -> None:
    """A mark on the line is a mark on its machines and on its outlet."""
    assert only(places, Scope.SERVING).names == ("fan-1", "paint")
    assert only(places, Scope.FACTOR).names == ("stack-1", "paint")
    assert only(places, Scope.DEVICE).names == ("press",)
