"""What goes out next, and what becomes of it. Lives as long as the publisher, over many connections.

Invariants:

1. A record is handed to MQTT only while fewer than the window are unacknowledged; `_flying` is the truth about that.
2. A record is delivered when its PUBACK says success, never otherwise.
3. What was refused or lost is not kept here: a rescan finds it in the store again. Only sequence numbers are
   remembered, of records that shall not be tried again just yet, and their number is bounded.
4. One record that a broker dislikes never stops the others.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from agent.backoff import Backoff, FullJitter
from agent.uplink.endings import ABOUT_A_PACKET, NOBODY_LISTENS, SLOW_DOWN, SUCCESS, Cause, EndedError, words_of
from agent.uplink.holding import Holding, Pace
from agent.uplink.lanes import Lane
from agent.uplink.parking import Parking
from agent.uplink.window import Turn, Window, whose_turn
from buffer.errors import OutboxError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from agent.uplink.complaints import Complaints
    from agent.uplink.holding import Why
    from agent.uplink.lanes import Row
    from agent.uplink.mqtt import Connection
    from agent.uplink.store import Reader, Store
    from agent.uplink.topics import Topics
    from agent.uplink.tuning import Tuning

READINGS = "readings"
_BLIND_NS = 1_000_000_000
"""How long the store is left alone after it failed."""
_ONE_LOOK = 256
"""So many records are looked at in one turn of the loop: a store full of parked ones must not stop the turning."""
_UNDECIDED = frozenset({Cause.STOPPED, Cause.TAKEN_OVER, Cause.DENIED})
"""Endings that say nothing about the records that were on their way."""


@dataclass(slots=True)
class Flight:
    """A PUBLISH without its PUBACK. `row` is missing for status and meta, which are not records."""

    kind: str
    row: Row | None
    sent_ns: int


@dataclass(slots=True)
class Totals:
    """Counters since the program's start."""

    published: int = 0
    acked: int = 0
    refused: int = 0
    too_large: int = 0
    strays: int = 0


class Sender:
    """Hands records to the connection and reads its PUBACKs. Used by the publisher's thread only."""

    def __init__(
        self,
        *,
        store: Store,
        reader: Reader,
        topics: Topics,
        tuning: Tuning,
        random: Random,
        complaints: Complaints,
        deliver_unheard: bool,
    ) -> None:
        """`deliver_unheard` counts "no matching subscribers" as delivered."""
        self.totals = Totals()
        self._store = store
        self._topics = topics
        self._tuning = tuning
        self._complaints = complaints
        self._deliver_unheard = deliver_unheard
        self._urgent, self._readings = _lanes(reader, tuning)
        self._holding = Holding(_paces(tuning), report_after_s=tuning.nobody_report_s)
        self._parking = Parking(tuning.most_parked)
        self._quota = Backoff(FullJitter(first_s=1.0, longest_s=30.0, shortest_s=0.5, random=random))
        self._quota_until_ns = 0
        self._blind_until_ns = 0
        self._interrupted = False
        self._refusals: dict[str, int] = {}
        self._sweep_ns: int | None = None
        self._connection: Connection | None = None
        self._largest = 0
        self._careful = 0
        self._window = Window(allowed=1, most=1)
        self._flying: dict[int, Flight] = {}
        self._flying_seqs: set[int] = set()
        self._announcements: deque[tuple[str, bytes, bool]] = deque()
        self._progress_ns = 0
        self._overtaken_ns = 0

    # --- the life of a connection ---

    def connected(self, connection: Connection, receive_maximum: int, largest_packet: int, now_ns: int) -> None:
        """Begin with a new connection: everything undelivered is the store's again."""
        self._connection = connection
        self._largest = largest_packet
        self._window = Window(allowed=receive_maximum, most=self._tuning.window, careful=self._careful)
        self._progress_ns = now_ns
        self._overtaken_ns = 0
        self._quota_until_ns = 0
        self._quota.reset()
        self._parking.reconnected()
        self._holding.reconnected(now_ns)
        self._urgent.start_over()
        self._readings.start_over()

    def disconnected(self, ending: EndedError, now_ns: int) -> None:
        """Forget what was on its way. If the ending may be its fault, be careful next time: one record at a time."""
        rows = [flight.row for flight in self._flying.values() if flight.row is not None]
        if self._connection is not None:
            self.totals.strays += self._connection.strays
        self._connection = None
        self._flying.clear()
        self._flying_seqs.clear()
        self._announcements.clear()
        if ending.cause in _UNDECIDED or not rows:
            return
        self._careful = len(rows)
        if len(rows) == 1 and self._parking.strike(rows[0].seq, certain=ending.code in ABOUT_A_PACKET):
            self._complain_of(rows[0], f"the connection ends over it: {ending}", now_ns)

    def offer(self, rows: Iterable[Row]) -> None:
        """Take what was committed just now."""
        for row in rows:
            (self._urgent if row.urgent else self._readings).offer(row)

    # --- what is asked ---

    @property
    def outstanding(self) -> int:
        """PUBLISH packets without PUBACK."""
        return len(self._flying)

    @property
    def busy(self) -> bool:
        """Whether an announcement waits or anything is on its way."""
        return bool(self._flying or self._announcements)

    @property
    def rtt_s(self) -> float | None:
        """Smoothed time from PUBLISH to PUBACK on this connection, seconds."""
        return self._window.rtt_s

    @property
    def parked(self) -> int:
        """Records that wait for the next connection or sweep because they were refused."""
        return len(self._parking)

    @property
    def held(self) -> tuple[str, ...]:
        """Kinds that are held because nobody listens or the broker refuses them."""
        return self._holding.kinds

    @property
    def nothing_new(self) -> bool:
        """Whether no urgent and no live record is waiting or on its way."""
        return not (self._flying or self._urgent.may_have_stored or self._urgent.has_fresh or self._readings.has_fresh)

    def patience_s(self, now_ns: int) -> float:
        """Return after how many seconds there is something to do without anything arriving."""
        if self._interrupted:
            return 0.0
        moment_ns = None
        if self._quota_until_ns > now_ns:
            moment_ns = self._quota_until_ns
        elif len(self._flying) < self._window.open:
            moment_ns = self._holding.next_due_ns()
        if moment_ns is None:
            return self._tuning.turn_s
        return min(self._tuning.turn_s, max(0.0, (moment_ns - now_ns) / 1e9))

    def stuck(self, now_ns: int) -> str | None:
        """Say that PUBACKs stopped, or that one was skipped; nothing while the oldest is young or others still come.

        A slow link that still moves is not stuck: PUBACKs come one by one, and each gives the next one its time.
        """
        oldest = next(iter(self._flying.values()), None)
        limit_ns = int(self._tuning.puback_s * 1e9)
        if oldest is None or now_ns - oldest.sent_ns <= limit_ns:
            return None
        if now_ns - self._progress_ns > limit_ns:
            return f"no PUBACK for {self._tuning.puback_s:g} s"
        if self._overtaken_ns > oldest.sent_ns:
            return f"a PUBACK is missing for {self._tuning.puback_s:g} s while later ones came"
        return None

    # --- out ---

    def announce(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Publish something that is not a record (status, meta), before any record, in the same window."""
        self._announcements.append((topic, payload, retain))

    def send_announcements(self, now_ns: int) -> None:
        """Hand over status and meta as far as the window has room."""
        assert self._connection is not None
        while self._announcements and len(self._flying) < self._window.open:
            topic, payload, retain = self._announcements.popleft()
            if self._connection.size_of(topic, payload) > self._largest:
                reason = f"larger than the {self._largest} bytes the broker accepts"
                self._complaints.complain("publish-refused", topic, now_ns, reason=reason, topic=topic)
            else:
                self._flying[self._connection.publish(topic, payload, retain=retain)] = Flight("", None, now_ns)

    def fill(self, now_ns: int) -> None:
        """Hand over records until the window is full or nothing is waiting."""
        self.send_announcements(now_ns)
        if now_ns < self._quota_until_ns:
            return
        self._probe(now_ns)
        looked_at = 0
        while (turn := self._turn(seeing=now_ns >= self._blind_until_ns)) is not None:
            looked_at += 1
            self._interrupted = looked_at > _ONE_LOOK
            if self._interrupted:
                return
            try:
                row = self._take(turn, seeing=now_ns >= self._blind_until_ns)
            except OutboxError:  # the pipeline knows, and reopens the store; what memory holds goes on
                self._blind_until_ns = now_ns + _BLIND_NS
                self._rescan()
                continue
            if row is not None:
                self._send(row, now_ns)
        self._interrupted = False

    def housekeeping(self, now_ns: int) -> None:
        """About once a second: tell people of topics nobody listens to; from time to time try parked records again."""
        for hold in self._holding.to_report(now_ns):
            if hold.why == "nobody-listens":
                self._tell_of_hold(hold.kind, "began", hold.since_ns, now_ns)
        if self._window.open == self._window.ceiling:
            self._quota.reset()
        if self._sweep_ns is None or now_ns >= self._sweep_ns:
            if self._sweep_ns is not None:
                self._parking.sweep()
                self._rescan()
            self._sweep_ns = now_ns + int(self._tuning.sweep_s * 1e9)

    def _turn(self, *, seeing: bool) -> Turn | None:
        listening = READINGS not in self._holding
        return whose_turn(
            urgent=self._urgent.has_fresh or (seeing and self._urgent.may_have_stored),
            live=listening and self._readings.has_fresh,
            backlog=seeing and listening and self._readings.may_have_stored,
            outstanding=len(self._flying),
            window=self._window,
        )

    def _take(self, turn: Turn, *, seeing: bool) -> Row | None:
        if turn is Turn.LIVE:
            return self._readings.take_fresh()
        if turn is Turn.BACKLOG:
            return self._readings.take_stored()
        row = self._urgent.take_stored() if seeing else None
        return self._urgent.take_fresh() if row is None and self._urgent.has_fresh else row

    def _probe(self, now_ns: int) -> None:
        while len(self._flying) < self._window.open and (hold := self._holding.due(now_ns)) is not None:
            hold.on_its_way = True
            if hold.row.seq not in self._flying_seqs:
                self._hand_over(hold.row, hold.kind, self._topics.of(hold.kind), now_ns)

    def _send(self, row: Row, now_ns: int) -> None:
        if row.seq in self._flying_seqs or row.seq in self._parking:
            return
        kind = kind_of(row)
        if kind in self._holding:
            return
        topic = self._topics.of(kind)
        if not self._fits(row, topic):
            self.totals.too_large += 1
            self._complain_of(row, f"larger than the {self._largest} bytes the broker accepts", now_ns, key="too-large")
            return
        self._hand_over(row, kind, topic, now_ns)

    def _fits(self, row: Row, topic: str) -> bool:
        assert self._connection is not None
        return self._connection.size_of(topic, row.wire) <= self._largest

    def _hand_over(self, row: Row, kind: str, topic: str, now_ns: int) -> None:
        assert self._connection is not None
        self._flying[self._connection.publish(topic, row.wire)] = Flight(kind, row, now_ns)
        self._flying_seqs.add(row.seq)
        self.totals.published += 1

    # --- back ---

    def settle(self, now_ns: int) -> None:
        """Read the PUBACKs that came: mark what was delivered, and decide about the rest."""
        assert self._connection is not None
        acked = self._connection.acked
        if not acked:
            return
        delivered: list[int] = []
        again = False
        for mid, code in acked:
            flight = self._landed(mid, now_ns)
            if flight is None or flight.row is None:
                continue
            if code == SUCCESS or (code == NOBODY_LISTENS and self._deliver_unheard):
                delivered.append(flight.row.seq)
                again |= self._accepted(flight.kind, now_ns)
            else:
                again |= self._not_accepted(flight.kind, flight.row, code, now_ns)
        self._connection.forget_acked()
        if delivered:
            self.totals.acked += len(delivered)
            self._store.delivered(delivered)
        if again:
            self._rescan()

    def _landed(self, mid: int, now_ns: int) -> Flight | None:
        flight = self._flying.pop(mid, None)
        if flight is None:
            return None
        self._window.acknowledged(now_ns - flight.sent_ns)
        self._progress_ns = now_ns
        self._overtaken_ns = max(self._overtaken_ns, flight.sent_ns)
        if flight.row is not None:
            self._flying_seqs.discard(flight.row.seq)
            self._careful = max(0, self._careful - 1)
        return flight

    def _accepted(self, kind: str, now_ns: int) -> bool:
        """Return whether a hold ended, so that what was held back must be fetched."""
        if self._refusals:
            self._refusals.pop(kind, None)
        hold = self._holding.accepted(kind)
        if hold is None:
            return False
        if hold.why == "refused":
            self._parking.sweep()
        elif hold.reported:
            self._tell_of_hold(kind, "ended", hold.since_ns, now_ns)
        return True

    def _not_accepted(self, kind: str, row: Row, code: int, now_ns: int) -> bool:
        """Slow down, hold the topic, or park the record; return whether it is to be fetched again at once."""
        if code == NOBODY_LISTENS or kind in self._holding:
            self._holding.not_accepted(kind, row, "nobody-listens", now_ns)
        if code in SLOW_DOWN:
            self._slow_down(now_ns)
        elif code != NOBODY_LISTENS:
            self._refused(kind, row, code, now_ns)
        return code in SLOW_DOWN

    def _slow_down(self, now_ns: int) -> None:
        self._window.refused_for_quota()
        if now_ns >= self._quota_until_ns:
            self._quota_until_ns = now_ns + int(self._quota.next_s() * 1e9)

    def _refused(self, kind: str, row: Row, code: int, now_ns: int) -> None:
        self.totals.refused += 1
        self._parking.park(row.seq)
        in_a_row = self._refusals[kind] = self._refusals.get(kind, 0) + 1
        if in_a_row >= self._tuning.refused_in_a_row and kind not in self._holding:
            self._holding.not_accepted(kind, row, "refused", now_ns)
        self._complain_of(row, words_of(code), now_ns, key=f"refused {code}")

    def _rescan(self) -> None:
        self._urgent.rescan()
        self._readings.rescan()

    def _complain_of(self, row: Row, reason: str, now_ns: int, *, key: str = "poison") -> None:
        kind = kind_of(row)
        self._complaints.complain(
            "publish-refused", key, now_ns, reason=reason, number=row.seq, record=kind, topic=self._topics.of(kind)
        )

    def _tell_of_hold(self, kind: str, state: str, since_ns: int, now_ns: int) -> None:
        lasted_s = round((now_ns - since_ns) / 1e9, 1)
        self._complaints.tell("nobody-listens", state=state, topic=self._topics.of(kind), lasted_s=lasted_s)


def kind_of(row: Row) -> str:
    """Return a record's kind. Only readings are not urgent, and only they are many."""
    return orjson.loads(row.wire)["kind"] if row.urgent else READINGS


def _lanes(reader: Reader, tuning: Tuning) -> tuple[Lane, Lane]:
    rows, size = tuning.fetch_rows, tuning.fetch_bytes
    limits = {"most_rows": tuning.live_rows, "most_bytes": tuning.live_bytes}
    urgent = Lane(lambda after: reader.urgent(after, rows), **limits)
    return urgent, Lane(lambda after: reader.readings(after, rows, size), **limits)


def _paces(tuning: Tuning) -> dict[Why, Pace]:
    return {
        "nobody-listens": Pace(tuning.nobody_first_s, tuning.nobody_longest_s),
        "refused": Pace(tuning.refused_first_s, tuning.refused_longest_s),
    }
