"""Lines, protocols and addresses: what cannot be, what is odd, and what the drivers are told."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest

from drivers.spec import FactorSpec, ItemSpec, LineSettings, SerialBusSpec, TcpBusSpec
from tests.config.plants import FACTOR, HEAD, ITEM, REGISTER, analyzer, device, host, line, loaded, meter
from tests.config.sites import marked_lines, problems_of

if TYPE_CHECKING:
    from pathlib import Path

UNIT = "address = 3"

MISTAKES: dict[str, tuple[str, tuple[str, ...]]] = {
    # --- ports and hosts
    "relative port": (line('port = "ttyUSB0" #!'), ("port: not the path of a port", "/dev/serial/by-path/")),
    "port of Windows": (line('port = "COM3" #!'), ("not the path of a port",)),
    "one port twice": (
        line() + line('port = "/dev/serial/by-path/line1" #!', name="line2"),
        ('port: bus "line1" has it (line ', "may differ in protocol, baudrate and parity"),
    ),
    "one port listened on twice": (
        host("listen = true", "port = 7000") + host("listen = true", "port = 7000 #!", name="other"),
        ('port: bus "line1" has it',),
    ),
    "no port": (line().replace('port = "/dev/serial/by-path/line1"\n', "").replace("[[bus]]", "[[bus]] #!"), ("port",)),
    "direction": (line('direction = "rs485" #!'), ("direction: not a choice", "adapter, rts")),
    "baudrate": (line("baudrate = 200 #!"), ("baudrate: too small",)),
    "parity": (line('parity = "even" #!'), ("parity: not a choice",)),
    # --- who can be where
    "a line's meter on a Modbus host": (
        host() + meter('protocol = "dlt645-2007" #!').replace('parity = "E"\n', ""),
        ("protocol: dlt645-2007 needs a line", 'framing = "rtu"'),
    ),
    "a meter that waits": (
        host("listen = true") + meter().replace('bus = "line1"', 'bus = "line1" #!').replace('parity = "E"\n', ""),
        ("waits for instruments to connect", "leave listen out"),
    ),
    "asked and sending": (
        line() + device(UNIT) + analyzer().replace('bus = "line1"', 'bus = "line1" #!'),
        ('device "cems" sends by itself, and device "m1" is asked', "a bus of its own"),
    ),
    "sending and asked, the others not told again": (
        line()
        + analyzer()
        + device(UNIT).replace('bus = "line1"', 'bus = "line1" #!')
        + device("address = 4", name="m2"),
        ("sends by itself",),
    ),
    "settings on a tcp bus": (
        host('framing = "rtu"') + meter('parity = "E" #!'),
        ("parity: has no meaning on a tcp bus",),
    ),
    # --- line settings
    "seven bits on the line": (
        line("bytesize = 7 #!") + device(UNIT) + device("address = 4", name="m2"),
        ('bytesize: device "m1" on it speaks Modbus RTU, which needs 8 data bits', "(7)"),
    ),
    "seven bits in a device": (line() + device(UNIT, "bytesize = 7 #!"), ("bytesize: Modbus RTU needs 8",)),
    "seven bits in a meter": (line() + meter("bytesize = 7 #!"), ("dlt645-2007 needs 8 data bits",)),
    "seven bits of HJ 212": (line("bytesize = 7 #!") + analyzer(), ("hj212, which needs 8",)),
    "two settings at once": (
        line()
        + analyzer("baudrate = 9600")
        + analyzer("baudrate = 19200 #!", 'address = "010000A8900016F000169DC1"', name="b"),
        ("baudrate: ", "sends at 9600 8N1, this one at 19200 8N1"),
    ),
    # --- addresses
    "a unit beyond the line": (line() + device("address = 248 #!"), ("no unit number (248)", "1 to 247 on a line")),
    "a broadcast": (line() + device("address = 0 #!"), ("no unit number (0)",)),
    "an ASCII unit beyond": (line() + device("address = 255 #!", 'protocol = "modbus-ascii"'), ("1 to 247",)),
    "one unit twice": (line() + device(UNIT) + device("address = 3 #!", name="m2"), ('device "m1" on the same bus',)),
    "one meter twice": (
        line() + meter() + meter('address = "012345678901" #!', name="e2"),
        ("on the same bus has it",),
    ),
    "a meter without zeros": (
        line() + meter('address = "12345678901" #!'),
        ("a text of 12 digits", 'write address = "012345678901"'),
    ),
    "a meter as a number": (line() + meter("address = 345678901 #!"), ('write address = "000345678901"',)),
    "a meter with spaces": (line() + meter('address = "01 2345 678901" #!'), ('write address = "012345678901"',)),
    "a meter with letters": (line() + meter('address = "01234567890B" #!'), ("a text of 12 digits", "printed")),
    "a meter too long": (line() + meter('address = "0123456789012" #!'), ("a text of 12 digits",)),
    "all meters": (line() + meter('address = "999999999999" #!'), ("the broadcast",)),
    "any meter, small letters": (line() + meter('address = "aaaaaaaaaaaa" #!'), ('write address = "AAAAAAAAAAAA"',)),
    "any meter, and another": (
        line() + meter('address = "AAAAAAAAAAAA" #!') + meter(name="e2"),
        ("every meter on the line answers to it", 'device "e2"'),
    ),
    "an MN as a number": (line() + analyzer("address = 88888880000001 #!"), ('write address = "88888880000001"',)),
    "an MN with a sign": (line() + analyzer('address = "0100-00" #!'), ("not an MN", "24 digits")),
    "an MN too long": (line() + analyzer(f'address = "{"A" * 25}" #!'), ("not an MN",)),
    "an address beyond all": (line() + device(f"address = {10**18} #!"), ("address: not an address",)),
    # --- times
    "an answer in two hours": (line() + device(UNIT, 'timeout = "2h" #!'), ("timeout: too long", 'at most "1m"')),
    "a silence of half a second": (line() + analyzer('timeout = "500ms" #!'), ("too short for one that sends",)),
    "turnaround": (line() + device(UNIT, 'turnaround = "1m" #!'), ("turnaround: too long", 'at most "10s"')),
    # --- points
    "an item of the other edition": (
        line() + meter(points=ITEM.replace('"02010100"', '"B611" #!')),
        ("an identifier of dlt645-2007 has 8 digits", "4 digits are dlt645-1997"),
    ),
    "an item nobody knows": (
        line() + meter(points=ITEM.replace('"02010100"', '"0E010100" #!')),
        ("item: the tables do not have it", "format ="),
    ),
    "a block": (line() + meter(points=ITEM.replace('"02010100"', '"0201FF00" #!')), ("item: a whole block",)),
    "no identifier": (line() + meter(points=ITEM.replace('"02010100"', '"0201010" #!')), ("item: has the wrong form",)),
    "no format": (line() + meter(points=ITEM + 'format = "999.9" #!\n'), ("format: not the form of a value",)),
    "the scale of a time": (
        line() + meter(points=ITEM.replace("02010100", "04000102") + "scale = 2.0 #!\n"),
        ("scale: has no meaning for text",),
    ),
    "a register in a meter": (line() + meter(points=ITEM + "at = 3 #!\n"), ('unknown key "at"',)),
    "no item": (
        line() + meter(points=ITEM.replace('item = "02010100"\n', "").replace("]]", "]] #!")),
        ('needs the key "item"',),
    ),
    "a factor that is none": (
        line() + analyzer(points=FACTOR.replace('"a21026"', '"a21026-Rtd" #!')),
        ("factor: has",),
    ),
    "two uploads": (
        line() + analyzer(points=FACTOR + FACTOR.replace("so2", "mean") + 'field = "Avg" #!\n'),
        ("field: Avg comes with CN 2051, and Rtd of", "with the same MN"),
    ),
    "no such upload": (line() + analyzer(points=FACTOR + 'field = "week:Avg" #!\n'), ("real, minute, hour, day",)),
    "ascii without a model": (
        line() + device(UNIT, 'protocol = "ascii" #!', points='[[device.point]]\nname = "a"\nfield = "a"\n'),
        ("ascii needs a model",),
    ),
    "points without a model": (line() + device(UNIT, 'points = ["power"] #!'), ("the device has none",)),
    "limit on a text": (
        line()
        + meter(points=ITEM.replace("02010100", "04000102"))
        + '[[limit]]\npoint = "e1.voltage_a" #!\nhigh = 3.0\ndeadband = 1.0\n',
        ("a limit needs a number, and this is text",),
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_cannot_be_is_one_mistake_on_its_line(tmp_path: Path, name: str) -> None:
    """An impossible line, address or point gives one message: the marked line, what is wrong, what to write."""
    text, words = MISTAKES[name]

    problems = problems_of(tmp_path, HEAD + text)

    assert [problem.line for problem in problems] == marked_lines(HEAD + text), [str(one) for one in problems]
    assert all(word in str(problems[0]) for word in words), str(problems[0])
    assert problems[0].hint


SOUND: dict[str, str] = {
    "every protocol on one line": line()
    + device(UNIT)
    + device(UNIT.replace("3", "4"), 'protocol = "modbus-ascii"', "bytesize = 7", 'parity = "E"', name="m2")
    + meter("baudrate = 2400")
    + meter('protocol = "dlt645-1997"', 'address = "000000000001"', name="e2", points=ITEM.replace("02010100", "B611")),
    "one number in two protocols": line()
    + device("address = 111")
    + meter('address = "000000000111"')
    + meter('address = "AAAAAAAAAAAA"', name="any").replace("line1", "line2")
    + line(name="line2"),
    "any meter beside Modbus": line() + device(UNIT) + meter('address = "AAAAAAAAAAAA"'),
    "a server that passes bytes": host('framing = "rtu"')
    + device(UNIT)
    + meter().replace('parity = "E"\n', "")
    + device("address = 5", 'protocol = "modbus-ascii"', name="m2"),
    "an instrument that connects": host("listen = true", "port = 7000") + analyzer(),
    "one we connect to": host("port = 7000") + analyzer(),
    "two on one line": line() + analyzer() + analyzer('address = "010000A8900016F000169DC1"', name="other"),
    "two uploads of one instrument": line()
    + analyzer()
    + analyzer(name="cems-hours", points=FACTOR + 'field = "hour:Avg"\n'),
    "a field of any upload": line() + analyzer(points=FACTOR + FACTOR.replace("so2", "flag") + 'field = "Flag"\n'),
    "an item with a form of its own": line() + meter(points=ITEM.replace("02010100", "0E010100") + 'format = "XX.X"\n'),
    "a silence of two hours": line() + analyzer('timeout = "2h"'),
}


@pytest.mark.parametrize("name", SOUND)
def test_what_can_be_draws_no_remark(tmp_path: Path, name: str) -> None:
    """Mixed lines, serial servers, instruments that connect by themselves."""
    assert loaded(tmp_path, HEAD + SOUND[name]).notices == ()


ODD: dict[str, tuple[str, str]] = {
    "a meter without parity": (line() + meter('parity = "N"'), 'DL/T 645 meters have even parity: parity = "E"'),
    "a name that wanders": (line('port = "/dev/ttyUSB0"') + device(UNIT), "may be another adapter after a restart"),
    "a strange baudrate": (line("baudrate = 9601") + device(UNIT), "9601 is an unusual baudrate"),
    "poll of a sender": (line() + analyzer('poll = "5s"'), "poll has no meaning, it sends by itself"),
    "a short MN": (line() + analyzer('address = "88888880000001"'), "its MN is not of 24 digits"),
    "a maker's field": (line() + analyzer(points=FACTOR + 'field = "rtd"\n'), 'HJ 212 has no field "rtd"'),
    "an idle line": (line(), 'bus "line1": no device uses it'),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_is_said_and_does_not_stop_the_box(tmp_path: Path, name: str) -> None:
    """A remark, once."""
    text, words = ODD[name]

    assert sum(words in notice for notice in loaded(tmp_path, HEAD + text).notices) == 1


def test_a_line_and_its_devices_become_what_the_drivers_are_told(tmp_path: Path) -> None:
    """Settings of a device go before those of its line; the standard's table gives a point its form and unit."""
    text = line("baudrate = 19200", 'direction = "rts"', "echo = true") + device(UNIT, 'turnaround = "20ms"')

    site = loaded(tmp_path, HEAD + text + meter("baudrate = 2400", 'timeout = "1s"'))

    assert site.buses == (
        SerialBusSpec(
            name="line1",
            port="/dev/serial/by-path/line1",
            settings=LineSettings(19200, 8, "N", 1),
            direction="rts",
            echo=True,
        ),
    )
    rtu, dlt = (one.spec for one in site.devices)
    assert (rtu.settings, rtu.turnaround_s, rtu.timeout_s) == (LineSettings(19200), 0.02, 0.5)
    assert (dlt.settings, dlt.turnaround_s, dlt.timeout_s) == (LineSettings(2400, 8, "E", 1), 0.0, 1.0)
    assert dlt.address == "012345678901"
    assert dlt.points == (ItemSpec(name="voltage_a", item="02010100", format="XXX.X", signed=False, unit="V"),)
    assert site.devices[1].info[0].unit == "V"


def test_a_sender_is_told_how_long_it_may_be_silent(tmp_path: Path) -> None:
    """Three minutes unless written; there is nothing to poll, and the factor is the point's code."""
    site = loaded(tmp_path, HEAD + host("listen = true", "port = 7000") + analyzer('report = "on-scan"'))

    (bus,), (cems,) = site.buses, site.devices
    assert bus == TcpBusSpec(name="line1", host="192.168.10.5", port=7000, framing="tcp", listen=True)
    assert cems.spec.points == (FactorSpec(name="so2", factor="a21026", unit="mg/m3"),)
    assert (cems.spec.sends, cems.spec.timeout_s, cems.poll_s) == (True, 180.0, 180.0)
    assert cems.spec.settings is None
    assert cems.info[0].code == "a21026"


def test_secondary_values_of_a_meter_are_multiplied_by_the_unit_of_the_table(tmp_path: Path) -> None:
    """Voltage by pt, energy by both, although the file says no unit."""
    points = ITEM + ITEM.replace("voltage_a", "energy").replace("02010100", "00010000")

    site = loaded(tmp_path, HEAD + line() + meter("ct = 40.0", "pt = 100.0", points=points))

    assert [point.scale for point in site.devices[0].spec.points] == [100.0, 4000.0]


def test_texts_of_a_telegram_are_no_numbers(tmp_path: Path) -> None:
    """The time of a meter, the flag of a factor, and what the file calls a text."""
    times = ITEM.replace("voltage_a", "time").replace("02010100", "04000102")
    serial = ITEM.replace("voltage_a", "model").replace("02010100", "0E000001") + 'format = "NNNN"\n'
    flag = FACTOR.replace("so2", "flag") + 'field = "Flag"\n'
    text = FACTOR.replace("so2", "info") + 'field = "Info"\ntype = "text"\n'
    lines = line() + line(name="line2") + meter(points=ITEM + times + serial)

    site = loaded(tmp_path, HEAD + lines + analyzer(points=FACTOR + flag + text).replace('"line1"', '"line2"'))

    assert [point.is_number for one in site.devices for point in one.spec.points] == [True, False, False] * 2


def test_a_site_of_every_protocol_can_be_handed_to_another_process(tmp_path: Path) -> None:
    """The child that reads the file gives the site back whole."""
    site = loaded(tmp_path, HEAD + SOUND["every protocol on one line"] + line(name="line2"))

    assert pickle.loads(pickle.dumps(site)) == site


def test_a_wrong_protocol_is_the_only_mistake(tmp_path: Path) -> None:
    """The points' own keys tell how to read them meanwhile."""
    text = HEAD + line() + meter('protocol = "dlt645" #!') + analyzer('protocol = "hj-212" #!') + device(UNIT)

    assert [problem.line for problem in problems_of(tmp_path, text)] == marked_lines(text)


def test_meaning_says_where_a_value_comes_from(tmp_path: Path) -> None:
    """The line's port, the item with its form, the factor; not how fast the line is."""
    text = HEAD + line() + line(name="line2") + meter() + analyzer().replace('"line1"', '"line2"')
    meaning = loaded(tmp_path, text).meaning["devices"]

    assert meaning["e1"]["bus"] == {"type": "serial", "port": "/dev/serial/by-path/line1"}
    assert meaning["e1"]["points"]["voltage_a"] == {
        "item": "02010100",
        "format": "XXX.X",
        "signed": False,
        "scale": 1.0,
        "offset": 0.0,
        "unit": "V",
    }
    assert meaning["cems"]["points"]["so2"]["factor"] == "a21026"
    assert "poll_s" not in meaning["cems"]
    assert loaded(tmp_path, text.replace('type = "serial"', 'type = "serial"\nbaudrate = 2400')).meaning["devices"] == (
        meaning
    )


def test_a_form_written_out_that_the_table_has_means_the_same(tmp_path: Path) -> None:
    """What the standard says need not be written, and may be."""
    whole = ITEM + 'format = "XXX.X"\nsigned = false\nunit = "V"\n'

    short, long = (loaded(tmp_path, HEAD + line() + meter(points=points)).meaning for points in (ITEM, whole))

    assert short == long


def test_the_register_of_a_device_on_a_line_is_a_register_as_ever(tmp_path: Path) -> None:
    """The same point means the same wherever the device is."""
    sites = [loaded(tmp_path, HEAD + bus + device(UNIT, points=REGISTER)) for bus in (host(), line())]

    assert sites[0].devices[0].spec.points == sites[1].devices[0].spec.points
