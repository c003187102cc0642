"""``plantgate init`` as an installer meets it: a terminal, a line, a host, a broker; and a connection that is lost."""

from __future__ import annotations

import stat
import sys
from typing import TYPE_CHECKING

import trustme

from agent.sites import load_site
from drivers.sim.__main__ import HostClock
from drivers.sim.instruments import plant_units
from drivers.sim.modbus_server import ModbusServer
from drivers.sim.plant import Plant
from drivers.sim.serial_plant import plant_lines
from drivers.sim.serial_server import SerialServer
from drivers.sim.serial_units import ModbusSlave
from tests.e2e.harness import ROOT
from tests.peers.mosquitto import BrokerTls, Mosquitto, Subscriber, free_port
from tests.peers.typist import Typist

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from drivers.sim.serial_units import LineUnit

PASSWORD = "correct horse"
INIT = [sys.executable, "-m", "agent.cli.main", "init", "site.toml", "--lang", "en"]


def test_an_hour_on_site(tmp_path: Path) -> None:
    """Wrong port, wrong password, a lost connection half-way, a scan; in the end a site file that passes check.

    Nothing was published, nothing was written to a device, and no secret is in any file but its own.
    """
    broker = Mosquitto(tmp_path / "broker", users={"jn": PASSWORD, "eye": "x"})
    lines, units = _lines(tmp_path)
    with (
        broker,
        Subscriber(broker.port, username="eye", password="x") as platform,
        lines,
        ModbusServer(HostClock()) as server,
    ):
        host = server.listen("line", {1: plant_units(Plant())["line1"][3]})
        with Typist(INIT, tmp_path, ROOT) as first:
            _begins(first, broker.port)
            first.types("which of them?", f"{tmp_path / 'rs485'} 127.0.0.1:{host}")
            first.types("line1", "9600 8N1")
            first.sees("which Modbus unit ids")
            assert first.hangs_up() != 0
        with Typist(INIT, tmp_path, ROOT) as second:
            second.types("last time was not finished", "yes")
            second.sees("connected (MQTT 5), allowed to subscribe to plantgate/acme/v1/jn-0417/cmd")
            second.types("which Modbus unit ids", "3-4")
            second.sees("modbus 3  9600 8N1  eastron-sdm630 (identity)")
            second.types("host1", "")
            second.types("host1: which Modbus unit ids", "1")
            second.sees("modbus 1    eastron-sdm630 (identity)")
            _describes(second)
            assert second.ends() == 0
            screens = first.screen + second.screen
        assert platform.payloads() == []
        assert sum(unit.writes_seen for unit in units) == 0
    _is_as_described(tmp_path)
    assert PASSWORD not in screens
    assert _holding(tmp_path, PASSWORD) == ["mqtt.password"]


def _lines(directory: Path) -> tuple[SerialServer, list[ModbusSlave]]:
    """Return the plant's RS-485 line, to be served as a pseudo-terminal, and those of its units that count writes."""
    server = SerialServer(HostClock())
    units: Sequence[LineUnit] = list(plant_lines(Plant(), HostClock().mono_ns())["rs485"])
    server.offer("rs485", units, directory / "rs485")
    return server, [unit for unit in units if isinstance(unit, ModbusSlave)]


def _begins(person: Typist, port: int) -> None:
    """Answer the first two steps, with what goes wrong on the way."""
    person.types("Language", "?")
    person.sees("The language of this setup")
    person.types("Language", "")
    person.types("gateway id", "JN 0417")
    person.sees("not so: not a name")
    person.types("gateway id", "jn-0418")
    person.types("name for people", "<")
    person.types("gateway id [jn-0418]", "jn-0417")
    person.types("name for people", "一号车间 / Workshop 1")
    person.types("time zone", "")
    person.types("address, such as mqtts", f"mqtt://127.0.0.1:{free_port()}")
    person.types("topic prefix", "plantgate/acme")
    person.types("user", "jn")
    person.types("password", "wrong")
    person.sees("connection refused")
    person.types("again: try once more", "change")
    person.types("address, such as mqtts", f"mqtt://127.0.0.1:{port}")
    person.types("topic prefix [plantgate/acme]", "")
    person.types("user [jn]", "")
    person.types("password (not shown while typed) [****]", "")
    person.sees("not authorized")
    person.sees("check user and password")
    person.types("again: try once more", "change")
    for prompt in ("address, such as mqtts", "topic prefix", "user"):
        person.types(prompt, "")
    person.types("password", PASSWORD)
    person.sees("connected (MQTT 5)")


def _describes(person: Typist) -> None:
    """Name two meters, and what they are of."""
    for name, label in (("fan-1", "1号风机 / Fan 1"), ("press-1", "")):
        person.sees("model (compare with the meter)")
        person.types("", "")
        if name == "fan-1":
            person.types("short name", "press-0")
            person.types("name for people", "")
        else:
            person.types("short name", "fan-1")
            person.types("name for people", label or "1号风机 / Fan 1")
            person.types("current transformer", "200/5")
        person.types("read every", "")
        person.types("told every", "")
    person.sees("model (compare with the meter)")
    person.types("", "out")
    person.types("a device that was not found?", "")
    person.types("press-0.power", "production")
    person.types("short name", "press")
    person.types("name for people", "1号压机 / Press 1")
    person.types("what it is", "press")
    person.types("rated power, kW", "45")
    person.types("fan-1.power", "")
    person.types("short name", "fan")
    person.types("name for people", "")
    person.types("what it is", "fan")
    person.types("rated power, kW", "22")
    person.types("another machine?", "")
    person.types("short name of the line", "paint")
    for prompt in ("name for people", "its production", "its treatment", "its outlet", "which apply"):
        person.types(prompt, "")
    person.types("address to listen on", "")
    person.sees("rules at work")
    person.types("\nwrite", "yes")
    person.sees("written:")


def _is_as_described(directory: Path) -> None:
    """The file is readable by all, the password by nobody else; both are as they were answered."""
    site = load_site(directory / "site.toml")

    assert [(one.spec.name, one.model, one.spec.bus) for one in site.devices] == [
        ("press-0", "eastron-sdm630", "line1"),
        ("fan-1", "chint-dtsu666", "line1"),
    ]
    assert [(one.name, one.role) for one in site.plant.facilities] == [("press", "production"), ("fan", "treatment")]
    assert site.plant.lines[0].production == ("press",)
    assert site.gateway.name.zh == "一号车间"
    modes = {name: stat.S_IMODE((directory / name).stat().st_mode) for name in ("site.toml", "mqtt.password")}
    assert modes == {"site.toml": 0o644, "mqtt.password": 0o600}
    assert stat.S_IMODE((directory / "site.toml.answers.toml").stat().st_mode) == 0o600


def _holding(directory: Path, text: str) -> list[str]:
    """Return the names of the files that hold `text`."""
    return [path.name for path in directory.iterdir() if path.is_file() and text in path.read_text(encoding="utf-8")]


def test_a_certificate_is_explained_and_mended(tmp_path: Path) -> None:
    """Another authority's certificate: the reason, the remedy, then the right CA file, and it connects over TLS."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(tmp_path / "broker.key")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "broker.pem")
    tls = BrokerTls(ca=tmp_path / "ca.pem", cert=tmp_path / "broker.pem", key=tmp_path / "broker.key")

    with Mosquitto(tmp_path / "broker", tls=tls) as broker, Typist(INIT, tmp_path, ROOT) as person:
        for prompt, answer in (("Language", ""), ("gateway id", "jn-1"), ("name for people", ""), ("time zone", "")):
            person.types(prompt, answer)
        person.types("address, such as mqtts", f"mqtts://127.0.0.1:{broker.port}")
        person.types("topic prefix", "")
        person.types("user", "")
        person.types("CA file", "other.pem")
        person.sees("certificate of 127.0.0.1 refused")
        person.sees("most likely: ")
        person.types("again: try once more", "change")
        for prompt in ("address, such as mqtts", "topic prefix", "user"):
            person.types(prompt, "")
        person.types("CA file (PEM) [other.pem]", "ca.pem")
        person.sees("connected (MQTT 5)")
        person.sees("which of them?")
        person.presses(b"\x03")
        person.sees("The answers are kept in")
        assert person.ends() == 1
    assert not (tmp_path / "site.toml").exists()
