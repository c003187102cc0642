"""Pieces of site files with lines, instruments of every protocol, and models of the site's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.load import load
from tests.config.sites import site

if TYPE_CHECKING:
    from pathlib import Path

    from config.site import Site

HEAD = site({table: ["-"] for table in ("[[bus]]", "[[device]]", "[[device.point]]", "[[limit]]")})
"""A box with an uplink, and nothing to read."""

REGISTER = '[[device.point]]\nname = "power"\nregister = "input"\nat = 52\ntype = "float32"\nunit = "W"\n'
ITEM = '[[device.point]]\nname = "voltage_a"\nitem = "02010100"\n'
FACTOR = '[[device.point]]\nname = "so2"\nfactor = "a21026"\nunit = "mg/m3"\n'


def table(header: str, *lines: str) -> str:
    """Return one table."""
    return "\n".join([header, *lines, "", ""])


def line(*lines: str, name: str = "line1") -> str:
    """Return a serial line."""
    port = f'port = "/dev/serial/by-path/{name}"'
    own = [port] if not any(one.startswith("port") for one in lines) else []
    return table("[[bus]]", f'name = "{name}"', 'type = "serial"', *own, *lines)


def host(*lines: str, name: str = "line1") -> str:
    """Return a host."""
    return table("[[bus]]", f'name = "{name}"', 'type = "tcp"', 'host = "192.168.10.5"', *lines)


def device(*lines: str, name: str = "m1", bus: str = "line1", points: str = REGISTER) -> str:
    """Return a device; `lines` must say its address."""
    return table("[[device]]", f'name = "{name}"', f'bus = "{bus}"', *lines) + points


def meter(*lines: str, name: str = "e1", address: str = "012345678901", points: str = ITEM) -> str:
    """Return a DL/T 645 meter at even parity."""
    told = ['protocol = "dlt645-2007"', f'address = "{address}"', 'parity = "E"']
    keys = {one.split(" ")[0] for one in lines}
    return device(*[one for one in told if one.split(" ")[0] not in keys], *lines, name=name, points=points)


def analyzer(*lines: str, name: str = "cems", points: str = FACTOR) -> str:
    """Return an instrument that speaks HJ 212."""
    told = ['protocol = "hj212"', 'address = "010000A8900016F000169DC0"']
    keys = {one.split(" ")[0] for one in lines}
    return device(*[one for one in told if one.split(" ")[0] not in keys], *lines, name=name, points=points)


def loaded(folder: Path, text: str) -> Site:
    """Return the site of a text."""
    (folder / "site.toml").write_text(text, encoding="utf-8")
    return load(folder / "site.toml")
