"""What all tests share: hypothesis looks for new cases on a developer's machine, and repeats the same ones in CI.

The month of the demo's plant takes longest, so it begins first, and the other workers do the rest meanwhile. Those of
the large works take several minutes each: `make months` lives through them.
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the months first; everything else stays in order."""
    items.sort(key=lambda item: "months" not in item.path.parts)
