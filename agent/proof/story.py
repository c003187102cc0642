"""What a period's records tell, for people: alarms, gaps, outages, clock, configuration, what people did, readings.

Records go in one by one, in order; what is kept is bounded. Each list keeps the first rows and counts the rest, which
stands in the records all the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from agent.proof.survey import milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MOST_ROWS: Final = 1000
MOST_SERIES: Final = 20_000
_PATHS: Final = 20

_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class When:
    """When a record was made: ms since 1970 as it says itself, or (`reckoned`) as the clock record of its boot says.

    `at_ms` is ``None`` where nobody can say; then boot and uptime are all there is.
    """

    seq: int
    at_ms: int | None
    boot: str
    up_s: float
    reckoned: bool = False


class Rows(Generic[_Row]):
    """A list that keeps its first rows and counts the others."""

    def __init__(self) -> None:
        self.kept: list[_Row] = []
        self.more = 0

    def add(self, row: _Row) -> None:
        """Take in a row."""
        if len(self.kept) < MOST_ROWS:
            self.kept.append(row)
        else:
            self.more += 1


@dataclass(slots=True)
class Alarm:
    """One time that an alarm was there. `begun` is ``None`` when it was raised before the period."""

    alarm: str
    priority: str
    text: Mapping[str, str]
    begun: When | None = None
    ended: When | None = None
    escalated: When | None = None
    acknowledged: When | None = None
    by: str = ""


@dataclass(slots=True)
class Outage:
    """A stretch without something: the agent, a device, the platform, the store. ``None``: beyond the period."""

    what: str
    which: str
    since: When | None
    until: When | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, with the members of its record that say what."""

    when: When
    what: str
    facts: Mapping[str, Any]


@dataclass(slots=True)
class Series:
    """The readings of one point: `n` numbers, `words` texts and truth values, `missing` records without a value.

    `flagged` are records in which its flag is not N.
    """

    n: int = 0
    words: int = 0
    missing: int = 0
    flagged: int = 0
    least: float | None = None
    most: float | None = None
    total: float = 0.0

    @property
    def mean(self) -> float | None:
        """The mean of the numbers, ``None`` where there are none."""
        return self.total / self.n if self.n else None

    def take(self, least: float, mean: float, most: float, n: int) -> None:
        """Take in `n` numbers."""
        self.n += n
        self.total += mean * n
        self.least = least if self.least is None else min(self.least, least)
        self.most = most if self.most is None else max(self.most, most)


@dataclass(slots=True)
class Readings:
    """The readings of one device."""

    records: int = 0
    first: When | None = None
    last: When | None = None
    points: dict[str, Series] = field(default_factory=dict)


_OUTAGES: Final[Mapping[str, tuple[str, bool]]] = {
    "device-lost": ("device", True),
    "device-back": ("device", False),
    "uplink-lost": ("uplink", True),
    "uplink-back": ("uplink", False),
    "store-failed": ("store", True),
    "store-recovered": ("store", False),
    "clock-hold": ("clock", True),
    "clock-sync": ("clock", False),
}
_OWN: Final = ("v", "gw", "chain", "seq", "prev", "kind", "ts", "clk", "cfg", "sig", "event", "by")


class Story:
    """Takes records in order. `reckon` dates what has no date: number and uptime (ms) in, ms since 1970 out."""

    def __init__(self, reckon: Callable[[int, int], int | None] = lambda _seq, _up_ms: None) -> None:
        self._reckon = reckon
        self.kinds: Counter[str] = Counter()
        self.undated = 0
        self.first: When | None = None
        self.last: When | None = None
        self.alarms: Rows[Alarm] = Rows()
        self.gaps: Rows[Entry] = Rows()
        self.outages: Rows[Outage] = Rows()
        self.clocks: Rows[Entry] = Rows()
        self.configs: Rows[Entry] = Rows()
        self.people: Rows[Entry] = Rows()
        self.others: Rows[Entry] = Rows()
        self.readings: dict[str, Readings] = {}
        self.series_left_out = 0
        self._series = 0
        self._standing: dict[str, Alarm] = {}
        self._absent: dict[tuple[str, str], Outage] = {}
        self._stopped: When | None = None
        self._alive: When | None = None

    def add(self, members: Mapping[str, Any]) -> None:
        """Take in the next record."""
        when = self._when(members)
        self.kinds[members["kind"]] += 1
        self.undated += when.at_ms is None
        self._boots(when, members)
        tell = _TELL.get(members["kind"])
        if tell is not None:
            tell(self, when, members)
        self.first = self.first or when
        self.last = when

    def _when(self, members: Mapping[str, Any]) -> When:
        own_ms, clk, seq = milliseconds(members["ts"]), members["clk"], members["seq"]
        if own_ms is not None:
            return When(seq, own_ms, clk["boot"], clk["up"])
        return When(seq, self._reckon(seq, round(clk["up"] * 1000)), clk["boot"], clk["up"], reckoned=True)

    # --- kinds ---------------------------------------------------------------------------------------------------

    def _boots(self, when: When, members: Mapping[str, Any]) -> None:
        """Notice when the agent was not there: from the last it told of the plant, or its stop, until it started."""
        event = members["event"] if members["kind"] == "event" else None
        if event == "start":
            since = self._stopped or self._alive
            if since is not None:
                how = "stop" if self._stopped else "reboot" if since.boot != when.boot else "crash"
                self.outages.add(Outage("agent", "", since, when, how))
            self._stopped = None
        elif event == "stop":
            self._stopped = when
        if members["kind"] not in _BEFORE_A_START:
            self._alive = when

    def _tell_alarm(self, when: When, members: Mapping[str, Any]) -> None:
        name, state = members["alarm"], members["state"]
        standing = self._standing.get(name)
        if state == "raised" or standing is None:
            begun = when if state == "raised" else None
            standing = Alarm(name, members["priority"], members.get("text", {}), begun)
            self._standing[name] = standing
            self.alarms.add(standing)
        if state == "cleared":
            standing.ended = when
        elif state == "escalated":
            standing.escalated = when
        elif state == "acknowledged":
            standing.acknowledged, standing.by = when, _who(members)
        if members.get("by"):
            self._tell_person(when, f"alarm {state}", {"alarm": name}, members)

    def _tell_event(self, when: When, members: Mapping[str, Any]) -> None:
        event = members["event"]
        facts = {name: value for name, value in members.items() if name not in _OWN}
        if event in _OUTAGES:
            self._tell_outage(when, members)
        elif members.get("by"):
            self._tell_person(when, event, facts, members)
        else:
            self.others.add(Entry(when, event, facts))

    def _tell_outage(self, when: When, members: Mapping[str, Any]) -> None:
        what, begins = _OUTAGES[members["event"]]
        key = (what, str(members.get("device", "")))
        if begins:
            outage = Outage(*key, when, reason=str(members.get("reason") or ""))
            self._absent[key] = outage
            self.outages.add(outage)
        elif key in self._absent:
            self._absent.pop(key).until = when
        elif what != "clock":  # the first word on the clock after a boot ends nothing
            self.outages.add(Outage(*key, None, when))

    def _tell_person(self, when: When, what: str, facts: Mapping[str, Any], members: Mapping[str, Any]) -> None:
        note = members["by"].get("note") if isinstance(members["by"], dict) else None
        said = {**facts, **({"note": note} if note else {})}
        self.people.add(Entry(when, what, {"who": _who(members), **said}))

    def _tell_gap(self, when: When, members: Mapping[str, Any]) -> None:
        self.gaps.add(Entry(when, members["reason"], {name: members.get(name) for name in _OF_A_GAP}))

    def _tell_clock(self, when: When, members: Mapping[str, Any]) -> None:
        self.clocks.add(Entry(when, members["why"], {name: members.get(name) for name in _OF_A_CLOCK}))

    def _tell_config(self, when: When, members: Mapping[str, Any]) -> None:
        diff = members["diff"]
        facts = {"hash": members["hash"], "previous": members["previous"], "count": len(diff)}
        self.configs.add(Entry(when, "config", {**facts, "diff": diff[:_PATHS]}))

    def _tell_readings(self, when: When, members: Mapping[str, Any]) -> None:
        of_device = self.readings.setdefault(members["device"], Readings())
        of_device.records += 1
        of_device.first = of_device.first or when
        of_device.last = when
        flags, stats = members.get("flags", {}), members.get("stats", {})
        for name, value in members["values"].items():
            series = self._series_of(of_device, name)
            if series is not None:
                series.flagged += name in flags
                _take(series, value, stats.get(name))

    def _series_of(self, device: Readings, name: str) -> Series | None:
        """Return a point's series; ``None`` when there are too many."""
        if name not in device.points:
            if self._series >= MOST_SERIES:
                self.series_left_out += 1
                return None
            self._series += 1
            device.points[name] = Series()
        return device.points[name]


_TELL: Final[Mapping[str, Callable[[Story, When, Mapping[str, Any]], None]]] = {
    "alarm": Story._tell_alarm,  # noqa: SLF001 -- its own table
    "event": Story._tell_event,  # noqa: SLF001
    "gap": Story._tell_gap,  # noqa: SLF001
    "clock": Story._tell_clock,  # noqa: SLF001
    "config": Story._tell_config,  # noqa: SLF001
    "readings": Story._tell_readings,  # noqa: SLF001
}
_BEFORE_A_START: Final = ("clock", "gap", "hello")
"""Kinds that a new run may tell before it says that it has started."""
_OF_A_GAP: Final = ("count", "first", "last", "from", "to")
_OF_A_CLOCK: Final = ("source", "before", "after", "step_s", "wall")


def _take(series: Series, value: Any, stats: Mapping[str, Any] | None) -> None:
    """Take in a reading: of a reporting period its statistics, else the value itself."""
    if stats and stats.get("n"):
        series.take(stats["min"], stats["avg"], stats["max"], stats["n"])
    elif isinstance(value, int | float) and not isinstance(value, bool):
        series.take(value, value, value, 1)
    elif value is None:
        series.missing += 1
    else:
        series.words += 1


def _who(members: Mapping[str, Any]) -> str:
    by = members.get("by")
    return str(by.get("who", "")) if isinstance(by, dict) else ""
