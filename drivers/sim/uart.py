"""Characters on a wire: how long they take, and what a receiver with other settings makes of them. Pure.

A character is a start bit (0), the data bits from the lowest up, a parity bit where there is one, and stop bits (1).
A receiver waits for the line to fall, samples the middle of every bit at its own speed and checks one stop bit only.
What it understands of somebody who sends at another speed is found here by doing just that, bit by bit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

_SILENT_CHARACTERS = 3.5
_FIXED_ABOVE_BAUD = 19_200
_FIXED_SILENCE_NS = 1_750_000


@dataclass(frozen=True, slots=True)
class Uart:
    """The settings of one end of a line. `parity` is "N", "E" or "O"."""

    baud: int = 9600
    parity: str = "N"
    stopbits: int = 1
    databits: int = 8

    @classmethod
    def parse(cls, words: str) -> Self:
        """Return the settings people write as ``9600 8N1``.

        Raises:
            ValueError: they are no settings.

        """
        found = re.fullmatch(r"(\d+) ([5-8])([NEO])([12])", words)
        if found is None:
            raise ValueError(f"{words!r} are no line settings; write them as '9600 8N1'")
        return cls(int(found[1]), found[3], int(found[4]), int(found[2]))

    @property
    def char_ns(self) -> int:
        """Nanoseconds one character takes."""
        bits = 1 + self.databits + (self.parity != "N") + self.stopbits
        return round(bits * 1e9 / self.baud)

    @property
    def silence_ns(self) -> int:
        """The silence that ends a frame: 3.5 characters, 1.75 ms above 19200 Bd (Serial Line V1.02, 2.5.1.1)."""
        fixed = self.baud > _FIXED_ABOVE_BAUD
        return _FIXED_SILENCE_NS if fixed else round(_SILENT_CHARACTERS * self.char_ns)

    def hears_all_of(self, sender: Uart) -> bool:
        """Whether this end understands every character of `sender`; the number of stop bits does not matter."""
        return (self.baud, self.parity, self.databits) == (sender.baud, sender.parity, sender.databits)


COMMON = Uart()
"""9600 8N1, as most Modbus devices leave the factory."""
OF_METERS = Uart(2400, "E")
"""2400 8E1, as most DL/T 645 meters do."""


@dataclass(frozen=True, slots=True)
class Character:
    """One character as received. `is_sound` says that parity and stop bit were right."""

    value: int
    is_sound: bool


def heard(data: bytes, sender: Uart, receiver: Uart) -> list[Character]:
    """Return what `receiver` makes of `data` as `sender` sends it, without a pause and into silence."""
    if receiver.hears_all_of(sender):
        return [Character(byte, is_sound=True) for byte in data]
    levels = [level for byte in data for level in _levels(byte, sender)]
    characters = []
    pace = sender.baud / receiver.baud
    at = _fall(levels, 0)
    while at is not None:
        if _level(levels, at + 0.5 * pace) == 0:
            characters.append(_sampled(levels, at, pace, receiver))
            at += (1.5 + receiver.databits + (receiver.parity != "N")) * pace
        else:
            at += pace
        at = _fall(levels, at)
    return characters


def _levels(byte: int, sender: Uart) -> list[int]:
    bits = [byte >> place & 1 for place in range(sender.databits)]
    parity = {"N": [], "E": [sum(bits) & 1], "O": [1 - (sum(bits) & 1)]}[sender.parity]
    return [0, *bits, *parity, *(1,) * sender.stopbits]


def _level(levels: list[int], at: float) -> int:
    """Return the level at a moment, counted in the sender's bits; an idle line is high."""
    place = int(at)
    return levels[place] if place < len(levels) else 1


def _fall(levels: list[int], at: float) -> float | None:
    """Return when the line is next seen low after having been high."""
    place = int(at)
    if place > 0 and _level(levels, at) == 0 and _level(levels, at - 1) == 0:
        place = next((n for n in range(place, len(levels)) if levels[n]), len(levels))
    return next((max(at, float(n)) for n in range(place, len(levels)) if levels[n] == 0), None)


def _sampled(levels: list[int], start: float, pace: float, receiver: Uart) -> Character:
    samples = [
        _level(levels, start + (place + 1.5) * pace)
        for place in range(receiver.databits + (receiver.parity != "N") + 1)
    ]
    value = sum(level << place for place, level in enumerate(samples[: receiver.databits]))
    wanted = {"N": 0, "E": 0, "O": 1}[receiver.parity]
    is_even = receiver.parity == "N" or sum(samples[:-1]) & 1 == wanted
    return Character(value, is_sound=bool(samples[-1]) and is_even)
