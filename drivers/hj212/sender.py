"""An instrument (or data logger) that sends HJ 212 packets by itself, seen from our end of the wire.

What becomes of each packet:

    of another MN              counted as a stray
    heartbeat, notice          acknowledged (9013) when an answer is wanted
    upload                     counted as an answer, acknowledged (9014) when an answer is wanted, and:
      sent before              not told again: an instrument repeats what it saw no acknowledgement for
      backfill (RF=1)          not told: it is about the past, and a scan is about now
      of another kind          not told: the device's points come with one kind of upload (`drivers.hj212.uploads`)
      with none of the points  not told
      else                     a scan; points it lacks are unknown, flag B
    anything else              counted in `ignored`

A scan is dated by *our* clock at the packet's arrival. The instrument's own DataTime is local time by a clock nobody
vouches for; it serves to put split uploads together and is not judged. Nothing but 9013 and 9014 is ever sent.

A split upload (PNUM, PNO) becomes one scan when its last part comes; when another upload comes instead, or `PARTS_S`
after its first part, it becomes a scan of what came.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from drivers.hj212.build import acknowledgement
from drivers.hj212.content import message_of
from drivers.hj212.dialect import Deviation
from drivers.hj212.packet import Packet, Rejected, Splitter
from drivers.hj212.sealed import Sm4Key
from drivers.hj212.uploads import DATA, NOTICES, upload_of
from drivers.hj212.values import Reading, reading_of, wanted
from drivers.reading import Clock, Quality, Scan
from drivers.spec import DeviceSpec, FactorSpec
from drivers.tally import Tally

if TYPE_CHECKING:
    from drivers.hj212.content import Message

PARTS_S: Final = 40.0
"""A part and its three repetitions, 10 s apart (2017, 7.2: times for links that are slow)."""
PAUSE_S: Final = 10.0
"""No instrument pauses so long within one packet: what is incomplete then stays so."""
MOST_PARTS: Final = 100
REMEMBERED: Final = 32
MOST_NAMES: Final = 5
MOST_SHOWN: Final = 30


@dataclass(slots=True)
class _Parts:
    """A split upload on its way. `wall_ms` and `mono_ns` are the arrival of its last part so far."""

    key: tuple[str, str, str, int]
    began_ns: int
    wall_ms: int = 0
    mono_ns: int = 0
    seen: set[int] = field(default_factory=set)
    readings: dict[int, Reading] = field(default_factory=dict)


class Hj212Sender:
    """See `drivers.wire.Sender`."""

    def __init__(self, spec: DeviceSpec, clock: Clock, key: bytes | None = None) -> None:
        """Take the `key` (16 bytes) of an instrument that encrypts.

        Raises `uploads.MixedUploads`, and ValueError for a key or a field that is none.
        """
        points = [point for point in spec.points if isinstance(point, FactorSpec)]
        assert len(points) == len(spec.points), "an HJ 212 instrument has factors only"
        self.spec = spec
        self.tally = Tally()
        self.deviations = self.tally.deviations
        self.rejected: Counter[str] = Counter()
        self.repeats = self.backfills = self.ignored = 0
        self._clock = clock
        self._upload = upload_of(point.field for point in points)
        self._wanted = [wanted(point) for point in points]
        self._key = None if key is None else Sm4Key(key)
        self._splitter = Splitter(self._key)
        self._recent: deque[int] = deque(maxlen=REMEMBERED)
        self._parts: _Parts | None = None
        self._news: list[str] = []
        self._others: set[str] = set()
        self._instead = ""  # what came in place of a usable upload since the last one
        self._scan_ns = self._byte_ns = clock.mono_ns()

    def hear(self, data: bytes) -> tuple[list[Scan], bytes]:
        """Take what arrived; return the scans it completes and the acknowledgements to send. Never raises."""
        now_ns = self._clock.mono_ns()
        scans = self._late(now_ns)
        replies = b""
        if data:
            self._byte_ns = now_ns
        for found in self._splitter.feed(data):
            if isinstance(found, Rejected):
                self._refuse(found)
                continue
            message = message_of(found.data)
            if self._is_ours(message):
                self._note(found, message)
                replies += self._acknowledge(message)
                scans += self._take(found, message, now_ns)
        return scans, replies

    def silent(self) -> Scan | None:
        """Return what came of a split upload that stays incomplete, or unknowns after `spec.timeout_s` of silence."""
        now_ns = self._clock.mono_ns()
        late = self._late(now_ns)
        if late:
            return late[0]
        if now_ns - self._scan_ns < self.spec.timeout_s * 1e9:
            return None
        self._scan_ns = now_ns
        self.tally.timeouts += 1
        instead = f", but: {self._instead}" if self._instead else ""
        fault = f"nothing usable from the instrument for {self.spec.timeout_s:g} s{instead}"
        return Scan.unanswered(self.spec.name, len(self._wanted), self._clock, fault)

    def news(self) -> list[str]:
        """Return what has been seen for the first time since the last call, in words."""
        news, self._news = self._news, []
        return news

    # --- one packet ------------------------------------------------------------------------------

    def _refuse(self, rejected: Rejected) -> None:
        self.tally.bad_frames += 1
        self._instead = rejected.reason
        self._count(self.rejected, rejected.kind, f"dropped: {rejected.reason}")

    def _is_ours(self, message: Message) -> bool:
        wanted = str(self.spec.address)
        if message.mn.upper() == wanted.upper():
            if message.mn != wanted:
                self._tolerate(Deviation.MN_IN_OTHER_CASE)
            return True
        self.tally.strays += 1
        self._instead = f"packets of MN {_shown(message.mn) or '(none)'}"
        if self._instead not in self._others and len(self._others) < REMEMBERED:
            self._others.add(self._instead)
            self._news.append(f"{self._instead} came, MN {self.spec.address} is wanted")
        return False

    def _note(self, packet: Packet, message: Message) -> None:
        self.tally.received_bytes += packet.size
        for deviation in (*packet.deviations, *message.deviations):
            self._tolerate(deviation)
        if self._key and not packet.sealed and message.cn in DATA:
            self._tolerate(Deviation.NOT_SEALED)

    def _acknowledge(self, message: Message) -> bytes:
        reply = acknowledgement(message)
        self.tally.sent_bytes += len(reply)
        return reply

    def _take(self, packet: Packet, message: Message, now_ns: int) -> list[Scan]:
        """Return the scans that a packet of our instrument completes."""
        if message.cn not in DATA or not message.is_upload:
            if message.cn not in NOTICES:
                self.ignored += 1
                self._instead = f"CN {_shown(message.cn)} without data"
            return []
        self.tally.answered(now_ns, now_ns)
        if self._came_before(packet, message):
            self.repeats += 1
            self._instead = "only repetitions of an upload"
            return []
        if message.backfill:
            self.backfills += 1
            self._instead = "only backfill (RF=1)"
            return []
        if message.cn != self._upload:
            self._instead = f"uploads of CN {message.cn}, CN {self._upload} is wanted"
            return []
        return self._told(message, now_ns)

    def _came_before(self, packet: Packet, message: Message) -> bool:
        """Whether it is a repetition: the same bytes again. Without QN and DataTime nobody can tell."""
        if not (message.qn or "DataTime" in message.attributes):
            return False
        mark = hash(packet.data)
        if mark in self._recent:
            return True
        self._recent.append(mark)
        return False

    def _told(self, message: Message, now_ns: int) -> list[Scan]:
        readings = self._readings(message)
        if 1 < message.pnum <= MOST_PARTS:
            return self._part(message, readings, now_ns)
        if message.pnum:
            self._tolerate(Deviation.TOO_MANY_PARTS)
        if not readings:
            self._instead = f"none of the wanted factors in CN {message.cn}; it has {_codes(message)}"
            return []
        return [*self._broken_off(), self._scan(readings, self._clock.wall_ms(), now_ns)]

    def _readings(self, message: Message) -> dict[int, Reading]:
        readings = {}
        for place, want in enumerate(self._wanted):
            reading = reading_of(message, want)
            if reading:
                readings[place] = reading
                for deviation in reading.deviations:
                    self._tolerate(deviation)
        return readings

    # --- split uploads ---------------------------------------------------------------------------

    def _part(self, message: Message, readings: dict[int, Reading], now_ns: int) -> list[Scan]:
        """Put a part to the others; return a scan when it is the last, and one of a broken-off upload before it."""
        key = (message.cn, message.st, message.attributes.get("DataTime", ""), message.pnum)
        scans = []
        if self._parts and (self._parts.key != key or message.pno in self._parts.seen):
            if self._parts.key == key and readings.items() <= self._parts.readings.items():
                self.repeats += 1  # sent again under another QN
                return []
            scans = self._broken_off()
        parts = self._parts = self._parts or _Parts(key, now_ns)
        parts.wall_ms, parts.mono_ns = self._clock.wall_ms(), now_ns
        parts.seen.add(message.pno)
        parts.readings.update(readings)
        if len(parts.seen) == message.pnum:
            self._parts = None
            if parts.readings:
                scans.append(self._scan(parts.readings, parts.wall_ms, parts.mono_ns))
        return scans

    def _broken_off(self) -> list[Scan]:
        """Give up waiting for the other parts, if a split upload is on its way. What came is dated by its arrival."""
        parts, self._parts = self._parts, None
        if not (parts and parts.readings):
            return []
        fault = f"{len(parts.seen)} of {parts.key[-1]} packets of the upload came"
        return [self._scan(parts.readings, parts.wall_ms, parts.mono_ns, fault)]

    def _late(self, now_ns: int) -> list[Scan]:
        """Give up what has been incomplete for too long."""
        if now_ns - self._byte_ns > PAUSE_S * 1e9:
            for rejected in self._splitter.forget():
                self._refuse(rejected)
        if self._parts and now_ns - self._parts.began_ns > PARTS_S * 1e9:
            return self._broken_off()
        return []

    # --- what is told ----------------------------------------------------------------------------

    def _scan(self, readings: dict[int, Reading], wall_ms: int, mono_ns: int, fault: str | None = None) -> Scan:
        missing = Reading(None, Quality.NO_COMMUNICATION.value)
        told = [readings.get(place, missing) for place in range(len(self._wanted))]
        names = [want.point.name for place, want in enumerate(self._wanted) if place not in readings]
        if names:
            more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
            lack = f"missing in the packet: {', '.join(names[:MOST_NAMES])}{more}"
            fault = f"{fault}; {lack}" if fault else lack
        self._scan_ns, self._instead = mono_ns, ""
        values, flags = tuple(one.value for one in told), "".join(one.flag for one in told)
        return Scan(self.spec.name, wall_ms, mono_ns, values, flags, fault)

    def _tolerate(self, deviation: Deviation) -> None:
        self._count(self.deviations, deviation, f"tolerated: {deviation}")

    def _count(self, counter: Counter[str], name: str, words: str) -> None:
        counter[str(name)] += 1
        if counter[str(name)] == 1:
            self._news.append(words)


def _shown(text: str) -> str:
    """Return what a peer wrote, fit for a log."""
    return "".join(filter(str.isprintable, text))[:MOST_SHOWN]


def _codes(message: Message) -> str:
    """Return the first few factor codes of a message, for words."""
    codes = list(dict.fromkeys(_shown(f"{code}-{name}") for code, name in message.fields if name != "Flag"))
    return ", ".join(codes[:MOST_NAMES]) + (" …" if len(codes) > MOST_NAMES else "") if codes else "no factor"
