"""Alarms as people see them: what is wrong, since when, what it means, what to check first, what may be done. Pure.

The words of a rule come from the catalogue, through verb ``rules`` (``means``, ``check``); those of a plain limit and
of an overdue task are the panel's own. A row may bring its own ``means`` and ``check`` (``advice``), which come first.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Literal

from agent.panel import moments
from agent.panel.countdown import ladder
from agent.panel.edition import when_short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from zoneinfo import ZoneInfo

    from agent.panel.words import Language

    Say = Callable[..., str]
    Row = Mapping[str, Any]
    Rules = Mapping[str, Mapping[str, Any]]

Act = Literal["acknowledge", "shelve", "unshelve", "reset", "take-out", "put-back"]

PRIORITIES: Final = ("critical", "high", "medium", "low")
ASKING: Final = ("unacknowledged", "returned")
"""States that ask for somebody."""
SHOWN: Final = ("unacknowledged", "acknowledged", "returned", "latched")
"""States in the list of active alarms; ``normal`` is in none, the rest are shelved or out of service."""
STATUSES: Final = (*SHOWN, "shelved", "suppressed", "out-of-service", "normal")
USUAL_SHELF_S: Final = 8 * 3600
"""The longest time on the shelf where the agent does not tell another (``longest_shelf_s``): a shift."""
SHELF_S: Final = (1800, 7200, 28800)
SHIFT: Final = "shift"
_SHIFT_H: Final = 8
"""Shifts change at 0:00, 8:00 and 16:00: what three-shift works mostly do."""
_HOUR_S: Final = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One alarm. `since` is when its condition began, on the site's clock; "" where that is not known."""

    alarm: str
    text: str
    priority: str
    status: str
    since: str
    place: str
    means: str
    check: str
    marks: tuple[str, ...]
    story: tuple[str, ...]
    acts: frozenset[Act]
    is_asking: bool
    standing: str

    @property
    def element(self) -> str:
        """Return an id for elements of the page, which may not hold just any character."""
        return "".join(one if one.isalnum() else "-" for one in self.alarm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads rows for one viewer. `now_ms` is the wall time of the rows; `names` are labels by name of object."""

    say: Say
    language: Language
    zone: ZoneInfo
    now_ms: int | None
    rules: Rules
    names: Mapping[str, Mapping[str, str]]

    def card(self, row: Row) -> Card:
        """Return one alarm."""
        return Card(
            alarm=row["alarm"],
            text=row["text"][self.language],
            priority=row["priority"],
            status=row["status"],
            since=when_short(moments.of_record(row.get("since")), self.now_ms, self.zone) or "",
            place=self.place(row),
            means=self._advice(row, "means"),
            check=self._advice(row, "check"),
            marks=tuple(mark for mark in ("first_out", "escalated", "chattering") if row.get(mark)),
            story=tuple(self._story(row)),
            acts=acts(row),
            is_asking=row["status"] in ASKING,
            standing=ladder(row, self.now_ms).standing,
        )

    def cards(self, rows: Iterable[Row]) -> list[Card]:
        """Return several, the most severe first."""
        return [self.card(row) for row in sorted(rows, key=severity)]

    def place(self, row: Row) -> str:
        """Return what an alarm is about, as people call it."""
        parts = str(row.get("object") or row.get("device") or row.get("line") or "").split("/")
        return " / ".join(self.names[part][self.language] if part in self.names else part for part in parts)

    def _advice(self, row: Row, name: Literal["means", "check"]) -> str:
        rule = self.rules.get(row.get("rule") or "", {})
        told = row.get(name) or (row.get("advice") if name == "check" else None) or rule.get(name)
        if told:
            text: str = told[self.language]
            return text
        if row.get("level"):
            return self.say(f"alarms.limit.{name}")
        return self.say(f"alarms.task.{name}") if row.get("task") else ""

    def _story(self, row: Row) -> Iterable[str]:
        """Yield why it is not simply shown: by whom, for how long, because of what."""
        if row.get("shelved_by"):
            left_s = row.get("shelf_left_s")
            until = None if left_s is None or self.now_ms is None else self.now_ms + left_s * 1000
            time = when_short(until, self.now_ms, self.zone) or "—"
            yield self.say("alarms.story.shelved", who=who(row["shelved_by"]), time=time) + noted(row["shelved_by"])
        if row.get("out_by"):
            yield self.say("alarms.story.out", who=who(row["out_by"])) + noted(row["out_by"])
        if row.get("suppressed_by"):
            yield self.say("alarms.story.suppressed", by=", ".join(row["suppressed_by"]))


def severity(row: Row) -> tuple[bool, int, bool, float]:
    """Return what orders alarms for people: told to the authority, priority, asking, the longest active."""
    status, priority = row["status"], row["priority"]
    rank = PRIORITIES.index(priority) if priority in PRIORITIES else len(PRIORITIES)
    return not row.get("escalated"), rank, status not in ASKING, -(row.get("active_s") or 0.0)


def acts(row: Row) -> frozenset[Act]:
    """Return what people may do to an alarm as it stands; the agent has the last word."""
    status, is_out = row["status"], bool(row.get("out_by"))
    possible: dict[Act, bool] = {
        "acknowledge": status in ASKING,
        "shelve": not is_out and status != "normal",
        "unshelve": bool(row.get("shelved_by")),
        "reset": status == "latched",
        "take-out": not is_out,
        "put-back": is_out,
    }
    return frozenset(act for act, may in possible.items() if may)


def shelf_times(now_ms: int | None, zone: ZoneInfo, longest_s: float = USUAL_SHELF_S) -> dict[str, tuple[int, str]]:
    """Return how long an alarm may be shelved: by the form's word, the seconds and (for a shift) its end."""
    times = {str(span): (span, "") for span in SHELF_S}
    if now_ms is not None:
        times[SHIFT] = shift_end(now_ms, zone)
    return {word: (span, end) for word, (span, end) in times.items() if span <= longest_s}


def shift_end(now_ms: int, zone: ZoneInfo) -> tuple[int, str]:
    """Return how long the present shift lasts, in seconds, and when it ends."""
    hour, minute, second = map(int, (moments.local(now_ms, zone, seconds=True) or "")[11:].split(":"))
    end_h = (hour // _SHIFT_H + 1) * _SHIFT_H
    return end_h * _HOUR_S - hour * _HOUR_S - minute * 60 - second, f"{end_h:02d}:00"


def who(by: Mapping[str, Any]) -> str:
    """Return who did something."""
    return str(by.get("who") or by.get("uid") or "—")


def noted(by: Mapping[str, Any]) -> str:
    """Return the note somebody left, behind a colon; "" where there is none."""
    return f": {by['note']}" if by.get("note") else ""


def names_of(site: Mapping[str, Any]) -> dict[str, Mapping[str, str]]:
    """Return the labels of everything alarms can be about, by name."""
    factors = [{**one, "name": one["code"]} for outlet in site["outlets"] for one in outlet["factors"]]
    things = chain(factors, *(site[kind] for kind in ("devices", "outlets", "facilities", "lines")))
    return {thing["name"]: thing["label"] for thing in things}
