"""What an alarm says to plant staff, in Chinese and English.

锅炉负荷 高于高限: 112.4 % > 100 %        Boiler load above high limit: 112.4 % > 100 %
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent.lifecycle import Word
from agent.limits import Level, Threshold
from config.site import Text

if TYPE_CHECKING:
    from agent.lifecycle import By
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
    "rule removed": Text("报警结束, 该规则已删除", "ended, the rule was removed"),
}
_HAPPENED: Final = {
    Word.RAISED: Text("", ""),
    Word.CLEARED: Text("已恢复", "has ended"),
    Word.ACKNOWLEDGED: Text("已确认", "acknowledged"),
    Word.SHELVED: Text("已搁置", "shelved"),
    Word.UNSHELVED: Text("搁置结束", "no longer shelved"),
    Word.SUPPRESSED: Text("已按设计抑制", "suppressed by design"),
    Word.UNSUPPRESSED: Text("抑制结束", "no longer suppressed"),
    Word.OUT_OF_SERVICE: Text("已退出服务", "taken out of service"),
    Word.IN_SERVICE: Text("已恢复服务", "put back into service"),
    Word.ESCALATED: Text("持续未消除, 已升级", "still active, escalated"),
    Word.REALARMED: Text("确认后仍未消除, 再次报警", "acknowledged and still active, annunciated again"),
    Word.RESET: Text("已复位", "reset"),
}
_TWO_MINUTES_S: Final = 120
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


def ended(text: Text, reason: str) -> dict[str, str]:
    """Return the text of an alarm that has gone because its limit or its rule has."""
    end = _ENDED[reason]
    return {"zh": f"{text.zh}: {end.zh}", "en": f"{text.en}: {end.en}"}


def beyond(label: Text, level: Level) -> Text:
    """Return what is wrong while a limit is violated: the text of its alarm, without a reading."""
    beyond = _BEYOND[level]
    return Text(f"{label.zh} {beyond.zh}", f"{label.en} {beyond.en}")


def happened(text: Text, word: Word, by: By | None = None, shelf_s: float | None = None) -> dict[str, str]:
    """Return the text of what became of an alarm: 锅炉负荷 高于高限: 已确认 (wang) / …: acknowledged (wang)."""
    zh, en = _HAPPENED[word].zh, _HAPPENED[word].en
    if shelf_s is not None:
        zh, en = f"{zh} {lasting(shelf_s)}", f"{en} for {lasting(shelf_s)}"
    who = "" if by is None else f" ({by.who})"
    return {"zh": f"{text.zh}{': ' if zh else ''}{zh}{who}", "en": f"{text.en}{': ' if en else ''}{en}{who}"}


def lasting(seconds: float) -> str:
    """Return a duration as people write it: 90 s, 30 min, 8 h, 1 h 30 min."""
    if seconds < _TWO_MINUTES_S:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return " ".join(f"{part} {unit}" for part, unit in ((hours, "h"), (minutes, "min")) if part)


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
