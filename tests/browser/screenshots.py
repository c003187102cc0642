"""Pictures of every page, for people who read about the panel: ``python -m tests.browser.screenshots docs/panel``.

A plant with a day behind it, an alarm, orders, marks and tasks; both languages, both themes, desk, phone, wall.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent.clock import SystemClock
from tests.browser.harness import DESK, INSTALLER, OPERATOR, PHONE, WALL, Visitor, chromium, works
from tests.browser.plant import HOT, T1, lived
from tests.e2e.harness import arrived

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.harness import Works

PLACES: Final = {"zh": "1号风机旁", "en": "Beside fan 1"}
PAGES: Final = {
    "overview": "/",
    "alarms": "/alarms",
    "alarm": f"/alarms/{T1}",
    "values": "/values",
    "trends": "/trends?p=oven-1.power&p=spray-1.power&p=oven-1.temperature&range=24h",
    "orders": "/orders",
    "tasks": "/tasks",
    "task": "/tasks/{task}",
    "system": "/system",
    "login": "/login",
}
DARK_IN_ENGLISH: Final = {"zh": "light", "en": "dark"}
TALLEST: Final = {"desk": 1100, "phone": 1400, "wall": WALL["height"]}


def task(place: str, title: str, texts: tuple[str, str, str, str, str], due: str) -> dict[str, Any]:
    """Return a task with a choice, a number and a text."""
    belt, good, worn, bearing, remark = texts
    items = [
        {"text": belt, "kind": "choice", "choices": [good, worn]},
        {"text": bearing, "kind": "number", "low": 10.0, "high": 70.0, "unit": "°C"},
        {"text": remark, "kind": "text"},
    ]
    return {"place": place, "title": title, "due": due, "items": items}


CHINESE: Final = task("1号风机旁", "风机日常巡检", ("皮带", "完好", "磨损", "轴承温度", "备注"), "+2h")
ENGLISH: Final = task("Beside fan 1", "Daily look at the fan", ("V-belt", "good", "worn", "Bearing", "Remark"), "+3h")


def furnished(found: Works) -> dict[str, str]:
    """Let something be wrong and something be under way; return the number of the task in each language."""
    found.fan(runs=False)
    found.stage.meters.set(2, 1874, 2)
    for alarm in (T1, HOT):
        arrived(found.stage, partial(found.stage.records, "alarm", alarm=alarm))
    found.ask("acknowledge", alarm=HOT, note="夜班已知, night shift knows")
    found.ask("order", lines=["paint"], reduce=30.0, start="now", end="+20h", reason="重污染天气橙色预警 2026-41")
    found.ask("mark", kind="maintenance", object="cems", start="now", end="+2h", reason="标气更换 / span gas")
    numbers = {}
    for language, asked in (("zh", CHINESE), ("en", ENGLISH)):
        found.ask("task", **asked)
        numbers[language] = found.ask("book", all=False)["tasks"][-1]["id"]
    return numbers


def take(visitor: Visitor, path: str, into: Path, tallest: int) -> None:
    """Save a picture of a page, as far as it goes, once it stands still."""
    page = visitor.go(path)
    if page.locator("[data-trend]").count():
        page.locator(".charts canvas").first.wait_for()
    page.wait_for_timeout(1500)
    height = min(tallest, int(page.evaluate("document.documentElement.scrollHeight")))
    width = int(page.evaluate("document.documentElement.clientWidth"))
    page.screenshot(path=into, full_page=True, clip={"x": 0, "y": 0, "width": width, "height": height})


def album(browser: Browser, found: Works, into: Path) -> None:
    """Take all pictures."""
    tasks = furnished(found)
    looks = [(language, theme, "desk", DESK) for language in ("zh", "en") for theme in ("light", "dark")]
    looks += [(language, theme, "phone", PHONE) for language, theme in DARK_IN_ENGLISH.items()]
    for language, theme, screen, size in looks:
        inside = Visitor(browser, found.panel, OPERATOR, language=language, theme=theme, size=size)
        outside = Visitor(browser, found.panel, language=language, theme=theme, size=size)
        for name, path in PAGES.items():
            visitor = outside if name == "login" else inside
            picture = into / f"{name}-{screen}-{language}-{theme}.png"
            take(visitor, path.format(task=tasks[language]), picture, TALLEST[screen])
        inside.close()
        outside.close()
    for language, theme in DARK_IN_ENGLISH.items():
        wall = Visitor(browser, found.panel, INSTALLER, language=language, theme=theme, size=WALL)
        take(wall, "/?kiosk", into / f"kiosk-{language}-{theme}.png", TALLEST["wall"])
        wall.close()


def main(into: Path) -> None:
    """Set everything up, and take the pictures."""
    into.mkdir(parents=True, exist_ok=True)
    now_ms = SystemClock().wall_ms()
    with (
        tempfile.TemporaryDirectory() as scratch,
        works(Path(scratch), "open = true", before=lambda state: lived(state, now_ms)) as found,
        chromium() as browser,
    ):
        album(browser, found, into)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
