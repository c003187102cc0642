"""Whatever somebody types: a site, or problems with lines that exist. Never another exception."""

from __future__ import annotations

import math
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.load import load
from config.problem import Problem, SiteProblems
from drivers.registers import problems
from tests.config.sites import site

if TYPE_CHECKING:
    from config.site import Site

EXAMPLE = (Path(__file__).parent.parent.parent / "config" / "site.example.toml").read_text(encoding="utf-8")
EVERYTHING = (
    EXAMPLE
    + """
[[bus]]
name = "dust-line"
type = "tcp"
host = "0.0.0.0"
port = 7001
listen = true

[[device]]
name = "dust"
bus = "dust-line"
address = 1
model = "generic-ascii-dust"
points = ["dust"]
ct = 1.0

[[device.point]]
name = "dust"
range = [0.0, 50.0]

[[device]]
name = "old-meter"
bus = "line1"
protocol = "dlt645-1997"
address = "000000000007"
bytesize = 8
turnaround = "20ms"

[[device.point]]
name = "energy"
item = "9010"
format = "XXXXXX.XX"
signed = true
type = "text"

[[derived]]
name = "stack-1.twice"
formula = "if(fan-1.running, stack-1.nox_mass, 0) * 2 ** (1 - -1)"
unit = "kg/h"
range = [0.0, 90.0]
code = "a21002"
total = "per-hour"

[rules]
packs = ["power", "treatment"]

[[rule]]
id = "T2"
facility = "fan-1"
enabled = false

[[facility]]
name = "rto-1"
role = "combined"
current = "press-1.current_a"
rated = 90.0
on_fraction = 0.3
off_fraction = 0.1
on_hold = "5s"
off_hold = "5s"
life = "2000h"
rated_voltage = 220.0
design_removal = 95.0

[facility.points]
field_voltages = ["press-1.voltage_a", "workshop.power"]

[[line]]
name = "oven"
production = ["rto-1"]
treatment = ["rto-1", "fan-1"]
chain = ["press-1", "rto-1"]
permit_energy = 900.0
"""
)
LINES = EVERYTHING.split("\n")
KEY_LINES = [number for number, line in enumerate(LINES) if re.match(r"\s*[a-z0-9_]+\s*=", line)]
ODD = ["true", "-1", "0", "3.5", "1e400", "nan", '""', '"x"', '"1s"', "[]", "[[]]", "{}", "{ a = 1 }", "[1, 'a']"]
ODD += ["99999999999999999999", "1979-05-27", '"\\u0000"', '"boiler-dcs.load"', '"9s"', "[{}]", '"."', '"press-1."']
ODD += [
    '"serial"',
    '"dlt645-1997"',
    '"hj212"',
    '"ascii"',
    '"AAAAAAAAAAAA"',
    '"eastron-sdm630"',
    '"B611"',
    '"hour:Avg"',
    '"stack-1.nox_mass"',
    '"paint"',
    "7",
]


def outcome(folder: Path, text: str) -> None:
    """Load a text; whatever comes must be usable."""
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8")
    found: Site | tuple[Problem, ...]
    try:
        found = load(path)
    except SiteProblems as refused:
        found = refused.problems
    if isinstance(found, tuple):
        assert found
        assert all(one.line is None or 1 <= one.line <= text.count("\n") + 1 for one in found)
        assert all("\n" not in str(one) for one in found)
        return
    for device in found.devices:
        assert not any(problems(point) for point in device.spec.registers)
        assert len(device.info) == len(device.spec.points)
        assert all(math.isfinite(point.scale) and math.isfinite(point.offset) for point in device.spec.points)
    for derived in found.derived:
        assert len(derived.formulas) == len(derived.device.info) == len(derived.ranges)
        assert all(formula.program and formula.inputs for formula in derived.formulas)


def test_the_file_with_everything_is_a_good_one(tmp_path: Path) -> None:
    """What is spoilt below is a site to begin with."""
    (tmp_path / "site.toml").write_text(EVERYTHING, encoding="utf-8")

    assert {one.device.spec.name for one in load(tmp_path / "site.toml").derived} == {"stack-1", "workshop"}


@pytest.mark.parametrize("number", KEY_LINES)
def test_any_key_of_the_example_with_any_odd_value(tmp_path: Path, number: int) -> None:
    """Each line in turn gets some odd values, and is taken away once."""
    for value in random.Random(number).sample(ODD, 2):
        key = LINES[number].split("=")[0]
        outcome(tmp_path, "\n".join([*LINES[:number], f"{key}= {value}", *LINES[number + 1 :]]))
    outcome(tmp_path, "\n".join([*LINES[:number], *LINES[number + 1 :]]))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False))
def test_lines_lost_doubled_and_swapped(tmp_path: Path, chance: random.Random) -> None:
    """A file after a bad merge or half an edit."""
    lines = list(LINES)
    for _ in range(chance.randint(1, 12)):
        here, there = chance.randrange(len(lines)), chance.randrange(len(lines))
        match chance.randrange(4):
            case 0:
                del lines[here : here + chance.randint(1, 5)]
            case 1:
                lines.insert(there, lines[here])
            case 2:
                lines[here], lines[there] = lines[there], lines[here]
            case _:
                key, equals, _ = lines[here].partition("=")
                lines[here] = f"{key}{equals} {chance.choice(ODD)}" if equals else lines[here]

    outcome(tmp_path, "\n".join(lines))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(EVERYTHING)), st.text(max_size=6))
def test_a_file_cut_short_or_with_rubbish_in_it(tmp_path: Path, at: int, rubbish: str) -> None:
    """A power cut while saving, a cat on the keyboard (fault F2)."""
    clean = rubbish.encode(errors="ignore").decode()

    outcome(tmp_path, EVERYTHING[:at] + clean)
    outcome(tmp_path, EVERYTHING[:at] + clean + EVERYTHING[at:])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    """A file that is something else altogether."""
    (tmp_path / "site.toml").write_bytes(content)

    with pytest.raises(SiteProblems):
        load(tmp_path / "site.toml")


def test_a_large_site_loads(tmp_path: Path) -> None:
    """Two hundred devices of twenty points are one file of a few hundred kilobytes."""
    devices = [
        f'[[device]]\nname = "d{device}"\nbus = "dcs"\naddress = {device + 2}\n'
        + "".join(
            f'[[device.point]]\nname = "p{at}"\nregister = "input"\nat = {at}\ntype = "uint16"\nscale = 0.1\n'
            for at in range(20)
        )
        for device in range(200)
    ]
    (tmp_path / "site.toml").write_text(site({}, "".join(devices)), encoding="utf-8")

    assert sum(len(device.spec.points) for device in load(tmp_path / "site.toml").devices) == 4001
