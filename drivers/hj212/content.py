"""What a data segment says: the fields before CP and those in it. Pure; nothing raises, whatever the bytes are.

    QN=…;ST=…;CN=…;PW=…;MN=…;Flag=…;[PNUM=…;PNO=…;][RF=1;]CP=&&DataTime=…;a21026-Rtd=1.1,a21026-Flag=N;…&&

(HJ 212-2017, 6.3.3 and 6.3.4; RF since 2025.) Tolerated deviations are named with the message (`dialect`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from drivers.hj212.dialect import Deviation
from drivers.hj212.sealed import content_span

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

EDITIONS: Final = {0: 2005, 1: 2017, 2: 2025}
ANSWER_WANTED: Final = 0b01
NUMBERED: Final = 0b10
MN_CHARACTERS: Final = 24

_CP: Final = "CP="
_TIMES: Final = frozenset({"DataTime", "BeginTime", "EndTime", "SystemTime", "RestartTime"})
_MILLISECONDS: Final = re.compile(r"\d{17}")
_MOMENT: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\d{3})?", re.ASCII)
_OLD_CODE: Final = re.compile(r"[A-Z]?\d{2,3}", re.ASCII)
_SMALL_NUMBER: Final = re.compile(r"\d{1,4}", re.ASCII)
_HIGHEST_FLAG: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One data segment.

    What is missing is ``""``; `flag` is ``None``, `pnum` and `pno` are 0 (not split). `attributes` are the names in CP
    that belong to no factor (DataTime, PolId …), `fields` the values by (factor code, field), as text. `torn` are those
    given twice with different values. `backfill`: sent again later (RF=1, 2025).
    """

    qn: str
    st: str
    cn: str
    pw: str
    mn: str
    flag: int | None
    pnum: int
    pno: int
    backfill: bool
    attributes: Mapping[str, str]
    fields: Mapping[tuple[str, str], str]
    torn: frozenset[tuple[str, str]]
    deviations: tuple[Deviation, ...]

    @property
    def answer_wanted(self) -> bool:
        """Whether the sender waits for an acknowledgement."""
        return self.flag is not None and bool(self.flag & ANSWER_WANTED)

    @property
    def is_upload(self) -> bool:
        """Whether it carries data: requests of a host have the same command codes, but neither time nor factors."""
        return bool(self.fields) or "DataTime" in self.attributes


def edition(flag: int | None) -> int | None:
    """Return 2005, 2017 or 2025 by the version in bits 7 to 2 of the Flag, ``None`` for one not known."""
    return None if flag is None else EDITIONS.get(flag >> 2)


def moment(text: str, zone: tzinfo) -> datetime | None:
    """Return a time of HJ 212 (YYYYMMDDhhmmss, milliseconds tolerated), ``None`` if it is none.

    It is local time without a zone: `zone` is the site's. Of period data it is the beginning of the period.
    """
    match = _MOMENT.fullmatch(text)
    if not match:
        return None
    year, month, day, hour, minute, second = map(int, match.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None


def message_of(data: bytes) -> Message:
    """Return what a data segment says."""
    noted: list[Deviation] = []
    start, end = content_span(data)
    heads = _heads(_text(data[:start], noted), noted)
    content = _content(_text(data[start:end], noted), noted)
    flag = _flag(heads.get("Flag"), noted)
    pnum, pno = _numbers(heads, flag, noted)
    qn, mn = heads.get("QN", ""), heads.get("MN", "")
    noted += _deviations(edition(flag), qn, mn, content)
    return Message(
        qn=qn,
        st=heads.get("ST", ""),
        cn=heads.get("CN", ""),
        pw=heads.get("PW", ""),
        mn=mn,
        flag=flag,
        pnum=pnum,
        pno=pno,
        backfill=heads.get("RF") == "1",
        attributes=content.attributes,
        fields=content.fields,
        torn=frozenset(content.torn),
        deviations=tuple(dict.fromkeys(noted)),
    )


@dataclass(slots=True)
class _Content:
    """The fields in CP."""

    attributes: dict[str, str] = field(default_factory=dict)
    fields: dict[tuple[str, str], str] = field(default_factory=dict)
    torn: set[tuple[str, str]] = field(default_factory=set)


def _text(data: bytes, noted: list[Deviation]) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        noted.append(Deviation.NOT_UTF8)
        return data.decode("gb18030", errors="replace")


def _heads(text: str, noted: list[Deviation]) -> dict[str, str]:
    """Return the fields before CP, in their order."""
    head, cp, _ = text.partition(_CP)
    if cp and head and not head.endswith((";", ",")):
        noted.append(Deviation.NO_SEMICOLON_BEFORE_CP)
    if "," in head:
        noted.append(Deviation.COMMA_IN_HEAD)
    if not cp:
        noted.append(Deviation.NO_CP)
    values: dict[str, str] = {}
    for part in head.replace(",", ";").split(";"):
        name, _, value = part.partition("=")
        values.setdefault(name.strip(), value.strip())
    if values.get("RF", "1") != "1":
        noted.append(Deviation.BAD_RF)
    return values


def _flag(text: str | None, noted: list[Deviation]) -> int | None:
    if text is None:
        noted.append(Deviation.NO_FLAG)
        return None
    if _SMALL_NUMBER.fullmatch(text) and int(text) <= _HIGHEST_FLAG:
        return int(text)
    noted.append(Deviation.BAD_FLAG)
    return None


def _numbers(heads: Mapping[str, str], flag: int | None, noted: list[Deviation]) -> tuple[int, int]:
    """Return PNUM and PNO, zeros when the message is not split."""
    pnum, pno = heads.get("PNUM", ""), heads.get("PNO", "")
    if bool(pnum or pno) != bool(flag and flag & NUMBERED):
        noted.append(Deviation.UNANNOUNCED_NUMBERS)
    order = [name for name in heads if name in ("PNUM", "PNO")]
    if order == ["PNO", "PNUM"]:
        noted.append(Deviation.PNO_BEFORE_PNUM)
    if not (_SMALL_NUMBER.fullmatch(pnum) and _SMALL_NUMBER.fullmatch(pno)):
        return 0, 0
    total, number = int(pnum), int(pno)
    return (total, number) if 1 <= number <= total and total > 1 else (0, 0)


def _content(text: str, noted: list[Deviation]) -> _Content:
    content = _Content()
    key: tuple[str, str] | None = None
    for group in text.split(";"):
        items = group.split(",")
        if len(items) > 1 and any(item.partition("=")[0] in _TIMES for item in items[1:]):
            noted.append(Deviation.COMMA_BETWEEN_TIMES)
        for item in items:
            name, equals, value = item.strip().partition("=")
            if equals:
                key = _add(content, name.strip(), value.strip(), noted)
            elif name:
                noted.append(Deviation.TEXT_WITHOUT_NAME)
                if key:  # it belongs to the value before: 1,5 must not become 1
                    content.fields[key] += f",{name}"
    return content


def _add(content: _Content, name: str, value: str, noted: list[Deviation]) -> tuple[str, str] | None:
    """Add one field; return its key, ``None`` for an attribute."""
    code, dash, part = name.partition("-")
    if not dash:
        if name in _TIMES and _MILLISECONDS.fullmatch(value):
            noted.append(Deviation.LONG_TIME)
        content.attributes.setdefault(name, value)
        return None
    key = (code, part)
    if key in content.fields:
        noted.append(Deviation.REPEATED_FIELD)
        if content.fields[key] != value:
            content.torn.add(key)
    else:
        content.fields[key] = value
    return key


def _deviations(year: int | None, qn: str, mn: str, content: _Content) -> list[Deviation]:
    """Return what only the whole tells. Short numbers and codes are no deviation in 2005."""
    noted = [] if qn else [Deviation.NO_QN]
    if year in (2017, 2025):
        if len(mn) < MN_CHARACTERS:
            noted.append(Deviation.SHORT_MN)
        if any(_OLD_CODE.fullmatch(code) for code, _ in content.fields):
            noted.append(Deviation.OLD_CODES)
    return noted
