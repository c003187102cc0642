"""Pictures of every page, for people who read about the panel: ``python -m tests.browser.screenshots docs/panel``.

A plant with a day behind it, an alarm, orders, marks and tasks; both languages, both themes, desk, phone, wall.
"""

from __future__ import annotations

import base64
import struct
import sys
import tempfile
import zlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent.clock import SystemClock
from tests.browser.harness import DESK, INSTALLER, OPERATOR, PHONE, WALL, Visitor, chromium, works
from tests.browser.plant import HOT, T1, lived
from tests.e2e.harness import arrived

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

    from tests.browser.harness import Works

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
    page.wait_for_timeout(1200)
    height = min(tallest, int(page.evaluate("document.documentElement.scrollHeight")))
    width = int(page.evaluate("document.documentElement.clientWidth"))
    picture = page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": width, "height": height})
    into.write_bytes(indexed(visitor.context, picture))


INDEXED: Final = """async source => {
  const image = new Image();
  image.src = `data:image/png;base64,${source}`;
  await image.decode();
  const { width, height } = image, canvas = Object.assign(document.createElement("canvas"), { width, height });
  const pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0);
  const dots = new Uint32Array(pen.getImageData(0, 0, width, height).data.buffer), often = new Map();
  for (const dot of dots) often.set(dot, (often.get(dot) || 0) + 1);
  const palette = [...often].sort((a, b) => b[1] - a[1]).slice(0, 256).map(([dot]) => dot);
  const apart = (a, b) => [0, 8, 16].reduce((sum, at) => sum + ((a >> at & 255) - (b >> at & 255)) ** 2, 0);
  const places = new Map(palette.map((dot, at) => [dot, at]));
  for (const dot of often.keys()) {
    if (places.has(dot)) continue;
    let best = 0;
    for (let at = 1; at < palette.length; at++) if (apart(dot, palette[at]) < apart(dot, palette[best])) best = at;
    places.set(dot, best);
  }
  let indices = "";
  for (const dot of dots) indices += String.fromCharCode(places.get(dot));
  return { width, height, palette, indices: btoa(indices) };
}"""
"""Returns a picture with its 256 most frequent colours, and others as the nearest of them."""


def indexed(context: BrowserContext, picture: bytes) -> bytes:
    """Return a PNG with a palette (RFC 2083): a third of the size, and nobody sees a difference."""
    page = context.new_page()
    found = page.evaluate(INDEXED, base64.b64encode(picture).decode())
    page.close()
    width, height, dots = found["width"], found["height"], base64.b64decode(found["indices"])
    rows = b"".join(b"\0" + dots[at : at + width] for at in range(0, len(dots), width))
    palette = b"".join(struct.pack("<I", dot & 0xFFFFFFFF)[:3] for dot in found["palette"])
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)), (b"PLTE", palette)]
    parts += [(b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


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
