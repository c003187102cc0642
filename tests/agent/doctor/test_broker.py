"""The way to the broker: judged over facts; the MQTT packets byte by byte; the probe against a scripted broker."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from agent.doctor import mqtt_probe
from agent.doctor.broker import judge, look
from agent.doctor.case import NOBODY, Answers, Case, asked
from agent.doctor.machine import Machine
from agent.doctor.reach import Certificate, ReachFacts, probe
from config.load import load
from config.site import MqttUplink
from tests.agent.doctor import ids
from tests.e2e.harness import Site, bus, device

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400_000
NOW = 20_000 * DAY
CERT = Certificate(subject="CN=broker", issuer="CN=ca", from_ms=0, until_ms=NOW + 400 * DAY)
OURS = replace(CERT, file="/etc/ca.pem")
OPEN = ReachFacts(
    host="b", port=8883, tls=True, address="10.0.0.1", tls_version="TLSv1.3", presented=CERT, code=0, level=5
)
CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "lets us in": ({}, ["broker-fine"]),
    "the agent is in": ({"agent_connected": True, "code": None}, ["broker-fine-agent"]),
    "an agent we may not ask": (
        {"agent_connected": True, "agent_sure": False, "code": None},
        ["broker-not-tried"],
    ),
    "not encrypted": ({"tls": False, "presented": None}, ["broker-fine", "broker-plain"]),
    "no such name": ({"address": "", "name_error": "unknown", "presented": None}, ["broker-name"]),
    "no answer": ({"address": "", "tcp_error": "timed out", "presented": None}, ["broker-silent"]),
    "no TLS there": ({"tls_error": "wrong version number", "presented": None}, ["broker-tls"]),
    "another authority": ({"tls_error": "self-signed certificate"}, ["broker-certificate"]),
    "no MQTT there": ({"code": None, "mqtt_error": "the broker hung up"}, ["broker-no-mqtt"]),
    "a wrong password": ({"code": 0x86}, ["broker-password"]),
    "not authorised": ({"code": 0x87}, ["broker-password"]),
    "banned": ({"code": 0x8A}, ["broker-refused"]),
    "ties ids to users": ({"code": 0x85}, ["broker-own-id-only"]),
    "runs out": ({"presented": replace(CERT, until_ms=NOW + 3 * DAY)}, ["broker-fine", "broker-certificate-soon"]),
    "has run out": ({"presented": replace(CERT, until_ms=NOW)}, ["broker-fine", "broker-certificate-over"]),
    "ours runs out": ({"ours": (replace(OURS, until_ms=NOW + DAY),)}, ["broker-fine", "certificate-soon"]),
    "ours has run out": ({"ours": (replace(OURS, until_ms=NOW - 1),)}, ["broker-fine", "certificate-over"]),
    "a box in the past": ({"ours": (replace(OURS, from_ms=NOW + DAY),)}, ["broker-fine", "certificate-early"]),
}


@pytest.mark.parametrize("name", CASES)
def test_each_step_of_the_way_has_its_name(name: str) -> None:
    """A table of how far one gets."""
    changes, expected = CASES[name]

    assert ids(judge(replace(OPEN, **changes), NOW)) == expected


def test_a_refused_certificate_is_described() -> None:
    """Whose it is and who signed it: TLS interception shows by the issuer."""
    refused = replace(OPEN, tls_error="unable to get local issuer", presented=replace(CERT, issuer="CN=Firewall"))
    [found] = judge(refused, NOW)

    assert "CN=Firewall" in found.what.en
    assert "CN=broker" in found.what.zh


# --- packets ---------------------------------------------------------------------------------------------------------


def test_connect_is_what_the_standard_draws() -> None:
    """MQTT 5 and 3.1.1, with and without credentials; no will, a clean session."""
    assert mqtt_probe.connect("ab", 5) == bytes.fromhex("10 0f 0004 4d515454 05 02 000f 00 0002 6162")
    assert mqtt_probe.connect("ab", 4, "u", b"pw") == bytes.fromhex(
        "10 15 0004 4d515454 04 c2 000f 0002 6162 0001 75 0002 7077"
    )
    assert mqtt_probe.connect("x" * 200, 5)[1:3] == b"\xd5\x01"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("2003000000", 0),
        ("2003008700", 0x87),
        ("20020000", 0),
        ("20020005", 0x87),
        ("20020004", 0x86),
        ("20020001", 0x84),
        ("", None),
        ("20", None),
        ("2003", None),
        ("200300", None),
        ("2080", None),
    ],
)
def test_connack_is_read_as_it_comes(data: str, code: int | None) -> None:
    """Whole, in pieces, and the old codes as the new ones."""
    assert mqtt_probe.connack(bytes.fromhex(data)) == code


@pytest.mark.parametrize("data", [b"HTTP/1.1 400", b"\x15\x03\x01", b"\x20\xff\xff\xff\xff\x01"])
def test_what_is_not_mqtt_is_not_taken_for_it(data: bytes) -> None:
    """A web server, a TLS alert, a length that never ends."""
    with pytest.raises(mqtt_probe.NotMqtt):
        mqtt_probe.connack(data)


# --- the probe -------------------------------------------------------------------------------------------------------


class Broker:
    """Answers each connection with the next of `answers`, keeps what it was told."""

    def __init__(self, *answers: bytes) -> None:
        self.told: list[bytes] = []
        self._answers = answers
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        for answer in self._answers:
            connection, _ = self._socket.accept()
            with connection:
                heard = connection.recv(4096)
                if answer:
                    connection.sendall(answer)
                    heard += connection.recv(4096)
                self.told.append(heard)

    def close(self) -> None:
        """Wait until everything was said."""
        self._thread.join(5)
        self._socket.close()


@pytest.fixture
def uplink(tmp_path: Path) -> MqttUplink:
    """Return an uplink with a password."""
    password = tmp_path / "p"
    password.write_text("geheim\n")
    return MqttUplink(
        host="127.0.0.1",
        port=1,
        tls=False,
        prefix="p",
        username="jn",
        password_file=password,
        ca_file=None,
        cert_file=None,
        key_file=None,
        keepalive_s=30.0,
        nobody_listens="hold",
    )


def test_the_probe_has_a_name_of_its_own_and_leaves_at_once(uplink: MqttUplink) -> None:
    """Credentials of the site, another client id, DISCONNECT, nothing published."""
    broker = Broker(b"\x20\x03\x00\x00\x00")
    facts = probe(replace(uplink, port=broker.port), "jn-0417", agent_connected=False)
    broker.close()

    [told] = broker.told
    assert (facts.code, facts.level) == (0, 5)
    assert b"jn-0417-doctor-" in told
    assert b"geheim" in told
    assert told.endswith(b"\xe0\x00")
    assert "geheim" not in repr(facts)


@pytest.mark.parametrize("first", [b"", b"\x20\x03\x00\x84\x00", b"\x20\x02\x00\x01"])
def test_an_old_broker_is_asked_in_its_own_tongue(uplink: MqttUplink, first: bytes) -> None:
    """One that hangs up on MQTT 5, or says that it does not know it, is tried with 3.1.1."""
    broker = Broker(first, b"\x20\x02\x00\x00")
    facts = probe(replace(uplink, port=broker.port), "jn-0417", agent_connected=False)
    broker.close()

    assert (facts.code, facts.level) == (0, 4)


def test_a_connected_agent_is_left_alone(uplink: MqttUplink) -> None:
    """The broker sees a connection without a word on it."""
    broker = Broker(b"")
    facts = probe(replace(uplink, port=broker.port), "jn-0417", agent_connected=True)
    broker.close()

    assert broker.told == [b""]
    assert (facts.code, facts.address) == (None, "127.0.0.1")


@pytest.mark.parametrize(
    ("answers", "tried"),
    [
        (Answers(away=NOBODY), True),
        (Answers(away="permission denied", is_shut=True), False),
        (Answers(away="the agent does not answer in time"), False),
        (Answers(status={"health": {"uplink": {"connected": True}}}), False),
        (Answers(status={"health": {"uplink": {"connected": False}}}), True),
    ],
)
def test_only_when_the_agent_is_surely_not_connected_we_log_in(
    uplink: MqttUplink, answers: Answers, tried: bool, tmp_path: Path
) -> None:
    """Not to know is no leave: some brokers would throw the agent out."""
    broker = Broker(b"\x20\x03\x00\x00\x00" if tried else b"")
    path = Site(buses=[bus(1)], devices=[device("meter")]).write(tmp_path)
    site = replace(load(path), uplink=replace(uplink, port=broker.port))
    look(Case(machine=Machine(), path=path, site=site, answers=answers))
    broker.close()

    assert bool(broker.told[0]) is tried


def test_the_words_for_nobody_are_those_of_the_door(tmp_path: Path) -> None:
    """`agent.control_client` says it; should it change its words, this says so."""
    assert asked(tmp_path / "none").is_gone


def test_a_closed_port_and_an_unknown_name_say_so(uplink: MqttUplink) -> None:
    """The words of the system, for people."""
    closed = probe(uplink, "jn", agent_connected=False)
    unknown = probe(replace(uplink, host="no-such-host.invalid"), "jn", agent_connected=False)

    assert closed.tcp_error == "127.0.0.1: connection refused"
    assert unknown.name_error
