"""What is hashed into every record, and what a change of it looks like."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from config.diff import diff, needs_restart
from config.load import load
from tests.config.sites import site

if TYPE_CHECKING:
    from config.site import Site

EXAMPLE = Path(__file__).parent.parent.parent / "config" / "site.example.toml"
FIRST = Path(__file__).parent / "modbus_tcp.toml"
DIGESTS = {
    FIRST: "22c296147c32fa3f0e6337e878b7aec86ffe074aedd88a01fb066d7922c714ef",
    None: "0882b7d144f88cd43eac355dfb154d66dcb1a1ca1400338c25e76441062feb62",
}
"""SHA-256 of what a site of Modbus TCP meant in the first version: a large one, and the small one of the tests."""


def loaded(folder: Path, text: str) -> Site:
    """Return the site of a text."""
    (folder / "site.toml").write_text(text, encoding="utf-8")
    return load(folder / "site.toml")


def every(value: Any) -> list[Any]:
    """Return all members of a nested value, keys included."""
    if isinstance(value, dict):
        return [*value, *(one for member in value.values() for one in every(member))]
    return [one for member in value for one in every(member)] if isinstance(value, list) else [value]


def test_the_meaning_is_plain_and_fit_for_a_record(tmp_path: Path) -> None:
    """JSON-able, ASCII keys, no number that JSON would lose, nothing empty and no null."""
    text = site({"[[device.point]]": ['type = "uint64"', "unavailable = [0xFFFFFFFFFFFFFFFF, 1]"]})
    for one in (load(EXAMPLE), loaded(tmp_path, text)):
        members = every(one.meaning)

        assert json.loads(json.dumps(one.meaning, allow_nan=False)) == one.meaning
        assert None not in members
        assert all(not isinstance(member, int) or abs(member) < 2**53 for member in members)
        assert all(key.isascii() for key in _keys(one.meaning))
    assert one.meaning["devices"]["boiler"]["points"]["load"]["unavailable"] == ["0x1", "0xFFFFFFFFFFFFFFFF"]


def _keys(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(key for member in value.values() for key in _keys(member))]
    return []


@pytest.mark.parametrize("file", DIGESTS)
def test_a_site_of_the_first_version_means_the_same_to_the_byte(tmp_path: Path, file: Path | None) -> None:
    """An update of the program alone changes no box's `cfg`: new keys are left out where they say nothing."""
    meaning = load(file).meaning if file else loaded(tmp_path, site()).meaning

    text = json.dumps(meaning, sort_keys=True, separators=(",", ":"))

    assert hashlib.sha256(text.encode()).hexdigest() == DIGESTS[file]


def test_the_meaning_has_devices_limits_and_the_plant_by_name() -> None:
    """A reader of the difference finds everything by its name."""
    meaning = load(FIRST).meaning

    assert set(meaning) == {"timezone", "devices", "limits", "facilities", "lines", "outlets"}
    assert meaning["devices"]["press-1"]["bus"] == {"host": "192.168.10.5", "port": 502, "framing": "tcp"}
    assert meaning["devices"]["press-1"]["points"]["power"] == {
        "register": "input",
        "at": 52,
        "type": "float32",
        "order": "ABCD",
        "scale": 0.04,
        "offset": 0.0,
        "decimals": 2,
        "unit": "kW",
    }
    assert meaning["limits"]["cems.so2"]["high"] == 35.0
    assert meaning["outlets"]["stack-1"]["factors"]["a21026"]["limit"] == 35.0


BASE = (
    '[[device]]\nname = "p"\nbus = "dcs"\naddress = 2\n'
    '[[device.point]]\nname = "x"\nregister = "input"\nat = 1\ntype = "int16"\n'
)

MEANINGLESS = {
    "a label": {"[[device.point]]": ['label = "负荷"']},
    "the state directory": {"[gateway]": ['state_dir = "elsewhere"']},
    "the name of the site": {"[gateway]": ['name = "x"']},
    "the uplink": {"[uplink.mqtt]": ['url = "mqtt://other"']},
    "the time-out": {"[[device]]": ['timeout = "2s"', 'turnaround = "20ms"']},
    "a default written out": {
        "[[device.point]]": ["scale = 1", 'order = "ABCD"', 'total = "none"'],
        "[[limit]]": ['priority = "medium"', 'escalate_after = "90m"', "latch = false"],
    },
}


@pytest.mark.parametrize("name", MEANINGLESS)
def test_what_does_not_matter_leaves_the_meaning_alone(tmp_path: Path, name: str) -> None:
    """Names for people, paths and the link are no part of a reading's meaning."""
    assert loaded(tmp_path, site(MEANINGLESS[name])).meaning == loaded(tmp_path, site()).meaning


def test_the_order_of_the_file_does_not_matter(tmp_path: Path) -> None:
    """Two files that say the same in another order have one meaning."""
    one, two = BASE, BASE.replace('"p"', '"q"').replace("= 2", "= 3")

    first, second = loaded(tmp_path, site({}, one + two)).meaning, loaded(tmp_path, site({}, two + one)).meaning

    assert json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)


CHANGES: dict[str, tuple[dict[str, list[str]], str, Any, Any]] = {
    "scale": ({"[[device.point]]": ["scale = 0.1"]}, "devices.boiler.points.load.scale", 1.0, 0.1),
    "unit": ({"[[device.point]]": ['unit = "t/h"']}, "devices.boiler.points.load.unit", "%", "t/h"),
    "range": ({"[[device.point]]": ["range = [0, 500]"]}, "devices.boiler.points.load.range", None, [0.0, 500.0]),
    "limit": ({"[[limit]]": ["high = 120"]}, "limits.boiler.load.high", 100.0, 120.0),
    "threshold gone": ({"[[limit]]": ["-low"]}, "limits.boiler.load.low", 10.0, None),
    "host": ({"[[bus]]": ['host = "10.0.0.9"']}, "devices.boiler.bus.host", "127.0.0.1", "10.0.0.9"),
    "poll": ({"[[device]]": ['poll = "2s"']}, "devices.boiler.poll_s", 1.0, 2.0),
    "time zone": ({"[gateway]": ['timezone = "UTC"']}, "timezone", "Asia/Shanghai", "UTC"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_meaning_is_one_entry_with_its_path(tmp_path: Path, name: str) -> None:
    """A scale factor or limit changed by hand shows with both values (fault F3)."""
    changes, path, old, new = CHANGES[name]

    found = diff(loaded(tmp_path, site()).meaning, loaded(tmp_path, site(changes)).meaning)

    assert found == [{"path": path, "old": old, "new": new}]


PLANT = """
[[device]]
name = "meter"
bus = "dcs"
address = 2
[[device.point]]
name = "power"
register = "input"
at = 1
type = "int16"
unit = "kW"
[[derived]]
name = "x.twice"
formula = "meter.power * 2"
[[facility]]
name = "press"
role = "production"
power = "meter.power"
rated = 45.0
[[facility]]
name = "fan"
role = "treatment"
power = "x.twice"
rated = 5.0
[[line]]
name = "paint"
production = ["press"]
treatment = ["fan"]
outlet = "stack"
[[outlet]]
name = "stack"
medium = "air"
[[outlet.factor]]
code = "a"
point = "boiler.load"
[[rule]]
id = "T1"
grace = "3m"
"""

JUDGEMENT: dict[str, tuple[str, str, str, Any, Any]] = {
    "a formula": ('power * 2"', 'power * 3"', "derived.x.twice.formula", "meter.power * 2", "meter.power * 3"),
    "a threshold": ("rated = 45.0", "rated = 45.0\non_fraction = 0.3", "facilities.press.on_fraction", None, 0.3),
    "a hold": ("rated = 45.0", 'rated = 45.0\noff_hold = "5m"', "facilities.press.off_hold", None, 300.0),
    "a rated power": ("rated = 45.0", "rated = 90.0", "facilities.press.rated", 45.0, 90.0),
    "a further point": (
        "rated = 5.0",
        'rated = 5.0\npoints = { load = "boiler.load" }',
        "facilities.fan.points",
        None,
        {"load": ["boiler.load"]},
    ),
    "a chain, in its order": (
        'outlet = "stack"',
        'outlet = "stack"\nchain = ["press", "fan"]',
        "lines.paint.chain",
        None,
        ["press", "fan"],
    ),
    "a permit": ('code = "a"', 'code = "a"\npermit = 3', "outlets.stack.factors.a.permit", None, 3.0),
    "a parameter": ('"3m"', '"9m"', "rules.T1.grace", "3m", "9m"),
    "how it is summed up": (
        'unit = "kW"',
        'unit = "kW"\ntotal = "none"',
        "devices.meter.points.power.total",
        None,
        "none",
    ),
    "the packs": ("[[rule]]\nid", "[rules]\npacks = []\n[[rule]]\nid", "packs", None, []),
}


@pytest.mark.parametrize("name", JUDGEMENT)
def test_what_changes_the_judgement_changes_the_meaning(tmp_path: Path, name: str) -> None:
    """A threshold raised by hand is as good a lie as a scale factor, and shows as well."""
    before, after, path, old, new = JUDGEMENT[name]

    found = diff(
        loaded(tmp_path, site({}, PLANT)).meaning, loaded(tmp_path, site({}, PLANT.replace(before, after, 1))).meaning
    )

    assert found == [{"path": path, "old": old, "new": new}]


def test_a_longer_time_to_escalation_changes_the_meaning(tmp_path: Path) -> None:
    """The 90 minutes of a limit are part of it."""
    changed = loaded(tmp_path, site({"[[limit]]": ['escalate_after = "3h"']})).meaning

    assert diff(loaded(tmp_path, site()).meaning, changed) == [
        {"path": "limits.boiler.load.escalate_after_s", "old": None, "new": 10800.0}
    ]


def test_differences_are_sorted_and_things_that_come_or_go_are_whole() -> None:
    """A new device is one entry, not fifty."""
    old = {"a": {"x": 1, "y": True}, "gone": {"z": 1}}
    new = {"a": {"x": 2, "y": 1}, "came": {"z": 1}}

    assert diff(old, new) == [
        {"path": "a.x", "old": 1, "new": 2},
        {"path": "a.y", "old": True, "new": 1},
        {"path": "came", "old": None, "new": {"z": 1}},
        {"path": "gone", "old": {"z": 1}, "new": None},
    ]
    assert diff(old, old) == []


RESTARTS: dict[str, tuple[dict[str, list[str]], tuple[str, ...]]] = {
    "nothing": ({}, ()),
    "id": ({"[gateway]": ['id = "box-2"']}, ("gateway.id",)),
    "state_dir": ({"[gateway]": ['state_dir = "x"']}, ("gateway.state_dir",)),
    "max_size": ({"[buffer]": ['max_size = "8GiB"']}, ("buffer.max_size",)),
    "url": ({"[uplink.mqtt]": ['url = "mqtts://other:1"']}, ("uplink.mqtt.url",)),
    "prefix": (
        {"[uplink.mqtt]": ['prefix = "x"', 'keepalive = "9s"']},
        ("uplink.mqtt.prefix", "uplink.mqtt.keepalive"),
    ),
    "uplink": ({"[uplink.mqtt]": ["-"]}, ("uplink.mqtt",)),
    "reloadable": (
        {
            "[gateway]": ['name = "x"', 'language = "en"'],
            "[buffer]": ['commit_every = "0s"', 'keep = "5d"'],
            "[[bus]]": ["port = 503"],
            "[[device]]": ['poll = "2s"', 'report = "60s"'],
            "[[device.point]]": ["at = 7"],
            "[[limit]]": ["high = 99"],
        },
        (),
    ),
}


@pytest.mark.parametrize("name", RESTARTS)
def test_what_a_reload_cannot_take_over_is_named(tmp_path: Path, name: str) -> None:
    """Identity, state and uplink need a restart; everything that is read, judged or timed does not."""
    changes, keys = RESTARTS[name]

    assert needs_restart(loaded(tmp_path, site()), loaded(tmp_path, site(changes))) == keys


def test_the_clock_is_fixed_at_the_start(tmp_path: Path) -> None:
    """Whom to believe about time is decided once."""
    one = loaded(tmp_path, site())

    assert needs_restart(one, replace(one, gateway=replace(one.gateway, clock="trusted"))) == ("gateway.clock",)
