"""What an installer calls the place to look at: a serial port of this box, or HOST[:PORT]. Pure."""

from __future__ import annotations

from typing import Final

MODBUS_TCP_PORT: Final = 502
PORTS: Final = range(1, 65536)


def is_port(place: str) -> bool:
    """Whether it is a serial port of this box: a path, which no host name is."""
    return "/" in place


def host_and_port(place: str) -> tuple[str, int]:
    """Return the parts of HOST[:PORT], [IPv6]:PORT included. Raises ValueError."""
    host, colon, port = place.rpartition(":")
    if not colon or (place.count(":") > 1 and not place.startswith("[")):
        host, port = place, str(MODBUS_TCP_PORT)
    if place.startswith("[") and place.endswith("]"):
        host, port = place, str(MODBUS_TCP_PORT)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or int(port) not in PORTS:
        raise ValueError(f"{place} is neither a serial port (/dev/…) nor HOST[:PORT]")
    return host, int(port)


def written(host: str, port: int) -> str:
    """Return HOST:PORT, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
