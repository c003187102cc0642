"""Fifty screens at once: each sees the alarm, and the instruments are read as before. The first page is light."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.audience import Audience
from tests.browser.harness import works
from tests.browser.plant import FAN, T1

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.conftest import Visits
    from tests.browser.harness import Works

VIEWERS = 50
LOOKED_S = 4.0
MOST_BYTES = 150_000


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Works]:
    """Return a plant that people may look at without logging in."""
    with works(tmp_path_factory.mktemp("viewers"), "open = true") as found:
        yield found


def polls(plant: Works) -> int:
    """Return how often the fan's meter is read while we look."""
    before = plant.stage.meters.counts[FAN]
    time.sleep(LOOKED_S)
    return plant.stage.meters.counts[FAN] - before


def test_fifty_viewers_see_an_alarm_and_slow_nothing(plant: Works) -> None:
    """Every stream tells of it; meanwhile the agent reads its instruments as often as without anybody looking."""
    alone = polls(plant)
    with Audience(plant.panel, VIEWERS) as audience:
        assert audience.heard("hello") == VIEWERS
        watched = polls(plant)
        plant.fan(runs=False)
        assert audience.heard(T1) == VIEWERS
        assert audience.heard("facility:fan-1") == VIEWERS
    assert alone > 5
    assert watched > 0.6 * alone


def test_a_window_that_is_watched_tells_everything(plant: Works, visits: Visits) -> None:
    """What these tests call trouble is noticed: the console, a script that breaks, another host, a missing file."""
    visitor = visits(plant.panel)
    page = visitor.go("/")
    page.evaluate("console.error('planted')")
    page.evaluate("setTimeout(() => { throw new Error('broken'); })")
    page.evaluate("fetch('/static/none.js').then(() => {})")
    page.evaluate("fetch('http://127.0.0.9/').catch(() => {})")
    page.goto(f"http://127.0.0.1:{plant.panel.port}/")
    trouble = "\n".join(visitor.trouble())
    for word in ("planted", "broken", "status of 404", "127.0.0.9", "another host: http://127.0.0.1"):
        assert word in trouble


def test_the_first_page_is_light(plant: Works, visits: Visits) -> None:
    """All that a browser without a cache loads for the overview, with the heads of the answers, is under 150 KB."""
    visitor = visits(plant.panel)
    with ExitStack() as closing:
        seen: dict[str, int] = {}

        def count(event: dict[str, float | str]) -> None:
            seen[str(event["requestId"])] = int(event["encodedDataLength"])

        session = visitor.context.new_cdp_session(visitor.page)
        closing.callback(session.detach)
        session.on("Network.loadingFinished", count)
        session.send("Network.enable")
        page = visitor.go("/")
        expect(page.locator(".health .code")).to_be_visible()
        page.wait_for_timeout(300)
        names = page.evaluate("performance.getEntriesByType('resource').map(one => one.name)")
    assert {urlsplit(name).path for name in names} >= {"/static/panel.css", "/static/live.js"}
    assert len(seen) >= 5
    assert 5_000 < sum(seen.values()) < MOST_BYTES
