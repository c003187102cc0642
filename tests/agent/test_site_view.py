"""What a site has, as those need it who show values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from agent.record import digest
from agent.site_view import site_view
from agent.sites import load_site
from tests.agent.test_judgement import PLANT
from tests.config.sites import site
from tests.config.test_plant import factor

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the view of a site with a line, an outlet, a derived point and two limits."""
    path: Path = tmp_path_factory.mktemp("site") / "site.toml"
    path.write_text(site() + PLANT + factor() + '[panel]\nlisten = "[::1]:8443"\n', encoding="utf-8")
    described = load_site(path)
    told = site_view(described, "plantgate t", digest(described.meaning))
    back: dict[str, Any] = json.loads(json.dumps(told))
    assert back == told
    return back


def labels(told: object) -> list[Any]:
    """Return every label in it."""
    if isinstance(told, dict):
        own = [told["label"]] if "label" in told else []
        return own + [found for member in told.values() for found in labels(member)]
    return [found for one in told for found in labels(one)] if isinstance(told, list) else []


def test_it_says_what_belongs_together(view: dict[str, Any]) -> None:
    """Lines with their facilities and outlet, facilities with the points that tell their state."""
    assert [(one["name"], one["production"], one["treatment"], one["outlet"]) for one in view["lines"]] == [
        ("paint", ["press"], ["fan"], "stack")
    ]
    press = next(one for one in view["facilities"] if one["name"] == "press")
    assert press["role"] == "production"
    assert sum(press[name] is not None for name in ("power", "current", "running")) == 1
    assert view["outlets"][0]["name"] == "stack"
    assert {"code", "label", "point", "converted", "limit", "unit", "range"} == view["outlets"][0]["factors"][0].keys()


def test_every_label_is_in_both_languages(view: dict[str, Any]) -> None:
    """The name stands in where the site file has none."""
    found = labels(view)

    assert len(found) > 5
    assert all(set(label) == {"zh", "en"} and label["zh"] and label["en"] for label in found)


def test_derived_points_are_devices_without_a_bus(view: dict[str, Any]) -> None:
    """And limits name their point whole."""
    devices = {one["name"]: one for one in view["devices"]}

    assert (devices["sum"]["derived"], devices["sum"]["bus"]) == (True, None)
    assert (devices["meter"]["derived"], devices["meter"]["bus"]) == (False, view["buses"][0]["name"])
    assert {"name", "label", "unit", "decimals", "number"} == devices["meter"]["points"][0].keys()
    limits = {one["point"]: one["high"] for one in view["limits"]}
    assert (limits["meter.power"], limits["sum.power"]) == (40.0, 100.0)


def test_it_says_where_things_are_but_nothing_secret(view: dict[str, Any]) -> None:
    """Where a bus goes and where the panel listens; never a file with a secret in it."""
    assert all(one["where"] for one in view["buses"])
    assert view["panel"]["listen"] == "[::1]:8443"
    assert "_file" not in json.dumps(view)
