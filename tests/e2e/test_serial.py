"""Serial lines and whatever befalls them: each line costs its own values at most, and no record holds a wrong one.

One agent has all the lines, each with its own trouble, so that what befalls one is seen not to touch the others. The
trouble is there from the beginning or begins with the test.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import pytest

from agent.control_client import Visit
from drivers.sim.dlt645_meter import Meter, bcd
from drivers.sim.faults import Fault
from drivers.sim.hj212_station import Factor, Station
from drivers.sim.image import Image, block, pack, switches
from drivers.sim.ports import TcpPort
from drivers.sim.serial_units import ModbusSlave
from drivers.sim.text_probe import LineFormat, Probe
from drivers.sim.uart import Uart
from drivers.sim.wire import RtuFraming, crc16
from tests.e2e.harness import ROOT, Stage, arrived, bus, device, no_good_value, point, serial
from tests.peers.mosquitto import eventually, free_port
from tests.peers.serial_plant import (
    Babbler,
    DrippingPort,
    LateSlave,
    Lines,
    Rustler,
    ascii_slave,
    rtu_slave,
    told,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Sequence
    from types import TracebackType

    from drivers.reading import Clock
    from drivers.sim.serial_units import LineUnit
    from tests.e2e.harness import Record, Table

FAST = Uart(19200)
SETTLED = 10
TIMEOUT_S = 0.3
LATE_S = TIMEOUT_S + 0.05
DEAD = 7
METER = "000000000421"
STATION = "010000A8900016F000169DC0"


# --- the plant -------------------------------------------------------------------------------------------------------


def on(line: str, name: str, unit: Any = 1, *, points: Sequence[Table] = (), **more: Any) -> Table:
    """Return a device that is patient enough for a busy machine; without points it has those of its model."""
    return device(name, unit, points=points, **{"bus": line, "poll": "250ms", "timeout": "1s", **more})


def teller(line: str, unit: int, *addresses: int, **more: Any) -> Table:
    """Return a device whose registers tell unit and address, and so do the names of device and points."""
    return on(line, f"{line}-{unit}", unit, points=[point(f"r{at}", at=at) for at in addresses], **more)


def wrong(readings: Iterable[Record]) -> list[Record]:
    """Return the records of tellers in which a value is not that of its own register."""
    return [
        record
        for record in readings
        if any(
            value not in (None, told(int(record["device"].rpartition("-")[2]), int(name[1:])))
            for name, value in record["values"].items()
        )
    ]


def iso(seconds: float) -> str:
    """Return a moment as records write it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def numbers_up_to(terminal: Path) -> list[int]:
    """Occupy every free pseudo-terminal up to that one, so that the next gets another name; return what to close."""
    ends = [*os.openpty()]
    while int(Path(os.ttyname(ends[-1])).name) < int(terminal.name):
        ends += os.openpty()
    return ends


@dataclass
class Analyzer:
    """A SICK MARSIC300: floats at input 1000, states as discrete inputs from 1000. Tests put states into `set`."""

    set: Container[str] = ("live",)

    STATES: ClassVar = ("fault", "", "maintenance", "", "live", *[""] * 21, "calibration")

    def image(self, clock: Clock) -> Image:
        """Return the registers now: while it does not measure it sends 0."""
        so2 = pack("f", 12.5 if "live" in self.set else 0.0)
        floats = block(1000, 52, [(1000, so2), (1050, pack("i", 1))])
        return Image({"input": (floats,), "discrete": (switches(1000, [name in self.set for name in self.STATES]),)})


@dataclass
class Texts:
    """Two instruments that speak in lines of text, by the models generic-ascii-dust and generic-ascii-gas."""

    dust: str = "OK"
    gas: int = 0

    def probe(self) -> Probe:
        """Return the one that sends by itself."""
        form = LineFormat(start=b"D ")
        return Probe("dust", lambda *_: f"4.12 mg/m3 T 131.5 C {self.dust}", form, FAST, interval_s=0.3)

    def analyzer(self) -> Probe:
        """Return the one that is asked."""
        form = LineFormat(start=b"$", checksum="xor", separator=b"*")
        said = "01,SO2=12.3,NO=45.6,O2=8.91,S="
        return Probe("gas", lambda *_: f"{said}{self.gas}", form, FAST, request=b"#01 M?\r\n")


def meter_items() -> dict[str, bytes]:
    """Return what the DL/T 645 meter tells: secondary values."""
    volts = [bcd("XXX.X", 100.5 + phase) for phase in range(3)]
    return {
        "02010100": volts[0],
        "02010200": volts[1],
        "02010300": volts[2],
        "0201FF00": b"".join(volts),
        "02020100": bcd("XXX.XXX", -1.5, signed=True),
        "02030000": bcd("XX.XXXX", 0.3315, signed=True),
        "00010000": bcd("XXXXXX.XX", 4711.25),
    }


METER_ITEMS = {
    "voltage_a": "02010100",
    "voltage_b": "02010200",
    "voltage_c": "02010300",
    "current_a": "02020100",
    "power": "02030000",
    "energy_import": "00010000",
}
METER_TELLS = {
    "voltage_a": 1005,
    "voltage_b": 1015,
    "voltage_c": 1025,
    "current_a": -60,
    "power": 132.6,
    "energy_import": 1884500,
}
"""Behind transformers of 40 and 10."""
FACTORS = {"so2": "a21026", "nox": "a21002", "dust": "a34013", "o2": "a19001"}


def station() -> Station:
    """Return a station whose probes are in four different states."""
    measured = [
        Factor("a21026", 12.5),
        Factor("a21002", 34.25, "C"),
        Factor("a34013", 5.5, "M"),
        Factor("a19001", 8.75, "D"),
    ]
    return Station(STATION, lambda _: measured, FAST, interval_s=0.5, flag=5)


class Plant:
    """All the lines, each with its trouble, and an agent that reads them."""

    def __init__(self, directory: Path) -> None:
        self._everything = ExitStack()
        self.lines = Lines(directory / "dev")
        self.drops = Lines(directory / "drops")
        self.analyzer = Analyzer()
        self.texts = Texts()
        self.late = [LateSlave(unit, FAST, late_s=LATE_S, every=every) for unit, every in ((31, 15), (32, 11), (33, 1))]
        self.stage = Stage(directory)
        self._buses: list[Table] = []
        self._devices: list[Table] = []
        self._ports(directory)
        self._answers()
        self._instruments()
        self._senders()

    def _ports(self, directory: Path) -> None:
        """Add the lines whose ports are the trouble."""
        pulled = [rtu_slave(unit, FAST) for unit in (11, 12)]
        self._line("pulled", *pulled, devices=[teller("pulled", unit, *range(60)) for unit in (11, 12)])
        self._line("held", rtu_slave(1, FAST), devices=[teller("held", 1, 1, 2)])
        (directory / "file").write_text("no port")
        for name, path in (("folder", directory / "dev"), ("file", directory / "file"), ("away", directory / "away")):
            self._buses.append(serial(str(path), name))
            self._devices.append(teller(name, 1, 1))

    def _answers(self) -> None:
        """Add the lines whose answers are the trouble."""
        self._line("noisy", Rustler(21, FAST), devices=[teller("noisy", 21, *range(10))])
        self.lines.faults.put_on_line("noisy", Fault("noise", rate=3))
        self._buses.append(serial(self.drops.add("drops", rtu_slave(1, FAST), kind=DrippingPort), "drops", FAST.baud))
        self._devices.append(teller("drops", 1, *range(8)))
        apart = {"timeout": f"{TIMEOUT_S * 1000:.0f}ms", "barriers": {"holding": [40, 80, 120]}, "poll": "20ms"}
        blocks = [at + step for at in (0, 40, 80, 120) for step in range(5)]
        for line, units in (("late", self.late[:1]), ("lates", self.late[1:])):
            self._line(line, *units, devices=[teller(line, int(unit.address), *blocks, **apart) for unit in units])
        slow = rtu_slave(1, Uart(4800))
        self._line("slow", slow, devices=[teller("slow", 1, 1, timeout="200ms")])
        self._line("babble", Babbler(1, FAST, 0.0), devices=[teller("babble", 1, 1)])
        for line, how in (("echo", {}), ("echo-known", {"echo": True})):
            self._line(line, rtu_slave(41, FAST), devices=[teller(line, 41, 3, 4)], **how)
            self.lines.faults.put_on_line(line, Fault("echo"))

    def _instruments(self) -> None:
        """Add instruments that are asked, with nothing wrong."""
        units = rtu_slave(51, Uart(9600)), ascii_slave(52, Uart(9600)), Meter(METER, lambda _: meter_items(), wake=4)
        points = [{"name": name, "item": di} for name, di in METER_ITEMS.items()]
        how = {"protocol": "dlt645-2007", "baudrate": 2400, "parity": "E", "ct": 40.0, "pt": 10.0, "poll": "1s"}
        mixed = [
            teller("mixed", 51, 7, 8),
            teller("mixed", 52, 7, 8, protocol="modbus-ascii"),
            on("mixed", "meter", METER, points=points, **how),
        ]
        self._line("mixed", *units, devices=mixed, baudrate=9600)
        wanted = {"points": ["so2", "fault", "maintenance", "calibration", "live"]}
        gas = [
            {**on("gas", "analyzer", 61, model="sick-marsic300"), **wanted},
            on("gas", "text-gas", "01", model="generic-ascii-gas"),
        ]
        analyzer = ModbusSlave(61, self.analyzer, RtuFraming(), FAST)
        self._line("gas", analyzer, self.texts.analyzer(), devices=gas)

    def _senders(self) -> None:
        """Add instruments that send by themselves."""
        self._line("dust", self.texts.probe(), devices=[on("dust", "dust", model="generic-ascii-dust")])
        points = [{"name": name, "factor": code} for name, code in FACTORS.items()]
        how: Table = {"protocol": "hj212", "timeout": "5s", "points": points}
        self._line("cems", station(), devices=[on("cems", "cems", STATION, **how)])
        listening = free_port()
        self.lines.server.add("cems-tcp", [station()], TcpPort(port=listening, calls=True))
        self._buses.append(bus(listening, "cems-tcp", listen=True))
        self._devices.append(on("cems-tcp", "cems-tcp", STATION, **how))

    def _line(
        self, name: str, *units: LineUnit, devices: Sequence[Table], baudrate: int = FAST.baud, **more: Any
    ) -> None:
        self._buses.append(serial(self.lines.add(name, *units), name, baudrate, **more))
        self._devices += devices

    # --- what came of it ---

    @property
    def tellers(self) -> list[str]:
        """The devices whose registers tell where they are."""
        return [one["name"] for one in self._devices if "-" in one["name"] and one["name"][-1].isdigit()]

    def readings(self, name: str, after: int = 0) -> list[Record]:
        """Return the records of a device behind number `after`, in the order of the chain."""
        readings = [one for one in self.stage.records("readings", device=name) if one["seq"] > after]
        return sorted(readings, key=lambda record: record["seq"])

    def good(self, name: str, after: int = 0) -> list[Record]:
        """Return those in which nothing is missing."""
        return [one for one in self.readings(name, after) if None not in one["values"].values()]

    def faults(self, name: str) -> str:
        """Return all reasons that the records of a device name."""
        return "\n".join({record["fault"]: None for record in self.readings(name) if "fault" in record})

    def reason(self, name: str) -> str:
        """Return why the last visit of a device brought nothing; records only tell why the first did."""
        return str(self.now()["devices"][name]["error"])

    def mark(self) -> int:
        """Return the number of the last record so far."""
        return max((record["seq"] for record in self.stage.records()), default=0)

    def now(self) -> Record:
        """Return what `plantgate watch` shows."""
        with Visit(self.stage.state) as visit:
            return visit.ask({"do": "watch"})

    def arrived(self, holds: Callable[[], object]) -> None:
        """See `tests.e2e.harness.arrived`."""
        arrived(self.stage, holds)

    def __enter__(self) -> Self:
        for part in (self.lines, self.drops, self.stage):
            self._everything.enter_context(part)
        self.holder = self._everything.enter_context(Holder(self.lines.port("held")))
        self.stage.run(buses=self._buses, devices=self._devices)
        return self

    def __exit__(self, t: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        self._everything.__exit__(t, e, tb)


class Holder:
    """Another program that has a port open and locked, as well-behaved programs do."""

    CODE = (
        "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"
    )

    def __init__(self, port: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", self.CODE, port], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def end(self) -> None:
        """End it: the port is free."""
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self.end()


@pytest.fixture(scope="module", name="plant")
def _plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """Play all the lines. At the end ask the oracles, and look at every value there ever was."""
    with Plant(tmp_path_factory.mktemp("plant")) as plant:
        yield plant
        plant.stage.finish()
        assert not [one for name in plant.tellers for one in wrong(plant.readings(name))]


# --- a dead one among many (before the plant is there, which is busy enough) ------------------------------------------


def test_s10_a_dead_meter_costs_the_others_less_than_a_twentieth(tmp_path: Path) -> None:
    """Ten and thirty meters on lines as busy as they can be, one of them dead: the others keep 95 % of their rate.

    The rate they would have is that of two more lines beside them, on which nobody is dead.
    """
    lines, everybody = Lines(tmp_path / "dev"), {10: range(1, 11), 30: range(1, 31)}
    names = {(state, size): f"{state}-{size}" for state in ("well", "ill") for size in everybody}
    for (state, size), name in names.items():
        lines.add(name, *(rtu_slave(unit, FAST) for unit in everybody[size]))
        lines.faults.put(name, DEAD, Fault("dead") if state == "ill" else None)
    devices = [
        teller(name, unit, *range(16), poll="100ms", timeout="200ms", report="60s")
        for (_, size), name in names.items()
        for unit in everybody[size]
    ]

    with lines, Stage(tmp_path) as stage:
        stage.run(buses=[serial(lines.port(name), name, FAST.baud) for name in names.values()], devices=devices)
        arrived(stage, lambda: len(stage.events("device-lost")) >= 2)

        def rates() -> dict[str, int]:
            requests = lines.server.served().requests.items()
            return {n: sum(count for (line, unit), count in requests if line == n and unit != DEAD) for n in lines}

        before = rates()
        assert eventually(lambda: rates()["well-10"] > before["well-10"] + 300, 90)
        after = rates()
        stage.finish()
        assert {one["device"] for one in stage.events("device-lost")} == {f"ill-{size}-{DEAD}" for size in everybody}

    gained = {name: after[name] - before[name] for name in after}
    for size in everybody:
        assert gained[f"ill-{size}"] >= 0.95 * gained[f"well-{size}"], gained


# --- ports -----------------------------------------------------------------------------------------------------------


def test_s1_s2_an_adapter_pulled_out_in_mid_frame_comes_back_under_another_name(plant: Plant) -> None:
    """Its values are unknown meanwhile, its devices are lost; plugged in again it is read within 5 s, by its link."""
    link, names = Path(plant.lines.port("pulled")), ["pulled-11", "pulled-12"]
    plant.arrived(lambda: all(plant.good(name) for name in names))
    before, sent = link.readlink(), len(plant.lines.sent("pulled"))
    assert eventually(lambda: len(plant.lines.sent("pulled")) > sent), "it is asked all the time"
    plant.lines.server.unplug("pulled")  # an answer takes 65 ms
    since = iso(time.time())
    plant.arrived(lambda: {one["device"] for one in plant.stage.events("device-lost")} >= set(names))
    plant.arrived(lambda: all("it is not there" in plant.reason(name) for name in names))
    assert all("is gone: unplugged" in plant.faults(name) for name in names)

    taken = numbers_up_to(before)
    until, mark = time.time(), plant.mark()
    plant.lines.server.plug("pulled")
    plant.arrived(lambda: all(plant.good(name, mark) for name in names))
    for end in taken:
        os.close(end)
    assert link.readlink() != before
    for name in names:
        no_good_value(plant.readings(name), since, iso(until))
        assert plant.good(name, mark)[0]["ts"] < iso(until + 5.0)
    plant.arrived(lambda: {one["device"] for one in plant.stage.events("device-back")} >= set(names))


def test_s3_a_port_held_by_another_program_is_told_and_taken_when_it_is_free(plant: Plant) -> None:
    """The reason stands in the records; the other lines are read meanwhile, and this one once it is let go of."""
    plant.arrived(lambda: "held by another process: `sudo fuser -v" in plant.faults("held-1"))
    mark = plant.mark()
    plant.arrived(lambda: len(plant.good("mixed-51", mark)) >= 3)
    assert not plant.good("held-1")

    plant.holder.end()
    plant.arrived(lambda: len(plant.good("held-1")) >= 3)


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("folder-1", "it is no serial port"),
        ("file-1", "it is no serial port"),
        ("away-1", "it is not there: adapter unplugged?"),
    ],
)
def test_s4_what_is_no_port_is_told(plant: Plant, device: str, words: str) -> None:
    """A path that leads to a folder, to a file, or nowhere costs nothing but its own values."""
    plant.arrived(lambda: words in plant.faults(device))

    assert not plant.good(device)


WITHOUT_PERMISSION = """
import os, sys
from drivers.errors import LinkDown
from drivers.serial_port import SerialPort
from tests.peers.clock import HostClock
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    SerialPort(sys.argv[1], HostClock()).open()
except LinkDown as error:
    print(error)
"""


def test_s4_without_permission_the_remedy_is_told() -> None:
    """A user who may not open the port reads which group is missing."""
    ours, theirs = os.openpty()
    path = os.ttyname(theirs)
    Path(path).chmod(0)
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_PERMISSION, path], cwd=ROOT, capture_output=True, text=True, check=False
    )
    for end in (ours, theirs):
        os.close(end)

    assert ran.stdout.startswith(f"cannot open {path}: no permission: add the user to group dialout"), ran.stderr


# --- answers ---------------------------------------------------------------------------------------------------------


def test_s5_rubbish_around_the_frames_and_noise_within_them(plant: Plant) -> None:
    """Every answer comes in rubbish, and noise hits some: those that are read are right, the rubbish is counted."""
    plant.arrived(lambda: len(plant.good("noisy-21")) >= SETTLED)

    now = plant.now()
    assert now["buses"]["noisy"]["noise_bytes"] >= 4 * SETTLED
    assert now["devices"]["noisy-21"]["bad_frames"] >= SETTLED
    assert not wrong(plant.readings("noisy-21"))


def test_s6_answers_in_pieces_of_one_byte(plant: Plant) -> None:
    """An answer of 21 bytes that takes 420 ms is an answer."""
    plant.arrived(lambda: len(plant.good("drops-1")) >= 3)

    assert not wrong(plant.readings("drops-1"))


def test_s7_late_answers_are_never_those_of_another_register(plant: Plant) -> None:
    """Four blocks of one size, and answers that come when the next is asked for: each value is its register's, or none.

    One unit is late at every fifteenth request, and alone, so that it is the next to be asked; of two on another line
    one is late at every eleventh, one always.
    """
    plant.arrived(lambda: all(unit.late >= 3 for unit in plant.late))
    mark = plant.mark()
    plant.arrived(lambda: all(len(plant.good(name, mark)) >= 3 for name in ("late-31", "lates-32")))

    for name in ("late-31", "lates-32", "lates-33"):
        assert not wrong(plant.readings(name))
        assert "no answer from unit" in plant.faults(name)
    assert plant.now()["devices"]["late-31"]["strays"] > 0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("slow", "nothing on this line has answered yet at 19200 8N1: wrong baud rate or parity, or A and B swapped"),
        ("babble", "garbage at 19200 8N1: wrong baud rate or parity, or A and B swapped"),
    ],
)
def test_s8_wrong_settings_are_diagnosed(plant: Plant, line: str, words: str) -> None:
    """Where nothing is understood, the reason names what is to be looked at; the other lines are read meanwhile."""
    plant.arrived(lambda: words in plant.reason(f"{line}-1"))
    mark = plant.mark()
    plant.arrived(lambda: len(plant.good("mixed-51", mark)) >= 3)

    assert words in plant.now()["buses"][line]["diagnosis"]
    assert not plant.good(f"{line}-1")


@pytest.mark.parametrize(("line", "remark"), [("echo", "write `echo = true`"), ("echo-known", "")])
def test_s9_an_echo_is_taken_off_and_counted(plant: Plant, line: str, remark: str) -> None:
    """Values are right; where the site does not say that the adapter echoes, a remark says what to write."""
    plant.arrived(lambda: len(plant.good(f"{line}-41")) >= SETTLED)

    found = plant.now()["buses"][line]
    assert found["echoes"] >= SETTLED
    assert (remark in found["diagnosis"]) if remark else not found["diagnosis"]
    assert not wrong(plant.readings(f"{line}-41"))


# --- instruments -----------------------------------------------------------------------------------------------------


def test_three_protocols_and_two_settings_on_one_pair(plant: Plant) -> None:
    """RTU and ASCII at 9600 8N1 and DL/T 645 at 2400 8E1: each tells its own, the meter times its transformers."""
    names = ["mixed-51", "mixed-52", "meter"]
    plant.arrived(lambda: all(len(plant.good(name)) >= 3 for name in names))

    assert {one["values"]["r7"] for one in plant.good("mixed-51")} == {told(51, 7)}
    assert {one["values"]["r8"] for one in plant.good("mixed-52")} == {told(52, 8)}
    for record in plant.good("meter"):
        assert record["values"] == pytest.approx(METER_TELLS)
        assert "flags" not in record


@pytest.mark.parametrize("name", ["cems", "cems-tcp"])
def test_a_station_that_sends_by_itself(plant: Plant, name: str) -> None:
    """HJ 212 on a line of its own, and over a connection that the station makes: its flags are those of the values."""
    plant.arrived(lambda: len(plant.good(name)) >= 3)

    for record in plant.good(name):
        assert record["values"] == {"so2": 12.5, "nox": 34.25, "dust": 5.5, "o2": 8.75}
        assert record["flags"] == {"nox": "C", "dust": "M", "o2": "D"}


def test_a_probe_that_sends_lines_of_text(plant: Plant) -> None:
    """What it says of itself decides its flags: in maintenance M, failed D, well again none."""
    for state, flags in (("OK", None), ("MAINT", "M"), ("FAIL", "D"), ("OK", None)):
        plant.texts.dust, mark = state, plant.mark()
        plant.arrived(lambda: any(one["values"]["status"] == state for one in plant.good("dust", mark)))  # noqa: B023
        record = plant.good("dust", mark)[-1]
        assert record["values"] == {"dust": 4.12, "temperature": 131.5, "status": state}
        assert record.get("flags") == (flags and {"dust": flags, "temperature": flags})


STATES = [("calibration", "C", 12.5), ("maintenance", "M", 12.5), ("fault", "D", 12.5), ("", "M", None)]


@pytest.mark.parametrize(("state", "flag", "value"), STATES, ids=["calibration", "maintenance", "fault", "not live"])
def test_an_analyzer_s_status_bits_decide_the_quality(plant: Plant, state: str, flag: str, value: float | None) -> None:
    """The value keeps its number and gets the flag; what is sent while it does not measure is no value, never zero."""
    name = "analyzer"
    plant.arrived(lambda: "flags" not in plant.good(name)[-1] if plant.good(name) else False)
    plant.analyzer.set = {state, "live"} if state else ()
    plant.arrived(lambda: plant.readings(name)[-1].get("flags"))
    record = plant.readings(name)[-1]
    plant.analyzer.set = ("live",)

    assert record["flags"] == {"so2": flag}
    assert record["values"]["so2"] == value


def test_an_analyzer_that_is_asked_by_a_line_of_text(plant: Plant) -> None:
    """A digit in its answer says that it is being calibrated."""
    plant.arrived(lambda: plant.good("text-gas"))
    assert "flags" not in plant.good("text-gas")[-1]

    plant.texts.gas, mark = 2, plant.mark()
    plant.arrived(lambda: any("flags" in one for one in plant.good("text-gas", mark)))
    assert plant.good("text-gas")[-1]["flags"] == {"so2": "C", "no": "C", "o2": "C"}


# --- the wire --------------------------------------------------------------------------------------------------------


def commands(stream: bytes) -> set[str]:
    """Return what the box has sent on a line, frame for frame, whatever protocols there are: ``modbus 3`` and the like.

    Read by nothing of the box's own. Raises AssertionError at the first byte that belongs to none of them.
    """
    found = set()
    while stream:
        if stream.startswith(b"#01"):
            kind, size = "text M?", stream.index(b"\n") + 1
            assert stream[:size] == b"#01 M?\r\n"
        elif stream.startswith(b"##"):
            size = 12 + int(stream[2:6])
            kind = f"hj212 {stream[:size].partition(b'CN=')[2][:4].decode()}"
        elif stream.startswith(b":"):
            size = stream.index(b"\n") + 1
            kind = f"modbus {int(stream[3:5], 16)}"
            assert (size, sum(bytes.fromhex(stream[1 : size - 2].decode())) & 0xFF) == (17, 0), "a read, and whole"
        elif stream.lstrip(b"\xfe").startswith(b"\x68"):
            stream = stream.lstrip(b"\xfe")
            size = 12 + stream[9]
            kind = f"dlt645 {stream[8]:02X}"
            assert (stream[7], stream[size - 1], sum(stream[: size - 2]) & 0xFF) == (0x68, 0x16, stream[size - 2])
        else:
            kind, size = f"modbus {stream[1]}", 8
            assert crc16(stream[:6]) == stream[6:8], f"no request: {stream[:16].hex(' ')}"
        found.add(kind)
        stream = stream[size:]
    return found


WANTED = {
    "mixed": {"modbus 3", "dlt645 11"},
    "gas": {"modbus 2", "modbus 4", "text M?"},
    "cems": {"hj212 9014"},
    "dust": set(),
}


def test_only_reads_go_on_the_wire(plant: Plant) -> None:
    """Whatever has happened on the lines so far: Modbus functions 1 to 4, DL/T 645 11H to 13H, HJ 212 acknowledgements.

    An instrument that sends by itself and wants no acknowledgement is sent nothing.
    """
    plant.arrived(lambda: all(commands(plant.lines.sent(line)) == wanted for line, wanted in WANTED.items()))

    for line in ("pulled", "held", "noisy", "late", "lates", "slow", "babble", "echo", "echo-known"):
        assert commands(plant.lines.sent(line)) <= {"modbus 3"}, line
