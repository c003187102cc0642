"""What an alarm rests on, in words: values against limits, states, windows. Pure.

A limit's alarm tells ``value``, ``limit``, ``unit``, ``level``; a rule's tells ``evidence``, whatever its evaluators
show (`agent.rules.kinds`): plain names and numbers, some of them within each other (``values``, ``all``, ``not``). A
name ending in ``_s`` is a duration. What has no words yet is shown under its own name, never hidden.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from agent.panel import moments
from agent.panel.countdown import duration
from agent.panel.edition import NONE, judged
from agent.panel.readings import figure

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping
    from zoneinfo import ZoneInfo

    Say = Callable[..., str]

_SHARES: Final = frozenset({"share", "a_change", "b_change", "moves", "still", "rel", "correlation"})
_STATES: Final = frozenset({"states", "state", "while", "production", "treatment"})
_STATE_WORDS: Final = ("off", "idle", "run")
_NESTED: Final = ("all", "not")
_PARAMS: Final = "params"
"""Parameters of the rule stand in one line, by the names that they have in the site file."""
_RENAMED: Final = {"limit": "bound"}
"""``evidence.limit`` is the table of the four limits."""
_LEVELS: Final = ("high_high", "high", "low", "low_low")


class Fact(NamedTuple):
    """One line of the evidence."""

    label: str
    value: str


class Teller:
    """Tells evidence in one language. `known` are the keys of all words."""

    def __init__(self, say: Say, known: Container[str], zone: ZoneInfo) -> None:
        self._say, self._known, self._zone = say, known, zone

    def facts(self, told: Mapping[str, Any]) -> list[Fact]:
        """Return what a row of verb ``alarms``, or a record of an alarm, rests on."""
        found = [*self._limit(told)] if told.get("level") in _LEVELS else []
        return found + list(self._evidence(told.get("evidence") or {}))

    def _limit(self, told: Mapping[str, Any]) -> Iterator[Fact]:
        unit = f" {told['unit']}" if told.get("unit") else ""
        value = figure(told.get("value"), None)
        yield Fact(self._say("evidence.value"), NONE if value is None else value + unit)
        yield Fact(self._say(f"evidence.limit.{told['level']}"), f"{figure(told.get('limit'), None) or NONE}{unit}")

    def _evidence(self, evidence: Mapping[str, Any]) -> Iterator[Fact]:
        for name, value in evidence.items():
            if name == _PARAMS:
                told = ", ".join(f"{key} {self._value(key, one)}" for key, one in value.items())
                yield from [Fact(self._label(name), told)] if told else []
            elif name in _NESTED or isinstance(value, dict):
                for inner in value if isinstance(value, list) else [value]:
                    yield from self._evidence(inner)
            else:
                yield Fact(self._label(name), self._value(name, value))

    def _label(self, name: str) -> str:
        key = f"evidence.{_RENAMED.get(name, name)}"
        return self._say(key) if key in self._known else name

    def _value(self, name: str, value: Any) -> str:
        if value is None:
            return NONE
        if isinstance(value, list):
            return ", ".join(self._value(name, one) for one in value) or NONE
        if isinstance(value, bool):
            return self._say("evidence.yes" if value else "evidence.no")
        if isinstance(value, int | float):
            return self._number(name, value)
        return self._say(f"state.{value}") if f"state.{value}" in self._known else str(value)

    def _number(self, name: str, value: float) -> str:
        if name.endswith("_s"):
            return duration(value)
        if name.endswith("_ms"):
            return moments.local(value, self._zone) or NONE
        if name in _SHARES:
            return f"{value:.1%}"
        if name in _STATES and value in range(len(_STATE_WORDS)):
            return self._say(f"state.{_STATE_WORDS[int(value)]}")
        return figure(value, None) or NONE


def points_of(told: Mapping[str, Any], site: Mapping[str, Any], most: int = 8) -> list[str]:
    """Return the points ("device.point") to look at for an alarm: its own, or those of what it is about."""
    if told.get("device") and told.get("point"):
        return [f"{told['device']}.{told['point']}"]
    parts = str(told.get("object") or told.get("line") or "").split("/")
    return list(dict.fromkeys(point for part in parts for point in _about(part, parts, site)))[:most]


def _about(name: str, parts: list[str], site: Mapping[str, Any]) -> Iterator[str]:
    """Yield the points of what is called so: a line, a facility, an outlet (or its factor that is named), a device."""
    named = {kind: {one["name"]: one for one in site[kind]} for kind in ("lines", "facilities", "outlets", "devices")}
    if name in named["facilities"]:
        facility = named["facilities"][name]
        point = facility.get("power") or facility.get("current") or facility.get("running")
        yield from [point] if point else []
    elif name in named["outlets"]:
        factors = named["outlets"][name]["factors"]
        wanted = [factor for factor in factors if factor["code"] in parts]
        yield from map(judged, wanted or factors)
    elif name in named["lines"]:
        line = named["lines"][name]
        for part in (*line["production"], *line["treatment"], line["outlet"]) if parts == [name] else ():
            yield from _about(part, [part], site)
    elif name in named["devices"]:
        yield from (f"{name}.{point['name']}" for point in named["devices"][name]["points"] if point["number"])
