"""Which command carries what: the command codes (CN) of uploads, their answers, and the fields each brings.

HJ 212-2017 tables 5 and 9; 2025 adds the heartbeat and some uploads. Pure, so that the site file can be checked by it.

One device of a site has the points of one upload only. A real-time upload says nothing of the minute's mean and the
other way round, so a scan of both would hold unknowns, or old values in place of unknowns, at every turn. Where more
than one upload of an instrument is wanted, the site declares one device for each, with the same MN.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable


class Upload(StrEnum):
    """The uploads that become readings, by their command code."""

    REAL_TIME = "2011"
    STATE = "2021"
    DAY = "2031"
    RUN_HOURS = "2041"
    MINUTE = "2051"
    HOUR = "2061"


KINDS: Final = {"real": Upload.REAL_TIME, "minute": Upload.MINUTE, "hour": Upload.HOUR, "day": Upload.DAY}
"""What a field may be preceded by: ``hour:Avg``. Without it means are those of minute data."""

_REAL_TIME: Final = ("Rtd", "ZsRtd")
_PERIOD: Final = ("Min", "Avg", "Max", "Cou", "ZsMin", "ZsAvg", "ZsMax")
_BROUGHT_BY: Final = (
    dict.fromkeys(_REAL_TIME, Upload.REAL_TIME)
    | dict.fromkeys(_PERIOD, Upload.MINUTE)
    | {"RS": Upload.STATE, "RT": Upload.RUN_HOURS}
)

DATA: Final = frozenset({*Upload, "2013", "2052", "2062", "2081", "2111"})
"""Data the host acknowledges with 9014."""
NOTICES: Final = frozenset({"1013", "9015"})
"""What the host acknowledges with 9013: a request for the time, the heartbeat."""


class MixedUploads(ValueError):
    """The points of one device come with different uploads; ``str(error)`` says which and what to do."""


def parted(field: str) -> tuple[Upload | None, str]:
    """Return the upload that brings a point's `field`, and the name it has there.

    ``None`` for a field that comes with any upload (Flag, EFlag, SampleTime, or one of the maker's own). Raises
    ValueError for a prefix that is no kind of upload.
    """
    kind, colon, name = field.rpartition(":")
    if not colon:
        return _BROUGHT_BY.get(field), field
    if kind not in KINDS:
        raise ValueError(f'"{kind}" before the field {name} is none of {", ".join(KINDS)}')
    return KINDS[kind], name


def upload_of(fields: Iterable[str]) -> Upload:
    """Return the one upload that brings all of a device's `fields`.

    Raises MixedUploads, and ValueError like `parted`.
    """
    first: dict[Upload, str] = {}
    for field in fields:
        upload = parted(field)[0]
        if upload:
            first.setdefault(upload, field)
    if len(first) > 1:
        told = ", ".join(f"{field} with CN {upload}" for upload, field in first.items())
        raise MixedUploads(f"one device takes one kind of upload ({told}): declare a device for each, with the same MN")
    return next(iter(first), Upload.REAL_TIME)
