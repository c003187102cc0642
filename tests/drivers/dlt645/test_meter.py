"""A meter on a line: blocks and their fallback, refusals, parts, foreign and late answers, meters that are silent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.bus import RefusedPoint
from drivers.dlt645.frame import Sound, find
from drivers.dlt645.items import block_of, lookup
from drivers.dlt645.meter import MOST_SILENCES, PROBE_S, BadItem, Meter
from drivers.errors import BadFrame, BadRequest, NoAnswer
from drivers.spec import DeviceSpec, ItemSpec, LineSettings
from tests.drivers.dlt645.simulated import JumpingClock, SimulatedLine, SimulatedMeter, digits, framed

ADDRESS, OTHER = "000000000161", "000000000162"
VOLTAGES, CURRENTS = "0201FF00", "0202FF00"
ITEMS = {
    VOLTAGES: digits("2201") + digits("2202") + digits("2203"),
    "02010100": digits("2201"),
    "02010200": digits("2202"),
    "02010300": digits("2203"),
    CURRENTS: bytes.fromhex("500100000000FFFFFF"),
    "02030000": bytes.fromhex("452381"),
    "02800002": digits("4998"),
    "04000501": b"\x10\x00",
    "04000401": digits(ADDRESS),
}


def metered(*wanted: str | dict[str, Any], protocol: str = "dlt645-2007", address: str = ADDRESS) -> DeviceSpec:
    """Return a device whose points are the items `wanted`, named after them."""
    rows = [row if isinstance(row, dict) else {"item": row} for row in wanted]
    points = tuple(ItemSpec(**{"name": f"p{row['item']}", **row}) for row in rows)
    return DeviceSpec(
        name="feeder",
        bus="line",
        protocol=protocol,
        address=address,
        timeout_s=0.5,
        points=points,
        settings=LineSettings(2400, 8, "E", 1),
    )


def ready(*wanted: str | dict[str, Any], **spec: str) -> tuple[Meter, JumpingClock]:
    """Return a meter to read and its clock."""
    clock = JumpingClock()
    return Meter(metered(*wanted, **spec), clock), clock


def simulated(**changes: Any) -> SimulatedMeter:
    """Return a simulated meter with the items above."""
    return SimulatedMeter(ADDRESS, dict(ITEMS), **changes)


def without(*items: str) -> dict[str, bytes]:
    """Return the items above without some."""
    return {di: data for di, data in ITEMS.items() if di not in items}


# --- good answers --------------------------------------------------------------------------------


def test_two_of_a_block_are_one_request() -> None:
    """Values of one block come with one request, the others each with their own, all in the points' order."""
    meter, clock = ready("02010300", "02030000", "02010100", "02800002")
    there = simulated()
    scan = meter.visit(SimulatedLine(there))

    assert there.asked == [f"11 {VOLTAGES}", "11 02030000", "11 02800002"]
    assert (scan.values, scan.flags, scan.fault) == ((220.3, -1.2345, 220.1, 49.98), "NNNN", None)
    assert (scan.device, scan.wall_ms, scan.mono_ns) == ("feeder", clock.wall_ms(), clock.mono_ns())
    assert meter.tally.requests == meter.tally.answers == 3


def test_one_of_a_block_is_asked_alone() -> None:
    """A block for one value would be longer for nothing."""
    meter, _ = ready("02010100")
    there = simulated()

    assert meter.visit(SimulatedLine(there)).values == (220.1,)
    assert there.asked == ["11 02010100"]


def test_ff_in_a_block_is_unknown_for_that_member_only() -> None:
    """A two-wire meter fills the phases it lacks with FF: unknown with flag D, the others are values."""
    meter, _ = ready("02020100", "02020200", "02020300")
    scan = meter.visit(SimulatedLine(simulated()))

    assert (scan.values, scan.flags, scan.fault) == ((0.15, 0.0, None), "NND", None)


def test_ratios_are_the_points() -> None:
    """A meter tells secondary values; the point's scale is CT times PT."""
    meter, _ = ready({"item": "02030000", "scale": 40.0, "range": (-10.0, 10.0)})
    scan = meter.visit(SimulatedLine(simulated()))

    assert (scan.values, scan.flags) == ((-49.38,), "T")


def test_status_words_and_texts_are_points_too() -> None:
    """Sixteen bits come as a whole number, an address as text."""
    meter, _ = ready("04000501", {"item": "04000401", "is_number": False})

    assert meter.visit(SimulatedLine(simulated())).values == (16, ADDRESS)


def test_one_answer_serves_every_point_of_its_item() -> None:
    """A demand and its time are two points of one request."""
    demand = {"01010000": bytes.fromhex("4523013008190724")}
    meter, _ = ready(
        "01010000", {"name": "when", "item": "01010000", "format": "YYMMDDhhmm", "is_number": False}, "02800002"
    )
    there = SimulatedMeter(ADDRESS, ITEMS | demand)

    assert meter.visit(SimulatedLine(there)).values == (1.2345, "2024-07-19 08:30", 49.98)
    assert len(there.asked) == 2


def test_a_meter_of_1997() -> None:
    """The older edition: two-byte identifiers, volts without decimals, 01H."""
    meter, _ = ready("9010", "B611", "B621", "B630", protocol="dlt645-1997")
    items = {"9010": digits("00000026"), "B611": digits("0220"), "B621": digits("0150"), "B630": digits("012345")}
    there = SimulatedMeter(ADDRESS, items)
    scan = meter.visit(SimulatedLine(there))

    assert scan.values == (0.26, 220, 1.5, 1.2345)
    assert there.asked == ["01 9010", "01 B611", "01 B621", "01 B630"]


# --- refusals ------------------------------------------------------------------------------------


def test_a_refused_block_is_read_item_by_item() -> None:
    """A meter without blocks is read one by one within the same visit, and from then on."""
    meter, _ = ready("02010100", "02010200")
    there = SimulatedMeter(ADDRESS, without(VOLTAGES))
    line = SimulatedLine(there)
    first, second = meter.visit(line), meter.visit(line)

    assert first.values == second.values == (220.1, 220.2)
    assert first.fault is second.fault is None
    assert there.asked == [f"11 {VOLTAGES}", *["11 02010100", "11 02010200"] * 2]
    assert meter.refused() == []
    assert meter.tally.exceptions == {2: 1}


def test_a_refused_item_is_dropped_told_once_and_does_not_cost_the_others() -> None:
    """What the meter does not have is flag D, named in the fault, told once with the error byte, not asked again."""
    meter, _ = ready("02010100", "02010200", "02800002")
    there = SimulatedMeter(ADDRESS, without(VOLTAGES, "02010200"))
    line = SimulatedLine(there)
    scans = [meter.visit(line) for _ in range(3)]

    assert [scan.values for scan in scans] == [(220.1, None, 49.98)] * 3
    assert [scan.flags for scan in scans] == ["NDN"] * 3
    assert scans[2].fault == f"meter {ADDRESS} does not give p02010200"
    assert meter.refused() == [
        RefusedPoint("feeder", "p02010200", 2, f"meter {ADDRESS} refuses: no such data"),
    ]
    assert meter.refused() == []
    assert there.asked.count("11 02010200") == 1


def test_a_dropped_item_is_probed_and_comes_back() -> None:
    """Every 600 s one thing given up is asked for behind the scan; what comes back is read again, blocks as well."""
    meter, clock = ready("02010100", "02010200", "02800002")
    there = SimulatedMeter(ADDRESS, without(VOLTAGES, "02010200"))
    line = SimulatedLine(there)
    meter.visit(line)
    meter.visit(line)
    clock.push(PROBE_S)
    there.asked.clear()
    meter.visit(line)
    assert len(there.asked) == 2 + 1
    there.items = dict(ITEMS)
    clock.push(PROBE_S)
    scans = [meter.visit(line) for _ in range(2)]

    assert scans[-1].values == (220.1, 220.2, 49.98)
    assert there.asked[-2:] == [f"11 {VOLTAGES}", "11 02800002"]


def test_restore_forgets_what_was_refused() -> None:
    """A replaced meter is asked for everything again; what is still refused is not told twice."""
    meter, _ = ready("02010100", "02010200")
    line = SimulatedLine(SimulatedMeter(ADDRESS, without(VOLTAGES, "02010200")))
    meter.visit(line)
    assert len(meter.refused()) == 1
    meter.restore()
    meter.visit(line)
    assert meter.refused() == []
    meter.restore()

    assert meter.visit(SimulatedLine(simulated())).values == (220.1, 220.2)


def test_a_point_is_told_again_only_after_it_had_come_back() -> None:
    """Given once more and refused once more is news."""
    meter, _ = ready("02800002")
    with_it, without_it = SimulatedLine(simulated()), SimulatedLine(SimulatedMeter(ADDRESS))
    meter.visit(without_it)
    meter.restore()
    meter.visit(with_it)
    meter.restore()
    meter.visit(without_it)

    assert [news.point for news in meter.refused()] == ["p02800002"] * 2


def test_another_error_is_unknown_for_this_visit_only() -> None:
    """Error bit 0 says nothing of the item: flag D, the reason in words, asked again at the next visit."""
    meter, _ = ready("02800002", "02030000")
    there = simulated(errors={"02800002": b"\x01"})
    line = SimulatedLine(there)
    scan = meter.visit(line)
    there.errors.clear()

    assert (scan.values, scan.flags) == ((None, -1.2345), "DN")
    assert scan.fault == f"meter {ADDRESS} refuses: other error"
    assert meter.visit(line).values == (49.98, -1.2345)
    assert meter.refused() == []


def test_a_meter_that_refuses_everything_has_answered() -> None:
    """Refusals are answers: a scan of unknowns with flag D, not an error, and one probe a visit from then on."""
    meter, _ = ready("02010100", "02010200", "02800002")
    there = SimulatedMeter(ADDRESS)
    line = SimulatedLine(there)
    scan = meter.visit(line)
    there.asked.clear()

    assert (scan.values, scan.flags) == ((None, None, None), "DDD")
    assert meter.visit(line).flags == "DDD"
    assert len(there.asked) == 1


def test_a_meter_that_refused_everything_is_back_at_once() -> None:
    """With nothing else to ask for, the probe goes first; when it is answered, all is read in the same visit."""
    meter, _ = ready("02800002", "02030000")
    there = SimulatedMeter(ADDRESS)
    line = SimulatedLine(there)
    meter.visit(line)
    there.items = dict(ITEMS)

    assert meter.visit(line).values == (49.98, -1.2345)


# --- sizes and parts -----------------------------------------------------------------------------


def test_an_answer_of_another_size_is_no_value() -> None:
    """A meter with other digits than the table's gives no number, and the fault names item and format."""
    meter, _ = ready("02020100", "02800002")
    there = SimulatedMeter(ADDRESS, ITEMS | {"02020100": digits("0150")})
    scan = meter.visit(SimulatedLine(there))

    assert (scan.values, scan.flags) == ((None, 49.98), "DN")
    assert scan.fault == f"meter {ADDRESS} answers 02020100 with 2 bytes, not 3: other format?"


def test_a_block_of_another_size_is_read_item_by_item() -> None:
    """Where a block is not what the table says, nothing is guessed from it."""
    meter, _ = ready("02010100", "02010300")
    there = SimulatedMeter(ADDRESS, ITEMS | {VOLTAGES: digits("2201") + b"\x00"})

    assert meter.visit(SimulatedLine(there)).values == (220.1, 220.3)


def test_a_block_that_lacks_a_member_is_read_item_by_item() -> None:
    """Three powers where the table has four: whether the total or phase C is missing cannot be seen."""
    meter, _ = ready("02030000", "02030100")
    phases = b"".join(digits(power) for power in ("010000", "020000", "030000"))
    items = {"0203FF00": phases, "02030000": digits("060000"), "02030100": digits("010000")}
    there = SimulatedMeter(ADDRESS, items)

    assert meter.visit(SimulatedLine(there)).values == (6.0, 1.0)
    assert there.asked == ["11 0203FF00", "11 02030000", "11 02030100"]


def test_an_open_block_with_half_an_item_is_read_item_by_item() -> None:
    """A block that ends in the middle of an item is laid out otherwise than the table says: not believed at all."""
    meter, _ = ready("00010000", "00010100")
    items = {"0001FF00": bytes(10), "00010000": digits("00000026"), "00010100": digits("00000010")}

    assert meter.visit(SimulatedLine(SimulatedMeter(ADDRESS, items))).values == (0.26, 0.1)


def test_items_with_digits_of_their_own_are_not_read_by_block() -> None:
    """Points with a longer format than the table's do not lie where the block has them."""
    own = [{"item": item, "format": "XXXX.XX"} for item in ("02010100", "02010200")]
    meter, _ = ready(*own)
    there = SimulatedMeter(ADDRESS, {"02010100": digits("022011"), "02010200": digits("022022")})

    assert meter.visit(SimulatedLine(there)).values == (220.11, 220.22)
    assert there.asked == ["11 02010100", "11 02010200"]


@pytest.mark.parametrize("tariffs", [4, 12, 63])
def test_an_open_block_has_as_many_tariffs_as_the_meter(tariffs: int) -> None:
    """Total and tariffs come with one request, however many the meter has."""
    block = b"".join(digits(f"{1000 + tariff:08}") for tariff in range(tariffs + 1))
    meter, _ = ready("00010000", "00010100", "00010400")
    there = SimulatedMeter(ADDRESS, {"0001FF00": block})

    assert meter.visit(SimulatedLine(there)).values == (10.0, 10.01, 10.04)
    assert there.asked == ["11 0001FF00"]


def test_what_follows_is_fetched_part_by_part() -> None:
    """With the more-bit set, 12H asks for part 1, 2 … until all that is wanted is there."""
    block = b"".join(digits(f"{1000 + tariff:08}") for tariff in range(64))
    meter, _ = ready("00010000", "00012000", "00013F00")
    there = SimulatedMeter(ADDRESS, {"0001FF00": block}, part_bytes=90)

    assert meter.visit(SimulatedLine(there)).values == (10.0, 10.32, 10.63)
    assert there.asked == ["11 0001FF00", "12 0001FF00", "12 0001FF00"]


def test_what_follows_in_1997_has_no_number() -> None:
    """02H asks for what follows by the identifier alone."""
    meter, _ = ready("9010", protocol="dlt645-1997")
    line = SimulatedLine(simulated())
    line.script.append(lambda _: framed(ADDRESS, 0xA1, digits("9010") + b"\x26\x00"))
    line.script.append(lambda _: framed(ADDRESS, 0x82, digits("9010") + b"\x01\x00"))

    assert meter.visit(line).values == (100.26,)


def test_parts_without_end_are_given_up() -> None:
    """A meter that always says "more" and never brings it costs a bounded number of requests."""
    meter, _ = ready("02800002", "02030000")
    line = SimulatedLine(simulated())
    item = digits("02800002")
    line.script.append(lambda _: framed(ADDRESS, 0xB1, item))
    line.script.extend([lambda sent: framed(ADDRESS, 0xB2, item + bytes([(sent[18] - 0x33) % 256]))] * 8)
    scan = meter.visit(line)

    assert (scan.values, scan.flags) == ((None, -1.2345), "DN")
    assert len(line.sent) == 1 + 8 + 1


def test_a_part_out_of_turn_is_not_taken() -> None:
    """A repeated part 1 is not part 2."""
    block = b"".join(digits(f"{1000 + tariff:08}") for tariff in range(64))
    meter, _ = ready("00010000", "00013F00")
    there = SimulatedMeter(ADDRESS, {"0001FF00": block}, part_bytes=90)
    line = SimulatedLine(there)
    again = framed(ADDRESS, 0xB2, digits("0001FF00") + block[90:180] + b"\x01")
    line.script.extend([lambda answer: answer, lambda answer: answer, lambda _: again])
    with pytest.raises(NoAnswer):
        meter.visit(line)

    assert meter.tally.strays == 1


# --- lines that lie ------------------------------------------------------------------------------


def test_a_dead_meter_costs_one_request() -> None:
    """Nothing came at all: the error is raised after the first time-out."""
    meter, _ = ready("02010100", "02010200", "02800002", "02030000")
    line = SimulatedLine(simulated(dead=True))
    with pytest.raises(NoAnswer, match=f"no answer from meter {ADDRESS}"):
        meter.visit(line)

    assert len(line.sent) == 1
    assert meter.tally.timeouts == 1


def test_a_meter_that_dies_keeps_what_it_had_said() -> None:
    """Silence in the middle ends the visit; what was read is kept, the rest is flag B."""
    meter, _ = ready("02800002", "02030000", "04000501")
    line = SimulatedLine(simulated())
    line.script.extend([lambda answer: answer, lambda _: b""])
    scan = meter.visit(line)

    assert (scan.values, scan.flags) == ((49.98, None, None), "NBB")
    assert scan.fault == f"no answer from meter {ADDRESS}"
    assert len(line.sent) == 2


def test_a_disturbed_answer_costs_its_own_values_only() -> None:
    """A checksum error is flag B for its points, and the visit goes on."""
    meter, _ = ready("02800002", "02030000")
    line = SimulatedLine(simulated())
    line.script.append(lambda answer: answer.replace(b"\xcb", b"\xca"))
    scan = meter.visit(line)

    assert (scan.values, scan.flags) == ((None, -1.2345), "BN")
    assert scan.fault == f"checksum error from meter {ADDRESS}"


def test_noise_that_took_a_whole_time_out_ends_the_visit() -> None:
    """A meter whose line brings nothing but noise costs the others no more than a silent one."""
    meter, clock = ready("02800002", "02030000", "04000501")
    line = SimulatedLine(simulated())

    def slow_noise(_: bytes) -> bytes:
        clock.push(0.5)
        return b"\x00\x01"

    line.script.extend([lambda answer: answer, slow_noise])
    scan = meter.visit(line)

    assert (scan.flags, len(line.sent)) == ("NBB", 2)


def test_answers_of_others_and_late_ones_are_never_values() -> None:
    """Another meter's answer, a late one to another item, our echo: dropped and counted, the right one is taken."""
    meter, _ = ready("02800002", "02030000")
    line = SimulatedLine(simulated())
    foreign = framed(OTHER, 0x91, digits("02800002") + digits("5100"))
    late = framed(ADDRESS, 0x91, digits("02800002") + digits("5200"))
    line.script.extend([lambda answer: foreign + answer, lambda answer: late + answer])
    scan = meter.visit(line)

    assert (scan.values, scan.flags) == ((49.98, -1.2345), "NN")
    assert meter.tally.strays == 2


def test_only_foreign_answers_are_no_answer() -> None:
    """Where nothing but another meter's frame comes, there is no value."""
    meter, _ = ready("02800002")
    line = SimulatedLine(simulated())
    line.script.append(lambda _: framed(OTHER, 0x91, digits("02800002") + digits("5100")))
    with pytest.raises(NoAnswer):
        meter.visit(line)


def test_a_meter_that_is_silent_to_blocks_is_read_item_by_item() -> None:
    """Some meters do not refuse a block, they ignore it: from the second visit on its items are read."""
    meter, _ = ready("02010100", "02010200", "02800002")
    there = simulated(mute={VOLTAGES})
    line = SimulatedLine(there)
    with pytest.raises(NoAnswer):
        meter.visit(line)
    scans = [meter.visit(line) for _ in range(2)]

    assert [scan.flags for scan in scans] == ["BBN", "NNN"]
    assert there.asked.count(f"11 {VOLTAGES}") == 2
    assert meter.refused() == []


def test_an_item_met_with_silence_is_dropped_at_last() -> None:
    """What the meter ignores is asked last, costs no other value, and is dropped after a few visits."""
    meter, _ = ready("02800002", "02030000", "04000501")
    there = simulated(mute={"02800002"})
    line = SimulatedLine(there)
    with pytest.raises(NoAnswer):
        meter.visit(line)
    scans = [meter.visit(line) for _ in range(MOST_SILENCES + 1)]

    assert [scan.flags for scan in scans] == ["BNN"] * (MOST_SILENCES - 1) + ["DNN"] * 2
    assert there.asked.count("11 02800002") == 1 + MOST_SILENCES
    assert meter.refused() == [
        RefusedPoint("feeder", "p02800002", 0, f"meter {ADDRESS} is silent when asked for 02800002")
    ]


def test_an_item_answered_before_is_not_dropped_for_silence() -> None:
    """One time-out more or less teaches nothing of an item the meter is known to have."""
    meter, _ = ready("02800002", "02030000")
    there = simulated()
    line = SimulatedLine(there)
    meter.visit(line)
    there.mute = {"02030000"}
    flags = [meter.visit(line).flags for _ in range(5)]

    assert flags == ["NB"] * 5
    assert meter.refused() == []


# --- whom we ask ---------------------------------------------------------------------------------


def test_anybody_may_be_asked_on_a_line_of_one() -> None:
    """With the wildcard the only meter answers, and its own address stands in the words."""
    meter, _ = ready("02800002", "02030000", address="AAAAAAAAAAAA")
    scan = meter.visit(SimulatedLine(SimulatedMeter(ADDRESS, without("02030000"))))

    assert (scan.values, scan.flags) == ((49.98, None), "ND")
    assert scan.fault == f"meter {ADDRESS} (asked as AAAAAAAAAAAA) does not give p02030000"


def test_two_meters_are_never_one_scan() -> None:
    """Values of two meters that answer the same wildcard are not mixed within a visit."""
    meter, _ = ready("02800002", "02030000", address="AAAAAAAAAAAA")
    line = SimulatedLine(simulated())
    line.script.append(lambda _: framed(OTHER, 0x91, digits("02800002") + digits("5100")))
    scan = meter.visit(line)

    assert (scan.values, scan.flags) == ((51.0, None), "NB")
    assert scan.fault == f"meters {OTHER} and {ADDRESS} both answer AAAAAAAAAAAA: give the address"


def test_short_addresses_are_filled_with_zeros() -> None:
    """An address is written as printed; leading zeros may be left out."""
    meter, _ = ready("02800002", address="161")

    assert meter.visit(SimulatedLine(simulated())).values == (49.98,)


@pytest.mark.parametrize(
    ("wanted", "spec", "error", "words"),
    [
        (["E1000017"], {}, BadItem, "no item E1000017 in dlt645-2007: give its format"),
        (["B611"], {}, BadItem, "no item B611 in dlt645-2007"),
        (["02010100"], {"protocol": "dlt645-1997"}, BadItem, "no item 02010100 in dlt645-1997"),
        ([{"item": "02010100"}, {"item": "02010100", "format": "XXXX.XX"}], {}, BadItem, "formats of different size"),
        (["02010100"], {"address": "999999999999"}, BadRequest, "broadcast"),
    ],
)
def test_what_can_never_be_read_is_refused_at_birth(
    wanted: list[Any], spec: dict[str, str], error: type[Exception], words: str
) -> None:
    """A site file that asks for the impossible is told so before anything is sent."""
    with pytest.raises(error, match=words):
        ready(*wanted, **spec)


def test_only_reads_leave_the_meter() -> None:
    """All that was sent in a visit with refusals and parts are reading requests to this meter."""
    meter, _ = ready("00010000", "00013F00", "02010100", "02010200", "04000501")
    block = bytes(256)
    line = SimulatedLine(SimulatedMeter(ADDRESS, without(VOLTAGES) | {"0001FF00": block}, part_bytes=90))
    meter.visit(line)

    sent = [find(frame) for frame in line.sent]
    assert len(sent) == 7
    assert all(isinstance(found, Sound) and found.frame.control in (0x11, 0x12) for found in sent)


# --- anything at all -----------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=60), max_size=12), st.lists(st.booleans(), max_size=12))
def test_whatever_comes_a_value_is_the_meters_or_none(noises: list[bytes], keeps: list[bool]) -> None:
    """With any rubbish before, behind or instead of answers, each value is the right one or unknown with a flag."""
    meter, _ = ready("02010100", "02010300", "02800002", "02030000")
    line = SimulatedLine(simulated())
    right = (220.1, 220.3, 49.98, -1.2345)
    for noise, keep in zip(noises, keeps, strict=False):
        line.script.append(lambda answer, noise=noise, keep=keep: noise + (answer if keep else b""))  # type: ignore[misc]
    for _ in range(3):
        try:
            scan = meter.visit(line)
        except (NoAnswer, BadFrame):
            continue
        for value, flag, wanted in zip(scan.values, scan.flags, right, strict=True):
            assert (value, flag) == (wanted, "N") or (value is None and flag in "BD")


@pytest.mark.parametrize("baudrate", [1200, 2400, 9600, 115200])
@pytest.mark.parametrize("delay_s", [0.02, 0.1, 0.5])
def test_a_block_is_never_dearer_than_two_of_its_items(baudrate: int, delay_s: float) -> None:
    """The arithmetic behind "two are enough", for every block, at every speed (five members of an open block)."""
    char_s = LineSettings(baudrate, 8, "E", 1).char_s
    for di in ("02010100", "02020100", "02030000", "02060000", "04000501", "00010000", "01010000"):
        block, item = block_of(di), lookup(di)
        assert block is not None
        assert item is not None
        members = 5 if block.is_open else len(block.members)
        together = delay_s + (20 + 20 + members * block.size) * char_s
        apart = 2 * (delay_s + (20 + 20 + item.size) * char_s)

        assert together < apart
