"""What an acceptance report finds, and how its page says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from agent.report.acceptance import Paper, acceptance_page
from agent.report.gather import Asked, gather
from agent.rules.binding import bound
from agent.rules.listing import listing
from agent.sites import load_site
from tests.e2e.harness import Site, device, point
from tests.e2e.harness import bus as line

if TYPE_CHECKING:
    from pathlib import Path

    from agent.report.gather import Acceptance
    from config.site import Site as Checked

COUNTS = {"requests": 100, "answers": 100, "timeouts": 0, "bad_frames": 0, "latency_ms": 3.5, "latency_max_ms": 9.0}
BUS = {"busy": 0.25, "link_failures": 0, "noise_bytes": 0, "diagnosis": ""}
UPLINK = {"connected": True, "state": "connected", "reason": None, "held": (), "acked": 7, "protocol": 5}
OUTBOX = {"bytes": 1 << 20, "limit": 64 << 20, "head": 99, "waiting": 0, "level": 0}
FINE = {"values": {"count": 5, "load": 42.5}, "flags": {}, "error": None}


@pytest.fixture
def site(tmp_path: Path) -> Checked:
    """Return a site with one device of two points, and a platform."""
    points = [point(), point("load", 5, unit="%", scale=0.1, decimals=2)]
    uplink = {"url": "mqtt://broker.example:1883", "prefix": "p"}
    return load_site(Site(buses=[line(1)], devices=[device("meter", points=points)], uplink=uplink).write(tmp_path))


def accepted(site: Checked, **changes: Any) -> Acceptance:
    """Return a good installation, but for the changes."""
    health = {"uplink": UPLINK | changes.pop("uplink", {}), "outbox": OUTBOX | changes.pop("outbox", {})}
    asked: dict[str, Any] = {
        "devices": {"meter": FINE | changes.pop("said", {})},
        "quality": {
            "buses": {"line": BUS | changes.pop("bus", {})},
            "devices": {"meter": COUNTS | changes.pop("counts", {})},
        },
        "rules": listing(bound(site)),
        "clock": "sync",
        "status": {"health": health},
        "alarms": [],
    }
    return gather(site, Asked(**asked | changes))


def paged(site: Checked, found: Acceptance, **changes: Any) -> str:
    """Return the page."""
    paper = {"lang": "en", "installer": "Li", "made": "2026-11-22T00:00:00.000Z", "software": "s", "cfg": "c"}
    return acceptance_page(site, found, Paper(**{"fingerprint": "AAAA", **paper, **changes})).decode()


def test_a_good_installation_has_nothing_open(site: Checked) -> None:
    """Everything was read, and that is what the record says."""
    found = accepted(site)

    assert found.is_whole
    assert found.open == ()
    assert found.summary() == {
        "devices": 1,
        "devices_read": 1,
        "points": 2,
        "points_read": 2,
        "points_flagged": 0,
        "rules_active": found.summary()["rules_active"],
        "rules_not_ready": found.summary()["rules_not_ready"],
        "findings": 0,
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"said": {"values": {"count": 5, "load": None}, "flags": {"load": "B"}, "error": "timed out"}}, "timed out"),
        ({"devices": {}}, "meter does not give count, load: the running agent does not know this device"),
        ({"counts": {"timeouts": 2, "answers": 98}}, "meter: 2.0 % of the requests got no good answer"),
        ({"counts": {"bad_frames": 30}}, "30.0 % of the requests"),
        ({"bus": {"diagnosis": "A and B are exchanged"}}, "line line: A and B are exchanged"),
        ({"bus": {"busy": 0.97}}, "line line is 97% busy"),
        ({"clock": "unsync"}, "the clock is not synchronised (unsync)"),
        ({"uplink": {"connected": False, "reason": "refused"}}, "not connected to the platform: refused"),
        ({"uplink": {"held": ("readings",)}}, "nobody at the platform takes readings records"),
        ({"outbox": {"level": 85}}, "undelivered records take 85 % of the store"),
        ({"alarms": [{"alarm": "a", "text": {"zh": "报", "en": "too hot"}}]}, "alarm: too hot"),
        ({"status": None, "alarms": None}, "the agent does not run"),
    ],
)
def test_what_is_open_is_said(site: Checked, changes: dict[str, Any], said: str) -> None:
    """Each thing that is not as it should be is a finding, in both languages, and stands in the page."""
    found = accepted(site, **changes)

    assert len(found.open) == 1
    assert said in found.open[0].en
    assert found.open[0].zh != found.open[0].en
    assert said.split(":", maxsplit=1)[0] in paged(site, found)


def test_a_value_with_a_flag_was_read(site: Checked) -> None:
    """A facility that stands still is no fault of the installation; it is marked all the same."""
    found = accepted(site, said={"flags": {"load": "F"}})

    assert found.is_whole
    assert found.summary()["points_flagged"] == 1
    assert "△ read, not normal" in paged(site, found)


def test_what_is_not_known_is_no_zero(site: Checked) -> None:
    """A point that was not read, a line nobody measured, a key nobody may read."""
    said = {"values": {"count": None, "load": 1.5}, "flags": {"count": "B"}}
    page = paged(site, accepted(site, said=said, bus={"busy": None}), fingerprint="")

    assert page.count("<td>—</td>") + page.count('<td class="n">—</td>') >= 3
    assert ">1.50<" in page
    assert ">B<" in page


def test_both_languages_say_the_same(site: Checked) -> None:
    """Every heading is there in each, and a table for each device."""
    found = accepted(site)
    chinese, english = paged(site, found, lang="zh"), paged(site, found)

    assert chinese.count("<h2") == english.count("<h2") == 5
    assert chinese.count("<table") == english.count("<table")
    assert 'lang="zh-CN"' in chinese
    assert "验收报告" in chinese
    assert "Acceptance report" in english
    assert "Li (signature, date)" in english
