"""The standard formulas of emission monitoring, as plain functions: for the formulas of a site file, and for rules.

Source: HJ 212-2017, appendix D, unless a docstring says otherwise. Temperatures are degrees Celsius, pressures Pa
(instruments often tell kPa), moistures and oxygen percent by volume, as instruments tell them.

What has no physical meaning (oxygen of 21 % and more, absolute zero, moisture of 100 %) has no result: ``None``, never
a negative or infinite number.
"""

from __future__ import annotations

import math
from typing import Final

AIR_O2: Final = 21.0
"""Oxygen of air in %, as the formulas of the standard have it."""
STANDARD_PA: Final = 101325.0
ZERO_CEL_K: Final = 273.0
"""0 degrees Celsius in kelvin, as the formulas of the standard have it."""
MOLAR_VOLUME: Final = 22.4
"""Litres a mole of gas takes at standard state."""
MOLAR_MASSES: Final = {"SO2": 64.0, "NO2": 46.0, "NO": 30.0, "CO": 28.0, "NH3": 17.0, "HCl": 36.5}
"""g/mol. The first four are those of the standard; the others are sums of atomic weights."""


def standard_state(concentration: float, temperature: float, ambient: float, static: float) -> float | None:
    """Return a concentration at standard state (273 K, 101325 Pa) of one measured at `temperature`.

    `ambient` is the pressure of the air and `static` that of the gas against it, both Pa.
    ``Csn = Cs * 101325/(Ba+Ps) * (273+ts)/273``
    """
    pressure, kelvin = ambient + static, ZERO_CEL_K + temperature
    if pressure <= 0 or kelvin <= 0:
        return None
    return concentration * STANDARD_PA / pressure * kelvin / ZERO_CEL_K


def dry(concentration: float, moisture: float) -> float | None:
    """Return a concentration in dry gas of one in gas with `moisture` %. ``Cdry = Cwet/(1-Xsw)``."""
    share = _dry_share(moisture)
    return concentration / share if share else None


def _dry_share(moisture: float) -> float | None:
    """Return the dry part of the gas, 0 < share <= 1; ``None`` for a moisture that gas cannot have."""
    return 1.0 - moisture / 100.0 if 0.0 <= moisture < 100.0 else None  # noqa: PLR2004  percent


def ppm_to_mg(ppm: float, molar_mass: float) -> float | None:
    """Return mg/m3 at standard state of a share in ppm. ``M/22.4 * ppm``; `MOLAR_MASSES` has those of common gases."""
    return molar_mass / MOLAR_VOLUME * ppm if molar_mass > 0 else None


def nox(no: float, no2: float) -> float:
    """Return nitrogen oxides in mg/m3, counted as NO2, of those of NO and NO2. ``NO*46/30 + NO2``."""
    return no * MOLAR_MASSES["NO2"] / MOLAR_MASSES["NO"] + no2


def converted(concentration: float, o2: float, reference_o2: float) -> float | None:
    """Return a dry concentration converted to the reference oxygen of the emission standard.

    ``Czs = Cdry * (21-O2ref)/(21-O2)``. ``None`` where either oxygen is 21 % or more, or below zero: air has no
    converted concentration. Where the emission standard names no reference, the dry concentration is compared itself.
    """
    if not (0.0 <= o2 < AIR_O2 and 0.0 <= reference_o2 < AIR_O2):
        return None
    return concentration * (AIR_O2 - reference_o2) / (AIR_O2 - o2)


def per_oxygen(product: float, divisor: float) -> float | None:
    """Return ``product / (21 - O2)``, ``None`` where the divisor is not above zero."""
    return product / divisor if divisor > 0 else None


def excess_air(o2: float) -> float | None:
    """Return the coefficient of excess air. ``alpha = 21/(21-O2)``."""
    return AIR_O2 / (AIR_O2 - o2) if 0.0 <= o2 < AIR_O2 else None


def converted_by_air(concentration: float, alpha: float, alpha_s: float) -> float | None:
    """Return a dry concentration converted by coefficients of excess air, measured and prescribed.

    ``Czs = Cdry * alpha/alpha_s``; the same as `converted` with the oxygen that belongs to each.
    """
    return concentration * alpha / alpha_s if alpha >= 1.0 and alpha_s >= 1.0 else None


def velocity(coefficient: float, at_point: float) -> float:
    """Return the mean velocity in a duct, m/s, of that at the measured point. ``Vs = Kv * Vp``."""
    return coefficient * at_point


def flow_working(area: float, mean_velocity: float) -> float:
    """Return the flow of gas as it is in the duct, m3/h. ``Qsh = 3600 * F * Vs``; `area` m2, `mean_velocity` m/s."""
    return 3600.0 * area * mean_velocity


def flow_standard_dry(
    working: float, temperature: float, ambient: float, static: float, moisture: float
) -> float | None:
    """Return the flow of dry gas at standard state, m3/h, of that in the duct.

    ``Qsn = Qsh * 273/(273+ts) * (Ba+Ps)/101325 * (1-Xsw)``; `ambient` and `static` as in `standard_state`.
    """
    pressure, kelvin, share = ambient + static, ZERO_CEL_K + temperature, _dry_share(moisture)
    if pressure <= 0 or kelvin <= 0 or share is None:
        return None
    return working * ZERO_CEL_K / kelvin * pressure / STANDARD_PA * share


def mass_flow(concentration: float, flow: float) -> float:
    """Return the emitted mass of an hour, kg/h. ``G = C * Qsn * 1e-6``; mg/m3 and m3/h, both dry at standard state.

    The converted concentration is never used for masses: it would count the diluting air.
    """
    return concentration * flow * 1e-6


def water_volume(flow: float, seconds: float) -> float:
    """Return the volume of water, m3, that flows in some time. ``D = Q*T/1000``; `flow` L/s."""
    return flow * seconds / 1000.0


def water_mass(concentration: float, volume: float) -> float:
    """Return the mass in a volume of water, kg. ``G = C*D/1000``; mg/L and m3."""
    return concentration * volume / 1000.0


def mean_concentration(mass: float, volume: float) -> float | None:
    """Return the mean concentration weighted by volume, mg/L. ``1000 * sum G / sum D``; sums in kg and m3."""
    return 1000.0 * mass / volume if volume > 0 else None


def root(number: float) -> float | None:
    """Return the square root, ``None`` below zero."""
    return math.sqrt(number) if number >= 0 else None


def clamp(number: float, low: float, high: float) -> float | None:
    """Return the number, `low` where it is below, `high` where it is above; ``None`` when low is above high."""
    return min(max(number, low), high) if low <= high else None


def rounded(number: float, decimals: float = 0.0) -> float | None:
    """Return the number with so many decimals, 0 to 15; halves go to the even neighbour."""
    return round(number, int(decimals)) if decimals in range(16) else None


def either(condition: float, yes: float | None, no: float | None) -> float | None:
    """Return `yes` where the condition is not 0, else `no`, also where the other cannot be computed."""
    return yes if condition else no
