"""What the demo has seen so far, and what that proves. No network, no screen, no clock: moments are arguments.

The story is told by the platform's side only. It believes nothing the gateway says that does not verify, and it ends
well only if every record the gateway committed has arrived, or is known to wait in the gateway's store.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from agent.verify.verdict import Report, Verdict
from agent.verify.verifier import Verifier

if TYPE_CHECKING:
    from agent.record import PublicKey

ENOUGH_S = 29.0
"""A demo of this length shows everything; a shorter one says what it did not reach."""
_LATE_S = 1.0
"""What arrives later than this says when it was."""
OUTAGE_FROM_S, OUTAGE_FOR_S, OUTAGE_EVERY_S = 14.0, 5.0, 90.0


@dataclass(frozen=True, slots=True)
class Seen:
    """One published record: its bytes and what they say."""

    wire: bytes
    members: dict[str, Any]

    @property
    def up_s(self) -> float:
        """Seconds since boot when it was taken, by the gateway's monotonic clock (that of this machine)."""
        return float(self.members["clk"]["up"])


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm's way so far. Moments are seconds since the demo began, by the gateway's clock, not those of arrival.

    `rule` is the rule's id in the catalogue, empty for a plain limit; `text` is in Chinese and English.
    """

    key: str
    rule: str
    text: dict[str, str]
    raised_s: float
    escalated_s: float | None = None
    cleared_s: float | None = None


@dataclass(frozen=True, slots=True)
class Outage:
    """One outage, in seconds since the demo began; `caught_up` counts records made in it that have arrived."""

    from_s: float
    until_s: float | None = None
    caught_up: int = 0
    done_s: float | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """One line worth telling: when, what about, and the words in English; `zh` where there is something to add."""

    at_s: float
    what: str
    words: str
    zh: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """What is known of the gateway when it has stopped: the last number it committed, and which still wait there."""

    committed: int | None
    waiting: frozenset[int]
    exit_code: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How it ended. `problems` decide the exit code, `unreached` is only said."""

    seconds: float
    records: int
    duplicates: int
    kinds: dict[str, int]
    gaps: int
    raised: int
    escalated: int
    cleared: int
    outages: int
    caught_up: int
    waiting: int
    missing: int
    key: str
    verdict: dict[str, int]
    problems: tuple[str, ...]
    unreached: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether everything that was seen verified."""
        return not self.problems


@dataclass(slots=True)
class Story:
    """The demo's memory. `zero_s` is the machine's uptime at the beginning; every other moment counts from there.

    `first` is the number the first record must have, ``None`` when the store is older than the demo.
    """

    zero_s: float
    enrolled: PublicKey
    first: int | None = 1
    readings: dict[str, Seen] = field(default_factory=dict)
    code: dict[str, Any] | None = None
    """The health code as the gateway's status tells it; ``None`` while nobody knows."""
    alarms: list[Alarm] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    told: deque[Told] = field(default_factory=lambda: deque(maxlen=200))
    arrivals: Counter[int] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    seqs: set[int] = field(default_factory=set)
    lowest: int = 0
    highest: int = 0
    said: int = 0
    died: str | None = None
    _verifier: Verifier = field(init=False)

    def __post_init__(self) -> None:
        self._verifier = Verifier([self.enrolled])

    def hear(self, topic: str, wire: bytes, at_s: float) -> None:
        """Take in one message of the platform's topics, `at_s` seconds since the demo began."""
        what = topic.rsplit("/", 1)[-1]
        if what in ("status", "meta"):
            if what == "status":
                self._status(wire, at_s)
            return
        self._verifier.feed(wire)
        seen = _read(wire)
        if seen is None:
            self.tell(at_s, "strange", f"{len(wire)} bytes on {topic} are no record")
            return
        self._number(seen.members["seq"])
        self.kinds[seen.members["kind"]] += 1
        self.arrivals[int(at_s)] += 1
        self._count_for_outage(seen, at_s)
        self._take(seen, at_s)

    def _number(self, seq: int) -> None:
        self.lowest = min(self.lowest, seq) if self.seqs else seq
        self.highest = max(self.highest, seq)
        self.seqs.add(seq)

    def _take(self, seen: Seen, at_s: float) -> None:
        match seen.members["kind"]:
            case "readings":
                known = self.readings.get(seen.members["device"])
                if known is None or known.up_s <= seen.up_s:
                    self.readings[seen.members["device"]] = seen
            case "alarm":
                self._alarm(seen.members, at_s)
            case "event":
                self._event(seen.members, at_s)
            case "gap":
                self.tell(at_s, "gap", f"the gateway signed for {seen.members.get('count')} lost records")
            case "hello":
                self.tell(at_s, "hello", "a chain begins: the genesis record", "创世记录")

    def _status(self, wire: bytes, at_s: float) -> None:
        """Take the health code from the retained status: not signed, for displays."""
        status = json.loads(wire)
        code = status.get("code") if status.get("online") else None
        if code is not None and code != self.code:
            lines = "".join(f" · {line} {colour}" for line, colour in code["lines"].items())
            self.tell(at_s, f"health {code['plant']}", f"plant {code['plant']}{lines}", "健康码")
        self.code = code

    def _alarm(self, members: dict[str, Any], at_s: float) -> None:
        """Follow an alarm from when it is raised."""
        key, state, made_s = members["alarm"], members["state"], float(members["clk"]["up"]) - self.zero_s
        if state == "raised":
            self.alarms.append(Alarm(key, str(members.get("rule", "")), members.get("text", {}), made_s))
        for n, alarm in enumerate(self.alarms):
            if alarm.key == key and alarm.cleared_s is None and state == "escalated":
                self.alarms[n] = replace(alarm, escalated_s=made_s)
            elif alarm.key == key and alarm.cleared_s is None and state == "cleared":
                self.alarms[n] = replace(alarm, cleared_s=made_s)
        what = f"alarm {state}" if state in ("raised", "cleared") else state
        self.tell(at_s, what, *_alarm_words(members, at_s - made_s))

    def _event(self, members: dict[str, Any], at_s: float) -> None:
        details = [
            f"{name} {value}"
            for name, value in members.items()
            if name not in _ENVELOPE and isinstance(value, str | int | float) and not isinstance(value, bool)
        ]
        details += [members[entry]["id"] for entry in ("order", "mark", "task") if entry in members]
        self.tell(at_s, "event", " · ".join([members["event"].replace("-", " "), *details]))

    def tell(self, at_s: float, what: str, words: str, zh: str = "") -> None:
        """Add a line to what is told."""
        self.said += 1
        self.told.append(Told(at_s, what, words, zh))

    def told_after(self, number: int) -> list[Told]:
        """Return what was told after the first `number` lines (as far back as it is kept)."""
        new = self.said - number
        return list(self.told)[-new:] if new else []

    # --- outage ---

    def broker_down(self, at_s: float) -> None:
        """Note that the broker stopped; what it knew of the gateway is not known any more."""
        self.code = None
        self.outages.append(Outage(at_s))
        self.tell(at_s, "broker down", "records stay in the gateway's store", "平台中断")

    def broker_up(self, at_s: float) -> None:
        """Note that the broker serves again."""
        self.outages[-1] = replace(self.outages[-1], until_s=at_s)
        self.tell(at_s, "broker up", "the gateway may deliver what waits", "平台恢复")

    def _count_for_outage(self, seen: Seen, at_s: float) -> None:
        """Count what was made in the last outage. It is caught up once something newer has come and nothing misses."""
        if not self.outages:
            return
        outage, made_s = self.outages[-1], seen.up_s - self.zero_s
        until_s = outage.until_s
        if until_s is None or outage.done_s is not None:
            return
        if outage.from_s <= made_s <= until_s:
            outage = replace(outage, caught_up=outage.caught_up + 1)
        elif outage.caught_up and made_s > until_s and not self.missing():
            words = f"{outage.caught_up} records, {at_s - until_s:.1f} s after the broker was back"
            self.tell(at_s, "caught up", words, "补传完成")
            outage = replace(outage, done_s=at_s)
        self.outages[-1] = outage

    # --- verdict ---

    def missing(self) -> int:
        """Return how many numbers between the first and the last one seen have not arrived (yet)."""
        return self.highest - self.lowest + 1 - len(self.seqs) if self.seqs else 0

    def report(self) -> Report:
        """Return the verifier's verdict on everything so far."""
        return self._verifier.report()

    def end(self, seconds: float, ending: Ending) -> Summary:
        """Return how it went, `seconds` after the beginning."""
        report = self.report()
        lost = self._lost(report, ending)
        return Summary(
            seconds=seconds,
            records=report.records,
            duplicates=report.duplicates,
            kinds=dict(self.kinds),
            gaps=self.kinds["gap"],
            raised=len(self.alarms),
            escalated=sum(alarm.escalated_s is not None for alarm in self.alarms),
            cleared=sum(alarm.cleared_s is not None for alarm in self.alarms),
            outages=sum(outage.until_s is not None for outage in self.outages),
            caught_up=sum(outage.caught_up for outage in self.outages),
            waiting=len(ending.waiting),
            missing=len(lost),
            key=self.enrolled.kid,
            verdict=report.counts,
            problems=tuple(self._problems(report, lost, ending, seconds)),
            unreached=tuple(words for words, reached in self._chapters() if not reached),
        )

    def _lost(self, report: Report, ending: Ending) -> set[int]:
        """Return every number that neither arrived, nor is signed for, nor waits in the gateway's store."""
        if not self.seqs:
            return set()
        lost = set(range(self.lowest if self.first is None else self.first, self.lowest))
        lost.update(range(self.highest + 1, (ending.committed or self.highest) + 1))
        for finding in report.findings:
            if finding.verdict is Verdict.MISSING and finding.seq is not None:
                lost.update(range(finding.seq, (finding.last or finding.seq) + 1))
        return lost - ending.waiting

    def _problems(self, report: Report, lost: set[int], ending: Ending, seconds: float) -> Iterable[str]:
        if not report.records:
            yield "no record arrived"
        for verdict, count in sorted(report.counts.items()):
            if verdict != Verdict.MISSING:
                yield f"the verifier found {count} × {verdict}"
        if lost:
            yield f"{len(lost)} committed records never arrived: {', '.join(map(str, sorted(lost)[:8]))}"
        if self.died:
            yield self.died
        elif ending.exit_code not in (0, None):
            yield f"the agent ended with exit code {ending.exit_code}"
        if seconds >= ENOUGH_S:
            yield from (f"in {seconds:.0f} s there was {words}" for words, reached in self._chapters() if not reached)

    def _chapters(self) -> tuple[tuple[str, bool], ...]:
        """Return what a whole demo shows, in the words for its absence, and whether it was seen."""
        return (
            ("no alarm raised", bool(self.alarms)),
            ("no alarm cleared", any(alarm.cleared_s is not None for alarm in self.alarms)),
            ("no rule broken and kept again", any(alarm.rule and alarm.cleared_s is not None for alarm in self.alarms)),
            ("no outage caught up", any(outage.done_s is not None for outage in self.outages)),
        )


_ENVELOPE = frozenset(("v", "gw", "chain", "seq", "prev", "kind", "ts", "clk", "cfg", "event", "sig"))


def _alarm_words(members: dict[str, Any], late_s: float) -> tuple[str, str]:
    """Return what an alarm's record says, in English and Chinese; when it comes late, with how long ago it was."""
    text = members.get("text", {})
    rule = f"{members['rule']} " if "rule" in members else ""
    ago = f" · {late_s:.1f} s ago" if late_s > _LATE_S else ""
    return f"{rule}{text.get('en', members['alarm'])}{ago}", str(text.get("zh", ""))


def _read(wire: bytes) -> Seen | None:
    """Return the record in `wire` for showing, or ``None``; whether it is true is the verifier's question."""
    try:
        members = json.loads(wire)
        seen = Seen(wire, members)
        return seen if isinstance(members["seq"], int) and isinstance(members["kind"], str) and seen.up_s >= 0 else None
    except (ValueError, KeyError, TypeError):
        return None
