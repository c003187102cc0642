"""Two instruments for tests: one that is asked, with everything declared, and one that talks in plain lines."""

from __future__ import annotations

from dataclasses import replace

from drivers.spec import AsciiSpec, DeviceSpec, FieldSpec

ASKED = AsciiSpec(
    mode="ask",
    request=b"#{address}R\r",
    start=b":",
    terminator=b"\r\n",
    checksum="xor",
    separator=b"*",
    pattern=r"(?P<address>\d+),(?P<so2>[^,]*),(?P<state>[A-Z]*)",
    longest=64,
)
PLAIN = AsciiSpec(
    mode="listen", pattern=r" *(?P<dust>[-+.\deE]+|-+) mg(?: (?P<state>\w+))?", terminator=b"\n", longest=48
)
POINTS = (
    FieldSpec(name="so2", field="so2", unavailable=("OVER",), scale=0.1, range=(0.0, 500.0)),
    FieldSpec(name="state", field="state", is_number=False),
)


def asked(spec: AsciiSpec = ASKED, address: int | str = 7) -> DeviceSpec:
    """Return the instrument that is asked."""
    return DeviceSpec(
        name="cems", bus="line", protocol="ascii", address=address, timeout_s=0.5, points=POINTS, ascii=spec
    )


def talking(spec: AsciiSpec = PLAIN) -> DeviceSpec:
    """Return the instrument that sends by itself; it may be silent for two seconds."""
    points = (replace(POINTS[0], name="dust", field="dust", scale=1.0), POINTS[1])
    return DeviceSpec(name="dust", bus="line", protocol="ascii", address="", timeout_s=2.0, points=points, ascii=spec)


def line(text: bytes, *, spec: AsciiSpec = ASKED) -> bytes:
    """Return a line with start, the exclusive or of its text, and end."""
    checksum = 0
    for byte in text:
        checksum ^= byte
    return spec.start + text + spec.separator + b"%02X" % checksum + spec.terminator


class HandClock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000

    def wall_ms(self) -> int:
        """Return the wall clock."""
        return self.now_ns // 1_000_000

    def mono_ns(self) -> int:
        """Return the monotonic clock."""
        return self.now_ns

    def on(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ns += int(seconds * 1e9)
