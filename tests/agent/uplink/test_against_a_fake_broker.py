"""The publisher and a broker that misbehaves on purpose. Numbers like B3 name the fault in the fault catalogue."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
import pytest

from agent.uplink.tuning import Ladder
from tests.agent.uplink.memory_outbox import MemoryOutbox, seq_of
from tests.agent.uplink.running import QUICK, Running, uplink_to, write
from tests.peers.fake_broker import (
    MAXIMUM_PACKET_SIZE,
    MAXIMUM_QOS,
    REASON_STRING,
    RECEIVE_MAXIMUM,
    RETAIN_AVAILABLE,
    SERVER_KEEP_ALIVE,
    FakeBroker,
    Publish,
    Script,
    always,
)
from tests.peers.mosquitto import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def two_bytes(identifier: int, value: int) -> bytes:
    """Return a property of two bytes."""
    return bytes((identifier,)) + value.to_bytes(2, "big")


def four_bytes(identifier: int, value: int) -> bytes:
    """Return a property of four bytes."""
    return bytes((identifier,)) + value.to_bytes(4, "big")


def filled(*kinds: str) -> MemoryOutbox:
    """Return an outbox with these records waiting."""
    outbox = MemoryOutbox()
    outbox.commit(*kinds)
    return outbox


def empty(outbox: MemoryOutbox) -> Callable[[], bool]:
    """Return the question whether everything is delivered."""
    return lambda: not outbox.undelivered()


def test_urgent_records_go_first_then_the_backlog_oldest_first() -> None:
    """After a start the store holds everything: urgent records oldest first, then readings oldest first."""
    outbox = filled("hello", "readings", "readings", "alarm", "readings", "event")
    with FakeBroker() as broker, Running(broker.port, outbox):
        assert eventually(empty(outbox))

        assert [seq_of(w) for w in broker.records()] == [1, 4, 6, 2, 3, 5]


def test_records_carry_what_the_wire_format_asks() -> None:
    """QoS 1, not retained, content type and payload format, no message expiry, the signed bytes as they are."""
    outbox = filled("readings")
    with FakeBroker() as broker, Running(broker.port, outbox):
        assert eventually(empty(outbox))

        sent = broker.published[-1]
        assert (sent.topic, sent.qos, sent.retain) == ("plantgate/acme/v1/jn-0417/readings", 1, False)
        assert sent.properties == b"\x01\x01" + b"\x03\x00\x10application/json"
        assert {sent.payload} == outbox.wires()


def test_birth_will_and_farewell_on_the_status_topic() -> None:
    """The status is retained: online after connecting, offline at a clean stop; the will says the same."""
    outbox = filled("readings")
    with FakeBroker() as broker:
        with Running(broker.port, outbox):
            assert eventually(empty(outbox))
        assert eventually(lambda: broker.goodbyes == 1)
        status = [orjson.loads(p.payload) for p in broker.published if p.topic.endswith("/status")]

        assert [s["online"] for s in status] == [True, False]
        assert status[1]["reason"] == "stopped"
        assert status[0]["boot"] == "a6ebeace"
        assert all(p.retain for p in broker.published if p.topic.endswith("/status"))
        connect = broker.connects[0]
        assert connect.will_topic == "plantgate/acme/v1/jn-0417/status"
        assert connect.will_retain
        assert orjson.loads(connect.will_payload or b"")["online"] is False
        assert (connect.client_id, connect.clean, connect.protocol) == ("jn-0417", True, 5)


def test_meta_is_retained_and_published_again_when_it_changes_and_after_reconnecting() -> None:
    """Whoever subscribes later finds the description of the points."""
    outbox = MemoryOutbox()
    with FakeBroker() as broker, Running(broker.port, outbox) as running:

        def metas() -> list[bytes]:
            return [p.payload for p in broker.published if p.topic.endswith("/meta") and p.retain]

        running.publisher.set_meta(b'{"devices":1}')
        assert eventually(lambda: metas() == [b'{"devices":1}'])
        running.publisher.set_meta(b'{"devices":2}')
        assert eventually(lambda: len(metas()) == 2)
        broker.drop_all()
        assert eventually(lambda: metas()[2:] == [b'{"devices":2}'])


def test_b2_a_broker_that_never_acknowledges_is_left() -> None:
    """No PUBACK within the limit: the connection is torn down, nothing counts as delivered, nothing grows."""
    outbox = filled(*["readings"] * 200)
    with FakeBroker(Script(puback=always(None))) as broker, Running(broker.port, outbox) as running:
        assert eventually(lambda: len(broker.connects) >= 3)

        assert "no PUBACK for 0.6 s" in {e["reason"] for e in running.named("uplink-lost")}
        assert len(outbox.undelivered()) == 200
        assert broker.most_outstanding <= 20
        broker.script.puback = always(0)
        assert eventually(empty(outbox))
        assert set(broker.records()) == outbox.wires()


def test_one_missing_puback_among_others_is_noticed() -> None:
    """A broker that forgets one PUBACK gets that record again, on another connection."""
    outbox = filled("readings")
    forgotten: list[int] = []

    def forget_the_first(publish: Publish) -> int | None:
        if publish.topic.endswith("readings") and not forgotten:
            forgotten.append(publish.mid)
            return None
        return 0

    with FakeBroker(Script(puback=forget_the_first)) as broker, Running(broker.port, outbox) as running:
        assert eventually(lambda: forgotten)
        while len(broker.connects) < 2:
            outbox.commit("readings")
            time.sleep(0.05)
        assert eventually(empty(outbox))

        assert "a PUBACK is missing" in running.named("uplink-lost")[0]["reason"]
        assert set(broker.records()) == outbox.wires()


@pytest.mark.parametrize("code", [0x87, 0x90, 0x99, 0x83])
def test_b3_a_refused_record_is_parked_and_the_others_flow(code: int) -> None:
    """PUBACK with an error: the record is kept, an event tells of it once, and nothing waits behind it."""
    outbox = filled(*["readings"] * 10)
    script = Script(puback=lambda p: code if p.topic.endswith("readings") and seq_of(p.payload) in (3, 4) else 0)
    with FakeBroker(script) as broker, Running(broker.port, outbox) as running:
        assert eventually(lambda: outbox.undelivered() == [3, 4])
        assert eventually(lambda: running.publisher.snapshot().parked == 2)

        assert [(e["number"], e["record"]) for e in running.named("publish-refused")] == [(3, "readings")]
        assert f"0x{code:02x}" in running.named("publish-refused")[0]["reason"]
        outbox.commit("readings")
        assert eventually(lambda: outbox.undelivered() == [3, 4])
        script.puback = always(0)
        broker.drop_all()
        assert eventually(empty(outbox)), "parked records are tried on the next connection"


def test_parked_records_are_tried_again_from_time_to_time() -> None:
    """Without a reconnection the sweep finds them."""
    outbox = filled("readings", "readings")
    script = Script(puback=lambda p: 0x99 if b'"seq":1,' in p.payload else 0)
    with FakeBroker(script) as broker, Running(broker.port, outbox, replace(QUICK, sweep_s=0.3)):
        assert eventually(lambda: outbox.undelivered() == [1])
        script.puback = always(0)

        assert eventually(empty(outbox))
        assert len(broker.connects) == 1


def test_a_topic_that_is_refused_altogether_is_probed_not_hammered() -> None:
    """With a wrong ACL every record of a kind is refused: after some in a row one probe at a time is sent."""
    outbox = filled("alarm", *["readings"] * 500)
    script = Script(puback=lambda p: 0x87 if p.topic.endswith("readings") else 0)
    with FakeBroker(script) as broker, Running(broker.port, outbox) as running:
        assert eventually(lambda: running.publisher.snapshot().held == ("readings",))
        time.sleep(0.3)
        outbox.commit("event")

        assert eventually(lambda: len(outbox.undelivered()) == 500), "other kinds are delivered meanwhile"
        assert len(broker.records("readings")) < 100
        script.puback = always(0)
        assert eventually(empty(outbox))


def test_b3_quota_exceeded_slows_down_and_loses_nothing() -> None:
    """PUBACK 0x97: a pause, one record at a time, then faster again; every record arrives."""
    outbox = filled(*["readings"] * 50)
    left = [5]

    def five_times_too_much(publish: Publish) -> int:
        if publish.topic.endswith("readings") and left[0]:
            left[0] -= 1
            return 0x97
        return 0

    with FakeBroker(Script(puback=five_times_too_much)) as broker, Running(broker.port, outbox):
        assert eventually(empty(outbox))

        assert set(broker.records()) == outbox.wires()
        assert len(broker.connects) == 1


def test_b4_records_nobody_listens_to_are_held_and_flow_when_somebody_does() -> None:
    """PUBACK 0x10 is not delivery. One record probes; an event tells of its begin and end; the order stays."""
    outbox = filled(*["readings"] * 100)
    script = Script(puback=always(0x10))
    with FakeBroker(script) as broker, Running(broker.port, outbox) as running:
        assert eventually(lambda: running.named("nobody-listens"))
        outbox.commit("readings")

        assert eventually(lambda: running.publisher.snapshot().held == ("readings",))
        assert len(outbox.undelivered()) == 101
        held = len(broker.published)
        assert held < 60, "a probe now and then, not the backlog"
        script.puback = always(0)
        assert eventually(empty(outbox))
        assert [e["state"] for e in running.named("nobody-listens")] == ["began", "ended"]
        after = [seq_of(p.payload) for p in broker.published[held:] if p.topic.endswith("readings")]
        backlog = [seq for seq in after if 1 < seq <= 100]
        assert backlog == list(range(2, 101)), "the probe first, then the backlog in its order, each once"


def test_b4_one_kind_without_a_listener_does_not_hold_the_others() -> None:
    """A platform that does not subscribe to health still gets its readings."""
    outbox = filled("health", "readings", "health", "alarm", "readings")
    script = Script(puback=lambda p: 0x10 if p.topic.endswith("health") else 0)
    with FakeBroker(script) as broker, Running(broker.port, outbox):
        assert eventually(lambda: outbox.undelivered() == [1, 3])
        script.puback = always(0)

        assert eventually(empty(outbox))
        assert len(broker.connects) == 1


def test_b4_a_site_may_say_that_the_broker_is_enough() -> None:
    """With `deliver` the broker's PUBACK counts, whoever listens."""
    outbox = filled("readings", "alarm")
    with FakeBroker(Script(puback=always(0x10))) as broker, Running(broker.port, outbox, nobody_listens="deliver"):
        assert eventually(empty(outbox))

        assert len(broker.records()) == 2


def test_b5_receive_maximum_is_never_exceeded() -> None:
    """With Receive Maximum 1 there is one PUBLISH at a time, status and meta included."""
    outbox = filled(*["readings"] * 40)
    script = Script(granted=two_bytes(RECEIVE_MAXIMUM, 1), puback_delay_s=0.004)
    with FakeBroker(script) as broker, Running(broker.port, outbox) as running:
        running.publisher.set_meta(b"{}")
        assert eventually(empty(outbox))

        assert broker.most_outstanding == 1


def test_the_window_opens_to_twenty_and_not_further() -> None:
    """A broker without Receive Maximum still gets no more than twenty at once."""
    outbox = filled(*["alarm"] * 300)
    with FakeBroker(Script(puback_delay_s=0.02)) as broker, Running(broker.port, outbox):
        assert eventually(empty(outbox))

        assert 10 < broker.most_outstanding <= 20


def test_b6_a_record_larger_than_the_broker_takes_is_parked_without_a_disconnect_loop() -> None:
    """Maximum Packet Size: the oversize record stays, an event tells of it, the others flow on the same connection."""
    outbox = filled("readings")
    outbox.commit("readings", size=3000)
    outbox.commit("readings", "alarm")
    script = Script(granted=four_bytes(MAXIMUM_PACKET_SIZE, 2048))
    with FakeBroker(script) as broker, Running(broker.port, outbox) as running:
        assert eventually(lambda: outbox.undelivered() == [2])

        assert [e["number"] for e in running.named("publish-refused")] == [2]
        assert max(p.size for p in broker.published) <= 2048
        assert len(broker.connects) == 1


@pytest.mark.parametrize(("spare", "fits"), [(0, True), (-1, False)])
def test_the_largest_packet_is_counted_to_the_byte(spare: int, fits: bool) -> None:
    """A record that just fits is sent: our size is the size on the wire."""
    outbox = filled("readings")
    with FakeBroker() as broker, Running(broker.port, outbox):
        assert eventually(empty(outbox))
        size = broker.published[-1].size
    outbox = filled("readings", "alarm")
    granted = four_bytes(MAXIMUM_PACKET_SIZE, size + spare)
    with FakeBroker(Script(granted=granted)) as broker, Running(broker.port, outbox) as running:
        assert eventually(lambda: broker.records("alarm"))
        assert eventually(lambda: running.publisher.snapshot().too_large or not outbox.undelivered())

        assert bool(broker.records("readings")) is fits


def test_a_record_that_kills_every_connection_is_found_and_parked() -> None:
    """A broker that disconnects with 0x95 instead of announcing a limit: the culprit is found, the others flow."""
    outbox = filled(*["readings"] * 30)
    broker = FakeBroker()

    def allergic(publish: Publish) -> int | None:
        if b'"seq":7,' in publish.payload:
            broker.disconnect_all(0x95)
            return None
        return 0

    broker.script.puback = allergic
    with broker, Running(broker.port, outbox) as running:
        assert eventually(lambda: outbox.undelivered() == [7])

        assert [e["number"] for e in running.named("publish-refused")] == [7]


def test_b7_a_taken_over_session_is_told_and_waited_out() -> None:
    """DISCONNECT 0x8E: somebody uses our id. An event says so, and the next attempt comes slowly."""
    outbox = filled("readings")
    tuning = replace(QUICK, slow=Ladder(0.5, 0.5, 0.5))
    with FakeBroker() as broker, Running(broker.port, outbox, tuning) as running:
        assert eventually(empty(outbox))
        broker.disconnect_all(0x8E)
        gone = time.monotonic()
        assert eventually(lambda: len(broker.connects) == 2)

        assert time.monotonic() - gone >= 0.4
        assert len(running.named("session-taken-over")) == 1
        assert "session taken over" in running.named("uplink-lost")[0]["reason"]


@pytest.mark.parametrize(
    ("code", "words", "slowly"),
    [
        (0x86, "bad user name or password", True),
        (0x87, "not authorized", True),
        (0x85, "client identifier not valid", True),
        (0x8A, "banned", True),
        (0x89, "server busy", False),
        (0x9F, "connection rate exceeded", False),
        (0x88, "server unavailable", False),
    ],
)
def test_b8_a_refusal_is_shown_in_words_and_retried_at_its_own_pace(code: int, words: str, slowly: bool) -> None:
    """Wrong credentials are retried slowly, an overloaded broker at the normal pace; the state names the reason."""
    tuning = replace(QUICK, normal=Ladder(0.02, 0.02, 0.02), slow=Ladder(5.0, 5.0, 5.0))
    with FakeBroker(Script(connack=code)) as broker, Running(broker.port, MemoryOutbox(), tuning) as running:
        assert eventually(lambda: words in running.state)
        time.sleep(0.3)

        assert (len(broker.connects) == 1) is slowly
        assert not running.publisher.snapshot().connected


def test_the_brokers_own_words_are_shown() -> None:
    """A Reason String is passed on, without control characters."""
    text = b"licence\nexpired"
    granted = bytes((REASON_STRING, 0, len(text))) + text
    with FakeBroker(Script(connack=0x87, granted=granted)) as broker, Running(broker.port, MemoryOutbox()) as running:
        assert eventually(lambda: "licence expired" in running.state)
        assert broker.connects


@pytest.mark.parametrize("closes", [False, True])
def test_a_broker_of_mqtt_3_1_1_is_spoken_to_in_its_language(closes: bool) -> None:
    """Protocol 5 refused, in words or by closing twice: 3.1.1 is used, and remembered for the next connection."""
    outbox = filled("readings", "alarm")
    with FakeBroker(Script(speaks=(4,), close_on_connect=closes)) as broker, Running(broker.port, outbox) as running:
        assert eventually(empty(outbox))
        assert running.publisher.snapshot().protocol == 4
        fives = sum(c.protocol == 5 for c in broker.connects)
        broker.drop_all()
        outbox.commit("readings")
        assert eventually(empty(outbox))

        assert fives == (2 if closes else 1)
        assert sum(c.protocol == 5 for c in broker.connects) == fives
        assert set(broker.records()) == outbox.wires()


def test_a_broker_that_speaks_5_is_not_given_up_for_closing_connections() -> None:
    """A broker that is restarting closes connections too: what has worked is kept."""
    outbox = filled("readings")
    with FakeBroker() as broker, Running(broker.port, outbox):
        assert eventually(empty(outbox))
        broker.script.close_on_connect = True
        broker.drop_all()
        assert eventually(lambda: len(broker.connects) >= 5)

        assert {c.protocol for c in broker.connects} == {5}


MALFORMED = {
    "random bytes": bytes(range(256)) * 4,
    "http": b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html>" * 4,
    "length of five bytes": b"\x40\xff\xff\xff\xff\x01",
    "an endless packet": b"\x30\xff\xff\xff\x7f" + b"x" * 1000,
    "puback without packet id": b"\x40\x00",
    "puback of one byte": b"\x40\x01\x00",
    "reserved packet type": b"\xf0\x00",
    "connack cut short": b"\x20\x01\x00",
    "publish with a topic beyond its end": b"\x30\x04\xff\xffab",
}


@pytest.mark.parametrize("what", MALFORMED)
def test_b9_malformed_packets_cost_the_connection_and_nothing_else(what: str) -> None:
    """Whatever bytes come, the thread lives, the connection is made anew, every record arrives."""
    outbox = filled(*["readings"] * 20)
    script = Script(instead_of_puback=MALFORMED[what])
    with FakeBroker(script) as broker, Running(broker.port, outbox) as running:
        assert eventually(lambda: len(broker.connects) >= 2)
        script.instead_of_puback = None
        assert eventually(empty(outbox))

        assert running.thread.is_alive()
        assert set(broker.records()) == outbox.wires()


def test_b9_a_captive_portal_is_no_broker() -> None:
    """Something else answers on the port: refused, with the reason visible."""
    with (
        FakeBroker(Script(greeting=MALFORMED["http"], connack=None)) as broker,
        Running(broker.port, MemoryOutbox()) as running,
    ):
        assert eventually(lambda: len(broker.connects) >= 2)
        assert eventually(lambda: running.publisher.snapshot().reason is not None)
        assert not running.publisher.snapshot().connected


def test_b10_duplicate_and_unknown_pubacks_are_ignored_and_counted() -> None:
    """They neither deliver anything twice nor disturb the window."""
    outbox = filled(*["readings"] * 30)
    script = Script(puback_copies=2, stray_pubacks=True)
    with FakeBroker(script) as broker, Running(broker.port, outbox) as running:
        assert eventually(empty(outbox))
        assert len(broker.connects) == 1
        broker.drop_all()

        assert eventually(lambda: running.publisher.snapshot().strays >= 60)
        assert len(broker.records()) == 30


def test_live_readings_overtake_the_backlog() -> None:
    """While a backlog drains, what was committed just now goes out within moments."""
    outbox = filled(*["readings"] * 2000)
    with FakeBroker(Script(puback_delay_s=0.02)) as broker, Running(broker.port, outbox):
        assert eventually(lambda: len(broker.records()) > 50)
        (live,) = outbox.commit("readings")
        (alarm,) = outbox.commit("alarm")
        assert eventually(lambda: alarm.wire in broker.records() and live.wire in broker.records())

        assert len(outbox.undelivered()) > 1000, "the backlog is still draining"
        assert eventually(empty(outbox))
        backlog = [seq_of(w) for w in broker.records("readings") if seq_of(w) <= 2000]
        assert backlog == sorted(backlog)
        assert len(broker.records()) == 2002, "nothing was sent twice"


def test_live_records_beyond_the_memory_limit_come_from_the_store() -> None:
    """When more is committed than memory may hold the store has it; nothing is lost, nothing comes twice."""
    outbox = MemoryOutbox()
    tuning = replace(QUICK, live_rows=10)
    with FakeBroker(Script(puback_delay_s=0.03)) as broker, Running(broker.port, outbox, tuning) as running:
        assert running.connected()
        for _ in range(30):
            outbox.commit(*["readings"] * 10)
        assert eventually(empty(outbox))

        assert len(broker.records()) == 300
        assert set(broker.records()) == outbox.wires()


def test_a_failing_store_is_survived_and_read_again() -> None:
    """While the store gives no answer, live records still flow; afterwards the backlog does."""
    from buffer.errors import StoreFailed

    outbox = filled(*["readings"] * 10)
    outbox.failing = StoreFailed("input/output error", where="outbox.db", hint="reopen it")
    with FakeBroker() as broker, Running(broker.port, outbox) as running:
        assert running.connected()
        outbox.commit("readings")
        assert eventually(lambda: len(broker.records()) == 1)
        outbox.failing = None
        assert eventually(empty(outbox))


def test_an_unexpected_failure_ends_the_thread_loudly() -> None:
    """A bug is not a state of the network: `run` raises, and the supervisor sees it."""
    outbox = filled("readings")
    outbox.failing = RuntimeError("a bug")
    with FakeBroker() as broker:
        running = Running(broker.port, outbox)

        assert eventually(lambda: not running.thread.is_alive())
        assert isinstance(running.crash, RuntimeError)


def test_decayed_records_are_handed_on() -> None:
    """The reader finds bit rot on the publisher's thread; the pipeline has to sign for it."""
    outbox = MemoryOutbox()
    outbox.decayed = [7]
    found: list[int] = []
    with FakeBroker() as broker, Running(broker.port, outbox, rotten=found.extend):
        assert eventually(lambda: found == [7])


def test_what_the_broker_cannot_do_is_respected() -> None:
    """No retained messages where retain is not available; the server's keep alive is used; QoS 0 brokers are not."""
    granted = bytes((RETAIN_AVAILABLE, 0)) + two_bytes(SERVER_KEEP_ALIVE, 1)
    with FakeBroker(Script(granted=granted)) as broker, Running(broker.port, filled("readings")) as running:
        assert running.connected()
        assert eventually(lambda: len(broker.published) == 2)

        assert not any(p.retain for p in broker.published)
    with (
        FakeBroker(Script(granted=bytes((MAXIMUM_QOS, 0)))) as broker,
        Running(broker.port, filled("readings")) as running,
    ):
        assert eventually(lambda: "QoS 0 only" in running.state)
        assert not broker.published
        assert running.named("publish-refused")


def test_a_will_that_may_not_be_retained_is_sent_unretained() -> None:
    """CONNACK 0x9A: the next CONNECT comes at once, without retain."""
    with FakeBroker(Script(connack=0x9A)) as broker, Running(broker.port, filled("readings")) as running:
        assert eventually(lambda: len(broker.connects) >= 2)
        broker.script.connack = 0

        assert running.connected()
        assert [c.will_retain for c in broker.connects][:2] == [True, False]


def test_a_broker_that_answers_no_ping_is_left() -> None:
    """An idle connection is checked by pings; a dead one is noticed without anything to send."""
    script = Script(granted=two_bytes(SERVER_KEEP_ALIVE, 1), answer_pings=False)
    with FakeBroker(script) as broker, Running(broker.port, MemoryOutbox()) as running:
        assert eventually(lambda: len(broker.connects) == 2)
        assert "keep alive" in running.named("uplink-lost")[0]["reason"]


def test_an_outage_is_told_when_it_begins_and_when_it_ends() -> None:
    """`uplink-lost` with the reason in words, `uplink-back` with how long and what waits; nothing at the start."""
    outbox = MemoryOutbox()
    with FakeBroker() as broker, Running(broker.port, outbox) as running:
        assert running.connected()
        assert not running.events
        broker.script.connack = 0x88
        broker.drop_all()
        assert eventually(lambda: running.named("uplink-lost"))
        outbox.commit("readings", "readings")
        broker.script.connack = 0
        assert eventually(lambda: running.named("uplink-back"))

        assert running.named("uplink-lost")[0]["reason"] == "the broker closed the connection"
        assert running.named("uplink-back")[0]["backlog"] == 2
        assert running.named("uplink-back")[0]["away_s"] >= 0
        assert eventually(lambda: running.publisher.snapshot().reconnects == 1)


def test_the_password_is_read_anew_for_every_connection_and_shown_nowhere(tmp_path: Path) -> None:
    """It may change under us; the trailing newline of an editor is not part of it; no state ever contains it."""
    path = write(tmp_path / "password", "s3cret\n")
    outbox = MemoryOutbox()
    with FakeBroker() as broker:
        with Running(uplink_to(broker.port, username="jn-0417", password_file=path), outbox) as running:
            assert running.connected()
            write(path, "n3w\r\n")
            broker.drop_all()
            assert eventually(lambda: len(broker.connects) == 2)
            path.unlink()
            broker.drop_all()
            assert eventually(lambda: "password file" in running.state)

        assert [c.password for c in broker.connects] == ["s3cret", "n3w"]
        assert "s3cret" not in repr(running.publisher.snapshot()) + repr(running.events)


@pytest.mark.parametrize(
    "script",
    [Script(), Script(puback=always(None)), Script(connack=None), Script(connack=0x87)],
    ids=["healthy", "never acknowledges", "never answers", "refuses"],
)
def test_it_stops_in_time_whatever_the_broker_does(script: Script) -> None:
    """`stop` is obeyed while connected, connecting, waiting, and with a broker that never answers."""
    outbox = filled(*["readings"] * 50)
    with FakeBroker(script) as broker:
        running = Running(broker.port, outbox, replace(QUICK, puback_s=30.0, connack_s=30.0, slow=Ladder(30, 30, 30)))
        assert eventually(lambda: broker.connects)
        begun = time.monotonic()

        assert running.stop(1.0)
        assert time.monotonic() - begun < 1.5
        assert running.state == "stopped"


def test_a_stop_delivers_what_is_new_first() -> None:
    """The last records of a stopping box (its stop event) leave before the connection does."""
    outbox = MemoryOutbox()
    with FakeBroker(Script(puback_delay_s=0.05)) as broker:
        running = Running(broker.port, outbox)
        assert running.connected()
        (stop,) = outbox.commit("event")
        assert running.stop(2.0)

        assert stop.wire in broker.records()
        assert not outbox.undelivered()
        assert broker.published[-1].topic.endswith("/status")


def test_progress_never_stands_still() -> None:
    """The watchdog sees a turn of the loop every second or sooner, connected or not."""
    with FakeBroker(Script(connack=None)) as broker, Running(broker.port, MemoryOutbox()) as running:
        assert eventually(lambda: broker.connects)
        seen = {running.publisher.progress()}
        for _ in range(20):
            time.sleep(0.05)
            seen.add(running.publisher.progress())

        assert len(seen) > 10
