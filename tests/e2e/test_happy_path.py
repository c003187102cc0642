"""From registers that servers by others hold, to signed records that another language verifies."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import pytest

from drivers.spec import Table
from tests.e2e.harness import Outcomes, Stage, arrived, bus, device, independently_verified, played_together, point
from tests.peers.modbus_servers import RTU_PEERS, TCP_PEERS, serve
from tests.peers.sniffer import Sniffer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _words(code: str, value: Any, order: str = "ABCD") -> list[int]:
    """Return the registers of a packed value, its bytes in the order the letters say."""
    raw = struct.pack(f">{code}", value)
    return list(struct.unpack(f">{len(raw) // 2}H", bytes(raw["ABCDEFGH".index(letter)] for letter in order)))


CASES: dict[str, tuple[dict[str, Any], list[int], Any]] = {
    "int16": ({}, [0x8000 | 1234], 1234 - 0x8000),
    "uint16": ({}, [65535], 65535),
    "int8h": ({}, [0xFE05], -2),
    "uint8l": ({}, [0xFE05], 5),
    "int32": ({"order": "CDAB"}, _words("i", -123456, "CDAB"), -123456),
    "uint32": ({"order": "BADC"}, _words("I", 4_000_000_000, "BADC"), 4_000_000_000),
    "int64": ({}, _words("q", -(2**40), "ABCDEFGH"), -(2**40)),
    "uint64": ({"order": "GHEFCDAB"}, _words("Q", 2**50 + 1, "GHEFCDAB"), 2**50 + 1),
    "float16": ({}, _words("e", 1.5, "AB"), 1.5),
    "float32": ({"order": "DCBA", "scale": 0.1, "decimals": 2}, _words("f", 123.5, "DCBA"), 12.35),
    "float64": ({"order": "ABCDEFGH"}, _words("d", 0.1, "ABCDEFGH"), 0.1),
    "bcd16": ({}, [0x1234], 1234),
    "bcd32": ({}, [0x1234, 0x5678], 12345678),
    "string:3": ({}, [0x616D, 0x7065, 0x7265], "ampere"),
    "bit:5": ({}, [0x0020], True),
    "bool": ({}, [0], False),
}
"""Type, what else the site says of it, the registers, and the value that must reach the platform."""
BITS = {"run": (3, True), "trip": (4, False)}


def _points(table: Table) -> list[dict[str, Any]]:
    """Return one point per type, ten registers apart, the last of them at the end of the address space."""
    return [
        {**point(kind.replace(":", "_"), 65500 if kind == "bcd16" else 10 * at, kind, **more), "register": table.value}
        for at, (kind, (more, _, _)) in enumerate(CASES.items())
    ]


def _image() -> dict[Table, dict[int, int]]:
    registers = {
        (65500 if kind == "bcd16" else 10 * at) + offset: word
        for at, (kind, (_, words, _)) in enumerate(CASES.items())
        for offset, word in enumerate(words)
    }
    bits = {at: int(on) for at, on in BITS.values()}
    return {Table.HOLDING: registers, Table.INPUT: registers, Table.COIL: bits, Table.DISCRETE: bits}


def every_type(directory: Path, peer: str) -> None:
    """Read every type from both register tables and bits from both bit tables of this server."""
    switches = [
        {"name": f"{table.value}-{name}", "register": table.value, "at": at}
        for table in (Table.COIL, Table.DISCRETE)
        for name, (at, _) in BITS.items()
    ]
    rtu = peer in RTU_PEERS
    with serve(peer, _image()) as port, Sniffer(port) as sniffer, Stage(directory) as stage:
        stage.run(
            buses=[bus(sniffer.port, framing="rtu" if rtu else "tcp")],
            devices=[
                device("holding", points=_points(Table.HOLDING)),
                device("input", 2, points=_points(Table.INPUT)),
                device("switches", 3, points=switches),
            ],
        )
        names = ("holding", "input", "switches")
        arrived(stage, lambda: all(len(stage.records("readings", device=name)) > 2 for name in names))
        stage.finish()

        expected = {kind.replace(":", "_"): value for kind, (_, _, value) in CASES.items()}
        for name in ("holding", "input"):
            last = stage.records("readings", device=name)[-1]
            assert {key: (type(value), value) for key, value in last["values"].items()} == {
                key: (type(value), value) for key, value in _as_sent(expected).items()
            }
            assert "flags" not in last
            assert "fault" not in last
        states = {f"{table}-{name}": on for table in ("coil", "discrete") for name, (_, on) in BITS.items()}
        assert stage.records("readings", device="switches")[-1]["values"] == states
        assert {code for sent in sniffer.sent for code in _functions(sent, rtu=rtu)} == {1, 2, 3, 4}, "O7"
        independently_verified(stage)


def _as_sent(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with whole numbers as integers."""
    whole = {key: int(value) for key, value in values.items() if isinstance(value, float) and value.is_integer()}
    return {**values, **whole}


def _functions(sent: bytearray, *, rtu: bool) -> set[int]:
    """Return the function codes of what a client sent: requests of 8 bytes (RTU) or 12 (TCP)."""
    size, at = (8, 1) if rtu else (12, 7)
    assert len(sent) % size == 0, "something else than reading requests"
    return set(sent[at::size])


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcomes]:
    """Read from all servers side by side."""
    yield from played_together(tmp_path_factory, [(every_type, peer) for peer in (*TCP_PEERS, *RTU_PEERS)])


@pytest.mark.parametrize("peer", [*TCP_PEERS, *RTU_PEERS])
def test_every_type_from_servers_by_others(peer: str, outcomes: Outcomes) -> None:
    """All types, orders and tables of this server arrive with the right values, and two verifiers agree."""
    outcomes[every_type, peer].result()
