"""A thrifty site is equal to the site, and smaller."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

from config.apart import load_apart
from config.load import load
from config.thrift import thrifty

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """
[gateway]
id = "box-1"
state_dir = "state"

[[bus]]
name = "line"
type = "tcp"
host = "127.0.0.1"
"""
METER = """
[[device]]
name = "meter-{unit}"
bus = "line"
address = {unit}
poll = "1s"
report = "on-scan"
"""
POINT = """
[[device.point]]
name = "p{at}"
register = "holding"
at = {at}
type = "float32"
scale = {scale}
"""


def plant(folder: Path, meters: int, points: int = 40) -> Path:
    """Write a site file with so many meters of one kind, and one that has another scale; return its path."""
    text = HEAD
    for unit in range(1, meters + 2):
        scale = 0.5 if unit > meters else 2.0
        text += METER.format(unit=unit) + "".join(POINT.format(at=2 * at, scale=scale) for at in range(points))
    path = folder / "site.toml"
    path.write_text(text)
    return path


def test_a_thrifty_site_says_the_same(tmp_path: Path) -> None:
    """Nothing but the memory tells the two apart: not even whether a number is whole or a float."""
    site = load(plant(tmp_path, 3))

    assert repr(thrifty(site)) == repr(site)


def test_like_meters_share_their_points_and_others_do_not(tmp_path: Path) -> None:
    """A point with another scale stays another point."""
    first, second, other = thrifty(load(plant(tmp_path, 2))).devices

    assert first.spec.points is second.spec.points
    assert first.info is second.info
    assert [point.scale for point in other.spec.points] == [0.5] * 40


def test_twenty_meters_take_little_more_than_two(tmp_path: Path) -> None:
    """What is shared is also handed over once."""
    sizes = [len(pickle.dumps(thrifty(load(plant(tmp_path, meters))))) for meters in (2, 20)]

    assert sizes[1] < 1.5 * sizes[0]


def test_the_site_from_the_other_process_is_the_same(tmp_path: Path) -> None:
    """Loading apart changes where the work is done, not what comes of it; and what is shared arrives shared."""
    path = plant(tmp_path, 2)
    site = load_apart(path)

    assert repr(site) == repr(load(path))
    assert site.devices[0].spec.points is site.devices[1].spec.points
