"""How it looks to whom: two languages, two themes, a phone, a screen on the wall, and those who cannot see it."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.harness import INSTALLER, PHONE, VIEWER, WALL, works
from tests.browser.plant import HOT, T1, lived
from tests.e2e.harness import arrived

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.conftest import Visits
    from tests.browser.harness import Works

PAGES = {
    "overview": "/",
    "kiosk": "/?kiosk",
    "alarms": "/alarms",
    "shelved": "/alarms/shelved",
    "history": "/alarms/history",
    "figures": "/alarms/figures",
    "alarm": f"/alarms/{T1}",
    "values": "/values",
    "trends": "/trends?p=spray-1.power&p=oven-1.temperature&range=1h",
    "trends table": "/trends/table?p=spray-1.power&range=1h",
    "orders": "/orders",
    "tasks": "/tasks",
    "task": "/tasks/{task}",
    "place": "/tasks/at/Fan%201?list=1",
    "signs": "/tasks/signs",
    "system": "/system",
    "audit": "/system/audit",
    "accounts": "/people",
    "my account": "/account",
    "no such page": "/nowhere",
}
JUDGE = """async () => {
  document.querySelectorAll("details").forEach(one => { one.open = true; });
  const told = await axe.run(document, { resultTypes: ["violations"], elementRef: false, iframes: false });
  return told.violations.filter(one => ["serious", "critical"].includes(one.impact))
    .flatMap(one => one.nodes.map(node => `${one.id}: ${node.target.join(" ")} ${node.html.slice(0, 160)} ${
      node.any.map(why => why.message).join("; ").slice(0, 200)}`));
}"""
"""Opens everything that can be opened, and returns what axe finds serious or critical."""


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Works]:
    """Return a plant with a past, two alarms, one of them shelved, an order, a mark, and a task."""
    with works(tmp_path_factory.mktemp("look"), "open = true", before=lambda state: lived(state, _now(), 60)) as found:
        found.fan(runs=False)
        found.stage.meters.set(2, 1950, 2)
        for alarm in (T1, HOT):
            arrived(found.stage, partial(found.stage.records, "alarm", alarm=alarm))
        found.ask("shelve", alarm=HOT, for_s=3600.0, note="known")
        found.ask("order", lines=["paint"], stop=True, start="now", end="+8h", reason="重污染橙色预警")
        found.ask("mark", kind="maintenance", object="cems", start="now", reason="span gas")
        items = [{"text": "V-belt", "kind": "choice", "choices": ["good", "worn"]}, {"text": "°C", "kind": "number"}]
        found.ask("task", place="Fan 1", title="Look at the fan", due="+2h", items=items)
        yield found


def _now() -> int:
    return round(time.time() * 1000)


def task_of(plant: Works) -> str:
    """Return the number of the task."""
    number: str = plant.ask("book", all=False)["tasks"][0]["id"]
    return number


@pytest.mark.parametrize(("language", "theme"), [("zh", "light"), ("en", "dark")])
def test_nobody_is_shut_out(plant: Works, visits: Visits, axe: str, language: str, theme: str) -> None:
    """axe-core finds nothing serious or critical on any page; each language is judged in one of the themes."""
    inside = visits(plant.panel, INSTALLER, language=language, theme=theme)
    outside = visits(plant.panel, language=language, theme=theme)
    found: dict[str, list[str]] = {}
    task = task_of(plant)
    for name, path in {**PAGES, "login": "/login", "set-up": "/setup"}.items():
        page = (outside if name in ("login", "set-up") else inside).go(path.format(task=task))
        page.evaluate(f"() => {{ {axe} }}")
        if name == "trends":
            expect(page.locator(".charts canvas").first).to_be_visible()
        found[name] = page.evaluate(JUDGE)
        assert page.locator("h1").count() == 1, name
        assert page.evaluate("document.documentElement.lang") == {"zh": "zh-CN", "en": "en"}[language]
    assert inside.trouble(404) == []
    page.evaluate(
        "ink => { document.querySelector('h1').style.color = ink; }", {"light": "#bbb", "dark": "#444"}[theme]
    )
    assert page.evaluate(JUDGE), "it finds what was planted"
    assert {where: what for where, what in found.items() if what} == {}


def test_language_and_theme_are_switched_on_the_page(plant: Works, visits: Visits) -> None:
    """A button each; the choice stays for this browser, and what moves by itself speaks the same language."""
    page = visits(plant.panel, VIEWER, language="zh", theme="light").go("/")
    expect(page.get_by_role("heading", name="江南涂装二厂")).to_be_visible()
    expect(page.locator(".health .code")).to_have_text("黄码 预警")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Jiangnan Works 2")).to_be_visible()
    expect(page.locator(".health .code")).to_have_text("Yellow: attend to it")

    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Light").click()
    expect(page.get_by_role("button", name="Auto")).to_be_visible()
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(ground)
    assert dark != light
    page.emulate_media(color_scheme="light")
    page.get_by_role("button", name="Auto").click()
    expect(page.get_by_role("button", name="Dark")).to_be_visible()
    assert page.evaluate(ground) == dark
    page.goto("/values")
    expect(page.get_by_role("heading", name="Values")).to_be_visible()
    assert page.evaluate(ground) == dark


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_screen_on_the_wall_shows_everything_at_one_look(plant: Works, visits: Visits, language: str) -> None:
    """1920 x 1080, nobody logged in: no menu, nothing to click away, nothing below the edge; and it moves."""
    page = visits(plant.panel, language=language, size=WALL).go("/?kiosk")
    expect(page.locator(".health .code")).to_be_visible()
    expect(page.locator(".alarm").first).to_be_visible()
    expect(page.locator("nav, header.top, form")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollHeight") <= WALL["height"]
    assert page.evaluate("document.documentElement.scrollWidth") <= WALL["width"]
    plant.stage.meters.set(1, 777, 7)
    expect(page.locator('[data-text="value:weld-1.power"]')).to_have_text("77.7")


def test_a_phone_shows_every_page_without_pushing_it_sideways(plant: Works, visits: Visits) -> None:
    """390 pixels are enough for each page; the menu opens at a touch and closes with Escape."""
    phone = visits(plant.panel, INSTALLER, size=PHONE)
    wide = {}
    for name, path in PAGES.items():
        page = phone.go(path.format(task=task_of(plant)))
        wide[name] = page.evaluate("document.documentElement.scrollWidth")
    assert {name: width for name, width in wide.items() if width > PHONE["width"]} == {}
    assert phone.trouble(404) == []
    button = page.get_by_role("button", name="Menu")
    expect(page.get_by_role("link", name="Values")).to_be_hidden()
    button.tap()
    expect(page.get_by_role("link", name="Values")).to_be_visible()
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    expect(page.get_by_role("link", name="Values")).to_be_hidden()
