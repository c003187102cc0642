"""What an alarm says to plant staff, in Chinese and English.

锅炉负荷 高于高限: 112.4 % > 100 %        Boiler load above high limit: 112.4 % > 100 %
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent.limits import Level, Threshold
from config.site import Text

if TYPE_CHECKING:
    from drivers.reading import Value

_BEYOND: Final = {
    Level.HIGH_HIGH: Text("高于高高限", "above high-high limit"),
    Level.HIGH: Text("高于高限", "above high limit"),
    Level.LOW: Text("低于低限", "below low limit"),
    Level.LOW_LOW: Text("低于低低限", "below low-low limit"),
}
_ENDED: Final = {
    "limit removed": Text("报警结束, 该限值已删除", "ended, the limit was removed"),
    "limit changed": Text("报警结束, 该限值已更改", "ended, the limit was changed"),
}
_INTEGRAL_BELOW: Final = 1e15
_SIX_DIGITS: Final = 1e6


def raised(label: Text, threshold: Threshold, value: Value, unit: str) -> dict[str, str]:
    """Return the text of an alarm that has come."""
    compared = _compared(value, ">" if threshold.level.is_upper else "<", threshold.limit, unit)
    beyond = _BEYOND[threshold.level]
    return {"zh": f"{label.zh} {beyond.zh}: {compared}", "en": f"{label.en} {beyond.en}: {compared}"}


def cleared(label: Text, threshold: Threshold, value: Value, unit: str) -> dict[str, str]:
    """Return the text of an alarm that has gone because the value has returned."""
    compared = _compared(value, "≤" if threshold.level.is_upper else "≥", threshold.back, unit)
    beyond = _BEYOND[threshold.level]
    return {"zh": f"{label.zh} 不再{beyond.zh}: {compared}", "en": f"{label.en} no longer {beyond.en}: {compared}"}


def ended(label: Text, level: Level, reason: str) -> dict[str, str]:
    """Return the text of an alarm that has gone because its limit has."""
    beyond, end = _BEYOND[level], _ENDED[reason]
    return {"zh": f"{label.zh} {beyond.zh}: {end.zh}", "en": f"{label.en} {beyond.en}: {end.en}"}


def _compared(value: Value, sign: str, limit: float, unit: str) -> str:
    tail = f" {unit}" if unit else ""
    shown, edge = number(value), number(limit)
    if shown == edge and value != limit and isinstance(value, float):
        shown = repr(value)  # 100.0000001 > 100 must not read 100 > 100
    return f"{shown}{tail} {sign} {edge}{tail}"


def number(value: Value) -> str:
    """Return a reading as people write it: no trailing ``.0``, six significant digits."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _INTEGRAL_BELOW else _short(value)
    return str(value)


def _short(value: float) -> str:
    """Return six significant digits, or all digits before the point and one behind: plain sizes get no exponent."""
    if abs(value) < _SIX_DIGITS:
        return f"{value:.6g}"
    return f"{value:.1f}" if abs(value) < _INTEGRAL_BELOW else repr(value)
