"""Who did what: the records of people's actions, arranged for reading. Pure.

Every login and every action at any door is a signed record with ``by``; what the agent did by itself is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from agent.panel.moments import of_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EVENTS: Final = {
    "login": "deed.login",
    "logout": "deed.logout",
    "login-refused": "deed.login-refused",
    "locked": "deed.locked",
    "setup": "deed.setup",
    "user-added": "deed.user-added",
    "user-changed": "deed.user-changed",
    "user-removed": "deed.user-removed",
    "session-revoked": "deed.session-revoked",
    "silence": "deed.silence",
    "download": "deed.download",
    "order-entered": "deed.order-entered",
    "order-ended": "deed.order-ended",
    "mark-entered": "deed.mark-entered",
    "mark-ended": "deed.mark-ended",
    "task-entered": "deed.task-entered",
    "task-answered": "deed.task-answered",
    "task-withdrawn": "deed.task-withdrawn",
    "commissioned": "deed.commissioned",
    "exported": "deed.exported",
}
"""Events that people cause, and their words."""
DOORS: Final = {"panel": "deed.door.panel", "control": "deed.door.control", "platform": "deed.door.platform"}
_FRAME: Final = frozenset({"v", "gw", "chain", "seq", "prev", "kind", "ts", "clk", "cfg", "sig", "event", "by", "text"})
_ENTRY: Final = {"order": ("id", "kind", "lines"), "mark": ("id", "kind", "object"), "task": ("id", "place", "title")}
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One action. `key` are its words, `name` what it is called where there are none; `text` is an alarm's own."""

    seq: int
    at_ms: int | None
    who: str
    door: str
    key: str | None
    name: str
    text: Mapping[str, str] | None
    details: str


def deeds(records: Iterable[Mapping[str, Any]]) -> list[Deed]:
    """Return what people did, of records in any order, as they come."""
    return [_deed(record) for record in records if _is_deed(record)]


def _is_deed(record: Mapping[str, Any]) -> bool:
    if record.get("kind") not in ("event", "alarm"):
        return False
    return bool(record.get("by")) or (record["kind"] == "event" and record.get("event") in EVENTS)


def _deed(record: Mapping[str, Any]) -> Deed:
    by = record.get("by") or {}
    is_alarm = record["kind"] == "alarm"
    name = str(record.get("alarm") if is_alarm else record.get("event"))
    text = record.get("text")
    return Deed(
        seq=record["seq"],
        at_ms=of_record(record.get("ts")),
        who=str(by.get("who") or record.get("user") or ""),
        door=str(by.get("door") or ""),
        key=None if is_alarm else EVENTS.get(name),
        name=name,
        text=text if is_alarm and isinstance(text, dict) and {"zh", "en"} <= text.keys() else None,
        details=str(by.get("note") or "") if is_alarm else _details(record),
    )


def _details(record: Mapping[str, Any]) -> str:
    told = {name: value for name, value in record.items() if name not in _FRAME and value not in (None, "", [], {})}
    return "; ".join(f"{name}: {_short(name, value)}" for name, value in told.items())[:_LONGEST]


def _short(name: str, value: object) -> str:
    if isinstance(value, dict):
        shown = (value.get(one) for one in _ENTRY[name]) if name in _ENTRY else value.values()
        return ", ".join(_short("", one) for one in shown if one not in (None, "", [], {}))
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
