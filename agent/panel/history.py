"""The history of alarms: records of the journal as lines for people, and which of them somebody asked for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from agent.panel import moments
from agent.panel.cards import PRIORITIES, noted, who

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from agent.panel.words import Language

Record = dict[str, Any]

HAPPENINGS: Final = (
    "raised", "cleared", "acknowledged", "shelved", "unshelved", "suppressed", "unsuppressed", "out-of-service",
    "in-service", "escalated", "realarmed", "reset",
)  # fmt: skip
"""What a record of an alarm may say: its ``state`` (docs/alarms.md)."""
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that happened to an alarm. `when` is "" while the time was not known."""

    seq: int
    when: str
    alarm: str
    happened: str
    priority: str
    text: str
    who: str
    note: str
    reason: str
    is_first_out: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody looks for; "" and ``None`` ask for nothing. `from_ms` is included, `to_ms` is not."""

    text: str = ""
    rule: str = ""
    thing: str = ""
    happened: str = ""
    from_ms: int | None = None
    to_ms: int | None = None

    def takes(self, record: Record) -> bool:
        """Whether a record is one of those. What has no time is in every period: nobody can say it is not."""
        at = moments.of_record(record.get("ts"))
        is_late = at is not None and self.to_ms is not None and at >= self.to_ms
        is_early = at is not None and self.from_ms is not None and at < self.from_ms
        return not is_late and not is_early and self._names(record) and self._holds(record)

    def is_over(self, record: Record) -> bool:
        """Whether this record, and so all older ones, came before the period."""
        at = moments.of_record(record.get("ts"))
        return at is not None and self.from_ms is not None and at < self.from_ms - _DAY_MS

    def _names(self, record: Record) -> bool:
        return (not self.rule or str(record.get("rule", "")).casefold() == self.rule.casefold()) and (
            not self.happened or record.get("state") == self.happened
        )

    def _holds(self, record: Record) -> bool:
        text, by = record.get("text") or {}, record.get("by") or {}
        told = " ".join(map(str, (record.get("alarm"), *text.values(), by.get("who"), by.get("note")))).casefold()
        about = " ".join(str(record.get(name) or "") for name in ("object", "device", "point", "line")).casefold()
        return all(word in told for word in self.text.casefold().split()) and self.thing.casefold() in about


def line(record: Record, language: Language, zone: ZoneInfo) -> Line:
    """Return a record of an alarm as a line."""
    by = record.get("by") or {}
    return Line(
        seq=record["seq"],
        when=moments.local(moments.of_record(record.get("ts")), zone, seconds=True) or "",
        alarm=record["alarm"],
        happened=record["state"] if record.get("state") in HAPPENINGS else "",
        priority=record["priority"] if record.get("priority") in PRIORITIES else "",
        text=(record.get("text") or {}).get(language, ""),
        who=who(by) if by else "",
        note=noted(by).removeprefix(": "),
        reason=", ".join((*(record.get("reasons") or ()), *([record["reason"]] if record.get("reason") else ()))),
        is_first_out=bool(record.get("first_out")),
    )


def period(words: Mapping[str, str], zone: ZoneInfo) -> tuple[int | None, int | None]:
    """Return the period of two dates (``from`` and ``to``, both included) on the site's clock; no date, no bound."""
    return _day(words.get("from", ""), zone), _day(words.get("to", ""), zone, days=1)


def _day(text: str, zone: ZoneInfo, days: int = 0) -> int | None:
    try:
        return moments.typed(f"{text.strip()[:10]}T00:00", zone) + days * _DAY_MS if text.strip() else None
    except moments.NoMoment:
        return None
