"""What a meter can be asked for: the tables of DL/T 645 as data. Pure, imports nothing; `config` checks with it.

Identifiers are as written, DI3 DI2 DI1 DI0. A format shows the digits of the value, high ones first, two a byte:

    XXX.X        a number                              NNNNNNNNNNNN   digits that are no number (an address)
    YYMMDDWW     a date and its weekday                hhmmss         a time of day
    YYMMDDhhmm   a date with hour and minute           BBBB           16 bits, as one whole number

Sources: the standard as quoted by public pages and programs; rows marked [recalled] stand on nothing else. That
powers, present demands, currents and power factors have a sign is a note below the standard's table A.3, which also
bounds them to 79.9999, 799.999 and 1.000, so that the sign bit is free.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

NUMBER: Final = re.compile(r"X+(\.X+)?")
TIMES: Final = ("YYMMDDWW", "hhmmss", "YYMMDDhhmm")
TARIFFS: Final = 64
"""The total and tariffs 1 to 63."""
BILLING_DAYS: Final = 13
"""Now, and the last twelve billing days."""

_IDENTIFIER = re.compile(r"[0-9A-F]{4}([0-9A-F]{4})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One value a meter can give.

    The data of the answer are `before` bytes, the value, `behind` bytes. `signed`: the highest bit is a minus.
    """

    di: str
    name: str
    format: str
    unit: str = ""
    signed: bool = False
    before: int = 0
    behind: int = 0

    @property
    def width(self) -> int:
        """Bytes of the value: two digits each, an odd one takes a byte of its own (1997: XXX in two bytes)."""
        return (len(self.format.replace(".", "")) + 1) // 2

    @property
    def size(self) -> int:
        """Bytes of data in the answer, behind the identifier."""
        return self.before + self.width + self.behind

    @property
    def is_number(self) -> bool:
        """Whether the reading is a number (else a text)."""
        return self.format[0] in "XB"

    @property
    def decimals(self) -> int:
        """Digits behind the point."""
        return len(self.format.partition(".")[2])


@dataclass(frozen=True, slots=True)
class Block:
    """Items that one request brings together, each of `size` bytes, in order.

    `is_open`: a meter sends as many as it has (tariffs), otherwise all of them.
    """

    di: str
    members: tuple[str, ...]
    size: int
    is_open: bool = False


# --- the table of 2007 ---------------------------------------------------------------------------

_ENERGIES = {  # DI2: name, unit, signed
    "00": ("active energy, combined", "kWh", True),
    "01": ("active energy, forward", "kWh", False),
    "02": ("active energy, reverse", "kWh", False),
    "03": ("reactive energy, combined 1", "kvarh", True),
    "04": ("reactive energy, combined 2", "kvarh", True),
    "05": ("reactive energy, quadrant I", "kvarh", False),
    "06": ("reactive energy, quadrant II", "kvarh", False),
    "07": ("reactive energy, quadrant III", "kvarh", False),
    "08": ("reactive energy, quadrant IV", "kvarh", False),
    "09": ("apparent energy, forward", "kVAh", False),
    "0A": ("apparent energy, reverse", "kVAh", False),
}
_PHASE_ENERGIES = {  # no tariffs, no blocks
    "15": ("active energy A, forward", "kWh", False),
    "16": ("active energy A, reverse", "kWh", False),
    "29": ("active energy B, forward", "kWh", False),
    "2A": ("active energy B, reverse", "kWh", False),
    "3D": ("active energy C, forward", "kWh", False),
    "3E": ("active energy C, reverse", "kWh", False),
}
_PHASES = ("A", "B", "C")
_TOTAL_AND_PHASES = ("total", *_PHASES)


def _numbered(prefix: str, first: int, names: tuple[str, ...], form: str, unit: str, sign: bool) -> list[Item]:
    """Return items whose identifiers are `prefix`, a rising byte, 00."""
    return [
        Item(di=f"{prefix}{first + place:02X}00", name=name, format=form, unit=unit, signed=sign)
        for place, name in enumerate(names)
    ]


def _each(quantity: str, who: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{quantity} {name}" for name in who)


_MEASURED = [
    _numbered("0201", 1, _each("voltage", _PHASES), "XXX.X", "V", False),
    _numbered("0202", 1, _each("current", _PHASES), "XXX.XXX", "A", True),
    _numbered("0203", 0, _each("active power", _TOTAL_AND_PHASES), "XX.XXXX", "kW", True),
    _numbered("0204", 0, _each("reactive power", _TOTAL_AND_PHASES), "XX.XXXX", "kvar", True),
    _numbered("0205", 0, _each("apparent power", _TOTAL_AND_PHASES), "XX.XXXX", "kVA", True),
    _numbered("0206", 0, _each("power factor", _TOTAL_AND_PHASES), "X.XXX", "", True),
    _numbered("0207", 1, _each("phase angle", _PHASES), "XXX.X", "°", False),
]
_STATUS_WORDS = [Item(di=f"040005{word:02X}", name=f"status word {word}", format="BBBB") for word in range(1, 8)]
_OTHERS = [
    Item(di="02800001", name="neutral current", format="XXX.XXX", unit="A", signed=True),
    Item(di="02800002", name="frequency", format="XX.XX", unit="Hz"),
    Item(di="02800004", name="present active demand", format="XX.XXXX", unit="kW", signed=True),
    Item(di="02800005", name="present reactive demand", format="XX.XXXX", unit="kvar", signed=True),
    Item(di="02800006", name="present apparent demand", format="XX.XXXX", unit="kVA", signed=True),
    Item(di="02800007", name="temperature in the meter", format="XXX.X", unit="°C", signed=True),
    Item(di="02800008", name="clock battery", format="XX.XX", unit="V"),
    Item(di="02800009", name="power-off reading battery", format="XX.XX", unit="V"),
    Item(di="04000101", name="date", format="YYMMDDWW"),
    Item(di="04000102", name="time", format="hhmmss"),
    Item(di="04000401", name="communication address", format="NNNNNNNNNNNN"),
    Item(di="04000402", name="meter number", format="NNNNNNNNNNNN"),
]

# --- the table of 1997 ---------------------------------------------------------------------------


def _of_1997(first: str, names: tuple[str, ...], form: str, unit: str, *, signed: bool = False) -> list[Item]:
    """Return items with identifiers from `first` on.

    1997 gives no number a sign that is told of in our sources; such a point says ``signed = true`` itself.
    """
    return [
        Item(di=f"{int(first, 16) + place:04X}", name=name, format=form, unit=unit, signed=signed)
        for place, name in enumerate(names)
    ]


_TARIFFS_1997 = ("total", "tariff 1", "tariff 2", "tariff 3", "tariff 4")
_ROWS_1997 = [
    _of_1997("9010", _each("active energy, forward,", _TARIFFS_1997), "XXXXXX.XX", "kWh"),
    _of_1997("9020", _each("active energy, reverse,", _TARIFFS_1997), "XXXXXX.XX", "kWh"),  # [recalled]
    _of_1997("A010", _each("active demand, forward,", _TARIFFS_1997), "XX.XXXX", "kW"),
    _of_1997("B611", _each("voltage", _PHASES), "XXX", "V"),
    _of_1997("B621", _each("current", _PHASES), "XX.XX", "A"),
    _of_1997("B630", _each("active power", _TOTAL_AND_PHASES), "XX.XXXX", "kW"),  # format [recalled]
    _of_1997("B640", _each("reactive power", _TOTAL_AND_PHASES), "XX.XX", "kvar"),  # format [recalled]
    _of_1997("B650", _each("power factor", _TOTAL_AND_PHASES), "X.XXX", ""),  # [recalled]
    _of_1997("C010", ("date",), "YYMMDDWW", ""),  # [recalled]
    _of_1997("C011", ("time",), "hhmmss", ""),  # [recalled]
    _of_1997("C032", ("meter number",), "NNNNNNNNNNNN", ""),
]

_TABLE: Final = {item.di: item for row in (*_MEASURED, _STATUS_WORDS, _OTHERS, *_ROWS_1997) for item in row}


def _fixed_block(di: str, items: list[Item]) -> Block:
    return Block(di, tuple(item.di for item in items), items[0].size)


_BLOCKS: Final = {
    member: block
    for block in (
        *(_fixed_block(f"{items[0].di[:4]}FF00", items) for items in _MEASURED),
        _fixed_block("040005FF", _STATUS_WORDS),
    )
    for member in block.members
}

# --- asking the tables ---------------------------------------------------------------------------


def lookup(item: str, format: str | None = None, signed: bool | None = None) -> Item | None:  # noqa: A002 -- the key
    """Return the item with the identifier `item`, ``None`` when the tables do not have it and no `format` is given.

    `format` and `signed` go before the table. The demand of an item that is a demand with its time is the value; with
    the format ``YYMMDDhhmm`` it is the time. ``None`` also for what is no identifier, no format, or a whole block.
    """
    di = item.upper()
    if not _IDENTIFIER.fullmatch(di) or (format is not None and not is_format(format)):
        return None
    known = _TABLE.get(di) or _energy(di)
    if format is not None:
        known = _formatted(known, format) if known else Item(di=di, name=di, format=format)
    return known if known is None or signed is None else replace(known, signed=signed)


def block_of(di: str) -> Block | None:
    """Return the block that brings an item together with others. The 1997 blocks are not in our sources."""
    if di in _BLOCKS:
        return _BLOCKS[di]
    item = _energy(di)
    if item is None or di[2:4] not in _ENERGIES:
        return None
    members = tuple(f"{di[:4]}{tariff:02X}{di[6:]}" for tariff in range(TARIFFS))
    return Block(f"{di[:4]}FF{di[6:]}", members, item.size, is_open=True)


def is_format(text: str) -> bool:
    """Whether `text` is one of the formats above."""
    return bool(NUMBER.fullmatch(text)) or text in TIMES or text == "BBBB" or set(text) == {"N"}


def _energy(di: str) -> Item | None:
    """Return an energy (DI3 00) or a maximum demand with its time (DI3 01): DI1 the tariff, DI0 the billing day."""
    kind, tariff, day = di[2:4], int(di[4:6] or "0", 16), int(di[6:] or "0", 16)
    named = _ENERGIES.get(kind) or (_PHASE_ENERGIES.get(kind) if tariff == 0 else None)
    if len(di) != len("00010000") or not named or tariff >= TARIFFS or day >= BILLING_DAYS:
        return None
    name, unit, signed = named
    which = (f", tariff {tariff}" if tariff else "") + (f", billing day -{day}" if day else "")
    if di.startswith("00"):
        return Item(di=di, name=name + which, format="XXXXXX.XX", unit=unit, signed=signed)
    if di.startswith("01") and kind in _ENERGIES:
        name = name.replace("energy", "maximum demand") + which
        return Item(di=di, name=name, format="XX.XXXX", unit=unit.removesuffix("h"), signed=signed, behind=5)
    return None


def _formatted(known: Item, form: str) -> Item:
    """Return the item in another format; of a demand with its time, the time when that is the format asked for."""
    if known.behind and form == "YYMMDDhhmm":
        return replace(known, format=form, unit="", signed=False, before=known.width, behind=0)
    return replace(known, format=form)
