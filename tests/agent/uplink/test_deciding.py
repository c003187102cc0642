"""What decides without any network: window, lanes, holding, parking, complaints, retry, topics, the wire's walker."""

from __future__ import annotations

import socket
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from agent.uplink.complaints import Complaints
from agent.uplink.endings import Cause, EndedError, cause_of, words_of
from agent.uplink.holding import Holding, Pace
from agent.uplink.lanes import Lane
from agent.uplink.mqtt import Connection, Introduction, Will
from agent.uplink.parking import Parking
from agent.uplink.retry import Dialect, Retry
from agent.uplink.topics import Topics
from agent.uplink.tuning import Ladder, Tuning
from agent.uplink.window import Turn, Window, whose_turn
from agent.uplink.wire import NotMqttError, Wire
from tests.agent.uplink.memory_outbox import Record, record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paho.mqtt.properties import Properties

MS = 1_000_000
SECOND = 1_000_000_000


def opened(allowed: int = 20, most: int = 20) -> Window:
    """Return a window that has seen enough prompt PUBACKs to be open."""
    window = Window(allowed=allowed, most=most)
    for _ in range(most):
        window.acknowledged(5 * MS)
    return window


# --- whose turn, and the window ---


@pytest.mark.parametrize(
    ("urgent", "live", "backlog", "outstanding", "turn"),
    [
        (True, True, True, 0, Turn.URGENT),
        (False, True, True, 0, Turn.LIVE),
        (False, False, True, 0, Turn.BACKLOG),
        (False, False, False, 0, None),
        (True, True, True, 20, None),
        (True, True, True, 19, Turn.URGENT),
        (False, True, True, 19, Turn.LIVE),
        (False, False, True, 17, Turn.BACKLOG),
        (False, False, True, 18, None),
    ],
)
def test_whose_turn_it_is(*, urgent: bool, live: bool, backlog: bool, outstanding: int, turn: Turn | None) -> None:
    """Urgent before live before backlog; the last places of the window are not the backlog's."""
    window = opened()

    assert whose_turn(urgent=urgent, live=live, backlog=backlog, outstanding=outstanding, window=window) is turn


@pytest.mark.parametrize("allowed", [1, 2, 5, 20, 65_535])
def test_the_window_opens_one_by_one_to_what_is_allowed(allowed: int) -> None:
    """Slow start, Receive Maximum, and never more than our own limit; the backlog always has a place."""
    window = Window(allowed=allowed, most=20)
    seen = [window.open]
    for _ in range(30):
        window.acknowledged(5 * MS)
        seen.append(window.open)

    assert seen[0] == 1
    assert seen[-1] == min(allowed, 20)
    assert all(b - a in (0, 1) for a, b in pairwise(seen))
    assert 1 <= window.for_backlog <= window.open


def test_a_full_link_shrinks_the_backlogs_share_and_a_free_one_gives_it_back() -> None:
    """When PUBACKs take far longer than they could, fewer backlog records queue; the window itself stays open."""
    window = opened()
    for _ in range(40):
        window.acknowledged(5 * SECOND)
    assert window.for_backlog == 1
    assert window.open == 20
    for _ in range(400):
        window.acknowledged(5 * MS)

    assert window.for_backlog == 18


def test_a_far_broker_is_not_a_full_link() -> None:
    """Two seconds of latency without any queueing leave the backlog its window."""
    window = Window(allowed=20, most=20)
    for _ in range(50):
        window.acknowledged(2 * SECOND)

    assert window.for_backlog == 18


def test_being_careful_keeps_the_window_at_one() -> None:
    """After a suspicious end as many records go one by one as were on their way."""
    window = Window(allowed=20, most=20, careful=3)
    seen = []
    for _ in range(5):
        window.acknowledged(MS)
        seen.append(window.open)

    assert seen == [1, 1, 1, 2, 3]


# --- lanes ---


class Rows:
    """A store of rows for a lane."""

    def __init__(self) -> None:
        self.rows: dict[int, Record] = {}

    def fetch(self, after: int) -> Sequence[Record]:
        """Return three rows above `after`."""
        return [self.rows[seq] for seq in sorted(self.rows) if seq > after][:3]


ACTIONS = st.lists(st.sampled_from(["commit", "commit unseen", "fresh", "stored", "rescan", "start over"]), max_size=60)


@given(actions=ACTIONS, most=st.integers(1, 6))
@settings(max_examples=300, deadline=None)
def test_a_lane_gives_everything_once_whatever_happens(actions: list[str], most: int) -> None:
    """Random commits, takes, overflows, rescans: nothing comes twice, and in the end nothing is missing.

    The model: everything taken is delivered at once, so that a rescan offers only what was never taken.
    """
    store = Rows()
    lane = Lane(store.fetch, most_rows=most, most_bytes=10_000)
    committed, taken = 0, list[int]()

    def take(row: Record | None) -> None:
        if row is not None:
            del store.rows[row.seq]
            taken.append(row.seq)

    for action in actions:
        if action.startswith("commit"):
            committed += 1
            store.rows[committed] = record(committed)
            if action == "commit":
                lane.offer(store.rows[committed])
            else:  # committed while nobody was connected: the next connection starts over
                lane.start_over()
        elif action == "fresh" and lane.has_fresh:
            take(lane.take_fresh())  # type: ignore[arg-type]
        elif action == "stored" and lane.may_have_stored:
            take(lane.take_stored())  # type: ignore[arg-type]
        elif action == "rescan":
            lane.rescan()
        elif action == "start over":
            lane.start_over()
    while lane.has_fresh:
        take(lane.take_fresh())  # type: ignore[arg-type]
    while lane.may_have_stored:
        take(lane.take_stored())  # type: ignore[arg-type]

    assert sorted(taken) == list(range(1, committed + 1))


def test_a_lane_forgets_by_bytes_too() -> None:
    """A few long records are as many as a lot of short ones; the store has what was forgotten."""
    store = Rows()
    lane = Lane(store.fetch, most_rows=1000, most_bytes=5_000)
    lane.start_over()
    assert lane.take_stored() is None
    for seq in range(1, 11):
        store.rows[seq] = record(seq, size=1000)
        lane.offer(store.rows[seq])
    fresh = []
    while lane.has_fresh:
        fresh.append(lane.take_fresh().seq)

    assert fresh == [7, 8, 9, 10]
    assert [lane.take_stored().seq for _ in range(6)] == [1, 2, 3, 4, 5, 6]  # type: ignore[union-attr]


# --- holding, parking, complaints ---


def test_a_hold_probes_at_a_growing_pace_and_ends_with_the_first_success() -> None:
    """0.5 s, 1 s, 2 s, 4 s, 5 s, 5 s …; while a probe is on its way there is no second one."""
    holding = Holding({"nobody-listens": Pace(0.5, 5.0)}, report_after_s=60)
    row, now, pauses = record(1), 0, []
    holding.not_accepted("readings", row, "nobody-listens", now)
    for _ in range(6):
        due = holding.next_due_ns()
        assert due is not None
        assert holding.due(due - 1) is None
        hold = holding.due(due)
        assert hold is not None
        hold.on_its_way = True
        assert holding.due(due) is None
        pauses.append((due - now) / SECOND)
        now = due
        holding.not_accepted("readings", row, "nobody-listens", now)

    assert pauses == [0.5, 1, 2, 4, 5, 5]
    assert holding.kinds == ("readings",)
    assert holding.accepted("readings") is not None
    assert "readings" not in holding


def test_a_hold_is_told_once_when_it_lasts() -> None:
    """Nothing is reported before the time, and nothing twice."""
    holding = Holding({"nobody-listens": Pace(0.5, 5.0)}, report_after_s=60)
    holding.not_accepted("readings", record(1), "nobody-listens", 0)

    assert not holding.to_report(59 * SECOND)
    assert [h.kind for h in holding.to_report(60 * SECOND)] == ["readings"]
    assert not holding.to_report(61 * SECOND)


def test_the_oldest_refused_record_is_the_probe() -> None:
    """Refusals may come out of order after a reconnection; the probe is the oldest."""
    holding = Holding({"nobody-listens": Pace(0.5, 5.0)}, report_after_s=60)
    holding.not_accepted("readings", record(5), "nobody-listens", 0)
    holding.not_accepted("readings", record(4), "nobody-listens", 0)
    hold = holding.due(SECOND)

    assert hold is not None
    assert hold.row.seq == 4


def test_parking_is_bounded_and_swept() -> None:
    """Only so many numbers are remembered; a reconnection frees what was refused, a sweep everything."""
    parking = Parking(most=3)
    for seq in range(5):
        parking.park(seq, beyond_this_connection=seq == 0)
    assert len(parking) == 3
    parking.reconnected()
    assert [seq for seq in range(5) if seq in parking] == [0]
    parking.sweep()

    assert len(parking) == 0


def test_three_strikes_or_a_word_of_the_broker_park_a_record() -> None:
    """Connections die for many reasons; only the same record three times in a row, or a clear code, is proof."""
    parking = Parking(most=10)

    assert [parking.strike(7, certain=False) for _ in range(3)] == [False, False, True]
    assert [parking.strike(8, certain=False), parking.strike(9, certain=False)] == [False, False]
    assert parking.strike(8, certain=False) is False, "another record in between: not in a row"
    assert parking.strike(10, certain=True) is True


def test_a_complaint_is_told_once_per_period_with_its_count() -> None:
    """The second one within the hour is counted; the next report says how many it stands for."""
    told: list[dict[str, Any]] = []
    complaints = Complaints(told.append, every_s=3600)
    for now_s in (0, 1, 2, 3600):
        complaints.complain("publish-refused", "too-large", now_s * SECOND, number=now_s)
    complaints.complain("publish-refused", "refused 135", SECOND, number=9)

    assert [(e["number"], e["count"]) for e in told] == [(0, 1), (3600, 3), (9, 1)]
    assert {(e["kind"], e["event"]) for e in told} == {("event", "publish-refused")}


# --- retry, dialect, words ---


class Highest(Random):
    """Always draws the top of the window."""

    def uniform(self, _a: float, b: float) -> float:
        """Return the upper end."""
        return b


def after(retry: Retry, cause: Cause, lived_s: float = 0.0, spent_s: float = 0.0) -> float:
    """Return the delay after an ending."""
    return retry.after(EndedError(cause, "words"), lived_s=lived_s, spent_s=spent_s)


def test_nothing_there_is_probed_quickly_for_ever() -> None:
    """A refused or unreachable host costs one packet per probe: never more than 2 s apart."""
    retry = Retry(Tuning(), Highest())

    assert [after(retry, Cause.UNREACHABLE) for _ in range(6)] == [0.5, 1, 2, 2, 2, 2]
    assert after(retry, Cause.UNREACHABLE, spent_s=4.0) == pytest.approx(0.1), "a time-out has waited already"


def test_what_answers_but_does_not_work_is_left_alone_longer_and_longer() -> None:
    """Up to five minutes, also when it is unreachable in between."""
    retry = Retry(Tuning(), Highest())
    delays = [after(retry, Cause.DROPPED, lived_s=3) for _ in range(4)]
    after(retry, Cause.UNREACHABLE)
    delays += [after(retry, Cause.BUSY) for _ in range(6)]

    assert delays == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_a_healthy_life_sets_everything_back() -> None:
    """After a minute of service the next attempt comes at once."""
    retry = Retry(Tuning(), Highest())
    for _ in range(9):
        after(retry, Cause.DROPPED)

    assert after(retry, Cause.DROPPED, lived_s=60) == 0.5
    assert after(retry, Cause.DROPPED, lived_s=1) == 2


@pytest.mark.parametrize("cause", [Cause.DENIED, Cause.TAKEN_OVER, Cause.MISFIT])
def test_who_is_not_wanted_comes_back_slowly(cause: Cause) -> None:
    """Credentials, clones, impossible brokers: 30 s to 300 s, also after a long life."""
    retry = Retry(Tuning(), Random(1))

    assert all(30 <= after(retry, cause, lived_s=lived) <= 300 for lived in (0, 1, 100, 1, 1))


def test_the_ladders_of_the_product_are_what_the_decision_says() -> None:
    """The figures of docs/decisions/0004-reconnect.md."""
    tuning = Tuning()

    assert tuning.quick == Ladder(0.2, 0.5, 2.0)
    assert tuning.normal == Ladder(1.0, 2.0, 300.0)
    assert tuning.slow == Ladder(30.0, 60.0, 300.0)
    assert (tuning.healthy_s, tuning.puback_s, tuning.start_within_s) == (60.0, 20.0, 2.0)


def test_the_dialect_changes_for_a_reason_only() -> None:
    """0x84 at once, closing twice, and back again when 3.1.1 does not work either."""
    refused, closed = EndedError(Cause.OLD_PROTOCOL, "w", 0x84), EndedError(Cause.CLOSED, "w")
    dialect = Dialect()
    dialect.refused(refused, connack_awaited=True)
    assert dialect.level == 4
    dialect = Dialect()
    levels = []
    for _ in range(4):
        dialect.refused(closed, connack_awaited=True)
        levels.append(dialect.level)
    assert levels == [5, 4, 4, 5]
    dialect.refused(closed, connack_awaited=False)
    dialect.refused(EndedError(Cause.DENIED, "w"), connack_awaited=True)

    assert dialect.level == 5


def test_reason_codes_have_distinct_words_and_a_cause() -> None:
    """A copied line would give two codes one text."""
    words = [words_of(code).split(" (")[0] for code in range(0x80, 0xA3) if "reason code" not in words_of(code)]

    assert len(words) == len(set(words)) > 25
    assert words_of(0xEE) == "reason code (0xee)"
    assert cause_of(0x86) is Cause.DENIED
    assert cause_of(0x9F) is Cause.BUSY
    assert cause_of(0xEE) is Cause.DROPPED


@pytest.mark.parametrize(
    ("prefix", "topic"),
    [
        ("plantgate/acme", "plantgate/acme/v1/jn-0417/readings"),
        ("/plantgate/", "plantgate/v1/jn-0417/readings"),
        ("", "v1/jn-0417/readings"),
    ],
)
def test_topics(prefix: str, topic: str) -> None:
    """Prefix, version, gateway, kind; stray slashes of a prefix do not make empty levels."""
    topics = Topics(prefix, "jn-0417")

    assert topics.of("readings") == topic
    assert topics.status == topic.replace("readings", "status")


# --- the wire, and the short way through paho ---


@given(lengths=st.lists(st.integers(0, 300), max_size=8), cut=st.integers(1, 40))
def test_the_walker_finds_packet_borders_however_bytes_arrive(lengths: list[int], cut: int) -> None:
    """Whole packets cut into pieces of any size pass; one announced too long does not."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        wire = Wire(theirs, largest=300)
        stream = b"".join(packet(length) for length in lengths)
        for at in range(0, len(stream), cut):
            ours.sendall(stream[at : at + cut])
            wire.fill()
        assert wire.unread == len(stream)
        ours.sendall(packet(301)[:3])
        with pytest.raises(NotMqttError):
            wire.fill()


def packet(length: int) -> bytes:
    """Return a packet whose body has `length` bytes."""
    digits = bytes((length,)) if length < 128 else bytes((length & 0x7F | 0x80, length >> 7))
    return b"\x40" + digits + bytes(length)


PUBACKS = {
    "success, short": (b"", 0x00),
    "success with code": (b"\x00", 0x00),
    "nobody listens": (b"\x10\x00", 0x10),
    "not authorized": (b"\x87", 0x87),
    "quota, with a reason string": (b"\x97\x05\x1f\x00\x02no", 0x97),
}


@pytest.mark.parametrize("what", PUBACKS)
def test_the_short_way_reads_a_puback_as_paho_does(what: str) -> None:
    """Our PUBACK reader and paho's own agree on packet id and reason code."""
    tail, code = PUBACKS[what]
    puback = b"\x40" + bytes((2 + len(tail),)) + b"\x00\x01" + tail
    assert by_paho(puback) == [(1, code)]

    assert by_us(puback) == [(1, code)]


def by_us(puback: bytes) -> list[tuple[int, int]]:
    """Feed a PUBACK to our connection after one publish."""
    ours, theirs = socket.socketpair()
    with ours:
        theirs.setblocking(False)
        will = Will(topic="t", payload=b"", retain=False, delay_s=0)
        connection = Connection(theirs, Introduction(client_id="c", protocol=5, keepalive_s=30, will=will))
        ours.sendall(b"\x20\x03\x00\x00\x00")
        connection.turn(readable=True)
        assert connection.publish("t", b"x") == 1
        ours.sendall(puback)
        connection.turn(readable=True)
        acked = list(connection.acked)
        connection.close()
    return acked


def by_paho(puback: bytes) -> list[tuple[int, int]]:
    """Feed a PUBACK to a plain paho client after one publish."""
    door = socket.create_server(("127.0.0.1", 0))
    acked: list[tuple[int, int]] = []
    client = Client(CallbackAPIVersion.VERSION2, client_id="c", protocol=MQTTProtocolVersion.MQTTv5)

    def on_publish(_c: Client, _u: object, mid: int, reason: Any, _p: Properties | None) -> None:
        acked.append((mid, reason.value))

    client.on_publish = on_publish
    with door:
        client.connect(*door.getsockname())
        peer, _ = door.accept()
        with peer:
            peer.sendall(b"\x20\x03\x00\x00\x00")
            client.loop_read()
            client.publish("t", b"x", 1)
            peer.sendall(puback)
            while not acked:
                client.loop_read()
        client.disconnect()
    return acked
