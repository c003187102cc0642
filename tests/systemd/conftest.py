"""Booting a Debian needs root; whoever is not is told what was left out."""

from __future__ import annotations

import os

collect_ignore = [] if os.geteuid() == 0 else ["test_booted.py"]


def pytest_report_header() -> list[str]:
    """Say at the top of the report what does not run."""
    return [f"not root: {name} is left out" for name in collect_ignore]
