"""What the amount of a period is, for each kind of unit: kWh of a power, m3 of a flow, the increase of a counter.

Energies and volumes are taken for counters. A mass is not ("t" and "kg" may be a weight): a counter of masses says so
with ``total = "counter"``; a tank's "m3" says ``total = "none"``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from config.site import Total

_VOLUMES: Final = ("m3", "m³", "Nm3", "Nm³", "m3(n)", "L")
_MASSES: Final = ("t", "kg", "g")
_COUNTERS: Final = (
    *(f"{factor}{unit}" for factor in ("", "k", "M", "G") for unit in ("Wh", "varh", "VAh")),
    *_VOLUMES,
)
_PER_HOUR: Final = (
    *(f"{factor}{unit}" for factor in ("", "k", "M") for unit in ("W", "var", "VA")),
    *(f"{unit}/h" for unit in (*_VOLUMES, *_MASSES)),
)
_PER_SECOND: Final = tuple(f"{unit}/s" for unit in (*_VOLUMES, *_MASSES))
_BY_UNIT: Final[dict[str, Total]] = {
    **dict.fromkeys(_COUNTERS, "counter"),
    **dict.fromkeys(_PER_HOUR, "per-hour"),
    **dict.fromkeys(_PER_SECOND, "per-second"),
}


def total_by(unit: str) -> Total:
    """Return what the amount of a period is for readings in this unit; "none" where it has none or nobody knows."""
    return _BY_UNIT.get(unit, "none")
