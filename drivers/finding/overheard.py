"""What bytes are that nobody asked for, and which model sends them. Pure.

An HJ 212 instrument names itself in every packet, and what it measures by codes; a line of text fits the pattern of a
model or not; a request of another Modbus master carries its checksum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from drivers.ascii.text_line import TextLines
from drivers.finding.naming import Naming, Reading
from drivers.hj212.content import message_of
from drivers.hj212.packet import Packet, Splitter
from drivers.modbus_crc import crc
from drivers.spec import FactorSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivers.hj212.content import Message
    from drivers.model import Model

LEAST_TEXT: Final = 4
MOST_SHOWN: Final = 60
PRINTABLE: Final = range(0x20, 0x7F)
MOSTLY: Final = 0.9
ENOUGH: Final = 8
"""Fewer bytes tell nothing."""
REQUEST: Final = 8
"""Bytes of a request to read (MODBUS Application Protocol V1.1b3, sections 6.1 to 6.4), address and CRC included."""
READS: Final = range(1, 5)


def stations(heard: bytes) -> tuple[str, ...]:
    """Return the MN of every HJ 212 instrument that sent a sound packet."""
    return tuple(dict.fromkeys(message.mn for message in _messages(heard) if message.mn))


def codes(heard: bytes) -> tuple[str, ...]:
    """Return the codes of the factors that came as real-time data."""
    keys = (key for message in _messages(heard) for key in message.fields)
    return tuple(dict.fromkeys(code for code, kind in keys if kind == "Rtd"))


def text_line(heard: bytes) -> str:
    """Return one whole line of text, if that is what was heard; ``""`` else."""
    for line in heard.replace(b"\n", b"\r").split(b"\r")[1:-1]:
        if len(line) >= LEAST_TEXT and all(byte in PRINTABLE for byte in line):
            return line[:MOST_SHOWN].decode("ascii")
    return ""


def is_promising(heard: bytes) -> bool:
    """Whether it is text, so that the settings are right and the rest will be understood."""
    return len(heard) >= ENOUGH and _share_of_text(heard) >= MOSTLY


def is_garbage(heard: bytes) -> bool:
    """Whether so much was heard that it would be understood if the settings were right."""
    return len(heard) >= ENOUGH and _share_of_text(heard) < MOSTLY


def other_master(heard: bytes) -> int | None:
    """Return the unit id another Modbus RTU master asks, ``None`` where no such request was heard."""
    for start in range(len(heard) - REQUEST + 1):
        frame = heard[start : start + REQUEST]
        if frame[0] and frame[1] in READS and not crc(frame):
            return frame[0]
    return None


def named_by_words(models: Sequence[Model], protocol: str, heard: bytes) -> Naming:
    """Return what an instrument is by what it said: there is nothing to ask it."""
    fit = _factors if protocol == "hj212" else _fields
    fits = [(readings, model) for model in models if protocol in model.protocols and (readings := fit(model, heard))]
    if not fits:
        return Naming()
    most = max(len(readings) for readings, _ in fits)
    (best, model), *rest = [one for one in fits if len(one[0]) == most]
    how = "its packets" if protocol == "hj212" else "its lines"
    return Naming(model=model, how=how, also=tuple(one.name for _, one in rest), readings=best)


def _factors(model: Model, heard: bytes) -> tuple[Reading, ...]:
    """Return what the packets hold of the factors of `model`."""
    said = {key: text for message in _messages(heard) for key, text in message.fields.items()}
    return tuple(
        Reading(point=point.spec.name, value=_value(said[key]), unit=point.spec.unit)
        for point in model.points
        if isinstance(point.spec, FactorSpec) and (key := (point.spec.factor, point.spec.field)) in said
    )


def _fields(model: Model, heard: bytes) -> tuple[Reading, ...]:
    """Return what the first sound line holds of the fields of `model`."""
    if model.ascii is None or model.ascii.mode != "listen":
        return ()
    lines, at = TextLines(model.ascii, 1), 0
    while (line := lines.first(heard, at)) is not None:
        if line.fields:
            units = {point.spec.name: point.spec.unit for point in model.points}
            said = [(name, text) for name, text in line.fields.items() if text is not None]
            return tuple(Reading(point=name, value=_value(text), unit=units.get(name, "")) for name, text in said)
        at += line.used
    return ()


def _value(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _messages(heard: bytes) -> list[Message]:
    return [message_of(one.data) for one in Splitter().feed(heard) if isinstance(one, Packet)]


def _share_of_text(heard: bytes) -> float:
    return sum(byte in PRINTABLE or byte in b"\r\n\t" for byte in heard) / len(heard)
