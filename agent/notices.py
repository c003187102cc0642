"""What is recorded because somebody else says that it happened: events of the panel, documents that left the box.

A request in, the draft of an `event` record out. Nothing here is believed beyond its form: whatever comes in is bounded
and can be written as a record, so that neither a panel that was taken over nor a mistake there harms the chain.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

from agent.book.entries import EntryRefused
from agent.record import LARGEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.book.entries import Words

Draft = dict[str, Any]

AUDITED: Final = (
    "login",
    "logout",
    "login-refused",
    "locked",
    "setup",
    "user-added",
    "user-changed",
    "user-removed",
    "session-revoked",
    "silence",
    "download",
)
"""What the panel may have recorded."""
NAMELESS: Final = ("login-refused", "locked", "silence")
"""Of these the person need not be known. Of the first two `user` is the name that was tried, if it is any name at all:
whoever tries a strange one must not go unrecorded for it. A screen on a wall is silenced by whoever passes."""
MOST_MEMBERS: Final = 16
MOST_LISTED: Final = 50
LONGEST_TEXT: Final = 200
DEEPEST: Final = 4
_EVERY: Final = ("kind", "event", "ts", "clk", "cfg", "by", "v", "gw", "chain", "seq", "prev", "sig")
_OTHERS: Final = ("order", "mark", "task", "sha256", "installer", "summary", "unrecorded", "period")
_OWN: Final = frozenset((*_EVERY, *_OTHERS))
"""Names of what every record has, or events mean something else by."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


def audited(words: Mapping[str, Any], by: Mapping[str, Any]) -> Draft:
    """Return the draft of something that happened at the panel. Raises EntryRefused."""
    event = words.get("event")
    if event not in AUDITED:
        raise EntryRefused(f"event must be one of: {', '.join(AUDITED)}")
    members = {name: value for name, value in words.items() if name not in ("event", "unrecorded")}
    _check(members, "a request", DEEPEST)
    taken = sorted(_OWN & members.keys())
    if taken:
        raise EntryRefused(f"{taken[0]!r} is the record's own")
    if not isinstance(members.get("address", ""), str):
        raise EntryRefused("address must be a text")
    unrecorded = {"unrecorded": words["unrecorded"]} if words.get("unrecorded") else {}
    return {"kind": "event", "event": event, **members, **unrecorded, **({"by": dict(by)} if by.get("who") else {})}


def commissioned(words: Words, said: Mapping[str, Any], by: Mapping[str, Any]) -> Draft:
    """Return the draft that ties a commissioning report to the chain by its hash. Raises EntryRefused."""
    words.known("installer", "sha256", "summary")
    summary = said.get("summary", {})
    if not isinstance(summary, dict):
        raise EntryRefused("summary must be a table")
    _check(summary, "summary", DEEPEST)
    return {
        "kind": "event",
        "event": "commissioned",
        "installer": words.needed("installer"),
        "sha256": _sha256(words),
        "summary": summary,
        "by": dict(by),
    }


def exported(words: Words, said: Mapping[str, Any], by: Mapping[str, Any]) -> Draft:
    """Return the draft that ties a bundle of evidence to the chain by its hash. Raises EntryRefused."""
    words.known("sha256", "from", "to", "records", "reason")
    span = {name: said.get(name) for name in ("from", "to", "records")}
    for name, value in span.items():
        _check_plain(value, name)
    return {
        "kind": "event",
        "event": "exported",
        "sha256": _sha256(words),
        **span,
        "reason": words.text("reason", default=""),
        "by": dict(by),
    }


def _sha256(words: Words) -> str:
    text = words.needed("sha256")
    if _SHA256.fullmatch(text) is None:
        raise EntryRefused("sha256 must be 64 hexadecimal digits in lower case")
    return text


def _check(members: Mapping[str, Any], where: str, deep: int) -> None:
    """Refuse names and values that no record should carry. Raises EntryRefused."""
    if len(members) > MOST_MEMBERS:
        raise EntryRefused(f"{where} has more than {MOST_MEMBERS} members")
    for name, value in members.items():
        if _NAME.fullmatch(name) is None:
            raise EntryRefused(f"{where}: a name is a small letter, then at most 39 of a-z 0-9 _ -")
        _check_value(value, name, deep)


def _check_value(value: object, name: str, deep: int) -> None:
    if isinstance(value, dict | list) and deep == 0:
        raise EntryRefused(f"{name} is nested too deeply")
    if isinstance(value, dict):
        _check(value, name, deep - 1)
    elif isinstance(value, list):
        if len(value) > MOST_LISTED:
            raise EntryRefused(f"{name} lists more than {MOST_LISTED}")
        for one in value:
            _check_value(one, name, deep - 1)
    else:
        _check_plain(value, name)


def _check_plain(value: object, name: str) -> None:
    if isinstance(value, str):
        is_fine = len(value) <= LONGEST_TEXT and value.isprintable()
    else:
        is_fine = value is None or (isinstance(value, int | float) and math.isfinite(value) and abs(value) <= LARGEST)
    if not is_fine:
        raise EntryRefused(f"{name} must be null, true, false, a number or a line of at most {LONGEST_TEXT} characters")
