"""The frames every step is tried on: `frames.json`, each with the place it was found in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from drivers.hj212.crc import crc16
from drivers.hj212.packet import Packet, Splitter
from drivers.hj212.sealed import Sm4Key

PRINTED_KEY = Sm4Key(b"0" * 16)
"""The key of the printed examples (2025, annex A.2): sixteen times 30H."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it lies on the wire, and whether it must be taken."""

    kind: str
    wire: bytes
    accept: bool

    @property
    def data(self) -> bytes:
        """Return the data segment, encrypted where the frame is."""
        return self.wire[6 : 6 + int(self.wire[2:6])]


def _wire(text: str) -> bytes:
    return text.encode() if text.startswith("##") else bytes.fromhex(text)


_ENTRIES = json.loads((Path(__file__).parent / "frames.json").read_text(encoding="utf-8"))
FRAMES = [
    Frame(f"{number} {entry['kind']}", _wire(entry["hex_or_text"]), entry["expect"] == "accept")
    for number, entry in enumerate(_ENTRIES)
    if entry["protocol"] == "HJ212"
]
GOOD = [frame for frame in FRAMES if frame.accept]
BAD = [frame for frame in FRAMES if not frame.accept]


def named(part: str) -> Frame:
    """Return the last frame whose kind contains `part`."""
    return [frame for frame in FRAMES if part in frame.kind][-1]


def entry(protocol: str) -> str:
    """Return the text of the one entry of another `protocol`."""
    (text,) = [one["hex_or_text"] for one in _ENTRIES if one["protocol"] == protocol]
    return str(text)


def framed(data: str | bytes, *, end: bytes = b"\r\n", encoding: str = "utf-8") -> bytes:
    """Return `data` as a packet, whatever it says: what instruments send is not bound to what we may build."""
    raw = data.encode(encoding) if isinstance(data, str) else data
    return b"##%04d%b%04X%b" % (len(raw), raw, crc16(raw), end)


def cut(stream: bytes, key: Sm4Key | None = PRINTED_KEY) -> list[Packet]:
    """Return the packets of a stream."""
    return [found for found in Splitter(key).feed(stream) if isinstance(found, Packet)]
