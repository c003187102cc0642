"""Transformer ratios: by what a point of a meter behind current and voltage transformers is multiplied.

A meter that does not apply its ratios tells secondary values. Which ratio a value needs follows from its unit, unless
the point says it (`ratio`). Numbers are multiplied as the decimals they were written as: 0.1 x 40 is 4, not 4.000…2.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config import schema
    from config.entry import Entry

_BY_UNIT = {
    "ct": ("A", "mA"),
    "pt": ("V", "kV"),
    "ct*pt": (
        "W",
        "kW",
        "MW",
        "var",
        "kvar",
        "Mvar",
        "VA",
        "kVA",
        "MVA",
        "Wh",
        "kWh",
        "MWh",
        "varh",
        "kvarh",
        "VAh",
        "kVAh",
    ),
}


def which(point: Entry[schema.PointTable]) -> str:
    """Return "none", "ct", "pt" or "ct*pt": what the point says, else what its unit needs."""
    if point.ok("ratio") and point.table.ratio is not None:
        return point.table.ratio
    if not point.ok("unit"):
        return "none"
    return next((ratio for ratio, units in _BY_UNIT.items() if point.table.unit in units), "none")


def factor(device: Entry[schema.DeviceTable], point: Entry[schema.PointTable]) -> Decimal:
    """Return what the point's readings are multiplied with, from the device's `ct` and `pt`."""
    product = Decimal(1)
    for ratio in which(point).split("*"):
        if ratio in ("ct", "pt") and device.ok(ratio):
            product *= Decimal(repr(getattr(device.table, ratio)))
    return product


def scaled(number: float, by: Decimal) -> float:
    """Return `number` times `by`, without binary noise."""
    return float(Decimal(repr(number)) * by)
