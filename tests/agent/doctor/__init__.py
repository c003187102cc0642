"""The doctor: one file for each field, judged over facts, so that no hardware is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from agent.doctor.finding import Finding


def ids(findings: Iterable[Finding]) -> list[str]:
    """Return what was found, by id."""
    return [finding.id for finding in findings]


def silent(command: Sequence[str]) -> None:
    """Stand for a machine without programs."""


def tree(root: Path, files: dict[str, str]) -> Path:
    """Make files below a folder that stands for a machine, and return it."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root
