"""The simulator speaks Modbus to clients written by others, and misbehaves exactly as asked."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any

import pytest
from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerType
from pyModbusTCP.client import ModbusClient

from drivers.sim.__main__ import HostClock
from drivers.sim.faults import Fault
from drivers.sim.image import Image, block, pack, switches
from drivers.sim.instruments import Ramp, plant_units
from drivers.sim.modbus_server import ModbusServer
from drivers.sim.plant import Plant
from drivers.sim.wire import RtuFraming, TcpFraming, crc16

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drivers.reading import Clock


class Steady:
    """A unit whose registers count their own addresses: easy to check in any client."""

    def image(self, clock: Clock) -> Image:
        """Return registers 0..299 and 65530..65535, and 2100 switches of which every third is on."""
        low = block(0, 300, [(n, pack("H", n)) for n in range(300)])
        top = block(65530, 6, [(n, pack("H", n)) for n in range(65530, 65536)])
        bits = switches(0, [n % 3 == 0 for n in range(2100)])
        return Image({"holding": (low, top), "input": (low,), "coil": (bits,), "discrete": (bits,)})


@pytest.fixture
def server() -> Iterator[ModbusServer]:
    """Serve units 1 and 2 on a Modbus TCP line and unit 1 on an RTU line."""
    server = ModbusServer(HostClock())
    server.listen("a", {1: Steady(), 2: Steady()})
    server.listen("r", {1: Steady()}, framing="rtu")
    with server:
        yield server


@pytest.fixture
def client(server: ModbusServer) -> Iterator[ModbusTcpClient]:
    """Yield a pymodbus client of the Modbus TCP line."""
    yield from _pymodbus(server.port("a"), FramerType.SOCKET)


@pytest.fixture
def rtu_client(server: ModbusServer) -> Iterator[ModbusTcpClient]:
    """Yield a pymodbus client of the RTU line."""
    yield from _pymodbus(server.port("r"), FramerType.RTU)


def _pymodbus(number: int, framer: FramerType) -> Iterator[ModbusTcpClient]:
    client: Any = ModbusTcpClient("127.0.0.1", port=number, framer=framer, timeout=0.3, retries=0)
    assert client.connect()
    yield client
    client.close()


READS = {
    "holding": ("read_holding_registers", list(range(10, 30))),
    "input": ("read_input_registers", list(range(10, 30))),
}


@pytest.mark.parametrize("table", READS)
def test_pymodbus_reads_registers(client: ModbusTcpClient, table: str) -> None:
    """A client written by others reads the registers."""
    method, expected = READS[table]

    assert getattr(client, method)(10, count=20, device_id=1).registers == expected


@pytest.mark.parametrize("method", ["read_coils", "read_discrete_inputs"])
def test_pymodbus_reads_bits(client: ModbusTcpClient, method: str) -> None:
    """Bits come packed, the first in the least significant place."""
    bits = getattr(client, method)(1, count=11, device_id=1).bits

    assert bits[:11] == [n % 3 == 0 for n in range(1, 12)]


def test_a_second_client_agrees(server: ModbusServer) -> None:
    """Another client library reads the same, up to the limits of 125 registers and 2000 bits."""
    client = ModbusClient(host="127.0.0.1", port=server.port("a"), unit_id=2, auto_open=True)
    try:
        assert client.read_holding_registers(0, 125) == list(range(125))
        assert client.read_coils(0, 2000) == [n % 3 == 0 for n in range(2000)]
        assert client.read_holding_registers(65535, 1) == [65535]
    finally:
        client.close()


def test_rtu_framing(rtu_client: ModbusTcpClient) -> None:
    """RTU frames through TCP are understood and answered with a right CRC."""
    assert rtu_client.read_holding_registers(10, count=20, device_id=1).registers == list(range(10, 30))


def raw(server: ModbusServer, line: str, *frames: bytes) -> bytes:
    """Send bytes and return what comes within a moment."""
    with socket.create_connection(("127.0.0.1", server.port(line)), timeout=0.3) as sock:
        answer = b""
        for frame in frames:
            sock.sendall(frame)
        try:
            while data := sock.recv(4096):
                answer += data
        except TimeoutError:
            pass
        return answer


def tcp(function: int, body: bytes, unit: int = 1) -> bytes:
    """Build a Modbus TCP request with transaction id 7."""
    return struct.pack(">HHHBB", 7, 0, len(body) + 2, unit, function) + body


EXCEPTIONS = {
    "unmapped register": (3, struct.pack(">HH", 299, 2), 2),
    "hole between blocks": (3, struct.pack(">HH", 1000, 1), 2),
    "no such table block": (4, struct.pack(">HH", 65530, 1), 2),
    "past the last address": (3, struct.pack(">HH", 65535, 2), 2),
    "126 registers": (3, struct.pack(">HH", 0, 126), 3),
    "2001 bits": (1, struct.pack(">HH", 0, 2001), 3),
    "no register": (3, struct.pack(">HH", 0, 0), 3),
    "body too short": (3, b"\0", 3),
    "write a register": (6, struct.pack(">HH", 0, 1), 1),
    "write many": (16, struct.pack(">HHBH", 0, 1, 2, 1), 1),
    "read device identification": (43, b"\x0e\x01\x00", 1),
}


@pytest.mark.parametrize(("function", "body", "code"), EXCEPTIONS.values(), ids=EXCEPTIONS)
def test_exceptions(server: ModbusServer, function: int, body: bytes, code: int) -> None:
    """What cannot be answered gets the exception of the standard."""
    assert raw(server, "a", tcp(function, body))[7:] == bytes((function | 0x80, code))


def test_writes_are_counted(server: ModbusServer) -> None:
    """Every function but 1 to 4 is a write seen, and reads are none."""
    raw(server, "a", tcp(3, struct.pack(">HH", 0, 1)), tcp(6, bytes(4)), tcp(5, bytes(4)))

    assert server.served().writes_seen == 2
    assert server.served().requests["a", 1] == 3


@pytest.mark.parametrize(("line", "expected"), [("a", bytes((0x83, 11))), ("r", b"")], ids=["gateway", "serial line"])
def test_unknown_unit(server: ModbusServer, line: str, expected: bytes) -> None:
    """A gateway says that nobody is behind it; on a serial line nobody speaks."""
    frame = bytes((9, 3)) + struct.pack(">HH", 0, 1)
    request = tcp(3, struct.pack(">HH", 0, 1), unit=9) if line == "a" else frame + crc16(frame)

    assert raw(server, line, request)[7:] == expected


def test_pipelined_and_chopped_requests(server: ModbusServer) -> None:
    """Two requests in one packet get two answers, and a request may come byte by byte."""
    one = tcp(3, struct.pack(">HH", 1, 1))

    assert raw(server, "a", one + one).count(b"\x03\x02\x00\x01") == 2
    assert raw(server, "a", *(bytes((byte,)) for byte in one)).endswith(b"\x03\x02\x00\x01")


def test_crc() -> None:
    """The CRC agrees with a published frame: the serial line specification's example, appendix B."""
    assert crc16(bytes.fromhex("0207")).hex() == "4112"


def test_a_broken_crc_is_ignored(server: ModbusServer) -> None:
    """A frame damaged on the line is dropped without an answer."""
    frame = bytes((1, 3)) + struct.pack(">HH", 0, 1)

    assert raw(server, "r", frame + b"\0\0") == b""


# --- faults ---


def wrong(client: ModbusTcpClient, unit: int = 1) -> Any:
    """Read a register; return the registers, or the exception code, or the name of what was raised."""
    try:
        result = client.read_holding_registers(5, count=2, device_id=unit)
    except ModbusException as error:
        return type(error).__name__
    return result.exception_code if result.isError() else result.registers


SILENT = ["dead", "half", "junk", "wrong-id", "wrong-unit"]


@pytest.mark.parametrize("kind", SILENT)
@pytest.mark.parametrize("framing", ["tcp", "rtu"])
def test_a_client_gets_nothing_from(server: ModbusServer, framing: str, kind: Any) -> None:
    """With these faults a correct client gets no value; after mending, and with a fresh connection, it does."""
    line, framer = ("a", FramerType.SOCKET) if framing == "tcp" else ("r", FramerType.RTU)
    server.faults.put(line, 1, Fault(kind))
    for client in _pymodbus(server.port(line), framer):
        assert isinstance(wrong(client), str)

    server.faults.put(line, 1, None)
    for client in _pymodbus(server.port(line), framer):
        assert wrong(client) == [5, 6]


def test_faults_stay_with_their_unit(server: ModbusServer, client: ModbusTcpClient) -> None:
    """A dead unit leaves its neighbour on the same connection alone."""
    server.faults.put("a", 1, Fault("dead"))

    assert wrong(client, unit=2) == [5, 6]


@pytest.mark.parametrize("code", [1, 4, 6, 11])
def test_refuse(server: ModbusServer, client: ModbusTcpClient, code: int) -> None:
    """The unit answers with the exception asked for."""
    server.faults.put("a", 1, Fault("refuse", code=code))

    assert wrong(client) == code


def test_late(server: ModbusServer) -> None:
    """A late answer comes, unchanged, but not before its time."""
    server.faults.put("a", 1, Fault("late", seconds=0.4))
    request = tcp(3, struct.pack(">HH", 1, 1))
    with socket.create_connection(("127.0.0.1", server.port("a")), timeout=0.2) as sock:
        sock.sendall(request)
        with pytest.raises(TimeoutError):
            sock.recv(100)
        sock.settimeout(5)
        assert sock.recv(100).endswith(b"\x03\x02\x00\x01")


def test_reset(server: ModbusServer) -> None:
    """The connection is reset, not closed politely."""
    server.faults.put("a", 1, Fault("reset"))
    with socket.create_connection(("127.0.0.1", server.port("a")), timeout=5) as sock:
        sock.sendall(tcp(3, bytes(4)))
        with pytest.raises(ConnectionResetError):
            sock.recv(100)


def test_nan(server: ModbusServer, client: ModbusTcpClient) -> None:
    """Every register reads 0xFFFF: NaN as a float of any order."""
    server.faults.put("a", 1, Fault("nan"))

    assert wrong(client) == [0xFFFF, 0xFFFF]


def test_frozen() -> None:
    """A frozen unit keeps saying what it said when the fault began; mended, its values move again."""
    server = ModbusServer(HostClock())
    number = server.listen("b", {1: Ramp(4)})
    with server:
        for client in _pymodbus(number, FramerType.SOCKET):
            first, second = (client.read_input_registers(0, count=8, device_id=1).registers for _ in range(2))
            assert first != second
            server.faults.put("b", 1, Fault("frozen"))
            third, fourth = (client.read_input_registers(0, count=8, device_id=1).registers for _ in range(2))
            assert third == fourth
            server.faults.mend()
            assert client.read_input_registers(0, count=8, device_id=1).registers != fourth


def test_unplug_and_plug(server: ModbusServer) -> None:
    """An unplugged host resets what it has and refuses more; plugged again it serves under the same number."""
    with socket.create_connection(("127.0.0.1", server.port("a")), timeout=5) as sock:
        sock.sendall(tcp(3, struct.pack(">HH", 1, 1)))
        assert sock.recv(100)
        server.unplug("a")
        with pytest.raises(ConnectionResetError):
            sock.recv(100)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port("a")), timeout=5)

    server.plug("a")
    server.plug("a")
    assert _until_answered(server)


def _until_answered(server: ModbusServer) -> bool:
    for _ in range(200):
        try:
            return raw(server, "a", tcp(3, struct.pack(">HH", 1, 1))) != b""
        except ConnectionRefusedError:
            continue
    return False


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({"fault": "late", "seconds": 10}, Fault("late", seconds=10.0)),
        ({"fault": "refuse", "code": 6}, Fault("refuse", code=6)),
        ({"fault": "dead"}, Fault("dead")),
    ],
    ids=["late", "refuse", "dead"],
)
def test_fault_from_a_control_line(wish: dict[str, Any], expected: Fault) -> None:
    """A control line says the same as the programmatic way."""
    assert Fault.parse(wish) == expected


def test_unknown_fault_is_a_mistake() -> None:
    """A fault nobody knows is refused, with the list of those there are."""
    with pytest.raises(ValueError, match="there are: dead, late"):
        Fault.parse({"fault": "drunk"})


def test_last_exchange_is_kept(server: ModbusServer, client: ModbusTcpClient) -> None:
    """The last request and answer of a unit can be shown, as frames."""
    client.read_holding_registers(5, count=1, device_id=1)

    exchange = server.last("a", 1)

    assert exchange is not None
    assert exchange.request[6:] == bytes.fromhex("010300050001")
    assert exchange.answer[6:] == bytes.fromhex("0103020005")


def test_the_plant_over_the_wire() -> None:
    """A client reads the press meter's power and the boiler's load, with the orders of their maps."""
    server = ModbusServer(HostClock())
    units = plant_units(Plant())
    ports = {line: server.listen(line, on_line) for line, on_line in units.items()}
    with server:
        for client in _pymodbus(ports["line1"], FramerType.SOCKET):
            words = client.read_input_registers(52, count=2, device_id=3).registers
            assert 0 < _float(words) < 45_000
        for client in _pymodbus(ports["dcs"], FramerType.SOCKET):
            words = client.read_holding_registers(100, count=2, device_id=1).registers
            assert 500 < _float(words) < 1_200


def _float(words: Any) -> float:
    value = ModbusTcpClient.convert_from_registers(words, ModbusTcpClient.DATATYPE.FLOAT32)
    assert isinstance(value, float)
    return value


@pytest.mark.parametrize("framing", [TcpFraming(), RtuFraming()], ids=["tcp", "rtu"])
def test_half_a_request_waits(framing: Any) -> None:
    """No request is cut from a beginning of one."""
    body = bytes((1, 3)) + struct.pack(">HH", 0, 1)
    whole = tcp(3, struct.pack(">HH", 0, 1)) if isinstance(framing, TcpFraming) else body + crc16(body)

    assert all(framing.cut(whole[:length]) == (None, 0) for length in range(len(whole)))
    assert framing.cut(whole)[1] == len(whole)
