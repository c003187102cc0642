"""A running panel for every test that wants one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.agent.panel.rig import Rig, rigged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """Return a panel whose agent is there, and nobody logged in."""
    with rigged(tmp_path) as running:
        yield running


@pytest.fixture
def open_rig(tmp_path: Path) -> Iterator[Rig]:
    """Return the same, where people may look without logging in."""
    with rigged(tmp_path, open=True) as running:
        yield running
