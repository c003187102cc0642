"""What one end of a line understands of another: bits at their real length, sampled at the receiver's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.sim.uart import Uart, heard

bauds = st.sampled_from([1200, 2400, 4800, 9600, 19200, 115200])
uarts = st.builds(Uart, bauds, st.sampled_from("NEO"), st.sampled_from([1, 2]), st.just(8))


@given(st.binary(max_size=40), uarts, st.sampled_from([1, 2]))
def test_the_same_settings_hear_everything(data: bytes, sender: Uart, stopbits: int) -> None:
    """A receiver of the same speed and parity hears every character, whatever the number of stop bits."""
    receiver = Uart(sender.baud, sender.parity, stopbits)

    assert bytes(char.value for char in heard(data, sender, receiver)) == data
    assert all(char.is_sound for char in heard(data, sender, receiver))


@given(st.binary(max_size=40), bauds, st.sampled_from(["NE", "NO", "EN", "ON", "EO", "OE"]))
def test_sampling_and_sending_are_inverse_where_only_parity_differs(data: bytes, baud: int, parities: str) -> None:
    """With the right speed and the wrong parity no sound character has a wrong value."""
    sender, receiver = Uart(baud, parities[0], 2), Uart(baud, parities[1], 2)
    got = heard(data, sender, receiver)

    assert len(got) <= len(data)
    if {*parities} == {"E", "O"}:
        assert bytes(char.value for char in got) == data
        assert not any(char.is_sound for char in got)


@given(st.binary(max_size=60), uarts, uarts)
def test_any_settings_hear_something_finite(data: bytes, sender: Uart, receiver: Uart) -> None:
    """Whatever the two settings are, the receiver hears a bounded number of characters of its own."""
    got = heard(data, sender, receiver)

    assert len(got) <= len(data) * max(1, -(-receiver.baud // sender.baud)) * 1.3 + 1


def test_a_faster_receiver_hears_garbage() -> None:
    """55h at 2400 Bd is a square wave that a receiver at 9600 Bd takes for 78h, or what else it sees, never for 55h."""
    got = heard(b"\x55\x55", Uart(2400), Uart(9600))

    assert got
    assert 0x55 not in [char.value for char in got]


def test_a_slower_receiver_hears_fewer_characters() -> None:
    """A receiver at a quarter of the speed has room for a quarter of the characters."""
    assert len(heard(bytes(range(40)), Uart(9600), Uart(2400))) <= 11


@pytest.mark.parametrize(
    ("words", "bits", "silence_ns"),
    [
        ("9600 8N1", 10, 3_645_833),
        ("2400 8E1", 11, 16_041_667),
        ("19200 8N2", 11, 2_005_208),
        ("115200 8N1", 10, 1_750_000),
    ],
)
def test_how_long_characters_and_silences_are(words: str, bits: int, silence_ns: int) -> None:
    """Characters take their bits; silence is 3.5 of them, or 1.75 ms above 19200 Bd (Serial Line V1.02, 2.5.1.1)."""
    uart = Uart.parse(words)

    assert uart.char_ns == pytest.approx(bits * 1e9 / uart.baud, abs=1)
    assert uart.silence_ns == pytest.approx(silence_ns, abs=5)


@pytest.mark.parametrize("words", ["", "9600", "9600 9N1", "9600 8X1", "9600 8N3", "fast 8N1"])
def test_what_are_no_settings(words: str) -> None:
    """Settings are written as people write them, and in no other way."""
    with pytest.raises(ValueError, match="no line settings"):
        Uart.parse(words)
