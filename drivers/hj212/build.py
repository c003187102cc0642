"""Writing HJ 212 packets. Closed on purpose: what is not in `SAYABLE` cannot be said.

There are uploads, notices and answers, nothing else. A host's commands (setting clocks, intervals and passwords, 1000
to 1072; calibrating, sampling, cleaning, 3011 to 3024; starting and stopping, 2012, 2022) have no entry. A request of
a host for data has the command code of the data itself, so uploads must begin with their DataTime, as no request does.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from drivers.hj212.content import ANSWER_WANTED, EDITIONS, NUMBERED
from drivers.hj212.content import edition as edition_of
from drivers.hj212.crc import crc16
from drivers.hj212.packet import LINE_END, STANDARD_DATA
from drivers.hj212.uploads import DATA, NOTICES

if TYPE_CHECKING:
    from drivers.hj212.content import Message
    from drivers.hj212.sealed import Sm4Key

INTERACTION: Final = "91"
"""System code (ST) of what belongs to the conversation itself (2017, table 4)."""
LONGEST_CONTENT: Final = 950
NOTICE_TAKEN: Final = "9013"
DATA_TAKEN: Final = "9014"
FALLBACK: Final = 2017
"""The edition spoken to a peer whose own is not known."""

_NOTHING: Final = re.compile(r"")
_UPLOAD: Final = re.compile(r"DataTime=\d{14}(?:;[^\x00-\x1f\x7f]+)?", re.ASCII)
SAYABLE: Final = dict.fromkeys(DATA, _UPLOAD) | {
    "1013": re.compile(r"(?:PolId=\w{1,6})?", re.ASCII),
    "9011": re.compile(r"QnRtn=(?:[1-9]|100)"),
    "9012": re.compile(r"ExeRtn=(?:[1-6]|100)"),
    NOTICE_TAKEN: _NOTHING,
    DATA_TAKEN: _NOTHING,
    "9015": _NOTHING,
}
"""Every command code that can be written, and what its content must look like."""
_SEALED: Final = range(2000, 3000)
_HEAD: Final = {
    "QN": re.compile(r"\d{14,17}", re.ASCII),  # 17; an answer repeats what it was asked with
    "ST": re.compile(r"\d{2}", re.ASCII),
    "PW": re.compile(r"[^\W_]{1,6}", re.ASCII),
    "MN": re.compile(r"[\w-]{1,24}", re.ASCII),
}
_VERSIONS: Final = {year: version for version, year in EDITIONS.items()}
_MOST_PARTS: Final = 9999


def packet(
    cn: str,
    content: str = "",
    *,
    qn: str,
    st: str,
    pw: str,
    mn: str,
    edition: int = 2017,
    answer_wanted: bool = False,
    part: tuple[int, int] | None = None,
    backfill: bool = False,
    key: Sm4Key | None = None,
) -> bytes:
    """Return a whole packet. `part` is (number, total) of a split upload; `key` encrypts what 2025 wants encrypted.

    Raises ValueError for what is not `SAYABLE`, does not fit, or could be read as something else.
    """
    for name, value in (("QN", qn), ("ST", st), ("PW", pw), ("MN", mn)):
        if not _HEAD[name].fullmatch(value):
            raise ValueError(f"{name}={value!r} cannot be sent")
    if cn not in SAYABLE or not SAYABLE[cn].fullmatch(content) or "&&" in content:
        raise ValueError(f"CN={cn} with the content {content[:40]!r} is nothing that may be said")
    if edition not in _VERSIONS or (backfill and edition != max(_VERSIONS)):
        raise ValueError(f"edition {edition} does not exist, or knows no backfill")
    flag = _VERSIONS[edition] << 2 | ANSWER_WANTED * answer_wanted | NUMBERED * (part is not None)
    head = f"QN={qn};ST={st};CN={cn};PW={pw};MN={mn};Flag={flag};{_numbers(part)}{'RF=1;' * backfill}"
    return _framed(f"{head}CP=&&{content}&&".encode(), len(content), key if int(cn) in _SEALED else None)


def acknowledgement(message: Message) -> bytes:
    """Return what the sender of `message` waits for, ``b""`` when that is nothing.

    Data get 9014 and notices 9013, in the edition of the message and with its QN (2017, 6.2; 2025 for the heartbeat).
    """
    cn = NOTICE_TAKEN if message.cn in NOTICES else DATA_TAKEN if message.cn in DATA and message.is_upload else ""
    if not (cn and message.answer_wanted and message.flag is not None):
        return b""
    year = edition_of(message.flag) or FALLBACK
    with suppress(ValueError):  # nothing to tie an answer to, or a head that cannot be repeated
        return packet(cn, qn=message.qn, st=INTERACTION, pw=message.pw, mn=message.mn, edition=year)
    return b""


def _numbers(part: tuple[int, int] | None) -> str:
    if part is None:
        return ""
    number, total = part
    if not 1 <= number <= total <= _MOST_PARTS:
        raise ValueError(f"there is no part {number} of {total}")
    return f"PNUM={total};PNO={number};"


def _framed(data: bytes, content: int, key: Sm4Key | None) -> bytes:
    if content > LONGEST_CONTENT or len(data) > STANDARD_DATA:
        raise ValueError(f"a content of {content} characters is too long for one packet")
    sent = key.sealed_data(data) if key else data
    return b"##%04d%b%04X%b" % (len(data), sent, crc16(data), LINE_END)
