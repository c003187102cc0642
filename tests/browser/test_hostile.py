"""Names and readings that try to become a program are shown as what they are: text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.agent.panel.hostile import NASTY
from tests.browser.harness import INSTALLER, works
from tests.browser.plant import SPRAY
from tests.e2e.harness import arrived, device, point

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.conftest import Visits
    from tests.browser.harness import Works

SCRIPT = "<script>window.hit=1</script>"
IMAGE = '"><img src=x onerror=window.hit=1>'
NAME = f"{SCRIPT}{IMAGE}"
SAID = "<img src=x onerror=hit=1>"
"""What the instrument answers in a register of text."""
AT = 10
PLANT = f"""
[[facility]]
name = "press-1"
label = '{NAME}'
role = "production"
power = "press-1.power"
rated = 45.0
on_hold = "0s"
off_hold = "0s"

[[facility]]
name = "fan-1"
label = '{NAME}'
role = "treatment"
power = "press-1.fan"
rated = 18.5
on_hold = "0s"
off_hold = "0s"

[[line]]
name = "paint"
label = '{NAME}'
production = ["press-1"]
treatment = ["fan-1"]

[[rule]]
id = "T1"
grace = "0s"
clear_hold = "0s"
"""
T1 = "rule.T1.paint.fan-1"


def _points() -> list[dict[str, Any]]:
    power = point("power", 1, unit=NAME[:20], scale=0.1, label=NAME)
    return [point(), power, point("fan", 2, scale=0.1, label=NAME), point("text", AT, type_="string:16", label=NAME)]


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Works]:
    """Return a plant where every name is hostile, and the instrument too; with an order, a mark and a task."""
    devices = [device("press-1", SPRAY, points=_points(), label=NAME, poll="300ms")]
    gateway = {"name": NAME, "timezone": "Asia/Shanghai"}
    with works(tmp_path_factory.mktemp("hostile"), devices=devices, plant=PLANT, limits=(), gateway=gateway) as found:
        for number, pair in enumerate(zip(*[iter(SAID.encode().ljust(32, b"\0"))] * 2, strict=True)):
            found.stage.meters.set(AT + number, int.from_bytes(bytes(pair), "big"), SPRAY)
        arrived(found.stage, lambda: found.stage.records("alarm", alarm=T1))
        found.ask("acknowledge", alarm=T1, note=NAME)
        found.ask("order", lines=["paint"], stop=True, start="now", end="+8h", reason=NAME)
        found.ask("mark", kind="maintenance", object="press-1", start="now", reason=NAME)
        items = [{"text": NAME, "kind": "choice", "choices": [NAME, *NASTY]}]
        found.ask("task", place=NAME[:100], title=NAME, due="+2h", items=items)
        yield found


PAGES = {
    "/": NAME,
    "/?kiosk": NAME,
    "/alarms": NAME,
    "/alarms/history": NAME,
    f"/alarms/{T1}": NAME,
    "/values": SAID,
    "/trends?p=press-1.power&p=press-1.fan&range=1h": NAME,
    "/orders": NAME,
    "/tasks": NAME,
    "/tasks/{task}": NAME,
    "/tasks/signs": NAME,
    "/system": NAME,
    "/system/audit": NAME,
}


def test_what_is_hostile_is_shown_as_text(plant: Works, visits: Visits) -> None:
    """Labels, notes, orders, tasks and the text an instrument answers stand on the pages, letter by letter."""
    visitor = visits(plant.panel, INSTALLER)
    number = plant.ask("book", all=False)["tasks"][0]["id"]
    for path, shown in PAGES.items():
        page = visitor.go(path.format(task=number))
        expect(page.locator("body")).to_contain_text(shown)
        page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
        assert page.locator("img, script:not([src^='/static/'])").count() == 0, path
        assert page.evaluate("window.hit") is None, path


def test_what_moves_is_text_as_well(plant: Works, visits: Visits) -> None:
    """The stream fills elements with text, and a list that is fetched anew is escaped like the page."""
    visitor = visits(plant.panel, INSTALLER)
    page = visitor.go("/values")
    text = page.locator('[data-text="value:press-1.text"]')
    expect(text).to_have_text(SAID)
    plant.stage.meters.set(AT, int.from_bytes(b"?i", "big"), SPRAY)
    expect(text).to_have_text(f"?{SAID[1:]}")

    page = visitor.go("/alarms")
    card = page.locator("li.alarm", has_text="treatment not on")
    expect(card).to_have_count(1)
    before = page.locator("[data-fragment]").get_attribute("data-version")
    plant.stage.meters.set(2, 149, SPRAY)
    expect(page.locator("[data-fragment]")).not_to_have_attribute("data-version", before or "")
    plant.stage.meters.set(2, 0, SPRAY)
    expect(card).to_contain_text(SCRIPT)
    assert page.locator("img").count() == 0
    assert page.evaluate("window.hit") is None
