"""Transformer ratios: by unit or by word, folded into scale and offset without binary noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config.load import load
from tests.config.sites import site

if TYPE_CHECKING:
    from pathlib import Path

    from drivers.spec import PointSpec


def read(folder: Path, device: list[str], point: list[str]) -> PointSpec:
    """Return the first point of a site with these lines in its device and point."""
    text = site({"[[device]]": device, "[[device.point]]": point, "[[limit]]": ["-"]})
    (folder / "site.toml").write_text(text, encoding="utf-8")
    return load(folder / "site.toml").devices[0].spec.registers[0]


@pytest.mark.parametrize(
    ("unit", "scale"),
    [
        ("A", 40.0),
        ("mA", 40.0),
        ("V", 100.0),
        ("kV", 100.0),
        ("kW", 4000.0),
        ("kvarh", 4000.0),
        ("kWh", 4000.0),
        ("VA", 4000.0),
        ("Hz", 1.0),
        ("%", 1.0),
        ("", 1.0),
    ],
)
def test_the_unit_tells_the_ratio(tmp_path: Path, unit: str, scale: float) -> None:
    """Currents by ct, voltages by pt, powers and energies by both, anything else by none."""
    point = [f'unit = "{unit}"']
    if scale == 1.0:
        point += ["scale = 1.0"]
        more = ["ct = 1.0", "pt = 1.0"]
    else:
        more = ["ct = 40.0", "pt = 100.0"]
    if unit in ("A", "mA"):
        more = ["ct = 40.0"]
    if unit in ("V", "kV"):
        more = ["pt = 100.0"]

    assert read(tmp_path, more, point).scale == scale


@pytest.mark.parametrize(("ratio", "scale"), [("none", 0.1), ("ct", 4.0), ("pt", 0.35), ("ct*pt", 14.0)])
def test_the_point_may_say_it_itself(tmp_path: Path, ratio: str, scale: float) -> None:
    """A meter that applies its ratios to energy only is described by its points; the unit then does not matter."""
    text = site(
        {
            "[[device]]": ["ct = 40.0", "pt = 3.5"],
            "[[device.point]]": ['unit = "kW"', "scale = 0.1", f'ratio = "{ratio}"'],
        },
        '[[device.point]]\nname = "other"\nregister = "input"\nat = 0\ntype = "float32"\nunit = "kWh"\n',
    )
    (tmp_path / "site.toml").write_text(text, encoding="utf-8")

    assert load(tmp_path / "site.toml").devices[0].spec.points[0].scale == scale


def test_decimals_are_multiplied_as_decimals(tmp_path: Path) -> None:
    """0.1 times 3 is 0.3, not 0.30000000000000004; the offset is multiplied as well."""
    point = read(tmp_path, ["ct = 3.0"], ['unit = "A"', "scale = 0.1", "offset = 0.7"])

    assert (point.scale, point.offset) == (0.3, 2.1)
