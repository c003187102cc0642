"""The plant in a site file: mistakes by line and remedy, remarks, and the records that come of a good one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.rules.quantity import quantities
from config import quantities as known
from config.load import load
from config.site import PACKS, Factor, RuleChange, Text
from tests.config.plants import loaded
from tests.config.sites import MARK, marked_lines, problems_of, site

if TYPE_CHECKING:
    from config.site import Site

METER = """
[[device]]
name = "meter"
bus = "dcs"
address = 2
"""
for _at, (_name, _kind, _unit) in enumerate(
    [
        ("power", "float32", "kW"),
        ("amps", "float32", "A"),
        ("ppm", "float32", "ppm"),
        ("so2", "float32", "mg/m3"),
        ("o2", "float32", "%"),
        ("bare", "float32", ""),
        ("maker", "string:4", ""),
    ]
):
    METER += (
        f'[[device.point]]\nname = "{_name}"\nregister = "input"\nat = {10 * _at}\ntype = "{_kind}"\nunit = "{_unit}"\n'
    )
METER += '[[device.point]]\nname = "on"\nregister = "coil"\nat = 0\n'


def facility(name: str, *lines: str, role: str = "production", source: str = 'power = "meter.power"') -> str:
    """Return a facility of 45 kW; a line takes the place of the one with the same key, ``-key`` takes it away."""
    plain = [f'name = "{name}"', f'role = "{role}"', *([source] if source else []), "rated = 45.0"]
    return _table("[[facility]]", plain, lines)


def line(*lines: str) -> str:
    """Return a line that pairs press and fan."""
    return _table("[[line]]", ['name = "paint"', 'production = ["press"]', 'treatment = ["fan"]'], lines)


def outlet(*lines: str) -> str:
    """Return a stack."""
    return _table("[[outlet]]", ['name = "stack"', 'medium = "air"'], lines)


def factor(*lines: str) -> str:
    """Return a factor of the last outlet."""
    return _table("[[outlet.factor]]", ['code = "a21026"', 'point = "meter.so2"'], lines)


def _table(header: str, plain: list[str], lines: tuple[str, ...]) -> str:
    gone = {one.split("=")[0].strip().lstrip("-") for one in lines}
    kept = [one for one in plain if one.split("=")[0].strip() not in gone]
    added = [one for one in lines if not one.startswith("-") and one != MARK]
    return "\n".join([header + (f" {MARK}" if MARK in lines else ""), *kept, *added, ""])


PRESS, FAN = facility("press"), facility("fan", role="treatment", source='running = "meter.on"')
BOTH = PRESS + FAN

CASES: dict[str, tuple[str, tuple[str, ...]]] = {
    # --- facilities
    "a parameter that is no setting": (
        '[[rule]]\nid = "T1"\nhold = nan #!\n',
        ("hold: must be a text, number or true/false", "such as"),
    ),
    "a limit below zero": (outlet() + factor("limit = -5.0 #!"), ("limit: too small", "at least 0")),
    "power without rated": (
        facility("press", "-rated", 'power = "meter.power" #!'),
        ('needs the key "rated"', "kW on its name plate", 'running = "…"'),
    ),
    "current without rated": (
        facility("press", "-rated", 'current = "meter.amps" #!', source=""),
        ('needs the key "rated"', "A on its name plate"),
    ),
    "power in A": (facility("press", 'power = "meter.amps" #!'), ("its unit is A", "write current = …")),
    "current in kW": (
        facility("press", 'current = "meter.power" #!', source=""),
        ("its unit is kW", "write power = …"),
    ),
    "two rated currents": (
        facility("press", 'current = "meter.amps"', "rated_current = 90.0 #!", source=""),
        ("rated is the rated current",),
    ),
    "fractions inverted": (
        facility("press", "on_fraction = 0.2", "off_fraction = 0.3 #!"),
        ("off_fraction 0.3 is not below on_fraction 0.2",),
    ),
    "fractions that meet": (facility("press", "on_fraction = 0.08 #!"), ("0.08 is not below on_fraction 0.08",)),
    "a fraction above 1": (facility("press", "on_fraction = 15 #!"), ("on_fraction: too large", "at most 1")),
    "a hold of a day": (facility("press", 'on_hold = "1d" #!'), ("on_hold: too long",)),
    "type": (facility("press", 'type = "bagfilter" #!'), ("type: not a choice",)),
    "life as a number": (facility("press", "life = 2000 #!"), ("needs a unit",)),
    "running a text": (facility("press", 'running = "meter.maker" #!', source=""), ("running: must be a number",)),
    "a quantity that is none": (
        facility("press", "[facility.points]", 'volts_a = "meter.bare" #!'),
        ('no quantity "volts_a"', 'did you mean "voltage_a"?'),
    ),
    "a quantity that the agent reckons": (
        facility("press", "[facility.points]", 'production_power = "meter.bare" #!'),
        ('no quantity "production_power"',),
    ),
    "a quantity's point": (
        facility("press", "[facility.points]", 'load = "meter.lod" #!'),
        ('load: device "meter" has no point "lod"',),
    ),
    "a quantity's text": (facility("press", "[facility.points]", 'load = "meter.maker" #!'), ("must be a number",)),
    "one of many points": (
        facility("press", "[facility.points]", "field_voltages = [", ' "meter.bare",', ' "meter.bar", #!', "]"),
        ('did you mean "meter.bare"?',),
    ),
    "many points for one": (
        facility("press", "[facility.points]", 'load = ["meter.bare", "meter.o2"] #!'),
        ("load is one point", "[[derived]]"),
    ),
    "no name of a point": (facility("press", "[facility.points]", "load = 3 #!"), ("must be the name of a point",)),
    "a point with a key of its own": (
        facility("press", 'points = { power = "meter.bare" } #!'),
        ("power has a key of its own",),
    ),
    # --- lines
    "a line without treatment": (
        PRESS + line("-treatment", MARK),
        ("treatment: none", 'write treatment = ["…"]', 'role "combined"'),
    ),
    "a line with empty treatment": (PRESS + line("treatment = [] #!"), ("treatment: none",)),
    "a line without production": (FAN + line("-production", MARK), ("production: none", 'write production = ["…"]')),
    "treatment listed as production": (
        BOTH + line('production = ["press", "fan"] #!'),
        ('fan has role "treatment"', "list it under treatment"),
    ),
    "production listed as treatment": (
        BOTH + line('treatment = ["press", "fan"] #!'),
        ('press has role "production"', "list it under production"),
    ),
    "a main meter in a line": (
        BOTH + facility("main", role="main") + line('production = ["press", "main"] #!'),
        ('main has role "main"', "stands in no line"),
    ),
    "a member twice": (BOTH + line('treatment = ["fan", "fan"] #!'), ("treatment: named twice",)),
    "no such member of a chain": (BOTH + line('chain = ["press", "fann"] #!'), ('did you mean "fan"?',)),
    "a chain of one": (BOTH + line('chain = ["press"] #!'), ("chain: only one facility",)),
    "a set of one": (BOTH + line('co_run = ["press"] #!'), ("co_run: only one facility",)),
    "grade": (BOTH + line('grade = "A 1" #!'), ("grade: has the wrong form", "such as A or B-")),
    # --- outlets
    "a factor without unit": (
        outlet() + factor('point = "meter.bare"', MARK),
        ('needs the key "unit"', 'write unit = "mg/m3"'),
    ),
    "a factor in another unit": (
        outlet() + factor('point = "meter.ppm"', 'unit = "mg/m3" #!'),
        ("meter.ppm is told in ppm", "ppm_to_mg"),
    ),
    "a range inverted": (outlet() + factor("range = [300.0, 0.0] #!"), ("range: low is not below high",)),
    "inlet": (outlet() + factor('inlet = "meter.on" #!'), ("inlet: must be a number, and this is a flag",)),
    "second": (outlet() + factor('second = "meter.so" #!'), ('did you mean "meter.so2"?',)),
    "converted": (outlet() + factor('converted = "meter.maker" #!'), ("converted: must be a number",)),
    "a permit of nothing": (outlet() + factor("permit = 0 #!"), ("permit: too small", "more than 0")),
    "an outlet's quantity": (
        outlet("[outlet.points]", 'flw = "meter.bare" #!'),
        ('no quantity "flw"', 'did you mean "flow"?'),
    ),
    "a facility's quantity": (outlet("[outlet.points]", 'ph = "meter.bare" #!'), ('no quantity "ph"',)),
    # --- rules
    "a rule for a facility": (BOTH + line() + '[[rule]]\nid = "T1"\nfacility = "fam" #!\n', ('did you mean "fan"?',)),
    "a rule for an outlet": ('[[rule]]\nid = "E1"\noutlet = "stack" #!\n', ("no such outlet", "describe it")),
    "a pack": ('[rules]\npacks = ["treatmnt"] #!\n', ('"treatment"',)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_reported_alone_on_its_line(tmp_path: Path, name: str) -> None:
    """One mistake, one message: the line, and what to write instead."""
    more, words = CASES[name]
    text = site({}, METER + more)

    problems = problems_of(tmp_path, text)

    assert [problem.line for problem in problems] == marked_lines(text), [str(problem) for problem in problems]
    assert all(word in str(problems[0]) for word in words), str(problems[0])
    assert problems[0].hint


PAIRED = BOTH + line()
REMARKS: dict[str, tuple[str, str]] = {
    "a facility in no line": (PAIRED + facility("saw"), 'facility "saw": in no line'),
    "an outlet in no line": (PAIRED + outlet(), 'outlet "stack": in no line'),
    "two main meters": (
        PAIRED + facility("m1", role="main") + facility("m2", role="main"),
        'facility "m2": a second main',
    ),
    "a power in percent": (
        facility("press", 'power = "boiler.load"') + FAN + line(),
        'power is told in "%", taken for kW',
    ),
    "fractions of a bit": (
        PRESS + FAN + "on_fraction = 0.3\n" + line(),
        'facility "fan": on_fraction has no meaning with running',
    ),
    "oxygen without reference": (PAIRED + outlet('o2 = "meter.o2"'), "o2 without reference_o2"),
    "reference without oxygen": (PAIRED + outlet("reference_o2 = 9.0") + factor(), "reference_o2 without o2"),
    "oxygen of water": (PAIRED + outlet('medium = "water"', 'o2 = "meter.o2"'), "o2 has no meaning for water"),
    "a limit beyond the range": (
        PAIRED + outlet() + factor("limit = 400.0", "range = [0.0, 300.0]"),
        "beyond the range",
    ),
}


@pytest.mark.parametrize("name", REMARKS)
def test_what_looks_odd_is_said_and_no_mistake(tmp_path: Path, name: str) -> None:
    """An honest remark, once."""
    more, words = REMARKS[name]

    notices = loaded(tmp_path, site({}, METER + more)).notices

    assert sum(words in notice for notice in notices) == 1, notices


FINE: dict[str, str] = {
    "a whole plant": PAIRED.replace("[[line]]", '[[line]]\noutlet = "stack"')
    + outlet('o2 = "meter.o2"', "reference_o2 = 9.0")
    + factor("limit = 35.0", 'unit = "mg/m³"'),
    "a main meter without rated": PAIRED + facility("main", "-rated", role="main"),
    "a combined facility pairs with itself": facility("rto", role="combined")
    + line('production = ["rto"]', 'treatment = ["rto"]'),
    "a converted factor needs no oxygen": PAIRED.replace("[[line]]", '[[line]]\noutlet = "stack"')
    + outlet("reference_o2 = 9.0")
    + factor('converted = "meter.so2"'),
    "water": PAIRED.replace("[[line]]", '[[line]]\noutlet = "stack"') + outlet('medium = "water"') + factor(),
    "a derived power": PAIRED.replace("meter.power", "hall.power")
    + '[[derived]]\nname = "hall.power"\nformula = "meter.power / 2"\nunit = "kW"\n',
}


@pytest.mark.parametrize("name", FINE)
def test_a_good_plant_draws_no_remarks(tmp_path: Path, name: str) -> None:
    """Silence means fine."""
    assert loaded(tmp_path, site({}, METER + FINE[name])).notices == ()


FULL = (
    facility(
        "press",
        'label = "1号压机"',
        'type = "press"',
        "on_fraction = 0.2",
        "off_fraction = 0.1",
        'on_hold = "30s"',
        'off_hold = "5m"',
        'life = "2000h"',
        "rated_voltage = 380.0",
        "rated_current = 90.0",
        "permit_energy = 900.0",
        "[facility.points]",
        'load = "boiler.load"',
        'meter_events = ["meter.bare", "meter.ppm"]',
    )
    + facility("fan", "design_removal = 95.0", 'current = "meter.amps"', role="treatment", source="")
    + line(
        'outlet = "stack"', 'chain = ["press", "fan"]', 'co_run = ["fan", "press"]', 'grade = "B-"', "permit_energy = 1"
    )
    + outlet('o2 = "meter.o2"', "reference_o2 = 9.0", "[outlet.points]", 'flow = "meter.bare"')
    + factor(
        "limit = 35.0",
        "range = [0, 300]",
        'converted = "meter.so2"',
        'inlet = "meter.ppm"',
        'second = "meter.bare"',
        "permit = 12.5",
        "detection_limit = 0.5",
        "design_removal = 90.0",
    )
    + '[rules]\npacks = ["power", "treatment"]\n'
    + '[[rule]]\nid = "T1"\nline = "paint"\ngrace = "3m"\nhold = "1m"\n'
    + '[[rule]]\nid = "P1"\nenabled = false\n'
)


@pytest.fixture
def full(tmp_path: Path) -> Site:
    """Return a site that states everything a plant can."""
    return loaded(tmp_path, site({}, METER + FULL))


def test_a_facility_becomes_its_record(full: Site) -> None:
    """Durations in seconds, life in hours, facts by their names, and nothing that is not stated."""
    press, fan = full.plant.facilities

    assert (press.name, press.label, press.role, press.type) == (
        "press",
        Text("1号压机", "1号压机"),
        "production",
        "press",
    )
    assert (press.power, press.current, press.running, press.rated) == ("meter.power", None, None, 45.0)
    assert (press.on_fraction, press.off_fraction, press.on_hold_s, press.off_hold_s) == (0.2, 0.1, 30.0, 300.0)
    assert press.points == {"load": ("boiler.load",), "meter_events": ("meter.bare", "meter.ppm")}
    assert press.facts == {
        "type": "press",
        "rated": 45.0,
        "rated_current": 90.0,
        "rated_voltage": 380.0,
        "life_hours": 2000.0,
        "permit_energy": 900.0,
    }
    assert (fan.on_fraction, fan.off_fraction, fan.on_hold_s, fan.off_hold_s) == (0.15, 0.08, 60.0, 60.0)
    assert fan.type is None


def test_with_a_current_rated_is_a_current(full: Site) -> None:
    """So that no rule takes amperes for kilowatts."""
    fan = full.plant.facilities[1]

    assert (fan.current, fan.rated) == ("meter.amps", 45.0)
    assert fan.facts == {"rated_current": 45.0, "design_removal": 95.0}


def test_a_line_becomes_its_record(full: Site) -> None:
    """The order of the chain is kept."""
    (paint,) = full.plant.lines

    assert (paint.production, paint.treatment, paint.outlet) == (("press",), ("fan",), "stack")
    assert (paint.chain, paint.co_run) == (("press", "fan"), ("fan", "press"))
    assert paint.facts == {"grade": "B-", "permit_energy": 1.0}


def test_an_outlet_and_its_factor_become_their_records(full: Site) -> None:
    """The unit is that of the point, and a permit in tonnes is kilograms."""
    (stack,) = full.plant.outlets

    assert (stack.medium, stack.o2, stack.reference_o2) == ("air", "meter.o2", 9.0)
    assert stack.points == {"flow": ("meter.bare",)}
    assert stack.facts == {"medium": "air", "reference_o2": 9.0}
    assert stack.factors == (
        Factor(
            code="a21026",
            label=Text("a21026", "a21026"),
            point="meter.so2",
            unit="mg/m3",
            converted="meter.so2",
            inlet="meter.ppm",
            second="meter.bare",
            limit=35.0,
            range=(0.0, 300.0),
            facts={
                "limit": 35.0,
                "range": (0.0, 300.0),
                "unit": "mg/m3",
                "detection_limit": 0.5,
                "permit_mass": 12500.0,
                "design_removal": 90.0,
            },
        ),
    )


def test_rules_and_packs_become_records(full: Site) -> None:
    """Packs come in the order of the catalogue, parameters as they are written."""
    about = {"facility": None, "outlet": None}

    assert full.plant.packs == ("treatment", "power")
    assert full.plant.changes == (
        RuleChange(id="T1", line="paint", enabled=True, params={"grace": "3m", "hold": "1m"}, **about),
        RuleChange(id="P1", line=None, enabled=False, params={}, **about),
    )


@pytest.mark.parametrize(
    ("more", "packs"),
    [("", PACKS), ("[rules]\n", PACKS), ("[rules]\npacks = []\n", ()), ('[rules]\npacks = ["data"]\n', ("data",))],
)
def test_all_packs_apply_unless_the_file_chooses(tmp_path: Path, more: str, packs: tuple[str, ...]) -> None:
    """What the site describes is judged without further configuration."""
    assert loaded(tmp_path, site({}, more)).plant.packs == packs


def test_the_time_to_escalation_of_a_limit(tmp_path: Path) -> None:
    """Ninety minutes unless the file says another, 0 for never."""
    never = loaded(tmp_path, site({"[[limit]]": ['escalate_after = "0s"']}))

    assert [loaded(tmp_path, site()).limits[0].escalate_after_s, never.limits[0].escalate_after_s] == [5400.0, 0.0]


def test_a_limit_may_latch_and_that_is_part_of_its_meaning(tmp_path: Path) -> None:
    """Unless the file says so its alarm goes by itself."""
    latching = loaded(tmp_path, site({"[[limit]]": ["latch = true"]}))

    assert [loaded(tmp_path, site()).limits[0].latch, latching.limits[0].latch] == [False, True]
    assert latching.meaning["limits"]["boiler.load"]["latch"] is True


RECKONED = """
state production treatment members chain run_hours runtime line_runtime production_power production_energy
production_voltage sub_energy main_energy concentration converted converted_told concentrations second
inlet_concentration mass o2 answer readings broken instrument_clock host_clock timestamp starts orderly power_good
meaning backlog_age disk_share columns declaring
"""
"""Quantities that no table of further points states: they have keys of their own, are the box's, or are reckoned."""
PLANNED = ("mark", "order_", "marked_", "work_order", "permit_", "declared_", "overdue")


def test_further_points_are_quantities_of_the_rules() -> None:
    """`config` keeps the names by itself: each is one that rules read, and each that a site could state is there."""
    stated = known.FACILITY | known.OUTLET
    there = {name: one.is_many for name, one in quantities().items()}
    others = {name for name in there if name not in stated and not name.startswith(PLANNED)}

    assert {name: there.get(name) for name in stated} == stated
    assert others == set(RECKONED.split())


def test_the_page_lists_every_further_point() -> None:
    """Those of a facility, and those of an outlet, and whether there can be many."""
    page = (Path(__file__).parent.parent.parent / "docs" / "site.md").read_text(encoding="utf-8")
    body = page.partition("## Further points\n")[2].partition("\n## ")[0]
    of_facility, of_outlet = (part.split("\n\n")[0] for part in (body.split("Of a ")[1], body.split("Of an ")[1]))

    for text, table in ((of_facility, known.FACILITY), (of_outlet, known.OUTLET)):
        one, many = text.split("and many of")
        assert {name for name in table if f"`{name}`" in one} == {name for name in table if not table[name]}
        assert {name for name in table if f"`{name}`" in many} == {name for name in table if table[name]}
        assert text.count("`") == 2 * len(table)


def test_the_page_lists_every_function_and_type() -> None:
    """What a formula may call, and what a facility may be."""
    from typing import get_args

    from config.formula import FUNCTIONS
    from config.functions import MOLAR_MASSES
    from config.site import FacilityType

    page = (Path(__file__).parent.parent.parent / "docs" / "site.md").read_text(encoding="utf-8")
    formulas = page.partition("### Formulas\n")[2].partition("\n## ")[0]

    assert [name for name in FUNCTIONS if f"`{name}(" not in formulas] == []
    assert [name for name in MOLAR_MASSES if f"`{name}`" not in formulas] == []
    assert [name for name in get_args(FacilityType) if f"`{name}`" not in page] == []


def test_the_example_describes_a_plant_that_works() -> None:
    """Its facilities are paired, its outlet is watched, and it has derived points."""
    example = load(Path(__file__).parent.parent.parent / "config" / "site.example.toml")

    assert {one.role for one in example.plant.facilities} == {"production", "treatment", "main"}
    assert len(example.plant.lines) == len(example.plant.outlets) == 1
    assert {one.device.spec.name for one in example.derived} == {"stack-1", "workshop"}
