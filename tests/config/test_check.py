"""Every rule of a site file: what is wrong, on which line, and what the person is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config.load import load
from tests.config.sites import MARK, marked_lines, problems_of, site

if TYPE_CHECKING:
    from pathlib import Path

POINT, DEVICE, BUS, LIMIT = "[[device.point]]", "[[device]]", "[[bus]]", "[[limit]]"
GATEWAY, MQTT, BUFFER = "[gateway]", "[uplink.mqtt]", "[buffer]"

TCP_DEVICE = '[[device]]\nname = "press"\nbus = "dcs"\naddress = 2\n'
A_POINT = '[[device.point]]\nname = "power"\nregister = "holding"\nat = 0\ntype = "uint16"\n'
SECOND = TCP_DEVICE + A_POINT
FACILITY = '[[facility]]\nname = "press"\nrole = "production"\npower = "boiler.load"\nrated = 45.0\n'
TREATMENT = FACILITY.replace('"press"', '"fan"').replace('"production"', '"treatment"')
LINE = FACILITY + TREATMENT + '[[line]]\nname = "a"\nproduction = ["press"]\ntreatment = ["fan"]\n'
OUTLET = '[[outlet]]\nname = "stack"\nmedium = "air"\n'

Case = tuple[dict[str, list[str]], str, tuple[str, ...]]
"""Changed lines by table, text behind it, and words that the one message must have."""

CASES: dict[str, Case] = {
    # --- keys, types, choices
    "unknown table": ({}, "[limits] #!\nhigh = 3\n", ("unknown table", 'did you mean "limit"?')),
    "point outside a device": ({}, '[[point]] #!\nname = "x"\n', ("[[device.point]] under its [[device]]",)),
    "mqtt outside uplink": ({}, '[mqtt] #!\nurl = "x"\n', ("write [uplink.mqtt]",)),
    "unknown uplink": ({}, "[uplink.hj212] #!\nx = 1\n", ('unknown key "hj212"',)),
    "unknown key": ({DEVICE: ['timout = "1s" #!']}, "", ('unknown key "timout" ("1s")', 'did you mean "timeout"?')),
    "key of another program": ({DEVICE: ["slave_id = 1 #!"]}, "", ('did you mean "address"?',)),
    "unknown key without a neighbour": ({BUFFER: ["zzz = 1 #!"]}, "", ("known keys: allow_volatile, commit_every",)),
    "password as a value": ({MQTT: ['password = "hunter2" #!']}, "", ("(not shown)", 'did you mean "password_file"?')),
    "text for a number": ({POINT: ['at = "100" #!']}, "", ("at: must be a whole number", '("100")', "without quotes")),
    "number for a text": ({POINT: ["unit = 5 #!"]}, "", ("unit: must be a text (5)", "in quotes")),
    "boolean for a number": ({POINT: ["scale = true #!"]}, "", ("scale: must be a number (true)",)),
    "fraction for a whole number": ({POINT: ["at = 100.0 #!"]}, "", ("at: must be a whole number",)),
    "text for a boolean": ({BUFFER: ['allow_volatile = "yes" #!']}, "", ("must be true or false",)),
    "not a number": ({POINT: ["scale = nan #!"]}, "", ("scale: must be a finite number",)),
    "infinite": ({LIMIT: ["high = inf #!"]}, "", ("high: must be a finite number",)),
    "number beyond readings": ({LIMIT: ["high = 1e300 #!"]}, "", ("high: not a number that a reading can reach",)),
    "list for a text": ({GATEWAY: ['id = ["a"] #!']}, "", ('id: must be a text (["a"])',)),
    "text for a list": ({POINT: ['unavailable = "0xFFFF" #!']}, "", ("unavailable: must be a list",)),
    "wrong choice": ({GATEWAY: ['language = "cn" #!']}, "", ("language: not a choice", "one of: en, zh")),
    "wrong case": ({POINT: ['register = "Holding" #!']}, "", ('write "holding"',)),
    "near choice": ({POINT: ['register = "holdng" #!']}, "", ('did you mean "holding"?',)),
    "table for tables": ({}, "[facility] #!\n", ("double brackets", "write [[facility]]")),
    "tables for a table": ({BUFFER: ["-"]}, '[[buffer]]  #!\nkeep = "1d"\n', ("must be a table", "write [buffer]")),
    "no gateway": ({GATEWAY: ["-"]}, "", ("needs the table [gateway]",)),
    "missing key": ({BUS: ["-host", MARK]}, "", ('needs the key "host"', "192.168.10.5")),
    "missing address": ({DEVICE: ["-address", MARK]}, "", ('needs the key "address"',)),
    "missing type": ({POINT: ["-type", MARK]}, "", ('needs the key "type"',)),
    # --- names, texts, times
    "gateway id": ({GATEWAY: ['id = "JN 0417" #!']}, "", ("id: not a name", 'such as "jn-0417"')),
    "gateway id too long": ({GATEWAY: [f'id = "{"a" * 33}" #!']}, "", ("1 to 32 characters",)),
    "point name not ASCII": ({POINT: ['name = "负荷" #!'], LIMIT: ["-"]}, "", ("name: not a name", "a-z 0-9 _ -")),
    "label language": ({POINT: ['label = { zh = "x", eng = "y" } #!']}, "", ('"eng"', 'did you mean "en"?')),
    "label empty": ({POINT: ['label = "" #!']}, "", ("label: the zh text is empty",)),
    "time zone": ({GATEWAY: ['timezone = "Asia/Shangai" #!']}, "", ('did you mean "Asia/Shanghai"?',)),
    "time zone unknown": ({GATEWAY: ['timezone = "China" #!']}, "", ("unknown time zone",)),
    "duration without unit": ({DEVICE: ["poll = 5 #!"]}, "", ('write "5s"',)),
    "duration with words": ({DEVICE: ['poll = "5 sec" #!']}, "", ('poll: not a duration ("5 sec")', 'write "5s"')),
    "duration sum": ({DEVICE: ['poll = "1h30m" #!']}, "", ("poll: not a duration", '"250ms"')),
    "duration too short": ({DEVICE: ['poll = "5ms" #!']}, "", ("poll: too short", 'at least "10ms"')),
    "duration too long": ({DEVICE: ['timeout = "2h" #!']}, "", ("timeout: too long", 'at most "1m"')),
    "size unit": ({BUFFER: ['max_size = "512MB" #!']}, "", ("max_size: not a size", 'write "512MiB"')),
    "size too small": ({BUFFER: ['max_size = "1MiB" #!']}, "", ("max_size: too small", 'at least "4MiB"')),
    "size a number": ({BUFFER: ["max_size = 4096 #!"]}, "", ("max_size: must be a size",)),
    # --- uplink
    "url scheme": ({MQTT: ['url = "tcp://h:1883" #!']}, "", ("mqtt:// or mqtts://", "write mqtt://…")),
    "url port": ({MQTT: ['url = "mqtt://h:99999" #!']}, "", ("ports are 1 to 65535",)),
    "url host": ({MQTT: ['url = "mqtt://:1883" #!']}, "", ("has no host",)),
    "url path": ({MQTT: ['url = "mqtt://h:1883/topic" #!']}, "", ("path behind the port", "prefix")),
    "url with a password": (
        {MQTT: ['url = "mqtt://me:hunter2@h" #!']},
        "",
        ("secret is never a value", "password_file"),
    ),
    "prefix wildcard": ({MQTT: ['prefix = "plant/#" #!']}, "", ("prefix: has a wildcard",)),
    "prefix dollar": ({MQTT: ['prefix = "$SYS" #!']}, "", ("prefix: has a wildcard or $",)),
    "prefix empty level": ({MQTT: ['prefix = "/plant" #!']}, "", ("prefix: has an empty level",)),
    "ack by platform": ({MQTT: ['ack = "platform" #!']}, "", ("this version", 'write ack = "broker"')),
    "keepalive": ({MQTT: ['keepalive = "20h" #!']}, "", ("keepalive: too long",)),
    # --- buses and devices
    "bus type": ({BUS: ['type = "udp" #!']}, "", ("type: not a choice", "serial, tcp")),
    "bus host with port": ({BUS: ['host = "10.0.0.5:502" #!']}, "", ("host: not a host", "port has a key of its own")),
    "bus host no address": ({BUS: ['host = "192.168.10.500" #!']}, "", ("host: not a host",)),
    "bus host as url": ({BUS: ['host = "tcp://10.0.0.5" #!']}, "", ("a host name or address alone",)),
    "bus port": ({BUS: ["port = 70000 #!"]}, "", ("port: too large (70000)", "at most 65535")),
    "bus that waits": (
        {BUS: ["listen = true"], DEVICE: ['bus = "dcs" #!']},
        "",
        ("waits for instruments to connect", "leave listen out"),
    ),
    "bus twice": ({}, '[[bus]]\nname = "dcs" #!\ntype = "tcp"\nhost = "h"\n', ("name: given twice", "is on line 14")),
    "no such bus": ({DEVICE: ['bus = "dsc" #!']}, "", ('bus: no such bus ("dsc")', 'did you mean "dcs"?')),
    "device twice": ({}, SECOND.replace('"press"', '"boiler" #!'), ("name: given twice", "the first is on line")),
    "address twice": ({}, SECOND.replace("= 2", "= 1 #!"), ("address:", 'device "boiler" on the same bus has it')),
    "address as text": ({DEVICE: ['address = "3" #!']}, "", ("must be a unit number", "write address = 3")),
    "address of tcp": ({DEVICE: ["address = 256 #!"]}, "", ("no unit number (256)", "0 to 255")),
    "address of rtu": ({BUS: ['framing = "rtu"'], DEVICE: ["address = 248 #!"]}, "", ("1 to 247",)),
    "broadcast on rtu": ({BUS: ['framing = "rtu"'], DEVICE: ["address = 0 #!"]}, "", ("no unit number (0)",)),
    "a line's protocol": (
        {DEVICE: ['protocol = "modbus-ascii" #!']},
        "",
        ("protocol: modbus-ascii needs a line", 'framing = "rtu"'),
    ),
    "unknown protocol": ({DEVICE: ['protocol = "modbuss" #!']}, "", ('did you mean "modbus"?',)),
    "no such model": (
        {DEVICE: ['model = "eastron-sdm63" #!']},
        "",
        ('model: there is no such model ("eastron-sdm63")', 'did you mean "eastron-sdm630"?'),
    ),
    "serial key on tcp": ({DEVICE: ["baudrate = 2400 #!"]}, "", ("baudrate: has no meaning on a tcp bus",)),
    "nothing to read": ({}, TCP_DEVICE.replace("[[device]]", "[[device]] #!"), ("has nothing to read",)),
    "barrier table": ({DEVICE: ["barriers = { holdin = [100] } #!"]}, "", ('did you mean "holding"?', '("holdin")')),
    "barrier address": (
        {DEVICE: ["barriers = { holding = [70000] } #!"]},
        "",
        ("barriers.holding: too large (70000)",),
    ),
    "max_registers": ({DEVICE: ["max_registers = 126 #!"]}, "", ("max_registers: too large (126)", "at most 125")),
    "report word": ({DEVICE: ['report = "onscan" #!']}, "", ('did you mean "on-scan"?',)),
    "report below poll": ({DEVICE: ['poll = "10s"', 'report = "5s" #!']}, "", ("shorter than poll",)),
    "poll above default report": ({DEVICE: ["-report", 'poll = "2m" #!']}, "", ("poll: a report period of 60s",)),
    "report not in a day": ({DEVICE: ['report = "7s" #!']}, "", ("does not divide a day", 'write "6s"')),
    "heartbeat without change": ({DEVICE: ['heartbeat = "1m" #!']}, "", ('with report = "on-change" only',)),
    "heartbeat below poll": (
        {DEVICE: ['report = "on-change"', 'poll = "1m"', 'heartbeat = "30s" #!']},
        "",
        ("heartbeat: shorter than poll",),
    ),
    # --- points
    "unknown type": ({POINT: ['type = "float" #!']}, "", ('no such type ("float")', 'did you mean "float32"?')),
    "bit too high": ({POINT: ['type = "bit:16" #!'], LIMIT: ["-"]}, "", ('"bit:0" to "bit:15"',)),
    "string without length": ({POINT: ['type = "string:0" #!'], LIMIT: ["-"]}, "", ("string:N",)),
    "bit without number": ({POINT: ['type = "bit" #!'], LIMIT: ["-"]}, "", ("a register has 16 bits", '"bit:0"')),
    "number in a coil": ({POINT: ['register = "coil"', 'type = "uint16" #!']}, "", ("a coil is a single bit",)),
    "bit of a coil": ({POINT: ['register = "coil"', 'type = "bit:3" #!'], LIMIT: ["-"]}, "", ("is a single bit",)),
    "order of two for one": (
        {POINT: ['type = "int16"', 'order = "ABCD" #!']},
        "",
        ("order: impossible for int16", "AB, BA"),
    ),
    "order of one for two": ({POINT: ['order = "AB" #!']}, "", ("order: impossible for float32", "CDAB")),
    "order in lower case": ({POINT: ['order = "cdab" #!']}, "", ('write "CDAB"',)),
    "order of a coil": (
        {POINT: ['register = "coil"', "-type", 'order = "AB" #!'], LIMIT: ["-"]},
        "",
        ("order: impossible for bit", "leave it out"),
    ),
    "at negative": ({POINT: ["at = -1 #!"]}, "", ("at: too small (-1)", "at least 0")),
    "at too large": ({POINT: ["at = 65536 #!"]}, "", ("at: too large (65536)",)),
    "overflow": ({POINT: ["at = 65535 #!"]}, "", ("would end at 65536", "at most 65534")),
    "string overflow": (
        {POINT: ["at = 65530 #!", 'type = "string:10"'], LIMIT: ["-"]},
        "",
        ("would end at 65539",),
    ),
    "wider than a read": ({DEVICE: ["max_registers = 1"], POINT: ['type = "int32" #!']}, "", ("max_registers = 1",)),
    "across a barrier": ({DEVICE: ["barriers = { holding = [101] }"], POINT: ["at = 100 #!"]}, "", ("barrier at 101",)),
    "scale 0": ({POINT: ["scale = 0 #!"]}, "", ("scale: 0 makes every reading the same",)),
    "scale of a text": ({POINT: ['type = "string:4"', "scale = 2.0 #!"], LIMIT: ["-"]}, "", ("which is no number",)),
    "range reversed": ({POINT: ["range = [120.0, 0.0] #!"]}, "", ("range: low is not below high", "[low, high]")),
    "range of one": ({POINT: ["range = [1.0] #!"]}, "", ("range: must be a range",)),
    "decimals": ({POINT: ["decimals = 16 #!"]}, "", ("decimals: too large",)),
    "sentinel too wide": (
        {POINT: ['type = "uint16"', "unavailable = [0x1FFFF] #!"]},
        "",
        ("never holds", "16 raw bits"),
    ),
    "sentinel negative": ({POINT: ['type = "int16"', "unavailable = [-1] #!"]}, "", ("write 0xFFFF",)),
    "sentinel in its own line": (
        {POINT: ['type = "int16"', "unavailable = [\n  0x7FFF,\n  0x10000, #!\n]"]},
        "",
        ("never holds this raw value (65536)",),
    ),
    "ratio without ct": ({POINT: ['ratio = "ct" #!']}, "", ("ratio: the device gives no ct",)),
    "ct for nobody": ({DEVICE: ["ct = 40.0 #!"]}, "", ("ct: no point uses it (40.0)", 'ratio = "ct"')),
    "ct negative": ({DEVICE: ["ct = -1.0 #!"], POINT: ['unit = "A"']}, "", ("ct: too small", "more than 0")),
    "key of another protocol": ({POINT: ['item = "02010100" #!']}, "", ('unknown key "item"',)),
    # --- limits
    "no such device": ({LIMIT: ['point = "boler.load" #!']}, "", ('no device "boler"', 'did you mean "boiler.load"?')),
    "no such point": (
        {LIMIT: ['point = "boiler.laod" #!']},
        "",
        ('has no point "laod"', 'did you mean "boiler.load"?'),
    ),
    "not a point": ({LIMIT: ['point = "load" #!']}, "", ("not a device.point",)),
    "no threshold": ({LIMIT: ["-high", "-low", MARK]}, "", ("has no threshold",)),
    "limits reversed": ({LIMIT: ["low = 100.0", "high = 10.0 #!", "deadband = 0.5"]}, "", ("high: is not above low",)),
    "low_low above low": ({LIMIT: ["low_low = 11.0", "low = 10.0 #!"]}, "", ("low: is not above low_low = 11",)),
    "high above high_high": ({LIMIT: ["high_high = 99.0 #!"]}, "", ("high_high: is not above high = 100",)),
    "dead band negative": ({LIMIT: ["deadband = -1 #!"]}, "", ("deadband: too small", "at least 0")),
    "dead band as wide as the room": ({LIMIT: ["deadband = 90.0 #!"]}, "", ("could never clear", "less than 90")),
    "dead band wider than the range": (
        {POINT: ["range = [50.0, 120.0]"], LIMIT: ["-low", "deadband = 60.0 #!"]},
        "",
        ("could never clear", "between 50 and 120"),
    ),
    "limit on a text": ({POINT: ['type = "string:4"'], LIMIT: ['point = "boiler.load" #!']}, "", ("needs a number",)),
    "limit twice": (
        {},
        '[[limit]]\npoint = "boiler.load" #!\nhigh = 5.0\noff_delay = "1s"\n',
        ("one [[limit]] holds all",),
    ),
    "priority": ({LIMIT: ['priority = "hihg" #!']}, "", ('did you mean "high"?',)),
    "delay": ({LIMIT: ['on_delay = "soon" #!']}, "", ("on_delay: not a duration",)),
    # --- the plant
    "derived name": ({}, '[[derived]]\nname = "nox" #!\nformula = "boiler.load"\n', ("name: has the wrong form",)),
    "facility role": ({}, FACILITY.replace('"production"', '"produktion" #!'), ('did you mean "production"?',)),
    "facility point": ({}, FACILITY.replace('"boiler.load"', '"boiler.lod" #!'), ('did you mean "boiler.load"?',)),
    "facility's power a bit": (
        {POINT: ['type = "bool"'], LIMIT: ["-"]},
        FACILITY.replace('"boiler.load"', '"boiler.load" #!'),
        ("power: must be a number, and this is a flag", 'running = "…"'),
    ),
    "oxygen a text": (
        {POINT: ['type = "string:4"'], LIMIT: ["-"]},
        OUTLET + 'o2 = "boiler.load" #!\n',
        ("o2: must be a number, and this is a text",),
    ),
    "facility without a source": (
        {},
        '[[facility]] #!\nname = "x"\nrole = "main"\n',
        ("needs power, current or running",),
    ),
    "facility with two": ({}, FACILITY + 'current = "boiler.load" #!\n', ("current: a second source of its state",)),
    "facility twice": ({}, FACILITY + FACILITY.replace('"press"', '"press" #!'), ("name: given twice",)),
    "line member": (
        {},
        FACILITY + TREATMENT + '[[line]]\nname = "a"\ntreatment = ["fan"]\nproduction = [\n "press",\n "pres", #!\n]\n',
        ('production: no such facility ("pres")', 'did you mean "press"?'),
    ),
    "line outlet": ({}, OUTLET + LINE + 'outlet = "stak" #!\n', ('did you mean "stack"?',)),
    "outlet medium": ({}, OUTLET.replace('"air"', '"gas" #!'), ("medium: not a choice", "air, water")),
    "outlet oxygen": ({}, OUTLET + 'o2 = "cems.o2" #!\n', ('no device "cems"',)),
    "outlet factor": (
        {},
        OUTLET + '[[outlet.factor]]\ncode = "a"\nunit = "x"\npoint = "boiler.x" #!\n',
        ('has no point "x"',),
    ),
    "outlet reference": ({}, OUTLET + "reference_o2 = 21 #!\n", ("reference_o2: too large", "less than 21")),
    "rule pack": ({}, '[rules]\npacks = ["power", "emision"] #!\n', ('packs: not a choice ("emision")', '"emission"')),
    "rule line": ({}, '[[rule]]\nid = "T1"\nline = "paint" #!\n', ("line: no such line", "describe it: [[line]]")),
    "rule twice": ({}, '[[rule]]\nid = "T1"\n[[rule]]\nid = "T1" #!\n', ("changed twice",)),
    "rule parameter": ({}, '[[rule]]\nid = "T1"\ngrace = ["3m"] #!\n', ("grace: must be a text, number",)),
    "panel address": ({}, '[panel]\nlisten = "8080" #!\n', ("not an address to listen on", "127.0.0.1:8080")),
    "panel port": ({}, '[panel]\nlisten = "127.0.0.1:0" #!\n', ("not an address to listen on",)),
    "panel certificate": (
        {},
        '[panel]\nlisten = "127.0.0.1:8080"\ncert_file = "a.pem" #!\n',
        ("cert_file: without key_file", "write key_file"),
    ),
    "panel certificate without TLS": (
        {},
        '[panel]\nlisten = "127.0.0.1:8080"\ntls = false\ncert_file = "a.pem" #!\nkey_file = "a.key"\n',
        ("has no meaning without TLS", "tls = true"),
    ),
    "panel host": ({}, '[panel]\nlisten = "127.0.0.1:8080"\nhosts = ["a b"] #!\n', ("hosts",)),
    "annunciator with a button alone": (
        {},
        '[annunciator] #!\nsilence = "GPIO22"\n',
        ("has nothing to show an alarm on", 'light = "GPIO17"', "command ="),
    ),
    "annunciator pin twice": (
        {},
        '[annunciator]\nlight = "GPIO17"\nhorn = "GPIO27"\nsilence = "GPIO17" #!\n',
        ("silence: light has this pin already",),
    ),
    "annunciator pin": ({}, '[annunciator]\nlight = "GPIO28" #!\n', ("light: not a pin", "GPIO0 to GPIO27")),
    "annunciator pin by number": ({}, '[annunciator]\nlight = "17" #!\n', ('did you mean "GPIO17"?', "header")),
    "annunciator pin in small letters": ({}, '[annunciator]\nhorn = "gpio07" #!\n', ('did you mean "GPIO7"?',)),
    "annunciator command by name": (
        {},
        '[annunciator]\ncommand = ["beacon", "/dev/x"] #!\n',
        ("needs the whole path of a program", "/usr/local/bin/"),
    ),
    "annunciator empty command": ({}, "[annunciator]\ncommand = [] #!\n", ("needs the whole path of a program",)),
    "annunciator priority": (
        {},
        '[annunciator]\nlight = "GPIO17"\nhorn_from = "loud" #!\n',
        ("horn_from: not a choice", "critical"),
    ),
    "panel idle": ({}, '[panel]\nlisten = "127.0.0.1:8080"\nidle = "1s" #!\n', ("idle: too short", "1m")),
}


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_reported_alone_on_its_line_with_its_words(tmp_path: Path, name: str) -> None:
    """One mistake gives one message: the marked line, the value, what to write, and nothing that only follows."""
    changes, more, words = CASES[name]
    text = site(changes, more)

    problems = problems_of(tmp_path, text)

    assert [problem.line for problem in problems] == (marked_lines(text) or [1]), [str(problem) for problem in problems]
    assert all(word in str(problems[0]) for word in words), str(problems[0])


def test_the_table_of_cases_tells_every_message_apart(tmp_path: Path) -> None:
    """Every case says where it belongs and what is wrong in one line, with a place and no line break."""
    for changes, more, _ in CASES.values():
        (problem,) = problems_of(tmp_path, site(changes, more))

        assert str(problem).startswith(f"site.toml:{problem.line}: {problem.where}: {problem.what}")
        assert "\n" not in str(problem)
        assert problem.where
        assert problem.hint or "must be a text, number" in problem.what


FINE: dict[str, Case] = {
    "the good file": ({}, "", ()),
    "an int for a float": ({POINT: ["scale = 2"]}, "", ()),
    "the last address": ({POINT: ["at = 65534"]}, "", ()),
    "the last register": ({POINT: ["at = 65535", 'type = "uint16"']}, "", ()),
    "the last coil": ({POINT: ["at = 65535", 'register = "coil"', "-type"], LIMIT: ["-"]}, "", ()),
    "unit 0 behind tcp": ({DEVICE: ["address = 0"]}, "", ()),
    "unit 255 behind tcp": ({DEVICE: ["address = 255"]}, "", ()),
    "unit 247 on rtu": ({BUS: ['framing = "rtu"'], DEVICE: ["address = 247"]}, "", ()),
    "the same unit on two buses": (
        {},
        '[[bus]]\nname = "b2"\ntype = "tcp"\nhost = "h2"\n' + SECOND.replace('"dcs"', '"b2"').replace("= 2", "= 1"),
        (),
    ),
    "bits of one register": (
        {POINT: ['type = "bit:0"'], LIMIT: ["-"]},
        '[[device]]\nname = "p"\nbus = "dcs"\naddress = 2\n'
        + "".join(
            f'[[device.point]]\nname = "b{bit}"\nregister = "input"\nat = 7\ntype = "bit:{bit}"\n' for bit in range(16)
        ),
        (),
    ),
    "limits that touch": ({LIMIT: ["high_high = 100.0", "low_low = 10.0"]}, "", ()),
    "commit at once": ({BUFFER: ['commit_every = "0s"']}, "", ()),
    "a bool register": ({POINT: ['type = "bool"'], LIMIT: ["-"]}, "", ()),
    "a barrier at the value's start": ({DEVICE: ["barriers = { holding = [100, 102] }"]}, "", ()),
    "password by the key of the url": ({MQTT: ['url = "mqtts://broker.example"']}, "", ()),
    "IPv6": ({BUS: ['host = "fe80::1"'], MQTT: ['url = "mqtt://[::1]:1883"']}, "", ()),
    "every order of two": ({POINT: ['order = "DCBA"']}, "", ()),
    "a pt of 1 for nobody": ({DEVICE: ["pt = 1.0"]}, "", ()),
}


@pytest.mark.parametrize("name", FINE)
def test_what_is_allowed_stays_allowed(tmp_path: Path, name: str) -> None:
    """The neighbours of mistakes are no mistakes."""
    changes, more, _ = FINE[name]
    (tmp_path / "site.toml").write_text(site(changes, more), encoding="utf-8")

    assert load(tmp_path / "site.toml").gateway.id == "box-1"


def point(name: str, at: int, kind: str, register: str = "holding") -> str:
    """Return a further point of the last device."""
    return f'[[device.point]]\nname = "{name}"\nregister = "{register}"\nat = {at}\ntype = "{kind}"\n'


OVERLAPS = {
    "half of the next": ("a", point("b", 101, "float32"), True),
    "half of the one before": ("a", point("b", 99, "float32"), True),
    "a register of a pair": ("a", point("b", 101, "uint16"), True),
    "within four": ("a", point("b", 98, "uint64"), True),
    "a number in a text": ("a", point("b", 90, "string:16"), True),
    "the same span as another type": ("a", point("b", 100, "uint32"), False),
    "the next": ("a", point("b", 102, "float32"), False),
    "another table": ("a", point("b", 101, "float32", "input"), False),
    "a bit of it": ("a", point("b", 101, "bit:3"), False),
    "a half of it": ("a", point("b", 101, "uint8h"), False),
}


@pytest.mark.parametrize("name", OVERLAPS)
def test_values_that_share_a_part_of_their_registers_are_a_mistake(tmp_path: Path, name: str) -> None:
    """Same registers twice, bits and halves are fine; a value that begins inside another is a wrong address or type."""
    _, more, is_mistake = OVERLAPS[name]
    text = site({LIMIT: ["-"]}, more)
    (tmp_path / "site.toml").write_text(text, encoding="utf-8")

    if is_mistake:
        (problem,) = problems_of(tmp_path, text)

        assert "overlap" in problem.what
        assert "line" in problem.what
    else:
        assert len(load(tmp_path / "site.toml").devices[0].spec.points) == 2


def test_an_overlap_is_found_behind_a_point_in_between(tmp_path: Path) -> None:
    """A long value is compared with everything in its span, not only with its neighbour in the file."""
    text = site(
        {LIMIT: ["-"]}, point("long", 50, "string:60") + point("bit", 60, "bit:1") + point("far", 108, "uint16")
    )

    problems = problems_of(tmp_path, text)

    assert len(problems) == 2
    assert all('point "long"' in problem.what for problem in problems)


def test_a_point_name_given_twice_names_the_first_line(tmp_path: Path) -> None:
    """Names are unique within a device, not beyond."""
    text = site({}, point("load", 200, "uint16").replace('"load"', f'"load" {MARK}'))

    (problem,) = problems_of(tmp_path, text)

    assert problem.line == marked_lines(text)[0]
    assert "the first is on line" in problem.hint


def test_keys_outside_any_table_are_reported(tmp_path: Path) -> None:
    """A misspelt or misplaced key at the top of the file is a mistake like any other."""
    text = site()
    broken = 'gatway = 1 #!\npanel = "127.0.0.1:8080" #!\n' + text

    problems = problems_of(tmp_path, broken)

    assert [problem.line for problem in problems] == [1, 2]
    assert 'did you mean "gateway"?' in problems[0].hint
    assert "write [panel]" in problems[1].hint


def test_all_mistakes_come_in_one_pass(tmp_path: Path) -> None:
    """A file with mistakes of every kind reports each of them once, in the order of the file."""
    text = site(
        {
            GATEWAY: ['id = "JN 1" #!', 'timezone = "Asia/Shangai" #!'],
            MQTT: ['prefix = "a/#" #!', 'pasword_file = "x" #!'],
            BUFFER: ["keep = 400 #!"],
            BUS: ["port = 0 #!"],
            DEVICE: ['bus = "dsc" #!', 'poll = "soon" #!'],
            POINT: ["at = 65535 #!", 'order = "AB" #!', "scale = 0 #!"],
            LIMIT: ['point = "boiler.lode" #!', "high = 5.0 #!"],
        },
        FACILITY.replace('"boiler.load"', '"boiler.lid" #!'),
    )

    problems = problems_of(tmp_path, text)

    assert [problem.line for problem in problems] == marked_lines(text)
    assert len(problems) == 14


def test_one_broken_device_hides_no_mistake_of_another(tmp_path: Path) -> None:
    """A device without a single good key still lets the next one be checked, and references to it be resolved."""
    broken = '[[device]]\nname = "x"\nbus = 5 #!\naddress = true #!\npoll = [] #!\n[[device.point]]\nname = "p"\n'
    broken += 'register = 1 #!\nat = "a" #!\ntype = 3 #!\n'
    more = broken + SECOND.replace("at = 0", "at = -5 #!") + '[[limit]]\npoint = "x.p"\nhigh = 1\noff_delay = "1s"\n'

    text = site({}, more)

    assert [problem.line for problem in problems_of(tmp_path, text)] == marked_lines(text)


NOTICES: dict[str, Case] = {
    "no uplink": ({MQTT: ["-"]}, "", ("uplink: none",)),
    "no pack of rules": ({}, "[rules]\npacks = []\n", ("no rule is judged",)),
    "panel in clear text": ({}, '[panel]\nlisten = "0.0.0.0:8080"\ntls = false\n', ("travel in clear text",)),
    "annunciator without a panel": ({}, '[annunciator]\nlight = "GPIO17"\n', ("there is no [panel]",)),
    "idle bus": ({}, '[[bus]]\nname = "b2"\ntype = "tcp"\nhost = "h2"\n', ('bus "b2": no device uses it',)),
    "one host twice": (
        {},
        '[[bus]]\nname = "b2"\ntype = "tcp"\nhost = "127.0.0.1"\n' + SECOND.replace('"dcs"', '"b2"'),
        ("the same host and port",),
    ),
    "uneven periods": ({DEVICE: ['poll = "7s"', 'report = "60s"']}, "", ("no multiple of poll",)),
    "chatter": ({LIMIT: ["deadband = 0"]}, "", ("deadband 0 and off_delay 0s",)),
    "limit out of reach": ({POINT: ["range = [0.0, 100.0]"]}, "", ("high = 100 is never passed",)),
    "limit beyond the type": ({POINT: ['type = "uint8h"'], LIMIT: ["high = 300.0"]}, "", ("ends at 255",)),
    "the same twice": ({}, point("twin", 100, "float32"), ("reads the same as",)),
    "nothing to read": ({DEVICE: ["-"], POINT: ["-"], LIMIT: ["-"]}, "", ("device: none",)),
}


@pytest.mark.parametrize("name", NOTICES)
def test_honest_remarks_are_no_mistakes(tmp_path: Path, name: str) -> None:
    """What this version does not do, and what looks odd, is said once and does not stop the box."""
    changes, more, words = NOTICES[name]
    (tmp_path / "site.toml").write_text(site(changes, more), encoding="utf-8")

    notices = load(tmp_path / "site.toml").notices

    assert sum(words[0] in notice for notice in notices) == 1, notices


def test_a_good_file_draws_no_remarks(tmp_path: Path) -> None:
    """Silence means fine."""
    (tmp_path / "site.toml").write_text(site(), encoding="utf-8")

    assert load(tmp_path / "site.toml").notices == ()
