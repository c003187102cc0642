"""The retained `meta` message: what a subscriber is told of devices."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import orjson

from agent.keys import SigningKey
from agent.meta import meta
from config.site import Site, Text
from tests.agent.plant import boiler

KEY = SigningKey.from_seed(bytes(range(32)))


def told(slow_s: float | None) -> Any:
    """Return what is told of the boiler."""
    gateway = SimpleNamespace(id="jn-0417", name=Text("厂", "Plant"), timezone="Asia/Shanghai")
    site = SimpleNamespace(gateway=gateway, meaning={}, devices=(boiler(slow_s=slow_s),))
    (device,) = orjson.loads(meta(cast("Site", site), KEY, "plantgate t"))["devices"].items()
    return device


def test_a_device_has_one_entry_with_all_its_points() -> None:
    """Whether it is read in one visit or in two; then it says at which pace, and which points are the slow ones."""
    (name, plain), (_, split) = told(None), told(60.0)

    assert name == "boiler"
    assert list(plain["points"]) == list(split["points"]) == ["load", "so2", "model", "burner"]
    assert ("slow" in plain, split["slow"]) == (False, 60.0)
    assert [point for point, about in split["points"].items() if about.get("period") == "slow"] == ["so2", "model"]
    assert not any("period" in about for about in plain["points"].values())
