"""Brokers that stall, refuse, limit, speak the old protocol or want proof of identity; platforms that come late.

The publisher's own tests look at every detail; here the same faults (B2 B3 B4 B5 B7, K4) meet the whole process.
"""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.agent.uplink.test_against_mosquitto import Authority
from tests.e2e.harness import (
    FAILPOINTS,
    GATEWAY,
    PREFIX,
    Outcomes,
    Scene,
    ScriptedStage,
    Stage,
    arrived,
    bounded,
    played_together,
)
from tests.e2e.harness import mqtt as uplink
from tests.peers.fake_broker import RECEIVE_MAXIMUM, Publish, Script, always
from tests.peers.mosquitto import Mosquitto, Subscriber, eventually, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "s3cret-of-jn-0417"


def _several(scene: Scene, least: int = 5) -> None:
    arrived(scene, lambda: len(scene.counts()) >= least)


# --- brokers that follow a script ------------------------------------------------------------------------------------


def never_acknowledges(directory: Path, _: str) -> None:
    """B2: without PUBACKs the connection is given up and made anew; nothing counts as sent, the window bounds it."""
    with ScriptedStage(directory, Script(puback=always(None))) as stage:
        stage.write()
        stage.agent.start(FAILPOINTS, environment={"PLANTGATE_TUNING": '{"puback_s": 1.0, "start_within_s": 0.1}'})
        arrived(stage, lambda: len(stage.broker.connects) >= 2)
        before = stage.agent.resources()
        arrived(stage, lambda: len(stage.broker.connects) >= 4)
        bounded(before, stage.agent.resources())
        assert stage.broker.most_outstanding <= 20
        assert stage.agent.terminate() == 0
        assert not stage.stored().settled, "counted as delivered without a PUBACK"

        stage.broker.script.puback = always(0)
        stage.agent.start()
        _several(stage, stage.meters.counts[1])
        stage.finish()


def refuses_one_kind(directory: Path, _: str) -> None:
    """B3: readings are refused (0x87) and kept, everything else flows, the refusal is told; allowed, they come."""

    def answer(publish: Publish) -> int:
        return 0x87 if publish.topic.endswith("/readings") else 0

    with ScriptedStage(directory, Script(puback=answer)) as stage:
        stage.run()
        arrived(stage, lambda: stage.events("publish-refused"))
        assert stage.events("publish-refused")[0]["topic"] == f"{PREFIX}/v1/{GATEWAY}/readings"
        assert stage.agent.terminate() == 0
        kept = stage.stored()
        assert {json.loads(wire)["kind"] for seq, wire in kept.wires.items() if seq not in kept.settled} >= {"readings"}
        stage.broker.script.puback = always(0)
        stage.agent.start()
        arrived(stage, lambda: len(stage.events("start")) == 2)
        _several(stage, stage.meters.counts[1])
        stage.finish()
        assert set(stage.stored().waiting) <= {stage.stored().head}


def quota_exceeded(directory: Path, _: str) -> None:
    """B3: every third record is answered 0x97; all come through in the end."""

    def answer(publish: Publish) -> int:
        return 0x97 if publish.mid % 3 == 0 and not stage.broker.script.granted else 0

    with ScriptedStage(directory) as stage:
        stage.broker.script.puback = answer
        stage.run()
        _several(stage)
        stage.broker.script.puback = always(0)
        arrived(stage, lambda: len(stage.counts()) >= stage.meters.counts[1] - 2)
        stage.finish()


def receive_maximum_one(directory: Path, _: str) -> None:
    """B5: never more than one PUBLISH without its PUBACK, and still everything comes."""
    granted = bytes((RECEIVE_MAXIMUM, 0, 1))
    with ScriptedStage(directory, Script(granted=granted, puback_delay_s=0.005)) as stage:
        stage.run()
        _several(stage, 15)
        assert stage.broker.most_outstanding == 1
        stage.finish()


def taken_over(directory: Path, _: str) -> None:
    """B7: DISCONNECT 0x8E stands in the chain as an event, and the agent comes back."""
    with ScriptedStage(directory) as stage:
        stage.run()
        _several(stage)
        stage.broker.disconnect_all(0x8E)
        assert eventually(lambda: "session-taken-over" in str(stored_events(stage)), 10.0)
        assert stage.agent.terminate() == 0
        stage.agent.start()
        arrived(stage, lambda: stage.events("session-taken-over"))
        stage.finish()


def stored_events(scene: Scene) -> list[str]:
    """Return the names of the events in the store of an agent that may be running."""
    return [one["event"] for one in scene.stored().records if one["kind"] == "event"]


def mqtt_3_1_1(directory: Path, _: str) -> None:
    """A broker that refuses MQTT 5 is spoken to in 3.1.1."""
    with ScriptedStage(directory, Script(speaks=(4,))) as stage:
        stage.run()
        _several(stage)
        assert [connect.protocol for connect in stage.broker.connects][:2] == [5, 4]
        stage.finish()


def will_is_registered(directory: Path, _: str) -> None:
    """The broker is told what to say of us when we vanish: a retained "offline" on the status topic."""
    with ScriptedStage(directory) as stage:
        stage.run()
        _several(stage)
        connect = stage.broker.connects[0]
        assert connect.client_id == GATEWAY
        assert connect.will_topic == f"{PREFIX}/v1/{GATEWAY}/status"
        assert connect.will_retain
        assert json.loads(connect.will_payload or b"{}")["online"] is False
        stage.agent.kill()
        assert stage.broker.goodbyes == 0, "a killed agent says nothing: the will speaks"
        stage.judge()


# --- mosquitto -------------------------------------------------------------------------------------------------------


def nobody_listens(directory: Path, _: str) -> None:
    """B4: without a subscriber the records are held; when one comes, everything is delivered."""
    with Stage(directory, listening=False) as stage:
        stage.run()
        assert eventually(lambda: stage.meters.counts[1] >= 30)
        platform = stage.listen()
        arrived(stage, lambda: len(stage.counts()) >= stage.meters.counts[1] - 10)
        stage.finish()
        counts = stage.all_counts()
        assert counts == list(range(1, len(counts) + 1))
        assert all(not message.retained for message in platform.messages if message.topic.endswith("readings"))


def comes_late(directory: Path, _: str) -> None:
    """A second subscriber who comes later finds out at once who is there and what the points are."""
    with Stage(directory) as stage:
        stage.run()
        _several(stage)
        with Subscriber(stage.broker.port, f"{PREFIX}/v1/{GATEWAY}/+") as late:
            assert eventually(lambda: late.payloads("/status") and late.payloads("/meta"))
            retained = {message.topic.rsplit("/", 1)[1] for message in late.messages if message.retained}
            status, meta = json.loads(late.payloads("/status")[0]), json.loads(late.payloads("/meta")[0])
        assert retained == {"status", "meta"}
        assert status["online"] is True
        assert list(meta["devices"]["meter"]["points"]) == ["count"]
        assert meta["key"]["x"] == stage.records("hello")[0]["key"]["x"]
        assert meta["cfg"] == stage.records("readings")[0]["cfg"]
        stage.finish()
        with Subscriber(stage.broker.port, f"{PREFIX}/v1/{GATEWAY}/status") as later:
            assert eventually(later.payloads)
            assert json.loads(later.payloads()[0])["online"] is False


def two_with_one_id(directory: Path, _: str) -> None:
    """B7 with mosquitto, which only hangs up: a clone that keeps throwing us out is suspected in the chain."""
    with Stage(directory) as stage:
        stage.write()
        # real times would make this test minutes long: only the delays between connections are shortened
        tuning = {"start_within_s": 0.1, "normal": [0.1, 0.2, 0.5]}
        stage.agent.start(FAILPOINTS, environment={"PLANTGATE_TUNING": json.dumps(tuning)})
        _several(stage)
        deadline = time.monotonic() + 20.0
        while not stage.events("session-taken-over") and time.monotonic() < deadline:
            clone = paho.Client(CallbackAPIVersion.VERSION2, GATEWAY, protocol=paho.MQTTv5)
            clone.connect("127.0.0.1", stage.broker.port)
            clone.loop_start()
            time.sleep(0.5)
            clone.disconnect()
            clone.loop_stop()
        assert stage.events("session-taken-over")[0]["suspected"] is True
        stage.finish()


# --- identities ------------------------------------------------------------------------------------------------------


def password(directory: Path, _: str) -> None:
    """User and password from a file; the password stands in no output."""
    acl = f"user box\ntopic write {PREFIX}/v1/{GATEWAY}/#\n\nuser platform\ntopic read #\n"
    users = {"box": PASSWORD, "platform": "p"}
    with Stage(directory, users=users, acl=acl, listening=False) as stage:
        stage.listen(username="platform", password="p")
        secret = directory / "password"
        secret.write_text(PASSWORD + "\n")
        secret.chmod(0o600)
        stage.run(uplink=uplink(stage.link.port, username="box", password_file=str(secret)))
        _several(stage)
        stage.finish()
        stage.judge(secrets=[PASSWORD])


def wrong_password(directory: Path, _: str) -> None:
    """A wrong password keeps everything in the store, says why, and does not say the password."""
    with Stage(directory, users={"box": "right", "platform": "p"}, listening=False) as stage:
        stage.listen(username="platform", password="p")
        secret = directory / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o600)
        stage.run(uplink=uplink(stage.link.port, username="box", password_file=str(secret)))
        assert eventually(lambda: "not authorized" in _status(stage).lower()), _status(stage)
        assert stage.agent.terminate() == 0
        stage.judge(secrets=[PASSWORD])
        assert len(stage.stored().waiting) > 5


def _status(stage: Scene) -> str:
    return stage.agent.ears.last("STATUS=") + stage.agent.said


def client_certificate(directory: Path, _: str) -> None:
    """TLS with a pinned authority and a certificate of our own."""
    authority = Authority(directory / "pki")
    cert, key = authority.issue(GATEWAY)
    key.chmod(0o600)
    with Secure(directory, authority, clients=True, cert_file=str(cert), key_file=str(key)) as stage:
        stage.run()
        _several(stage)
        stage.finish()
        stage.judge(secrets=key.read_text().splitlines()[1:2])


def wrong_authority(directory: Path, _: str) -> None:
    """K4: a broker whose certificate another authority signed gets nothing, and the reason is visible."""
    ours, theirs = Authority(directory / "ours"), Authority(directory / "theirs")
    with Secure(directory, theirs, ca_file=str(ours.ca_file)) as stage:
        stage.run()
        assert eventually(lambda: "certificate" in _status(stage)), _status(stage)
        assert eventually(lambda: stage.meters.counts[1] > 10)
        assert stage.agent.terminate() == 0
        kept = stage.stored()
        assert not stage.wires
        assert len(kept.waiting) == kept.head
        stage.judge()


class Secure(Scene):
    """A scene with a mosquitto that speaks TLS to the agent, and plainly to the platform."""

    def __init__(self, directory: Path, authority: Authority, *, clients: bool = False, **more: Any) -> None:
        plain = free_port()
        tls = authority.broker(clients=clients)
        extra = f"max_queued_messages 0\nlistener {plain} 127.0.0.1\nallow_anonymous true"
        self.broker = Mosquitto(directory / "broker", tls=tls, extra=extra).start()
        super().__init__(directory, self.broker.port)
        self._everything.callback(self.broker.stop)
        self._or_close(lambda: self._listen(plain))
        url = f"mqtts://127.0.0.1:{self.broker.port}"
        self.site.uplink = {"url": url, "prefix": PREFIX, "ca_file": str(authority.ca_file), **more}

    def _listen(self, port: int) -> None:
        assert eventually(lambda: _listens(port))  # mosquitto opens its doors one after the other
        self.platform = self._everything.enter_context(Subscriber(port, f"{PREFIX}/#"))

    @property
    def wires(self) -> list[bytes]:
        """Return every record the platform got."""
        return [m.payload for m in self.platform.messages if not m.topic.endswith(("/status", "/meta"))]


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


STORIES = {
    story.__name__: story
    for story in (
        two_with_one_id,
        never_acknowledges,
        refuses_one_kind,
        quota_exceeded,
        receive_maximum_one,
        taken_over,
        mqtt_3_1_1,
        will_is_registered,
        nobody_listens,
        comes_late,
        password,
        wrong_password,
        client_certificate,
        wrong_authority,
    )
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcomes]:
    """Meet all brokers side by side."""
    yield from played_together(tmp_path_factory, [(story, name) for name, story in STORIES.items()])


@pytest.mark.parametrize("name", STORIES)
def test_whatever_the_broker_is_like(name: str, outcomes: Outcomes) -> None:
    """Every broker gets what it may get, once it may; nothing is lost, and the reason for waiting is told."""
    outcomes[STORIES[name], name].result()
