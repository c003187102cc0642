"""The pages of values and trends: what they show, what they never show, and what hostile names do to them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from agent.panel.readings import devices, figure
from tests.agent.panel.believable import FOLLOW, SITE
from tests.agent.panel.hostile import NAME, harm, poisoned

if TYPE_CHECKING:
    from tests.agent.panel.rig import Rig

FIGURES: dict[str, tuple[object, int | None, str | None]] = {
    "decimals": (87.4, 2, "87.40"),
    "no decimals told": (0.1 + 0.2, None, "0.3"),
    "whole": (1200.0, None, "1200"),
    "zero is a value": (0.0, 1, "0.0"),
    "not known": (None, 1, None),
    "no text is not known": ("", None, None),
    "a state": (True, None, "1"),
    "a text": ("<b>", 2, "<b>"),
    "huge": (1e18, 2, "1e+18"),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_reading_is_written_with_its_decimals(name: str) -> None:
    """A value has its decimals; what is not known has no figure, never zero."""
    value, decimals, expected = FIGURES[name]

    assert figure(value, decimals) == expected


def test_a_device_nobody_tells_of_has_no_values() -> None:
    """Without a board, or for a device that is not on it, nothing is known, and no flag is made up."""
    boards: tuple[dict[str, Any] | None, ...] = (None, {"devices": {}})
    for board in boards:
        points = [point for device in devices(SITE, board) for point in device.points]
        assert {(point.figure, point.flag) for point in points} == {(None, None)}


SEARCHES = {
    "fan": ["fan-1"],
    "风机": ["fan-1"],
    "FAN CURRENT": ["fan-1"],
    "nmhc": ["cems-1"],
    "power": ["press-1", "fan-1", "rto-1", "paint"],
    "no such thing": [],
}


@pytest.mark.parametrize("wanted", SEARCHES)
def test_search_finds_names_and_labels(wanted: str) -> None:
    """All words must be found, in names or labels of either language."""
    assert [device.name for device in devices(SITE, FOLLOW, wanted)] == SEARCHES[wanted]


def test_values_show_readings_and_reasons(rig: Rig) -> None:
    """Every point has its value and unit; the silent meter has none, and the reason beside it."""
    rig.login("viewer")

    page = rig.get("/values").text

    assert 'data-text="value:press-1.power" data-state="value:press-1.power" data-is="N">87.4</td>' in page
    assert 'data-text="value:rto-1.power" data-state="value:rto-1.power" data-is="B">—</td>' in page
    assert "no answer in 500 ms" in page
    assert "没有名称包含" in rig.get("/values?q=%3Cscript%3Ealert(1)%3C/script%3E").text


@pytest.mark.parametrize("path", ["/values", "/trends", "/trends/table", "/trends/data.json"])
def test_nobody_looks_without_logging_in(rig: Rig, path: str) -> None:
    """Whoever is not logged in goes to the login page."""
    assert rig.get(path).headers["location"].startswith("/login")


def test_trends_show_figures_without_javascript(rig: Rig) -> None:
    """The page has the figures of each point, and leads to the table; charts are drawn from an address of its own."""
    rig.login("viewer")

    page = rig.get("/trends?p=press-1.power&p=cems-1.nmhc&range=1h").text

    assert "86.3" in page or "86.2" in page
    assert 'data-trend="/trends/data.json?p=press-1.power' in page
    assert "/trends/table?p=press-1.power" in page
    assert "/trends/export.csv" not in page, "viewers take no files"


def test_chart_data_has_gaps_limits_and_two_units_at_most(rig: Rig) -> None:
    """A chart knows its units, its limits, and where nothing is known."""
    rig.login("viewer")

    told = rig.get("/trends/data.json?p=press-1.power&p=press-1.current&p=cems-1.nmhc&range=1h").json()

    assert [chart["units"] for chart in told["charts"]] == [["kW", "A"], ["mg/m3"]]
    assert told["charts"][0]["lines"][0]["avg"] == [85.1, None, 87.4]
    assert [limit["value"] for limit in told["charts"][1]["limits"]] == [60.0, 50.0, 60.0]
    assert told["timezone"] == "Asia/Shanghai"


def test_a_wrong_time_is_told_at_its_field(rig: Rig) -> None:
    """What was typed stays, and the message stands where it belongs."""
    rig.login("viewer")

    page = rig.get("/trends?p=press-1.power&from=neverday&to=2026-07-01T10:00").text

    assert 'id="wrong-from"' in page
    assert 'value="neverday"' in page


def test_a_refusal_is_shown_in_words(rig: Rig) -> None:
    """What the agent will not answer is told on the page, and to the chart."""
    rig.login("viewer")
    rig.door.answers["trend"] = {"error": "the history is <damaged>"}

    assert "the history is &lt;damaged&gt;" in rig.get("/trends?p=press-1.power").text
    assert rig.get("/trends/data.json?p=press-1.power").json() == {"error": "the history is <damaged>"}


def test_the_table_is_shown_a_page_at_a_time(rig: Rig) -> None:
    """The newest periods come first; a page that does not exist is the nearest one that does."""
    rig.login("viewer")

    for number in ("1", "99999", "x", "-3"):
        page = rig.get(f"/trends/table?p=press-1.power&range=1h&page={number}").text
        assert page.index("87.4") < page.index("85.1")


def test_hostile_names_stay_text(rig: Rig) -> None:
    """Labels, names, units and faults are text on every page, whatever they hold."""
    rig.login("viewer")
    site: dict[str, Any] = poisoned(copy.deepcopy(SITE), "timezone", "cfg", "point")
    first = site["devices"][0]
    first["name"] = NAME
    rig.door.answers["site"] = site | {"cfg": "other"}
    rig.door.answers["follow"] = poisoned(copy.deepcopy(FOLLOW), "ts", "flags", "state", "rows") | {"cfg": "other"}
    rig.wait_for(lambda: (rig.house.agency.live.board or {}).get("cfg") == "other")
    point = rig.client.get("/trends", params={"p": f"{NAME}.{first['points'][0]['name']}"})

    for page in (rig.get("/values").text, point.text, rig.get("/trends").text):
        assert NAME[:7] not in page.replace("<script src=", "")
        assert harm(page) == []
