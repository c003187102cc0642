"""When the records of a chain were made: which numbers belong to a period, also of those made without a date.

The urgent records (all but readings) are gone through once. They tell every stretch of one reckoning: within a boot,
and between two `clock` records, the date of a record is its uptime plus one offset. Within a stretch uptime follows the
numbers, but for the ten minutes that a record may wait for a stalled disk (docs/wire-format.md, section 5), so the
numbers of a period are found by halving, and only its own neighbourhood is read.

A stretch without a date is dated by the `clock` record that came later in the same boot. A boot that never knew the
time stays undated; what is known is between which dates it lies, and it belongs to every period that touches those.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from buffer.evidence import Kept

Range = tuple[int, int]

WAIT_MS: Final = 600_000
"""How far uptime may be out of the order of numbers."""
LONGEST_PERIOD_MS: Final = 86_400_000
"""A record of a reporting period is dated by its start and written at its end, a day later at most."""
READINGS_ONLY: Final = "capacity"
"""The reason of gaps in which nothing but readings was lost."""
_FOREVER_MS: Final = 2**62


class Records(Protocol):
    """What is asked of a store."""

    @property
    def head(self) -> int:
        """The number of the last record."""

    def urgent(self) -> Iterator[Kept]:
        """Yield every record that is no reading."""

    def span(self, first: int, last: int) -> Iterator[Kept]:
        """Yield the records numbered `first` to `last`."""

    def at_or_after(self, seq: int) -> Kept | None:
        """Return the first record with this number or a higher one."""

    def before(self, seq: int) -> Kept | None:
        """Return the last record with a lower number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Numbers `first` to `last` of one boot and one reckoning: a record's date is its uptime plus `offset_ms`.

    `offset_ms` is ``None`` where no clock ever dated it; then it lies between `since_ms` and `until_ms`.
    """

    first: int
    last: int
    boot: str
    offset_ms: int | None
    since_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class GapSeen:
    """A signed gap: its own number, and the runs of numbers it accounts for."""

    seq: int
    runs: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """A chain's reckonings and gaps, in the order of numbers."""

    stretches: tuple[Stretch, ...]
    gaps: tuple[GapSeen, ...]

    def date(self, seq: int, up_ms: int) -> int | None:
        """Return the date of a record that has none of its own (ms since 1970), ``None`` where nothing tells it."""
        at = bisect_right(self.stretches, seq, key=lambda stretch: stretch.first) - 1
        offset_ms = self.stretches[at].offset_ms if at >= 0 else None
        return None if offset_ms is None else offset_ms + up_ms


@dataclass(frozen=True, slots=True)
class Found:
    """The numbers of a period: all from `first` to `last`. `undated` are those no clock ever dated."""

    first: int
    last: int
    undated: tuple[Stretch, ...]


# --- going through the urgent records --------------------------------------------------------------------------------


@dataclass(slots=True)
class _Open:
    """A stretch that is being gone through."""

    first: int
    boot: str
    offset_ms: int | None = None
    since_ms: int | None = None
    until_ms: int | None = None


def survey(records: Records, progress: Callable[[int], None] = lambda _: None) -> Survey:
    """Go through a chain's urgent records. `progress` is told the number reached."""
    stretches: list[_Open] = []
    gaps: list[GapSeen] = []
    lost: set[int] = set()
    for kept in records.urgent():
        progress(kept.seq)
        if not kept.whole:
            lost.add(kept.seq)
            continue
        members = orjson.loads(kept.wire)
        boot = members["clk"]["boot"]
        if not stretches or boot != stretches[-1].boot or members["kind"] == "clock":
            stretches.append(_Open(kept.seq, boot))
        if members["kind"] == "gap":
            gaps.append(GapSeen(kept.seq, tuple((first, last) for first, last, _ in members["runs"])))
            lost |= set() if members["reason"] == READINGS_ONLY else {last for _, last in gaps[-1].runs}
        _see_date(stretches[-1], members)
    stretches += _behind(records, lost, {one.first for one in stretches})
    stretches.sort(key=lambda one: one.first)
    return Survey(tuple(_closed(stretches, records.head)), tuple(gaps))


def _whole_after(records: Records, seq: int) -> Kept | None:
    kept = records.at_or_after(seq + 1)
    while kept is not None and not kept.whole:
        kept = records.at_or_after(kept.seq + 1)
    return kept


def _behind(records: Records, lost: Iterable[int], known: Collection[int]) -> Iterator[_Open]:
    """Yield a stretch behind each lost record: that may have begun a boot or set the clock, so we reckon anew."""
    following = (_whole_after(records, seq) for seq in lost)
    begins = {kept.seq: kept for kept in following if kept is not None and kept.seq not in known}
    yield from map(_begun, begins.values())


def _begun(kept: Kept) -> _Open:
    """Return the stretch that a record begins. A reporting period is dated by its start, which is another reckoning."""
    members = orjson.loads(kept.wire)
    stretch = _Open(kept.seq, members["clk"]["boot"])
    if "period" not in members:
        _see_date(stretch, members)
    return stretch


def _see_date(stretch: _Open, members: dict[str, Any]) -> None:
    at_ms = milliseconds(members["ts"])
    if at_ms is None:
        return
    if stretch.offset_ms is None:
        stretch.offset_ms = at_ms - up_ms(members)
        stretch.since_ms = at_ms
    stretch.until_ms = at_ms


def _closed(stretches: list[_Open], head: int) -> Iterator[Stretch]:
    """Yield the stretches with their ends; what has no date of its own gets that of a later one of its boot."""
    for at, one in enumerate(stretches):
        last = stretches[at + 1].first - 1 if at + 1 < len(stretches) else head
        before = (two.until_ms for two in reversed(stretches[:at]) if two.until_ms is not None)
        after = (two.since_ms for two in stretches[at + 1 :] if two.since_ms is not None)
        yield Stretch(
            first=one.first,
            last=last,
            boot=one.boot,
            offset_ms=one.offset_ms if one.offset_ms is not None else _later_offset(stretches, at),
            since_ms=next(before, -_FOREVER_MS) if one.since_ms is None else one.since_ms,
            until_ms=next(after, _FOREVER_MS) if one.until_ms is None else one.until_ms,
        )


def _later_offset(stretches: list[_Open], at: int) -> int | None:
    for later in stretches[at + 1 :]:
        if later.boot != stretches[at].boot:
            return None
        if later.offset_ms is not None:
            return later.offset_ms
    return None


# --- the numbers of a period -----------------------------------------------------------------------------------------


def find(records: Records, known: Survey, from_ms: int, to_ms: int, progress: Callable[[int], None]) -> Found | None:
    """Return the numbers whose date is from `from_ms` up to but not including `to_ms`; ``None`` when there are none."""
    found: list[Range] = []
    undated: list[Stretch] = []
    for stretch in known.stretches:
        if stretch.offset_ms is not None:
            found += _within(records, stretch, stretch.offset_ms, from_ms, to_ms, progress)
        elif max(stretch.since_ms, _dated_before(records, stretch)) < to_ms and stretch.until_ms >= from_ms:
            undated.append(stretch)
            found.append((stretch.first, stretch.last))
    if not found:
        return None
    first, last = min(one for one, _ in found), max(two for _, two in found)
    return Found(first, last, tuple(_joined(undated)))


def _dated_before(records: Records, stretch: Stretch) -> int:
    """Return the date of the record before a stretch, which may be a reading that the survey has not seen."""
    kept = records.before(stretch.first)
    at_ms = milliseconds(orjson.loads(kept.wire)["ts"]) if kept is not None and kept.whole else None
    return -_FOREVER_MS if at_ms is None else at_ms


def _within(
    records: Records, stretch: Stretch, offset_ms: int, from_ms: int, to_ms: int, progress: Callable[[int], None]
) -> list[Range]:
    """Return the first and last number of a dated stretch that fall into the period, as a range; or nothing."""
    start = _reaches(records, stretch, from_ms - offset_ms - WAIT_MS)
    end = _reaches(records, stretch, to_ms - offset_ms + WAIT_MS + LONGEST_PERIOD_MS)
    seqs = _dated_within(records.span(start, min(end, stretch.last)), offset_ms, from_ms, to_ms, progress)
    first = next(seqs, None)
    if first is None:
        return []
    last = first
    for last in seqs:  # noqa: B007 -- the last one is what is wanted
        pass
    return [(first, last)]


def _dated_within(
    kept: Iterable[Kept], offset_ms: int, from_ms: int, to_ms: int, progress: Callable[[int], None]
) -> Iterator[int]:
    for one in kept:
        progress(one.seq)
        if one.whole:
            members = orjson.loads(one.wire)
            own_ms = milliseconds(members["ts"])
            if from_ms <= (offset_ms + up_ms(members) if own_ms is None else own_ms) < to_ms:
                yield one.seq


def _reaches(records: Records, stretch: Stretch, wanted_up_ms: int) -> int:
    """Return the first number of a stretch from which on uptime has reached so much, by halving."""
    low, high = stretch.first, stretch.last + 1
    while low < high:
        middle = (low + high) // 2
        kept = _whole_after(records, middle - 1)
        if kept is None or kept.seq > stretch.last or up_ms(orjson.loads(kept.wire)) >= wanted_up_ms:
            high = middle
        else:
            low = kept.seq + 1
    return low


def _joined(stretches: Iterable[Stretch]) -> Iterator[Stretch]:
    """Yield stretches of one boot that follow each other as one."""
    open_: Stretch | None = None
    for stretch in stretches:
        if open_ is not None and open_.boot == stretch.boot and open_.last + 1 == stretch.first:
            open_ = replace(open_, last=stretch.last)
            continue
        if open_ is not None:
            yield open_
        open_ = stretch
    if open_ is not None:
        yield open_


def up_ms(members: dict[str, Any]) -> int:
    """Return the uptime of a record."""
    up_s: float = members["clk"]["up"]
    return round(up_s * 1000)


def milliseconds(ts: str | None) -> int | None:
    """Return a record's `ts` as ms since 1970."""
    return None if ts is None else round(datetime.fromisoformat(ts).timestamp() * 1000)
