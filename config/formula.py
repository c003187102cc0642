"""The formulas of derived points: a small, safe expression language over points, checked when the site file is read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula that has been understood: its text and the points ("device.point") it names, in order of mention."""

    text: str
    inputs: tuple[str, ...]
