"""What all tests share: hypothesis looks for new cases on a developer's machine, and repeats the same ones in CI.

The simulated months take longest by far, so they begin first, and the other workers do the rest meanwhile.
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the months first; everything else stays in order."""
    items.sort(key=lambda item: "months" not in item.path.parts)
