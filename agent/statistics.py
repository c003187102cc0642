"""Minute, ten-minute, hour and day values of every number of every device: what rules, panel and history live on.

Who does what, in one direction, and no scan is folded twice:

    scan > Course (agent.aggregate: which minute, and the fold) > Closed > minute row > Roll > ten, hour and day rows
                                                                  `> Desk: the record of a report of 60 s

Periods are pieces of the site's day (`agent.periods`), marked by their start; while time is not known, of time since
boot. What ends a minute early is written in `agent.aggregate`. The figures of a row (`buffer.history_row.Row`):

- Minute: mean, least, most and count of the readings flagged N; valid with 75 % of the expected readings [C].
- Ten minutes and hour: the mean of the *valid minute means*, each weighing the same; valid with 75 % of the minutes,
  which for the hour is the 45 of 60 that HJ 212-2017 states [C]; for ten minutes it is our choice [P].
- Day: the mean of the *valid hour means*; valid with 20 valid hours [C].
- `least`, `most`, `n`, the worst `flag` and the `total` are over everything that was seen, valid or not.
- Of what is read less than once a minute, 75 % and 20 of 24 of those parts count that can have a reading [P].
- `total` of a counter: what it rose (`agent.totals`). Of a rate: its mean times the time it stands for: of a valid and
  whole minute all of it, else the share of expected readings that were good. A reading that comes less than once a
  minute stands for the time since the one before, at most for one poll.

An hour or a day ends with the last row in it, or a moment after its end; early only when time becomes known, is lost or
steps back in it (two rows may then have the same start), or when the configuration gives its numbers another meaning.
A stop of the agent ends only the minute: `resume` takes the open pieces up again from the history.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from agent.aggregate import RECONFIGURED, STARTED, Closed, Course, mean, numbers
from agent.periods import piece_of_day
from agent.rolls import DIGITS, HOUR_MS, MINUTE_MS, SPAN_MS, Roll, needed, rounded
from agent.totals import Counter, Turn
from buffer.history_row import Level, Number, Row
from config.visits import visits
from drivers.reading import Quality

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from zoneinfo import ZoneInfo

    from config.site import Device
    from drivers.reading import Scan

_RATES: Final = {"per-hour": 1 / HOUR_MS, "per-second": 1 / 1000}
_GOOD: Final = Quality.NORMAL.value


class Ended(NamedTuple):
    """What ended on one visit: a minute as it was filled, if one did, and all rows, the shortest periods first."""

    visit: str
    closed: Closed | None
    rows: tuple[Row, ...]


class Past(Protocol):
    """What `resume` asks the history."""

    def last_ms(self, visit: str) -> int | None:
        """Return the start of the last dated minute written of a visit."""

    def rows(self, visit: str, level: Level, from_ms: int, to_ms: int) -> list[Row]:
        """Return a visit's dated rows that start in a stretch of time, in the order they were written."""


class Statistics:
    """The statistics of all visits. Belongs to the pipeline's thread; times are passed in."""

    def __init__(self, devices: Iterable[Device], zone: ZoneInfo, boot: str = "") -> None:
        """Begin with nothing. `devices` are those on buses and the computed ones; `boot` names this boot in rows."""
        self._boot = boot
        self._visits = {
            visit.spec.name: _Visit(visit, zone, boot, STARTED) for device in devices for visit in visits(device)
        }

    def add(self, scan: Scan, wall_ms: int | None) -> Ended | None:
        """Take a scan, believed to be of `wall_ms` (``None``: not known); return what it ends, mostly nothing."""
        visit = self._visits.get(scan.device)
        return None if visit is None else visit.add(scan, wall_ms)

    def due(self, mono_ns: int, wall_ms: int | None) -> list[Ended]:
        """Return what time alone has ended. Call it once a second, after the intake is empty."""
        found = (visit.due(mono_ns, wall_ms) for visit in self._visits.values())
        return [ended for ended in found if ended is not None]

    def close(self, why: str) -> list[Ended]:
        """Close every open minute where it is: `STOPPED`, `RECONFIGURED`. Hours and days stay open."""
        found = (visit.close(why) for visit in self._visits.values())
        return [ended for ended in found if ended is not None]

    def change(self, devices: Iterable[Device], zone: ZoneInfo) -> list[Row]:
        """Go on with other devices; return the rows of hours and days whose numbers mean something else now.

        Call `close` before. Visits that mean what they meant go on as if nothing had happened.
        """
        before, self._visits = self._visits, {}
        for device in devices:
            for visit in visits(device):
                old = before.get(visit.spec.name)
                if old is not None and old.means_the_same(visit, zone):
                    self._visits[visit.spec.name] = before.pop(visit.spec.name)
                else:
                    self._visits[visit.spec.name] = new = _Visit(visit, zone, self._boot, RECONFIGURED)
                    if old is not None:
                        new.restore(old.snapshot(), same_boot=True)
        return [row for old in before.values() for row in old.finish(RECONFIGURED)]

    def resume(self, past: Past) -> list[Row]:
        """Take the hours and days that were open up again; return rows that ended unnoticed and are to be kept."""
        return [row for visit in self._visits.values() for row in visit.resume(past)]

    def snapshot(self) -> bytes:
        """Return what the counters must not forget; keep it with the rows of each minute."""
        state = {name: found for name, visit in self._visits.items() if (found := visit.snapshot())}
        return json.dumps({"boot": self._boot, "visits": state}, separators=(",", ":")).encode()

    def restore(self, state: bytes | None) -> None:
        """Go on from a snapshot; one that cannot be read is none."""
        try:
            found = json.loads(state or b"{}")
            same_boot = bool(self._boot) and found.get("boot") == self._boot
            for name, counters in found.get("visits", {}).items():
                if name in self._visits:
                    self._visits[name].restore(counters, same_boot=same_boot)
        except (ValueError, TypeError, AttributeError, KeyError):
            return

    def turns(self) -> dict[str, dict[str, dict[str, int]]]:
        """Return how often counters did anything but rise since the start: by visit, point and letter of `Turn`."""
        return {name: found for name, visit in self._visits.items() if (found := visit.turns())}


class _Visit:
    """The statistics of one visit."""

    def __init__(self, device: Device, zone: ZoneInfo, boot: str, begun: str) -> None:
        self._device = device
        self._zone = zone
        self._boot = boot
        self._numbers = columns = numbers(device)
        self._course = Course(device, MINUTE_MS, zone, begun=begun, given=columns)
        self._poll_ms = max(1, round(device.poll_s * 1000))
        self._expected = max(1, MINUTE_MS // self._poll_ms)
        totals = [device.info[index].total for index in columns.indices]
        points: Sequence[Any] = device.spec.points or device.info
        scales = [getattr(points[index], "scale", 1.0) for index in columns.indices]
        self._counters = [
            (place, index, scales[place], Counter(device.poll_s, scales[place]))
            for place, index in enumerate(columns.indices)
            if totals[place] == "counter"
        ]
        self._rates = [(place, _RATES[total]) for place, total in enumerate(totals) if total in _RATES]
        self._told_ns: int | None = None
        self._ten, self._hour, self._day = (
            Roll(level, device, columns, zone) for level in (Level.TEN, Level.HOUR, Level.DAY)
        )

    def add(self, scan: Scan, wall_ms: int | None) -> Ended | None:
        closed = self._course.add(scan, wall_ms)
        ended = None if closed is None else self._ended(closed)
        flags, values = scan.flags, scan.values
        for _, index, _, counter in self._counters:
            if flags[index] == _GOOD and isinstance(value := values[index], int | float):
                counter.add(value, scan.mono_ns)
        return ended

    def due(self, mono_ns: int, wall_ms: int | None) -> Ended | None:
        closed = self._course.due(mono_ns, wall_ms)
        rows = [] if closed is None else list(self._ended(closed).rows)
        mono_ms = mono_ns // 1_000_000
        for roll in (self._ten, self._hour, self._day):
            if roll.is_overdue(mono_ms, wall_ms):
                rows += self._passed_on(roll.finish(None))
        return Ended(self._device.spec.name, closed, tuple(rows)) if rows else None

    def close(self, why: str) -> Ended | None:
        closed = self._course.close(why)
        return None if closed is None else self._ended(closed)

    def finish(self, why: str) -> list[Row]:
        """Return the rows of all that is open."""
        rows = [*self._ten.finish(why), *self._passed_on(self._hour.finish(why))]
        return rows + self._day.finish(why)

    def means_the_same(self, device: Device, zone: ZoneInfo) -> bool:
        return _meaning(device) == _meaning(self._device) and zone == self._zone

    def resume(self, past: Past) -> list[Row]:
        name, last_ms = self._device.spec.name, past.last_ms(self._device.spec.name)
        if last_ms is None:
            return []
        day = piece_of_day(last_ms, SPAN_MS[Level.DAY], self._zone)
        hour = piece_of_day(last_ms, HOUR_MS, self._zone)
        rows: list[Row] = []
        found = {level: past.rows(name, level, *day) for level in (Level.TEN, Level.HOUR, Level.DAY)}
        told = {(row.level, row.start_ms) for some in found.values() for row in some}
        if (Level.DAY, day.start_ms) not in told:
            for row in self._ours(found[Level.HOUR]):
                rows += self._day.take(row)
        for row in self._ours(past.rows(name, Level.MINUTE, *hour)):
            for roll in (self._ten, self._hour):
                if (roll.level, roll.start_of(row)) not in told:
                    rows += self._passed_on(roll.take(row))
        return rows

    def snapshot(self) -> dict[str, list[Any]]:
        names = self._numbers.names
        return {names[place]: [scale, *counter.snapshot()] for place, _, scale, counter in self._counters}

    def restore(self, state: dict[str, list[Any]], *, same_boot: bool) -> None:
        for place, _, scale, counter in self._counters:
            was = state.get(self._numbers.names[place])
            if was is not None and was[0] == scale:  # of another scale, it was another counter
                counter.restore(was[1:], same_boot=same_boot)

    def turns(self) -> dict[str, dict[str, int]]:
        names = self._numbers.names
        return {names[place]: dict(counter.turns) for place, _, _, counter in self._counters if counter.turns}

    def _ours(self, rows: Iterable[Row]) -> list[Row]:
        """Return the rows of the numbers that this visit has now."""
        return [row for row in rows if row.names == self._numbers.names]

    def _ended(self, closed: Closed) -> Ended:
        """Return what a closed minute gives: its row, and those of what it ends."""
        row = self._minute(closed)
        rows = [row, *self._ten.take(row), *self._passed_on(self._hour.take(row))]
        return Ended(row.visit, closed, tuple(rows))

    def _passed_on(self, rows: list[Row]) -> list[Row]:
        """Return the rows; hours go into the day, and what that gives follows."""
        return rows + [day for row in rows if row.level is Level.HOUR for day in self._day.take(row)]

    def _minute(self, closed: Closed) -> Row:
        low, high, total, counts = closed.tally.result()
        decimals = self._numbers.decimals
        least = needed(Level.MINUTE, self._expected)
        avg = tuple(mean(*column, DIGITS) for column in zip(total, counts, low, high, decimals, strict=True))
        valid = tuple(count >= least for count in counts)
        amounts, turn = self._amounts(closed, avg, counts, valid)
        return Row(
            visit=self._device.spec.name,
            level=Level.MINUTE,
            start_ms=closed.start_ms,
            start_mono_ms=closed.start_mono_ms,
            boot=self._boot,
            span_ms=closed.piece.end_ms - closed.piece.start_ms,
            cut="; ".join(filter(None, (closed.late, closed.cut))) or None,
            expected=self._expected,
            names=self._numbers.names,
            avg=avg,
            least=tuple(value if count else None for value, count in zip(low, counts, strict=True)),
            most=tuple(value if count else None for value, count in zip(high, counts, strict=True)),
            n=tuple(counts),
            valid=valid,
            flag=closed.tally.worst(),
            total=tuple(amounts),
            turn="".join(turn),
        )

    def _amounts(
        self, closed: Closed, avg: Sequence[Number], counts: Sequence[int], valid: Sequence[bool]
    ) -> tuple[list[Number], list[str]]:
        amounts: list[Number] = [None] * len(avg)
        turns: list[str] = [Turn.NOTHING.value] * len(avg)
        for place, _, _, counter in self._counters:
            amount, turns[place] = counter.take()
            amounts[place] = rounded(amount, self._numbers.decimals[place])
        since_ms = self._since_ms(closed)
        span_ms = closed.piece.end_ms - closed.piece.start_ms
        is_whole = closed.late is None and closed.cut is None
        for place, per_ms in self._rates:
            value, count = avg[place], counts[place]
            if value is not None:
                if since_ms is not None:
                    covered = float(min(since_ms, self._poll_ms * count))
                else:
                    share = 1.0 if is_whole and valid[place] else min(1.0, count / self._expected)
                    covered = span_ms * share
                amounts[place] = rounded(value * covered * per_ms, self._numbers.decimals[place])
        return amounts, turns

    def _since_ms(self, closed: Closed) -> int | None:
        """Return for how long the readings of a minute stand, if readings come less than once a minute."""
        before, self._told_ns = self._told_ns, closed.last.mono_ns
        if self._poll_ms <= MINUTE_MS:
            return None
        return self._poll_ms if before is None else (closed.last.mono_ns - before) // 1_000_000


def _meaning(device: Device) -> tuple[Any, ...]:
    points = tuple((info.name, info.total, info.is_number, info.decimals) for info in device.info)
    return (device.spec, device.poll_s, points)
