"""One line in, what it claims out. No signature is checked here, and nothing in a claim may be believed yet.

A line is a record as an MQTT client wrote it: its own bytes, or a copy that was re-serialised on the way, optionally
after its topic and a blank (``mosquitto_sub -v``).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from agent.record import LARGEST, VERSION, RecordError, Signed, canonical, restore, split

_ID: Final = re.compile(
    r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"
)  # 32 bytes; the last character carries four of its six bits
_BOOT: Final = re.compile(r"[0-9a-f]{8}")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_QUALITIES: Final = ("sync", "hold", "unsync")
_MARKS_OF_A_RECORD: Final = frozenset({"sig", "prev", "chain", "kind"})
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Malformed(RecordError):
    """A line that is no record. `gw`, `chain` and `seq` are what it says of itself, where it says so."""

    def __init__(self, text: str, members: dict[str, Any] | None = None) -> None:
        super().__init__(text)
        said = members or {}
        self.gw = said["gw"] if isinstance(said.get("gw"), str) else None
        self.chain = said["chain"] if isinstance(said.get("chain"), str) else None
        self.seq = said["seq"] if type(said.get("seq")) is int else None


@dataclass(frozen=True, slots=True)
class Claim:
    """A record of the right form. `members` are the body's; `ts_ms` is ``None`` while the box did not know the time."""

    signed: Signed
    members: dict[str, Any]
    ts_ms: int | None
    up_ms: int

    @property
    def is_genesis(self) -> bool:
        """Whether this record begins a chain."""
        return bool(self.members["seq"] == 1)

    @property
    def chain(self) -> str:
        """The chain this record belongs to: the id of its genesis record, which cannot name itself."""
        return self.signed.id if self.is_genesis else str(self.members["chain"])


def read(line: bytes) -> Claim | None:
    """Return what `line` claims; ``None`` when it is blank or claims to be no record. Raises `Malformed`.

    JSON objects with none of the members sig, prev, chain, kind are not records (the gateway's status and meta).
    """
    text = line.strip().removeprefix(_BYTE_ORDER_MARK)
    if not text:
        return None
    taken = _take_exactly(_payload(text)) or _take_loosely(_payload(text))
    if taken is None:
        return None
    signed, members = taken
    if complaint := _form_complaint(members) or _clock_complaint(members):
        raise Malformed(complaint, members)
    return Claim(signed, members, _milliseconds(members["ts"]), round(members["clk"]["up"] * 1000))


def _payload(text: bytes) -> bytes:
    """Return the JSON of a line, without the topic in front of it."""
    if text.startswith(b"{"):
        return text
    topic, blank, rest = text.partition(b" {")
    if not blank or b'"' in topic:
        raise Malformed("not a JSON object")
    return b"{" + rest


def _take_exactly(text: bytes) -> tuple[Signed, dict[str, Any]] | None:
    """Take a line that holds a record's own bytes. That the body is canonical also shows that no member comes twice."""
    try:
        signed = split(text)
        members = orjson.loads(signed.body)
        return (signed, members) if canonical(members) == signed.body else None
    except (RecordError, ValueError):
        return None


def _take_loosely(text: bytes) -> tuple[Signed, dict[str, Any]] | None:
    """Take a re-serialised copy: parse strictly, remove ``sig``, write canonically again. Raises `Malformed`."""
    try:
        members = json.loads(text.decode(), object_pairs_hook=_without_duplicates)
    except RecordError as error:
        raise Malformed(str(error)) from error
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON in UTF-8") from error
    if _MARKS_OF_A_RECORD.isdisjoint(members):
        return None
    try:
        signed = restore(members)
    except RecordError as error:
        raise Malformed(str(error), members) from error
    return signed, orjson.loads(signed.body)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse what RFC 8785 section 3.1 (I-JSON) refuses: two readers would see two different records."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise RecordError("a member comes twice in one object")
    return members


def _form_complaint(members: dict[str, Any]) -> str | None:
    """Return what is wrong with a record's place in the world, or ``None``."""
    if type(members.get("v")) is not int or members["v"] != VERSION:
        return f'"v" must be {VERSION}: {members.get("v")!r}'
    for name in ("gw", "kind", "cfg"):
        if not isinstance(members.get(name), str) or not members[name]:
            return f'"{name}" must be text'
    seq, chain, prev = members.get("seq"), members.get("chain"), members.get("prev")
    if type(seq) is not int or not 1 <= seq <= LARGEST:
        return '"seq" must be a whole number from 1'
    if seq == 1:
        return None if (chain, prev, members["kind"]) == ("", "", "hello") else _NOT_GENESIS
    if not (isinstance(chain, str) and _ID.fullmatch(chain) and isinstance(prev, str) and _ID.fullmatch(prev)):
        return '"chain" and "prev" must be ids (43 characters of base64url)'
    return None


def _clock_complaint(members: dict[str, Any]) -> str | None:
    """Return what is wrong with a record's time, or ``None``."""
    ts, clk = members.get("ts", ""), members.get("clk")
    if ts is not None and not (isinstance(ts, str) and _TIME.fullmatch(ts) and _is_date(ts)):
        return '"ts" must be null or like 2026-11-22T01:30:01.000Z'
    if not isinstance(clk, dict) or clk.get("q") not in _QUALITIES:
        return '"clk" must hold "boot", "up" and "q" (sync, hold or unsync)'
    boot, up = clk.get("boot"), clk.get("up")
    if not (isinstance(boot, str) and _BOOT.fullmatch(boot)) or isinstance(up, bool) or not isinstance(up, int | float):
        return '"clk" must hold "boot" (8 hexadecimal digits) and "up" (seconds)'
    return None if 0 <= up < _LONGEST_UP_S else '"clk.up" cannot be'


def _is_date(ts: str) -> bool:
    """Whether a text of the right shape is a day that exists."""
    try:
        return datetime.fromisoformat(ts) is not None
    except ValueError:
        return False


_LONGEST_UP_S: Final = 1e11  # three thousand years; keeps milliseconds in 64 bits
_NOT_GENESIS: Final = 'record 1 must be a hello with empty "chain" and "prev"'


def _milliseconds(ts: str | None) -> int | None:
    if ts is None:
        return None
    return int(datetime.fromisoformat(ts).timestamp() * 1000)
