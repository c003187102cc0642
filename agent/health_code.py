"""The health code: one colour for each line and for the plant, from the alarms that are active. Pure.

    red     an active alarm is critical, or has been escalated (priority low never counts)
    yellow  an active alarm of priority medium or high still belongs to the plant
    green   nothing of the kind

Acknowledging and shelving change nothing: they are matters of the control room. What is suppressed by design (a mark, a
stronger alarm) or out of service does not count. An alarm counts for the lines it is about, and always for the plant.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from agent.alarm_case import Standing


class Colour(StrEnum):
    """The three colours, from well to bad."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


_ORDER: Final = list(Colour)


def colour(alarm: Standing) -> Colour:
    """Return the colour that one active alarm gives."""
    if alarm.priority == "low" or alarm.is_discounted:
        return Colour.GREEN
    return Colour.RED if alarm.priority == "critical" or alarm.escalated else Colour.YELLOW


def health_code(
    standing: Iterable[Standing], lines: Collection[str], lines_of: Callable[[Standing], Collection[str]]
) -> dict[str, Any]:
    """Return ``{"plant": colour, "lines": {name: colour}}``; `lines_of` tells the lines that an alarm is about."""
    plant, code = Colour.GREEN, dict.fromkeys(lines, Colour.GREEN)
    for alarm in standing:
        shown = colour(alarm)
        plant = worse(plant, shown)
        for line in lines_of(alarm):
            code[line] = worse(code[line], shown)
    return {"plant": plant.value, "lines": {line: shown.value for line, shown in code.items()}}


def worse(one: Colour, other: Colour) -> Colour:
    """Return the worse of two colours."""
    return max(one, other, key=_ORDER.index)
