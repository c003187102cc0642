"""What the published packages get wrong (read and run): each fault is a test here.

`dlt645` 3.2.0: addresses must be given reversed, FF is read as a number, demand times are turned round, no blocks and
no following parts. `python-dlt645` 0.1.4: stops at the first 16, takes FE out of the data, underflows below 33H, and
has no sign; 114 of 2000 random sound frames failed.
"""

from __future__ import annotations

import random

from drivers.dlt645.frame import Edition, Frame, Reads, Sound, encode, find
from drivers.dlt645.items import lookup
from drivers.dlt645.question import read
from drivers.dlt645.values import decoder, raw_of
from drivers.spec import ItemSpec
from drivers.wire import Found
from tests.drivers.dlt645.simulated import framed

METER = "000000000161"


def test_addresses_go_out_low_byte_first() -> None:
    """The address is given as printed on the meter and turned round by us."""
    assert encode(Reads.DATA, "123456789012", "00010000", wake_up=0)[1:7] == bytes.fromhex("129078563412")


def test_16_and_68_and_fe_inside_a_frame_are_data() -> None:
    """A frame ends where L says; FE within it stays, also directly before the end."""
    for inside in (0x16, 0x68, 0xFE):
        data = bytes([(inside - 0x33) % 256]) * 9
        found = find(framed(f"{inside:02X}" * 6, 0x91, data))

        assert isinstance(found, Sound)
        assert found.frame == Frame(f"{inside:02X}" * 6, 0x91, data)


def test_bytes_below_33h_turn_round() -> None:
    """The 33H is taken off modulo 256."""
    found = find(bytes.fromhex("68 61 01 00 00 00 00 68 91 01 32 F6 16"))

    assert isinstance(found, Sound)
    assert found.frame.data == b"\xff"


def test_ff_is_not_a_number() -> None:
    """FFFFFFFF is "not available", not -715151.5."""
    combined = lookup("00000000")
    assert combined is not None

    assert raw_of(combined, b"\xff\xff\xff\xff") is None


def test_the_sign_is_not_a_digit() -> None:
    """Bit 7 of the highest byte is a minus: -1.2345 kW, not 81.2345."""
    power = lookup("02030000")
    assert power is not None

    assert decoder(ItemSpec(name="p", item=power.di), power)(bytes.fromhex("452381")) == (-1.2345, "N")


def test_the_time_of_a_demand_is_low_byte_first() -> None:
    """Minute, hour, day, month, year follow the value."""
    when = lookup("01010000", "YYMMDDhhmm")
    assert when is not None

    assert raw_of(when, bytes.fromhex("4523013008190724")) == "2024-07-19 08:30"


def test_two_thousand_random_frames_are_all_read() -> None:
    """No sound answer fails, whatever its address and data, with up to six FE before it."""
    rng = random.Random(645)
    for _ in range(2000):
        address = f"{rng.randrange(10**12 - 1):012}"
        data = rng.randbytes(rng.randrange(1, 60))
        question = read(Edition.OF_2007, address, "00010000", len(data))
        answer = b"\xfe" * rng.randrange(7) + framed(address, 0x91, b"\x00\x00\x01\x00" + data)
        taken = question.take(answer)

        assert isinstance(taken, Found)
        assert (taken.answer.data, taken.used, taken.noise) == (data, len(answer), 0)


def test_the_mixed_dialect_is_a_frame_that_we_do_not_speak() -> None:
    """11H of 2007 with a 1997 identifier has a right sum and is heard as such; a meter need not answer it."""
    found = find(bytes.fromhex("68 67 45 23 01 00 00 68 11 02 44 E9 E0 16"))

    assert isinstance(found, Sound)
    assert found.frame == Frame("000001234567", 0x11, bytes.fromhex("11B6"))
    assert lookup("B611") is not None
