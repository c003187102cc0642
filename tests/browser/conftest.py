"""What the browser tests share: one Chromium for all of them, and a look at what went wrong in each window."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.browser.harness import Visitor, chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.browser.harness import Panel


class Visits(Protocol):
    """Opens a window: ``visits(panel, OPERATOR, language="zh")``."""

    def __call__(
        self,
        panel: Panel,
        person: tuple[str, str] | None = None,
        *,
        language: str = "en",
        theme: str = "light",
        size: dict[str, int] = ...,
    ) -> Visitor:
        """Return somebody with a window of their own."""
        ...


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Return Chromium. It is closed before other tests run: they have event loops of their own."""
    with chromium() as found:
        yield found


@pytest.fixture
def visits(browser: Browser) -> Iterator[Visits]:
    """Return what opens windows; at the end of the test none of them may have had trouble that it did not expect."""
    visitors: list[Visitor] = []

    def visit(panel: Panel, person: tuple[str, str] | None = None, **how: str | dict[str, int]) -> Visitor:
        visitors.append(Visitor(browser, panel, person, **how))  # type: ignore[arg-type]
        return visitors[-1]

    yield visit
    troubles = [trouble for one in visitors for trouble in one.trouble()]
    for one in visitors:
        one.close()
    assert troubles == []


@pytest.fixture(scope="package")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the program of axe-core, from the npm registry."""
    folder = tmp_path_factory.mktemp("axe")
    subprocess.run(["npm", "pack", "axe-core@4", "--silent"], cwd=folder, check=True, timeout=120, capture_output=True)
    [packed] = folder.glob("axe-core-4*.tgz")
    subprocess.run(["tar", "xzf", packed.name, "package/axe.min.js"], cwd=folder, check=True)
    return (folder / "package/axe.min.js").read_text(encoding="utf-8")
