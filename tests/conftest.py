"""What all tests share: hypothesis looks for new cases on a developer's machine, and repeats the same ones in CI.

What takes longest begins first, and the small tests fill what is left of each worker's time. The months of the large
works take several minutes each: `make months` lives through them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hypothesis import settings

if TYPE_CHECKING:
    import pytest

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

LARGE_MONTHS = ("cheating_month", "normal_month", "restarts")
collect_ignore = [] if os.environ.get("MONTHS") else [f"months/test_{name}.py" for name in LARGE_MONTHS]


LONGEST = ("systemd/test_booted", "systemd/test_package", "browser/", "months/", "e2e/test_disk", "e2e/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes long first; everything else stays in order."""
    items.sort(key=lambda item: next((at for at, name in enumerate(LONGEST) if name in item.nodeid), len(LONGEST)))
