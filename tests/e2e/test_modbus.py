"""Instruments that lie, stammer or fall silent: they cost their own values, and never put a wrong one into a record."""

from __future__ import annotations

import json
import math
import struct
from contextlib import ExitStack
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.harness import EVERYTHING, Stage, arrived, bus, device, point
from tests.peers.faulty_modbus import HangUp, Wait, dripping, late, refusing, silent
from tests.peers.mosquitto import Subscriber, eventually
from tests.peers.sniffer import Sniffer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.harness import Record
    from tests.peers.faulty_modbus import Asked, Deed, Manner

MBAP = struct.Struct(">HHHBB")


def saying(**changed: Any) -> Manner:
    """Return the manner that answers with other fields than it should."""
    return lambda asked: [asked.answer(**changed)]


def other_number(asked: Asked) -> Iterator[Deed]:
    """Answer another request than this one."""
    yield asked.answer(number=asked.number ^ 0x5555)


def half(asked: Asked) -> Iterator[Deed]:
    """Send half a frame and hang up."""
    yield asked.answer()[:-1]
    yield HangUp()


def half_and_wait(asked: Asked) -> Iterator[Deed]:
    """Send half a frame and leave the rest to be waited for."""
    yield asked.answer()[:-1]


def too_many(asked: Asked) -> Iterator[Deed]:
    """Bring more registers than were asked for."""
    yield asked.answer(asked.data + b"\0\7")


def too_few(asked: Asked) -> Iterator[Deed]:
    """Bring fewer registers than were asked for."""
    yield asked.answer(asked.data[:-2])


def reset(_: Asked) -> Iterator[Deed]:
    """Reset the connection."""
    yield HangUp(reset=True)


def in_two_parts(asked: Asked) -> Iterator[Deed]:
    """Cut the answer in two."""
    yield asked.answer()[:5]
    yield Wait(0.02)
    yield asked.answer()[5:]


def twice(asked: Asked) -> Iterator[Deed]:
    """Send the answer, and in the same segment a foreign one behind it."""
    yield asked.answer() + asked.answer(b"\x77" * len(asked.data))


WRONG: dict[str, Manner] = {
    "M1 illegal function": refusing(1),
    "M1 illegal address": refusing(2),
    "M1 illegal value": refusing(3),
    "M1 device failure": refusing(4),
    "M1 busy": refusing(6),
    "M1 gateway: no path": refusing(0x0A),
    "M1 gateway: no answer": refusing(0x0B),
    "M2 another unit": saying(unit=99),
    "M2 another function": saying(function=1),
    "M2 another transaction": other_number,
    "M2 another protocol": saying(protocol=1),
    "M3 byte count too large": saying(size=250),
    "M3 byte count zero": saying(size=0),
    "M3 length zero": saying(length=0),
    "M3 length 65535": saying(length=65535),
    "M3 too many registers": too_many,
    "M3 too few registers": too_few,
    "M3 half a frame": half,
    "M3 half a frame, then silence": half_and_wait,
    "M5 silence": silent,
    "M5 reset": reset,
    "M7 ten seconds late": late(10),
}
ODD: dict[str, Manner] = {"M4 byte by byte": dripping(0.001), "M4 in two parts": in_two_parts, "M4 two in one": twice}
EIGHT = [point(f"r{at}", at=at) for at in range(1, 9)]
"""Registers that hold their own address (the faulty server's habit), so that a wrong value is seen at once."""
TRUE = {f"r{at}": at for at in range(1, 9)}


def neighbours(port: int, manners: dict[str, Manner]) -> dict[str, Any]:
    """Return a site with a connection for each manner, on it a unit of that manner (1...) and a good one (101...)."""
    buses, devices = [], []
    for number, _ in enumerate(manners, 1):
        buses.append(bus(port, f"line{number}"))
        for name, unit in (("bad", number), ("good", number + 100)):
            times = {"poll": "200ms", "timeout": "400ms"}
            devices.append(device(f"{name}-{number}", unit, points=EIGHT, bus=f"line{number}", **times))
    return {"buses": buses, "devices": devices}


def readings(stage: Stage, name: str) -> list[Record]:
    """Return the readings of a device that the platform got, in the order of the chain."""
    return sorted(stage.records("readings", device=name), key=lambda record: record["seq"])


def test_m1_to_m7_a_bad_unit_costs_only_its_own_values(tmp_path: Path) -> None:
    """Whatever a unit answers, its neighbours on the same connection stay good, and it comes back when it is well."""
    with Stage(tmp_path) as stage:
        honest = stage.meters.server.manner = lambda asked: [asked.answer()]
        manners = {**WRONG, **ODD}
        stage.write(**neighbours(stage.meters.port, manners))
        stage.agent.start()
        names = dict(enumerate(manners, 1))
        everybody = [f"{kind}-{number}" for number in names for kind in ("bad", "good")]
        arrived(stage, lambda: {r["device"] for r in stage.records("readings")} == set(everybody))
        before = stage.agent.resources()

        stage.meters.server.units.update(dict(enumerate(manners.values(), 1)))
        wrong = [f"bad-{number}" for number in names if names[number] in WRONG]
        arrived(stage, lambda: {event["device"] for event in stage.events("device-lost")} >= set(wrong))
        assert {event["device"] for event in stage.events("device-lost")} == set(wrong)
        mark = max(record["seq"] for record in stage.records())
        good = [name for name in everybody if name not in wrong]
        arrived(stage, lambda: all(len([r for r in readings(stage, n) if r["seq"] > mark]) >= 10 for n in good))
        after = stage.agent.resources()
        assert after.fds <= before.fds + 3, "O6: a connection is not leaked"
        assert after.threads <= before.threads

        stage.meters.server.units.clear()
        stage.meters.server.hang_up()
        arrived(stage, lambda: {event["device"] for event in stage.events("device-back")} == set(wrong), 60)
        stage.meters.server.manner = honest
        stage.finish()

        for name in everybody:
            for record in readings(stage, name):
                missing = {point for point, value in record["values"].items() if value is None}
                assert set(record.get("flags", {})) == missing, "null and flag go together"
                assert {k: v for k, v in record["values"].items() if v is not None} == {
                    k: v for k, v in TRUE.items() if k not in missing
                }, f"{names[int(name.split('-')[1])]}: a value that is not the register's"
                assert not missing or record["fault"], "O10: it says why"
        for number, name in names.items():
            if name in WRONG:
                flags = {
                    flag for record in readings(stage, f"bad-{number}") for flag in record.get("flags", {}).values()
                }
                assert flags <= {"B", "D"}
                assert flags, name


SPECIAL: dict[str, tuple[Callable[[], bytes], Any, str | None]] = {
    "nan": (lambda: struct.pack(">f", math.nan), None, "D"),
    "quiet_nan": (lambda: b"\xff\xc0\x00\x00", None, "D"),
    "inf": (lambda: struct.pack(">f", math.inf), None, "D"),
    "minus_inf": (lambda: struct.pack(">f", -math.inf), None, "D"),
    "denormal": (lambda: b"\x00\x00\x00\x01", 1.401298e-45, None),
    "zero": (lambda: struct.pack(">f", 0.0), 0, None),
    "minus_zero": (lambda: struct.pack(">f", -0.0), 0, None),
    "fine": (lambda: struct.pack(">f", 1.5), 1.5, None),
}


def test_m8_values_that_are_none(tmp_path: Path) -> None:
    """NaN, infinity and the device's own words for "no value" are null with a flag, never a number."""
    floats = b"".join(make() for make, _, _ in SPECIAL.values())
    words = struct.pack(">4H", 0x8000, 0xFFFF, 0x7FFF, 200)
    points = [point(name, at=2 * index, type_="float32") for index, name in enumerate(SPECIAL)]
    at = 2 * len(SPECIAL)
    points += [point(f"w{index}", at=at + index, unavailable=[0x8000, 0xFFFF]) for index in range(3)]
    points.append(point("far", at=at + 3, range=[0.0, 100.0]))
    with Stage(tmp_path) as stage:
        registers = floats + words
        manner: Manner = lambda asked: [asked.answer(registers[asked.address * 2 :][: asked.count * 2])]  # noqa: E731
        stage.meters.server.units[1] = manner
        limits = [{"point": f"meter.{name}", "high": 1.0, "low": -1.0} for name in ("nan", "inf", "minus_inf", "zero")]
        stage.run(devices=[device("meter", points=points)], limits=limits)
        arrived(stage, lambda: len(stage.records("readings")) >= 5)
        stage.finish()

        for record in stage.records("readings"):
            values, flags = record["values"], record["flags"]
            for name, (_, value, flag) in SPECIAL.items():
                assert (values[name], flags.get(name) is not None) == (value, flag is not None), name
            assert (values["w0"], values["w1"], values["w2"]) == (None, None, 0x7FFF)
            assert flags["w0"] == flags["w1"]
            assert flags["far"] == "T"
        assert not stage.records("alarm"), "what is no value raises nothing"
        for wire in stage.wires:
            json.loads(wire, parse_constant=pytest.fail)


def test_m10_a_counter_wraps_and_is_reset(tmp_path: Path) -> None:
    """A counter that wraps at 2^32, or falls back to zero, is told as it stands: no guess, no flag, in order."""
    told = [2**32 - 3, 2**32 - 2, 2**32 - 1, 0, 1, 2, 3, 0, 1]
    turns = count()
    with Stage(tmp_path) as stage:

        def counter(asked: Asked) -> Iterator[Deed]:
            yield asked.answer(struct.pack(">I", told[min(next(turns), len(told) - 1)]))

        stage.meters.server.units[1] = counter
        stage.run(devices=[device("meter", points=[point(type_="uint32")], timeout="10s")])
        arrived(stage, lambda: len(stage.counts()) >= len(told))
        stage.finish()
        assert stage.counts()[: len(told)] == told
        assert not [record for record in stage.records("readings") if "flags" in record]


def functions(sent: list[bytearray]) -> set[int]:
    """Return the function codes in all that went to the instruments, byte for byte (MBAP, Modbus/TCP section 3.1.3)."""
    found = set()
    for stream in sent:
        at = 0
        while at + MBAP.size <= len(stream):
            _, protocol, length, _, function = MBAP.unpack_from(stream, at)
            assert (protocol, length) == (0, 6), "only reads have this shape"
            found.add(function)
            at += 6 + length
        assert at == len(stream), "nothing but whole requests"
    return found


def test_m15_only_reads_go_on_the_wire(tmp_path: Path) -> None:
    """At start, under faults, on a reload, after a kill, with commands from the network: only functions 1 to 4."""
    tables = [point(name, at=5, type_=None, register=name) for name in ("coil", "discrete")]
    tables += [point(name, at=5, register=name) for name in ("input", "holding")]
    with ExitStack() as stack:
        stage = stack.enter_context(Stage(tmp_path))
        stage.meters.server.manner = lambda asked: [asked.answer()]
        sniffer = stack.enter_context(Sniffer(stage.meters.port))
        devices = [device("meter", points=tables), device("other", 2)]
        stage.run(buses=[bus(sniffer.port)], devices=devices)
        arrived(stage, lambda: len(stage.records("readings", device="meter")) >= 5)

        stage.meters.server.units[1] = refusing(1)
        stage.meters.server.units[2] = half
        arrived(stage, lambda: len(stage.events("device-lost")) >= 2)
        stage.meters.server.units.clear()
        arrived(stage, lambda: len(stage.events("device-back")) >= 2, 60)

        with Subscriber(stage.broker.port, EVERYTHING) as intruder:
            order = b'{"kind":"write","device":"meter","point":"coil","value":true,"function":5}'
            for topic in ("cmd", "write", "set"):
                intruder._client.publish(f"plantgate/acme/v1/jn-0417/{topic}", order, qos=1).wait_for_publish(10)

        stage.write(limits=[{"point": "meter.holding", "high": 60000.0}])
        stage.agent.hangup()
        arrived(stage, lambda: len(stage.records("config")) >= 2)
        stage.agent.kill()
        stage.agent.start()
        heard = len(stage.records("readings", device="meter"))
        arrived(stage, lambda: len(stage.records("readings", device="meter")) >= heard + 5)
        assert stage.agent.terminate() == 0
        assert eventually(lambda: functions(sniffer.sent) == {1, 2, 3, 4}), functions(sniffer.sent)
