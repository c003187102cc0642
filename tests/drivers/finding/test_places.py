"""What an installer may call the place to look at."""

from __future__ import annotations

import pytest

from drivers.finding.places import host_and_port, is_port, written

HOSTS = {
    "192.168.10.7": ("192.168.10.7", 502),
    "192.168.10.7:4001": ("192.168.10.7", 4001),
    "gateway-3.plant.example": ("gateway-3.plant.example", 502),
    "localhost:1502": ("localhost", 1502),
    "::1": ("::1", 502),
    "fe80::7": ("fe80::7", 502),
    "[::1]": ("::1", 502),
    "[fe80::7]:4001": ("fe80::7", 4001),
}


@pytest.mark.parametrize(("place", "expected"), HOSTS.items(), ids=HOSTS)
def test_a_host_is_a_name_or_an_address(place: str, expected: tuple[str, int]) -> None:
    """With or without a port, IPv6 with or without brackets; written again it is understood the same."""
    assert host_and_port(place) == expected
    assert host_and_port(written(*expected)) == expected
    assert not is_port(place)


@pytest.mark.parametrize("place", ["", ":502", "host:", "host:0", "host:65536", "host:x", "[]:502", "host:²"])
def test_what_is_neither_is_refused(place: str) -> None:
    """The sentence says what would be."""
    with pytest.raises(ValueError, match="neither a serial port"):
        host_and_port(place)


@pytest.mark.parametrize("place", ["/dev/ttyUSB0", "/dev/serial/by-path/usb-0:1.1:1.0-port0", "./lines/rs485"])
def test_a_path_is_a_port(place: str) -> None:
    """No host's name has a slash."""
    assert is_port(place)
