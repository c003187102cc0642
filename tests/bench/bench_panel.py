"""What people who look cost: ``python -m tests.bench.bench_panel [--quick]``, or as ``panel`` of `tests.bench`.

A plant of eight meters with its agent and its panel; nobody, one and fifty people watch the overview move. Then the
first page, as a browser without a cache gets it: the page and everything it names, on one connection.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import httpx2

from tests.bench.process import cpu_s, memory
from tests.browser.audience import Audience
from tests.browser.harness import works

if TYPE_CHECKING:
    from tests.browser.harness import Panel, Works

VIEWERS = (0, 1, 50)
SETTLE_S = 2.0
HEAD = f"{'viewers':>14} {'agent CPU %':>12} {'panel CPU %':>12} {'polls/s':>8} {'panel RSS MiB':>14} {'kB/s':>7}"


def watched(found: Works, viewers: int, span_s: float) -> str:
    """Return a line of the table: what so many viewers cost."""
    agent, panel, counts = found.stage.agent.pid, found.panel.pid, found.stage.meters.counts
    with Audience(found.panel, viewers) as audience:
        time.sleep(SETTLE_S)
        begin, agent_s, panel_s = time.monotonic(), cpu_s(agent), cpu_s(panel)
        polls, told = counts.total(), audience.bytes
        time.sleep(span_s)
        took = time.monotonic() - begin
        shares = (100 * (cpu_s(agent) - agent_s) / took, 100 * (cpu_s(panel) - panel_s) / took)
        rates = ((counts.total() - polls) / took, (audience.bytes - told) / took / 1000)
    return f"{viewers:14} {shares[0]:12.2f} {shares[1]:12.2f} {rates[0]:8.1f} {memory(panel).now:14.1f} {rates[1]:7.1f}"


def first_page(panel: Panel) -> tuple[int, int, float]:
    """Return bytes of bodies, number of files and milliseconds until all have come."""
    with httpx2.Client(base_url=panel.url, timeout=30) as client:
        client.get("/login")  # the connection is there, as it is for a browser that was sent on
        begin = time.perf_counter()
        page = client.get("/")
        names = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
        bodies = [page.content, *(client.get(name).content for name in names)]
        return sum(map(len, bodies)), len(bodies), (time.perf_counter() - begin) * 1e3


def main(arguments: list[str]) -> None:
    """Print a row for each audience, and one for the first page."""
    span_s, pages = (2.0, 3) if "--quick" in arguments else (15.0, 30)
    with tempfile.TemporaryDirectory() as scratch, works(Path(scratch), "open = true", people=False) as found:
        print(HEAD)
        for viewers in VIEWERS:
            print(watched(found, viewers, span_s), flush=True)
        loads = [first_page(found.panel) for _ in range(pages)]
        size, files, _ = loads[0]
        print(
            f"first page: {size / 1000:.1f} kB in {files} files, {median(took for *_, took in loads):.0f} ms (median)"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
