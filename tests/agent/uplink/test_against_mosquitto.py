"""The publisher and a real broker: mosquitto on the loopback, with TLS, users, access rules, restarts."""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

import orjson
import pytest
import trustme

from agent.uplink.status import About
from buffer.outbox import Outbox
from tests.agent.uplink.memory_outbox import MemoryOutbox, record, seq_of
from tests.agent.uplink.running import QUICK, Running, uplink_to, write
from tests.peers.mosquitto import BrokerTls, Mosquitto, Subscriber, eventually
from tests.peers.toxic_proxy import ToxicProxy

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from config.site import MqttUplink

EVERYTHING = "plantgate/#"


def empty(outbox: MemoryOutbox) -> bool:
    """Say whether everything is delivered."""
    return not outbox.undelivered()


def test_every_record_arrives_byte_for_byte(tmp_path: Path) -> None:
    """Backlog, live and urgent records reach a subscriber as they were signed, with their properties."""
    outbox = MemoryOutbox()
    outbox.commit("hello", *["readings"] * 500)
    with Mosquitto(tmp_path) as broker, Subscriber(broker.port, EVERYTHING) as platform:
        with Running(broker.port, outbox):
            assert eventually(lambda: empty(outbox))
            outbox.commit("alarm", "readings")
            assert eventually(lambda: empty(outbox))
        assert eventually(lambda: outbox.wires() <= set(platform.payloads()))
        records = [m for m in platform.messages if not m.topic.endswith("status")]

        assert {m.payload for m in records} == outbox.wires()
        assert len(records) == 503
        assert records[0].properties == {"ContentType": "application/json", "PayloadFormatIndicator": 1}


def test_status_and_meta_wait_for_whoever_comes_later(tmp_path: Path) -> None:
    """Both are retained: online while we are, offline after a clean stop."""
    outbox = MemoryOutbox()
    with Mosquitto(tmp_path) as broker:
        with Running(broker.port, outbox) as running:
            running.publisher.set_meta(b'{"devices":{}}')
            assert running.connected()
            with Subscriber(broker.port, EVERYTHING) as early:
                assert eventually(lambda: len(early.messages) == 2)
            with Subscriber(broker.port, EVERYTHING) as late:
                assert eventually(lambda: len(late.messages) == 2)
                assert all(m.retained for m in late.messages)
                assert late.payloads("meta") == [b'{"devices":{}}']
                assert orjson.loads(late.payloads("status")[0])["online"] is True
        with Subscriber(broker.port, EVERYTHING) as later:
            assert eventually(lambda: later.payloads("status"))
            assert orjson.loads(later.payloads("status")[0])["reason"] == "stopped"


def test_the_will_speaks_when_the_box_vanishes(tmp_path: Path) -> None:
    """A connection that ends without a goodbye: the broker says offline for us."""
    with (
        Mosquitto(tmp_path) as broker,
        Subscriber(broker.port, EVERYTHING) as platform,
        ToxicProxy(broker.port) as proxy,
        Running(proxy.port, MemoryOutbox()) as running,
    ):
        assert running.connected()
        proxy.refuse()
        assert eventually(lambda: len(platform.payloads("status")) == 2)

        assert orjson.loads(platform.payloads("status")[1])["reason"] == "connection lost"


def test_b1_a_broker_restart_loses_nothing(tmp_path: Path) -> None:
    """Killed and started again: the publisher waits for the listener to return and sends what was committed meanwhile.

    The broker is killed only when it has passed everything on: what it acknowledged and then lost itself no publisher
    can know.
    """
    outbox = MemoryOutbox()
    broker = Mosquitto(tmp_path).start()
    with Running(broker.port, outbox) as running, Subscriber(broker.port, EVERYTHING) as platform:
        for round_number in range(3):
            if round_number:
                broker.kill()
            outbox.commit(*["readings"] * 50, "alarm")
            if round_number:
                broker.start()
            assert eventually(lambda: empty(outbox)), running.publisher.snapshot()
            assert eventually(lambda: outbox.wires() <= set(platform.payloads()))
        received = [m.payload for m in platform.messages if not m.topic.endswith("status")]

        assert set(received) == outbox.wires(), "nothing lost, duplicates are byte-identical"
        assert running.publisher.snapshot().reconnects >= 2
    broker.stop()


def test_b4_mosquitto_without_a_subscriber(tmp_path: Path) -> None:
    """Mosquitto answers 0x10 and throws the record away; it is kept, and arrives when a subscriber comes."""
    outbox = MemoryOutbox()
    outbox.commit(*["readings"] * 30, "alarm")
    with Mosquitto(tmp_path) as broker, Running(broker.port, outbox) as running:
        assert eventually(lambda: running.named("nobody-listens"))
        assert len(outbox.undelivered()) == 31
        with Subscriber(broker.port, EVERYTHING) as platform:
            assert eventually(lambda: empty(outbox))
            assert eventually(lambda: outbox.wires() <= set(platform.payloads()))


def test_b7_two_boxes_with_one_id_are_told(tmp_path: Path) -> None:
    """Mosquitto 2.0 just closes the older connection: after some rounds both suspect a clone."""
    outbox, other = MemoryOutbox(), MemoryOutbox()
    with Mosquitto(tmp_path) as broker, Running(broker.port, outbox) as first:
        assert first.connected()
        with Running(broker.port, other) as second:
            assert eventually(lambda: first.named("session-taken-over"))
            assert eventually(lambda: second.named("session-taken-over"))
            assert first.named("session-taken-over")[0]["suspected"] is True


def test_users_passwords_and_access_rules(tmp_path: Path) -> None:
    """A wrong password is named; once the file holds the right one records flow."""
    acl = "user box\ntopic write plantgate/acme/v1/jn-0417/#\n\nuser platform\ntopic read #\n"
    password = write(tmp_path / "password", "wrong")
    users = {"box": "right", "platform": "p"}
    outbox = MemoryOutbox()
    outbox.commit("readings")
    with (
        Mosquitto(tmp_path / "broker", users=users, acl=acl) as broker,
        Subscriber(broker.port, "#", username="platform", password="p") as platform,
        Running(uplink_to(broker.port, username="box", password_file=password), outbox) as running,
    ):
        assert eventually(lambda: "not authorized" in running.state)
        write(password, "right\n")
        assert eventually(lambda: empty(outbox))
        assert eventually(lambda: platform.payloads("readings"))
        assert set(platform.payloads("readings")) == outbox.wires()


def test_a_prefix_without_permission_is_reported_and_nothing_is_lost(tmp_path: Path) -> None:
    """PUBACK 0x87 from a real broker: the records stay, an event names the topic."""
    acl = "topic write elsewhere/#\n"
    outbox = MemoryOutbox()
    outbox.commit(*["readings"] * 60)
    with Mosquitto(tmp_path, acl=acl) as broker, Running(broker.port, outbox) as running:
        assert eventually(lambda: running.named("publish-refused"))
        assert eventually(lambda: running.publisher.snapshot().held == ("readings",))

        assert running.named("publish-refused")[0]["topic"] == "plantgate/acme/v1/jn-0417/readings"
        assert len(outbox.undelivered()) == 60
        assert running.publisher.snapshot().reconnects == 0


def test_a_receive_maximum_of_mosquitto_is_used(tmp_path: Path) -> None:
    """Mosquitto's `max_packet_size` and `max_inflight_messages` reach us and are obeyed."""
    outbox = MemoryOutbox()
    outbox.commit("readings")
    outbox.commit("readings", size=4000)
    outbox.commit(*["readings"] * 50)
    extra = "max_packet_size 2000\nmax_inflight_messages 3"
    with (
        Mosquitto(tmp_path, extra=extra) as broker,
        Subscriber(broker.port, EVERYTHING),
        Running(broker.port, outbox) as running,
    ):
        assert eventually(lambda: outbox.undelivered() == [2])
        assert eventually(lambda: running.publisher.snapshot().too_large == 1)
        assert running.publisher.snapshot().reconnects == 0


class Authority:
    """A certificate authority of a test, with files as a site and a broker want them."""

    def __init__(self, directory: Path) -> None:
        """Make the authority."""
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._numbers = count()
        self._ca = trustme.CA()
        self.ca_file = directory / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.ca_file))

    def issue(self, name: str, *, not_after: datetime | None = None) -> tuple[Path, Path]:
        """Return certificate and key for a host name, address, or client."""
        issued = self._ca.issue_cert(name, not_after=not_after)
        stem = f"{name}-{next(self._numbers)}"
        cert, key = self._directory / f"{stem}.pem", self._directory / f"{stem}.key"
        for blob in issued.cert_chain_pems:
            blob.write_to_path(str(cert), append=True)
        issued.private_key_pem.write_to_path(str(key))
        return cert, key

    def broker(self, name: str = "127.0.0.1", *, not_after: datetime | None = None, clients: bool = False) -> BrokerTls:
        """Return the TLS files of a broker with a certificate for `name`."""
        cert, key = self.issue(name, not_after=not_after)
        return BrokerTls(self.ca_file, cert, key, clients_ca=clients)


def secure(port: int, authority: Authority, **changes: object) -> MqttUplink:
    """Return an uplink with TLS that trusts this authority only."""
    return uplink_to(port, tls=True, ca_file=authority.ca_file, **changes)


def test_tls_with_a_client_certificate(tmp_path: Path) -> None:
    """With the pinned CA and our certificate records flow over TLS."""
    authority = Authority(tmp_path / "pki")
    cert, key = authority.issue("jn-0417")
    outbox = MemoryOutbox()
    outbox.commit(*["readings"] * 200)
    tls = authority.broker(clients=True)
    with Mosquitto(tmp_path / "broker", tls=tls, extra="use_identity_as_username false") as broker:
        uplink = secure(broker.port, authority, cert_file=cert, key_file=key)
        with Running(uplink, outbox, nobody_listens="deliver"):
            assert eventually(lambda: empty(outbox))


def test_a_client_without_its_certificate_is_told(tmp_path: Path) -> None:
    """The broker's TLS alert is shown in words."""
    authority = Authority(tmp_path / "pki")
    with (
        Mosquitto(tmp_path / "broker", tls=authority.broker(clients=True)) as broker,
        Running(secure(broker.port, authority), MemoryOutbox()) as running,
    ):
        assert eventually(lambda: "certificate required" in (running.publisher.snapshot().reason or ""))
        assert not running.publisher.snapshot().connected


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("another authority", "self-signed certificate"),
        ("another name", "IP address mismatch"),
        ("expired", "certificate has expired"),
    ],
)
def test_k4_n9_a_certificate_that_does_not_fit_is_refused_with_the_reason(
    tmp_path: Path, what: str, words: str
) -> None:
    """Wrong CA, wrong name, expired: no CONNECT, no password leaves the box, and the state says why."""
    from datetime import UTC, datetime

    ours, theirs = Authority(tmp_path / "ours"), Authority(tmp_path / "theirs")
    tls = {
        "another authority": theirs.broker(),
        "another name": ours.broker("broker.example"),
        "expired": ours.broker(not_after=datetime(2020, 1, 1, tzinfo=UTC)),
    }[what]
    outbox = MemoryOutbox()
    outbox.commit("readings")
    with Mosquitto(tmp_path / "broker", tls=tls) as broker, Running(secure(broker.port, ours), outbox) as running:
        assert eventually(lambda: running.publisher.snapshot().reason)
        reason = running.publisher.snapshot().reason
        assert reason is not None
        assert words in reason
        assert not running.publisher.snapshot().connected
        assert outbox.undelivered() == [1]


def test_a_box_that_does_not_know_the_time_still_trusts_only_its_authority(tmp_path: Path) -> None:
    """Before time is known, dates are not checked (every certificate would look wrong), the authority still is."""
    from datetime import UTC, datetime

    ours, theirs = Authority(tmp_path / "ours"), Authority(tmp_path / "theirs")
    expired = ours.broker(not_after=datetime(2020, 1, 1, tzinfo=UTC))
    lost = About(boot="b", software="s", clock_known=lambda: False)
    with (
        Mosquitto(tmp_path / "broker", tls=expired) as broker,
        Running(secure(broker.port, ours), MemoryOutbox(), about=lost) as running,
    ):
        assert running.connected()
    with (
        Mosquitto(tmp_path / "other", tls=theirs.broker()) as broker,
        Running(secure(broker.port, ours), MemoryOutbox(), about=lost) as running,
    ):
        assert eventually(lambda: "refused" in (running.publisher.snapshot().reason or ""))


def test_tls_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    """A missing CA file is a state with the path in it, not a crash."""
    uplink = uplink_to(1, tls=True, ca_file=tmp_path / "missing.pem")
    with Running(uplink, MemoryOutbox()) as running:
        assert eventually(lambda: "missing.pem" in running.state)


def test_the_real_outbox_is_drained(tmp_path: Path) -> None:
    """The publisher reads, listens to and settles the durable outbox; a restart sends nothing settled twice."""
    from base64 import urlsafe_b64encode

    from buffer.entry import Entry

    def entry(seq: int, kind: str) -> Entry:
        plain = record(seq, kind)
        return Entry(seq, urlsafe_b64encode(seq.to_bytes(32, "big")).rstrip(b"=").decode(), plain.urgent, plain.wire)

    directory = tmp_path / "state"
    directory.mkdir(mode=0o700)
    outbox = Outbox.open(directory, max_size=64 * 1024 * 1024, allow_volatile=True)
    outbox.write([entry(1, "hello"), *(entry(seq, "readings") for seq in range(2, 202))])
    with Mosquitto(tmp_path / "broker") as broker, Subscriber(broker.port, EVERYTHING) as platform:
        with Running(broker.port, outbox, replace(QUICK)):
            assert eventually(lambda: outbox.usage().waiting == 0)
            outbox.write([entry(202, "alarm"), entry(203, "readings")])
            assert eventually(lambda: outbox.usage().waiting == 0)
        with Running(broker.port, outbox) as again:
            assert again.connected()
        assert eventually(lambda: len(platform.payloads()) >= 203 + 4)
        received = [seq_of(m.payload) for m in platform.messages if not m.topic.endswith("status")]

        assert received == [1, *range(2, 202), 202, 203]
    outbox.close()
    shutil.rmtree(directory)
