"""The simulated DL/T 645 meter answers with the very bytes that independent sources print."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.sim.dlt645_meter import Items, Meter, bcd, frame, requests
from drivers.sim.faults import Fault
from drivers.sim.plant import Plant
from drivers.sim.serial_plant import SUPPLY_METER, house_items_1997, supply_items
from tests.peers.clock import HostClock

if TYPE_CHECKING:
    from drivers.reading import Clock

CLOCK = HostClock()
ITEMS: Items = {
    "00010000": bcd("XXXXXX.XX", 0.26),
    "00020000": bcd("XXXXXX.XX", 996835.16),
    "00030000": bcd("XXXXXX.XX", 100.26),
    "0001FF00": bcd("XXXXXX.XX", 0.26) + bcd("XXXXXX.XX", 0.10) + bcd("XXXXXX.XX", 0.08),
    "0202FF00": bcd("XXX.XXX", 0.150, signed=True) + bcd("XXX.XXX", 0.0) + bcd("XXX.XXX", None),
    "02030000": bcd("XX.XXXX", -1.2345, signed=True),
    "02030100": bcd("XX.XXXX", 1.2345, signed=True),
    "02800002": bcd("XX.XX", 49.98),
}
ITEMS_1997: Items = {"B611": bcd("XXX", 220.4)}


def meter(items: Items = ITEMS, address: str = "000000000161", edition: int = 2007, longest: int = 200) -> Meter:
    """Build a meter that measures the same for ever."""

    def measure(clock: Clock) -> Items:
        return items

    return Meter(address, measure, edition=edition, longest=longest)


def ask(meter: Meter, text: str, fault: Fault | None = None) -> str:
    """Return the answer to a request, both written as people write them."""
    return meter.answer(bytes.fromhex(text), CLOCK, fault).hex(" ").upper()


# Requests and answers as printed (hwhale.com article 138066, "DLT645-2007报文解析") or built from the frame rules.
CONVERSATIONS = {
    "energy": (
        "68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 16",
        "68 61 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8A 16",
    ),
    "reactive energy": (
        "68 61 01 00 00 00 00 68 11 04 33 33 36 33 16 16",
        "68 61 01 00 00 00 00 68 91 08 33 33 36 33 59 33 34 33 8D 16",
    ),
    "current block with a phase that is not there": (
        "68 61 01 00 00 00 00 68 11 04 33 32 35 35 16 16",
        "68 61 01 00 00 00 00 68 91 0D 33 32 35 35 83 34 33 33 33 33 32 32 32 B8 16",
    ),
    "negative power": (
        "68 61 01 00 00 00 00 68 11 04 33 33 36 35 18 16",
        "68 61 01 00 00 00 00 68 91 07 33 33 36 35 78 56 B4 1D 16",
    ),
    "frequency": (
        "68 61 01 00 00 00 00 68 11 04 35 33 B3 35 97 16",
        "68 61 01 00 00 00 00 68 91 06 35 33 B3 35 CB 7C 60 16",
    ),
    "nothing of that name": (
        "68 61 01 00 00 00 00 68 11 04 33 33 33 44 24 16",
        "68 61 01 00 00 00 00 68 D1 01 35 39 16",
    ),
    "address": (
        "FE FE FE FE 68 AA AA AA AA AA AA 68 13 00 DF 16",
        "68 61 01 00 00 00 00 68 93 06 94 34 33 33 33 33 5F 16",
    ),
}


@pytest.mark.parametrize(("request_", "expected"), CONVERSATIONS.values(), ids=CONVERSATIONS)
def test_conversations(request_: str, expected: str) -> None:
    """Published requests get the published answers, byte for byte."""
    assert ask(meter(), request_) == expected


def test_the_older_edition() -> None:
    """Edition 1997: function 01, two bytes of identifier, volts without decimals, no question for the address."""
    old = meter(ITEMS_1997, "000003430163", 1997)

    assert ask(old, "68 63 01 43 03 00 00 68 01 02 44 E9 AA 16") == "68 63 01 43 03 00 00 68 81 04 44 E9 53 35 B4 16"
    assert ask(old, "FE FE 68 AA AA AA AA AA AA 68 13 00 DF 16") == ""
    assert old.writes_seen == 0


def test_a_68_in_the_data_is_no_start() -> None:
    """996835.16 kWh carries a 68H in its data; the answer is still one frame."""
    answer = meter().answer(frame(bytes.fromhex("610100000000"), 0x11, bytes.fromhex("00000200")), CLOCK, None)

    assert answer.hex(" ").upper() == "68 61 01 00 00 00 00 68 91 08 33 33 35 33 49 68 9B CC B1 16"
    assert len(requests(answer)) == 1


ADDRESSES = {
    "its own": ("000000000161", True),
    "anybody": ("AAAAAAAAAAAA", True),
    "the low digits": ("AAAAAAAA0161", True),
    "other low digits": ("AAAAAAAA0162", False),
    "another": ("000000000162", False),
    "everybody": ("999999999999", False),
}


@pytest.mark.parametrize(("address", "answers"), ADDRESSES.values(), ids=ADDRESSES)
def test_who_is_meant(address: str, answers: bool) -> None:
    """AA stands for any two digits; a broadcast is never answered."""
    request = frame(bytes.fromhex(address)[::-1], 0x11, bytes.fromhex("00000100"))

    assert bool(meter().answer(request, CLOCK, None)) is answers


def test_long_items_come_in_parts() -> None:
    """What does not fit is announced with B1 and fetched with 12H, part by part, again if need be."""
    parts = meter(longest=8)
    own, di = bytes.fromhex("610100000000"), bytes.fromhex("00FF0100")

    first = parts.answer(frame(own, 0x11, di), CLOCK, None)
    second = parts.answer(frame(own, 0x12, di + b"\x01"), CLOCK, None)
    third = parts.answer(frame(own, 0x12, di + b"\x02"), CLOCK, None)

    assert [said[8] for said in (first, second, third)] == [0xB1, 0xB2, 0x92]
    values = [requests(said)[0].data for said in (first, second, third)]
    assert values == [di + b"\x26\0\0\0", di + b"\x10\0\0\0\x01", di + b"\x08\0\0\0\x02"]
    assert parts.answer(frame(own, 0x12, di + b"\x01"), CLOCK, None) == second
    assert parts.answer(frame(own, 0x12, di + b"\x03"), CLOCK, None)[8] == 0xD2


WRITES = {"clear meter": 0x1A, "clear demand": 0x19, "write": 0x14, "set address": 0x15, "set speed": 0x17}


@pytest.mark.parametrize("control", WRITES.values(), ids=WRITES)
def test_writes_are_refused_and_counted(control: int) -> None:
    """A meter refuses to be changed, and remembers that somebody tried."""
    one = meter()

    assert one.answer(frame(bytes.fromhex("610100000000"), control, b"\0" * 4), CLOCK, None)[8] == control | 0xC0
    assert one.writes_seen == 1


def test_a_broadcast_is_counted_as_a_write() -> None:
    """Setting every meter's clock is a write, answered by nobody (published frame)."""
    one = meter()
    request = bytes.fromhex("FE FE FE FE 68 99 99 99 99 99 99 68 08 06 33 63 3B 4C 3A 57 22 16")

    assert one.answer(request, CLOCK, None) == b""
    assert one.writes_seen == 1


def test_wake_up_bytes() -> None:
    """A meter may put FE before its answers."""
    sleepy = Meter("000000000161", lambda clock: ITEMS, wake=4)

    assert ask(sleepy, CONVERSATIONS["energy"][0]) == "FE FE FE FE " + CONVERSATIONS["energy"][1]


ENERGY, ENERGY_ANSWER = CONVERSATIONS["energy"]
FAULTS = {
    "dead": (Fault("dead"), ""),
    "checksum": (Fault("checksum"), ENERGY_ANSWER[:-5] + "75 16"),
    "half": (Fault("half"), ENERGY_ANSWER[:29]),
    "refuse": (Fault("refuse", code=1), "68 61 01 00 00 00 00 68 D1 01 34 38 16"),
    "wrong unit": (Fault("wrong-unit"), "68 62 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8B 16"),
    "nan": (Fault("nan"), "68 61 01 00 00 00 00 68 91 08 33 33 34 33 32 32 32 32 60 16"),
}


@pytest.mark.parametrize(("fault", "expected"), FAULTS.values(), ids=FAULTS)
def test_faults(fault: Fault, expected: str) -> None:
    """Each fault shows in the answer as it is described."""
    assert ask(meter(), ENERGY, fault) == expected


def test_frozen() -> None:
    """A frozen meter repeats what it had when the fault began, and goes on when it is mended."""
    energies = iter(range(1, 100))
    one = Meter("000000000161", lambda clock: {"00010000": bcd("XXXXXX.XX", next(energies))})
    frozen = Fault("frozen")

    assert ask(one, ENERGY, frozen) == ask(one, ENERGY, frozen)
    assert ask(one, ENERGY) != ask(one, ENERGY)


@given(st.binary(max_size=80), st.binary(max_size=20))
def test_requests_are_found_in_rubbish(rubbish: bytes, behind: bytes) -> None:
    """A request is found behind anything that does not swallow it, and nothing ever raises."""
    request = frame(bytes.fromhex("610100000000"), 0x11, bytes.fromhex("00000100"))
    clean = rubbish.replace(b"\x68", b"")

    assert requests(clean + request + behind)[0].control == 0x11
    assert isinstance(requests(rubbish + behind), list)


BCD = {
    "voltage": ("XXX.X", 231.4, False, "14 23"),
    "rounded": ("XXX.X", 231.46, False, "15 23"),
    "counter begins again": ("XXXXXX.XX", 1000000.01, False, "01 00 00 00"),
    "negative": ("XX.XXXX", -0.5, True, "00 50 80"),
    "odd digits": ("XXX", 220.0, False, "20 02"),
    "not there": ("XXX.XXX", None, True, "FF FF FF"),
}


@pytest.mark.parametrize(("form", "value", "signed", "expected"), BCD.values(), ids=BCD)
def test_values_on_the_wire(form: str, value: float | None, signed: bool, expected: str) -> None:
    """Decimal digits, low byte first, the sign in the highest bit."""
    assert bcd(form, value, signed=signed).hex(" ").upper() == expected


def test_the_supply_meter_tells_secondary_values() -> None:
    """The plant's meter tells a fortieth of what flows, in the sizes of the standard's table."""
    state = Plant().at(20.0)
    items = supply_items(state.supply, 1_764_000_000_000)

    power = int(items["02030000"][::-1].hex()) / 10_000
    assert power * 40 == pytest.approx(state.press.power_kw + state.fan.power_kw + 12.0, abs=0.01)
    assert items["0201FF00"] == items["02010100"] + items["02010200"] + items["02010300"]
    assert [len(items[di]) for di in ("0001FF00", "0201FF00", "0202FF00", "0203FF00", "040005FF")] == [20, 6, 9, 12, 14]
    assert items["04000401"] == bytes.fromhex(SUPPLY_METER)[::-1]
    assert items["04000101"][::-1].hex() == "25112505"[:6] + items["04000101"][:1].hex()


def test_the_older_supply_meter() -> None:
    """What an older meter tells has its sizes: volts in two bytes without decimals."""
    items = house_items_1997(Plant().at(20.0).supply, 1_764_000_000_000, "000003430163")

    assert {di: len(items[di]) for di in ("9010", "B611", "B621", "B630", "B63F", "C032")} == {
        "9010": 4,
        "B611": 2,
        "B621": 2,
        "B630": 3,
        "B63F": 12,
        "C032": 6,
    }
    assert 200 < int(items["B611"][::-1].hex()) < 260
