"""What must hold for points that come in telegrams: items of DL/T 645, factors of HJ 212, fields of a line of text."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, cast

from config import schema
from config.problem import instead
from drivers.dlt645.items import lookup
from drivers.hj212.uploads import KINDS, Upload, parted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.devices import DeviceEntry
    from config.entry import Entry
    from config.findings import Findings
    from config.schema import PointTable
    from drivers.model import Model

_TEXTS = ("SampleTime", "Flag", "EFlag")
_FIELDS = ("Rtd", "ZsRtd", "Min", "Avg", "Max", "Cou", "ZsMin", "ZsAvg", "ZsMax", "RS", "RT", *_TEXTS)
"""Fields of a factor in HJ 212. Makers have more."""

_DIGITS = {"dlt645-2007": 8, "dlt645-1997": 4}


def kind_of(point: Entry[PointTable]) -> Literal["real", "text"] | None:
    """Return whether the point is a number or a text, if that can be known."""
    table = point.table
    if not point.ok("type") or not isinstance(table, schema.TelegramPointTable):
        return None
    if isinstance(table, schema.Hj212PointTable) and point.ok("field") and table.field.rpartition(":")[2] in _TEXTS:
        return "text"
    return table.type or "real"


def check_telegrams(device: DeviceEntry, findings: Findings) -> None:
    """Note what is wrong with the points of a device whose values do not lie in registers."""
    for point in device.points:
        if isinstance(point.table, schema.Dlt645PointTable):
            _check_item(cast("Entry[schema.Dlt645PointTable]", point), device.protocol, findings)
        elif isinstance(point.table, schema.Hj212PointTable):
            _check_prefix(cast("Entry[schema.Hj212PointTable]", point), findings)
        elif isinstance(point.table, schema.AsciiPointTable) and device.model:
            _check_field(cast("Entry[schema.AsciiPointTable]", point), device.model, findings)
    _check_uploads(device, findings)


def _check_item(point: Entry[schema.Dlt645PointTable], protocol: str, findings: Findings) -> None:
    """Note an identifier of the other edition, and one whose form nobody knows."""
    digits = _DIGITS.get(protocol)
    if digits is None or not point.ok("item", "format", "signed"):
        return
    item = point.table.item
    if len(item) != digits:
        what = f"item: an identifier of {protocol} has {digits} digits"
        other = next(name for name, length in _DIGITS.items() if length == len(item))
        findings.mistake(point.at("item"), point.where, what, value=item, hint=f"{len(item)} digits are {other}")
    elif lookup(item, point.table.format, point.table.signed) is None:
        if "FF" in (item[:2], item[2:4], item[4:6], item[6:]):
            what, hint = "item: a whole block", "name the values of it; the meter is asked for blocks by itself"
        else:
            what, hint = "item: the tables do not have it", 'check it, or write its form: format = "XXXXXX.XX"'
        findings.mistake(point.at("item"), point.where, what, value=item, hint=hint)


def upload_of(device: DeviceEntry) -> Upload | None:
    """Return which upload of an HJ 212 instrument the device's points are from; ``None`` for other protocols."""
    default = Upload.REAL_TIME if device.protocol == "hj212" else None
    return next((upload for upload, _ in _uploads(device) if upload), default)


def _uploads(device: DeviceEntry) -> Iterator[tuple[Upload | None, Entry[schema.Hj212PointTable]]]:
    """Yield the points of an HJ 212 instrument with the upload each comes in; ``None`` for any."""
    for point in device.points:
        if isinstance(point.table, schema.Hj212PointTable) and point.ok("field"):
            with suppress(ValueError):
                yield parted(point.table.field)[0], cast("Entry[schema.Hj212PointTable]", point)


def _check_uploads(device: DeviceEntry, findings: Findings) -> None:
    """Note fields that never come in one upload: what a device reads is of one moment or of one kind of period."""
    first: tuple[Upload, str] | None = None
    for upload, point in _uploads(device):
        field = point.table.field
        if field.rpartition(":")[2] not in _FIELDS:
            findings.remark(f'{point.where}: HJ 212 has no field "{field}"; taken for one of the instrument\'s maker')
        if upload and not first:
            first = (upload, f"{field} of {point.where}")
        if upload and first and upload != first[0]:
            what = f"field: {field} comes with CN {upload}, and {first[1]} with CN {first[0]}"
            hint = "one device for each kind of upload, with the same MN; a prefix tells the kind: hour:Avg"
            findings.mistake(point.at("field"), point.where, what, value=field, hint=hint)


def _check_prefix(point: Entry[schema.Hj212PointTable], findings: Findings) -> None:
    """Note a kind of upload that there is not."""
    kind, colon, name = point.table.field.rpartition(":") if point.ok("field") else ("", "", "")
    if colon and (kind not in KINDS or not name):
        hint = f"before the colon one of: {', '.join(KINDS)}"
        findings.mistake(point.at("field"), point.where, "field: no kind of upload", value=point.table.field, hint=hint)


def _check_field(point: Entry[schema.AsciiPointTable], model: Model, findings: Findings) -> None:
    """Note a field that the model's pattern does not have."""
    if model.ascii is None or not point.ok("field"):
        return
    groups = re.compile(model.ascii.pattern).groupindex
    if point.table.field not in groups:
        what = f'field: the lines of model "{model.name}" have no such field'
        hint = instead(point.table.field, groups)
        findings.mistake(point.at("field"), point.where, what, value=point.table.field, hint=hint)
