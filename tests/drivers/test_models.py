"""Every model of the library: it loads, it is clean, and its frames give its readings through the real drivers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drivers import library
from drivers.ascii.fields import Columns
from drivers.ascii.text_line import TextLines
from drivers.cost import Read, serial_cost
from drivers.dlt645 import question
from drivers.dlt645.frame import Edition, Reads, Sound
from drivers.dlt645.frame import find as find_frame
from drivers.dlt645.items import block_of, lookup
from drivers.dlt645.values import decoder
from drivers.hj212.content import message_of
from drivers.hj212.packet import Packet, Splitter
from drivers.hj212.values import reading_of, wanted
from drivers.modbus_crc import crc
from drivers.plan import compile_plan, plan
from drivers.rtu_frames import rtu_question
from drivers.spec import FactorSpec, FieldSpec, ItemSpec, PointSpec, Table
from drivers.wire import Found

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.model import Model, Sample
    from drivers.reading import Value

NAMES = [path.stem for path in sorted(library.BUILT_IN.glob("*.toml"))]
MODELS = {name: library.find(name) for name in NAMES}
SAMPLES = [
    pytest.param(model, sample, id=f"{name}-{number}")
    for name, model in MODELS.items()
    for number, sample in enumerate(model.samples, start=1)
]
UNCHECKED = "generic-ascii-dust"
"""The one model whose instrument sends no checksum."""
TABLES = {table.function: table for table in Table}


# --- from frames to readings, by the pure parts of the drivers ------------------------------------


def of_modbus(model: Model, request: bytes, answer: bytes) -> dict[str, Value]:
    """Return the readings of one Modbus exchange; none when the answer does not match."""
    unit, function = request[0], request[1]
    read = Read(TABLES[function], int.from_bytes(request[2:4]), int.from_bytes(request[4:6]))
    assert crc(request) == 0
    found = rtu_question(unit, read, request).take(answer)
    if not isinstance(found, Found):
        return {}
    points = [point.spec for point in model.points if isinstance(point.spec, PointSpec)]
    compiled = compile_plan(points, [read])
    values, _ = compiled.decode([found.answer.frame[3:-2]])
    return {point.name: values[index] for index, point in enumerate(points) if index not in compiled.unread}


def of_dlt645(model: Model, request: bytes, answer: bytes) -> dict[str, Value]:
    """Return the readings of one exchange with a meter: an item, or a block of them."""
    edition = Edition.OF_2007 if "dlt645-2007" in model.protocols else Edition.OF_1997
    sent = find_frame(request)
    assert isinstance(sent, Sound)
    di = sent.frame.data[::-1].hex().upper()
    asked = question.read(edition, sent.frame.address, di)
    assert asked.frame.endswith(request)
    found = asked.take(answer)
    if not isinstance(found, Found):
        return {}
    readings: dict[str, Value] = {}
    for point in model.points:
        assert isinstance(point.spec, ItemSpec)
        item = lookup(point.spec.item, point.spec.format, point.spec.signed)
        assert item is not None
        block = block_of(item.di)
        members = block.members if block and block.di == di else (di,)
        if item.di in members:
            start = members.index(item.di) * item.size
            readings[point.spec.name] = decoder(point.spec, item)(found.answer.data[start : start + item.size])[0]
    return readings


def of_hj212(model: Model, request: bytes, answer: bytes) -> dict[str, Value]:
    """Return the readings of one packet."""
    assert request == b""
    readings: dict[str, Value] = {}
    for packet in Splitter().feed(answer):
        for point in model.points:
            assert isinstance(point.spec, FactorSpec)
            if isinstance(packet, Packet) and (one := reading_of(message_of(packet.data), wanted(point.spec))):
                readings[point.spec.name] = one.value
    return readings


def of_ascii(model: Model, request: bytes, answer: bytes) -> dict[str, Value]:
    """Return the readings of one line."""
    assert model.ascii is not None
    assert request == model.ascii.request.replace(b"{address}", b"01")
    found = TextLines(model.ascii, 1).take(answer)
    if not isinstance(found, Found):
        return {}
    fields = [point.spec for point in model.points if isinstance(point.spec, FieldSpec)]
    values, _ = Columns(fields).read(found.answer)
    return {field.name: value for field, value in zip(fields, values, strict=True)}


READERS: dict[str, Callable[[Model, bytes, bytes], dict[str, Value]]] = {
    "modbus": of_modbus,
    "dlt645": of_dlt645,
    "hj212": of_hj212,
    "ascii": of_ascii,
}


def readings_of(model: Model, sample: Sample) -> dict[str, Value]:
    """Return what the frames of a sample say."""
    read = READERS[model.protocols[0].split("-")[0]]
    return {name: value for request, answer in sample.frames for name, value in read(model, request, answer).items()}


# --- the promises ---------------------------------------------------------------------------------


def test_there_are_at_least_thirty_models() -> None:
    """The library is worth its name: meters, analyzers, and every protocol."""
    assert len(NAMES) >= 30
    assert {protocol.split("-")[0] for model in MODELS.values() for protocol in model.protocols} == set(READERS)


@pytest.mark.parametrize("name", NAMES)
def test_every_model_is_clean(name: str) -> None:
    """The lint finds nothing."""
    assert library.lint(MODELS[name]) == ()


@pytest.mark.parametrize(("model", "sample"), SAMPLES)
def test_every_sample_gives_its_readings(model: Model, sample: Sample) -> None:
    """What the file promises is what the driver makes of the frames, to the last digit."""
    found = readings_of(model, sample)

    assert {name: found.get(name, "not read") for name in sample.readings} == sample.readings


@pytest.mark.parametrize(("model", "sample"), [one for one in SAMPLES if UNCHECKED not in str(one.id)])
def test_an_answer_with_one_changed_byte_gives_nothing(model: Model, sample: Sample) -> None:
    """Whichever byte is changed: no reading comes of it."""
    request, answer = sample.frames[0]
    read = READERS[model.protocols[0].split("-")[0]]
    for place in range(len(answer.rstrip(b"\r\n"))):
        changed = bytearray(answer)
        changed[place] ^= 0x01
        assert read(model, request, bytes(changed)) == {}, f"byte {place}"


@pytest.mark.parametrize("name", [name for name in NAMES if MODELS[name].protocols[0].startswith("modbus")])
def test_every_modbus_model_can_be_planned(name: str) -> None:
    """All points of a model fit reads that the device allows; no function but 1 to 4 is in its samples."""
    model = MODELS[name]
    points = [point.spec for point in model.points if isinstance(point.spec, PointSpec)]
    reads = plan(
        points,
        cost=serial_cost(9600),
        max_registers=model.max_registers,
        max_bits=model.max_bits,
        barriers=model.barriers,
    )

    assert compile_plan(points, reads).unread == ()
    assert {request[1] for sample in model.samples for request, _ in sample.frames} <= set(TABLES)


def test_only_one_model_does_without_a_checksum_and_it_says_so() -> None:
    """A disturbed line of text can look sound: the model warns of it, and its range is the only guard."""
    bare = {name for name in NAMES if (line := MODELS[name].ascii) and line.checksum == "none"}

    assert bare == {UNCHECKED}
    assert any("checksum" in trap.en for trap in MODELS[UNCHECKED].traps)


def test_no_dlt645_sample_asks_for_anything_but_data() -> None:
    """Reading is 11H, in the old edition 01H."""
    functions = {
        found.frame.function
        for model in MODELS.values()
        if model.protocols[0].startswith("dlt645")
        for sample in model.samples
        for request, _ in sample.frames
        if isinstance(found := find_frame(request), Sound)
    }

    assert functions == {Reads.DATA, Reads.DATA_1997}


def test_a_read_never_bridges_a_hole_of_a_device_that_refuses_them() -> None:
    """PAC1600: every register of every read belongs to a point of the model."""
    model = MODELS["siemens-pac1600"]
    points = [point.spec for point in model.points if isinstance(point.spec, PointSpec)]
    known = {point.at + offset for point in points for offset in range(2)}
    reads = plan(points, cost=serial_cost(9600), barriers=model.barriers)

    assert {address for read in reads for address in range(read.address, read.end)} == known


@pytest.mark.parametrize("name", ["eastron-sdm630", "schneider-pm5000", "elkor-wattson", "acrel-adl3000"])
def test_captured_data_is_marked_as_such(name: str) -> None:
    """What came from a real device says so; what was made by hand says that."""
    assert "captured" in {sample.origin for sample in MODELS[name].samples}


def test_unverified_is_what_rests_on_one_word() -> None:
    """Grade C is shown as unverified: the Chinese meters nobody has a manual of, and what was invented."""
    unverified = {name for name in NAMES if not MODELS[name].verified}

    assert {"acrel-adl400", "chint-dtsu666-401e", "hiking-dts238-7", "generic-ascii-gas"} <= unverified
    assert not unverified & {"chint-dtsu666", "acrel-adl3000", "dlt645-three-phase", "sick-marsic300"}
