"""What people look up and enter: values, trends, orders, marks, tasks on a phone, the state of the box."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from tests.browser.harness import INSTALLER, OPERATOR, PHONE, VIEWER, works
from tests.browser.plant import lived
from tests.e2e.harness import arrived

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.browser.conftest import Visits
    from tests.browser.harness import Works

ZONE = ZoneInfo("Asia/Shanghai")
POINTS = ("spray-1.power", "oven-1.power", "oven-1.temperature")
INK = """place => {
  const canvas = place.querySelector("canvas"), {width, height} = canvas;
  const dots = canvas.getContext("2d").getImageData(0, 0, width, height).data, colours = new Set();
  for (let at = 0; at < dots.length; at += 4)
    if (dots[at + 3] > 250) colours.add(`${dots[at]} ${dots[at + 1]} ${dots[at + 2]}`);
  return colours.size;
}"""
"""Counts the colours in a chart: lines, limits, and the band of each line."""


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Works]:
    """Return a plant with two hours of statistics behind it."""

    def past(state: Path) -> None:
        lived(state, round(datetime.now(ZONE).timestamp() * 1000), minutes=120)

    with works(tmp_path_factory.mktemp("work"), before=past) as found:
        yield found


def soon(hours: int) -> str:
    """Return a moment as a form's field wants it, on the clock of the site."""
    return (datetime.now(ZONE) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M")


def test_values_move_by_themselves_and_say_why_they_are_missing(plant: Works, visits: Visits) -> None:
    """A register changes and so does the page; a meter that falls silent shows a dash, and why."""
    page = visits(plant.panel, VIEWER).go("/values?q=weld-1.power")
    value = page.locator('[data-text="value:weld-1.power"]')
    expect(page.locator("[data-text^='value:']")).to_have_count(1)
    expect(value).to_have_text("16.8")
    plant.stage.meters.set(1, 203, 7)
    expect(value).to_have_text("20.3")

    plant.stage.meters.dead.add(7)
    expect(value).to_have_text("—")
    expect(page.locator('[data-text="why:weld-1.power"]')).not_to_be_empty()
    plant.stage.meters.dead.clear()


def test_a_chart_has_several_points_and_becomes_a_file(plant: Works, visits: Visits) -> None:
    """Points are ticked, drawn with their units and limits, listed with their figures, and downloaded as CSV."""
    visitor = visits(plant.panel, OPERATOR)
    page = visitor.go("/trends")
    for point in POINTS:
        page.locator(f"input[value='{point}']").check()
    page.locator("#range").select_option("1h")
    page.get_by_role("button", name="Show").click()
    chart = page.locator(".charts")
    expect(chart.locator("canvas").first).to_be_visible()
    assert chart.evaluate(INK) > 3
    expect(chart.locator(".u-legend")).to_contain_text("Oven 1 · Temperature")
    rows = page.locator(".trend-legend tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text(re.compile(r"\d kWh"))
    assert float(rows.nth(0).locator("td.number").nth(1).inner_text()) == pytest.approx(31, abs=8)

    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    assert re.fullmatch(r"trend-jn-0417-minute-\d+\.csv", download.value.suggested_filename)
    table = list(csv.reader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig"))))
    assert len(table) > 20
    assert all(any(point in cell for cell in table[0]) for point in POINTS)


def test_an_order_is_entered_judged_and_ended(plant: Works, visits: Visits) -> None:
    """An order to stop, for a line that runs: the page says that it is not complied with; ended with a reason."""
    page = visits(plant.panel, OPERATOR).go("/orders")
    page.locator("#new-order summary").click()
    form = page.locator("form[action='/orders']")
    form.get_by_label("Source").fill("重污染橙色预警 2026-11")
    form.get_by_label("Paint shop").check()
    form.get_by_label("Remark").fill("told by phone")
    form.get_by_role("button", name="Enter an order").click()
    assert form.get_by_label("End").evaluate("one => !one.validity.valid"), "an order has an end"
    form.get_by_label("End").fill(soon(8))
    form.get_by_role("button", name="Enter an order").click()

    expect(page.get_by_text("The order is entered.")).to_be_visible()
    entry = page.locator("li.entry", has_text="Stop production")
    expect(entry).to_contain_text("重污染橙色预警 2026-11")
    arrived(plant.stage, lambda: plant.stage.events("order-entered"))
    [record] = plant.stage.events("order-entered")
    assert record["by"]["who"] == OPERATOR[0]
    assert record["order"]["lines"] == ["paint"]
    entry.get_by_text("End it").click()
    entry.get_by_label("Why it ends").fill("lifted")
    entry.get_by_role("button", name="End now").click()
    expect(page.get_by_text("The order has ended.")).to_be_visible()


def test_a_mark_is_entered(plant: Works, visits: Visits) -> None:
    """Maintenance of an instrument, from now on until somebody ends it."""
    page = visits(plant.panel, OPERATOR).go("/orders")
    page.locator("#new-mark summary").click()
    form = page.locator("form[action='/marks']")
    form.get_by_label("Kind").select_option(label="maintenance")
    form.get_by_label("What is marked").select_option(value="cems")
    form.get_by_label("Reason").fill("span gas is changed")
    form.get_by_role("button", name="Enter a mark").click()
    expect(page.get_by_text("The mark is entered.")).to_be_visible()
    expect(page.locator("li.entry", has_text="span gas is changed")).to_contain_text("until it is ended")


def test_a_task_is_answered_on_a_phone_at_its_place(plant: Works, visits: Visits) -> None:
    """Entered at a desk; its sign has a code; what the code says opens the task, which thumbs can answer."""
    page = visits(plant.panel, OPERATOR).go("/tasks")
    page.locator("#new-task > summary").click()
    form = page.locator("form[action='/tasks']")
    form.get_by_label("Place").fill("1号风机 / Fan 1")
    form.get_by_label("What is to be done").fill("Look at the fan")
    form.get_by_label("Due").fill(soon(2))
    belt, bearing, remark = (form.locator("fieldset.item").nth(at) for at in range(3))
    belt.get_by_label("What to check").fill("V-belt")
    belt.get_by_label("Kind of answer").select_option(label="choice")
    belt.get_by_label("Choices").fill("good, worn")
    bearing.get_by_label("What to check").fill("Bearing temperature")
    bearing.get_by_label("Kind of answer").select_option(label="number")
    bearing.get_by_label("Normal to").fill("70")
    bearing.get_by_label("Unit").fill("°C")
    remark.get_by_label("What to check").fill("Remark")
    form.get_by_role("button", name="Enter a task").click()
    expect(page.get_by_text("The task is entered.")).to_be_visible()

    page.get_by_role("link", name="Signs with codes").click()
    sign = page.locator("li.sign", has_text="1号风机 / Fan 1")
    expect(sign.locator("svg")).to_be_visible()
    link = sign.locator(".sign-link").inner_text()
    assert link.startswith(f"{plant.panel.url}/tasks/at/")

    phone = visits(plant.panel, OPERATOR, size=PHONE)
    page = phone.go(link)
    expect(page.get_by_role("heading", level=1)).to_have_text("Look at the fan")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], "nothing to be pushed sideways"
    page.get_by_label("worn").tap()
    page.get_by_label("Bearing temperature").fill("warm")
    page.get_by_label("Remark").fill("异响")
    send = page.get_by_role("button", name="Send the answers")
    box = send.bounding_box()
    assert box is not None
    assert box["height"] >= 44, "as large as a thumb"
    send.tap()
    expect(page.get_by_text("Write a number, such as 12.5.")).to_be_visible()
    expect(page.get_by_label("Remark")).to_have_value("异响")
    page.get_by_label("Bearing temperature").fill("81.5")
    send.tap()
    expect(page.get_by_text("The answers are recorded.")).to_be_visible()
    arrived(plant.stage, lambda: plant.stage.events("task-answered"))
    [record] = plant.stage.events("task-answered")
    assert record["by"]["who"] == OPERATOR[0]
    assert set(record["task"]["answers"].values()) == {"worn", 81.5, "异响"}
    assert phone.trouble(422) == []


def test_the_state_of_the_box_and_its_bundle(plant: Works, visits: Visits) -> None:
    """Link, clock, lines, instruments, configuration; who did what; and a zip for those who help from afar."""
    page = visits(plant.panel, INSTALLER).go("/system")
    expect(page.get_by_text(re.compile("connected for")).first).to_be_visible()
    expect(page.get_by_role("rowheader", name=re.compile("Fan 1 meter"))).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download support bundle").click()
    assert re.fullmatch(r"support-jn-0417-\d{8}-\d{4}\.zip", download.value.suggested_filename)
    assert zipfile.ZipFile(download.value.path()).testzip() is None
    page.get_by_role("link", name="Who did what").click()
    expect(page.get_by_role("row", name=re.compile("order entered"))).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("downloaded")).first).to_be_visible()
