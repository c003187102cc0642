"""Whether time went back along a chain without a signed clock step to say so.

A record's `ts` is the moment of what it tells, so records of different devices may be numbered a little out of order,
and a record may wait for a stalled disk before it gets its number. What may not happen, whatever the disk does:

1. within one boot, `ts` minus `clk.up` shrinks from one record to the next by more than a second: somebody turned the
   clock back (a millisecond per second of uptime is allowed for a clock that is being steered);
2. the readings of one device go back in `ts`, or within one boot in `clk.up`: a device is read by one thread, in order
   (its period records are compared with each other, not with its other readings);
3. a boot tells times earlier than what an earlier boot told;
4. within one boot, `clk.up` of any other record goes back by more than ten minutes.

A `clock` record with ``why`` "step" ends every comparison of `ts`. Period records are stamped with the start of their
period, so only rule 2 applies to them, and a device's first one after a step may still be dated by the old reckoning:
it is not compared. Each going back is reported once, where it happens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent.verify.verdict import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.verify.chain import Chain, Row

TOLERANCE_MS: Final = 1000
STEERING: Final = 0.001
LONGEST_WAIT_MS: Final = 600_000


def judge(chain: Chain) -> Iterator[Finding]:
    """Yield every going back of time, in the order of numbers."""
    watch = _Watch()
    for seq, row in chain.rows():
        if words := watch.see(row):
            yield chain.finding(Verdict.CLOCK_BACK, seq, words, line=row.line)


class _Watch:
    """What the records so far said of time."""

    def __init__(self) -> None:
        self._boot: int | None = None
        self._highest_up_ms = 0
        self._latest_ms: int | None = None
        self._floor_ms: int | None = None
        self._before: Row | None = None
        self._by_device: dict[int, Row] = {}
        self._settled: set[int] = set()
        """Devices that closed a period since the last step."""

    def see(self, row: Row) -> str | None:
        """Take in the next record; return what is wrong with its time, or ``None``."""
        if row.boot != self._boot:
            self._boot, self._highest_up_ms, self._before = row.boot, 0, None
            self._floor_ms = self._latest_ms
        if row.is_step:
            self._forget()
            self._settled.clear()
        words = self._of_device(row) if row.voice else self._of_uptime(row)
        if not row.is_period and row.ts_ms is not None:
            words = words or self._of_offset(row, row.ts_ms) or self._of_boots(row.ts_ms)
        if words:
            self._forget()
            self._highest_up_ms = 0
        self._remember(row)
        return words

    def _forget(self) -> None:
        """Compare nothing to come with the times told so far."""
        self._floor_ms = self._latest_ms = self._before = None
        self._by_device = {device: last._replace(ts_ms=None) for device, last in self._by_device.items()}

    def _remember(self, row: Row) -> None:
        self._highest_up_ms = max(row.up_ms, self._highest_up_ms)
        if row.voice:
            self._by_device[row.voice] = row._replace(ts_ms=self._comparable(row))
        if not row.is_period and row.ts_ms is not None:
            self._before = row
            self._latest_ms = row.ts_ms if self._latest_ms is None else max(row.ts_ms, self._latest_ms)

    def _comparable(self, row: Row) -> int | None:
        """Return the time that the next readings of this device are compared with."""
        if row.is_period and row.voice not in self._settled:
            self._settled.add(row.voice)
            return None
        last = self._by_device.get(row.voice)
        return last.ts_ms if last and row.ts_ms is None else row.ts_ms

    def _of_offset(self, row: Row, ts_ms: int) -> str | None:
        """Rule 1."""
        last = self._before
        if last is None or last.ts_ms is None:
            return None
        lost_ms = (last.ts_ms - last.up_ms) - (ts_ms - row.up_ms)
        if lost_ms > TOLERANCE_MS + STEERING * abs(row.up_ms - last.up_ms):
            return f"the clock went back {_seconds(lost_ms)} against uptime, with no signed clock step"
        return None

    def _of_device(self, row: Row) -> str | None:
        """Rule 2."""
        last = self._by_device.get(row.voice)
        if last is None:
            return None
        if row.ts_ms is not None and last.ts_ms is not None and row.ts_ms < last.ts_ms:
            return (
                f"the readings of this device went back {_seconds(last.ts_ms - row.ts_ms)}, with no signed clock step"
            )
        if row.boot == last.boot and row.up_ms < last.up_ms:
            return f"the readings of this device went back {_seconds(last.up_ms - row.up_ms)} in uptime"
        return None

    def _of_boots(self, ts_ms: int) -> str | None:
        """Rule 3."""
        if self._floor_ms is None or ts_ms >= self._floor_ms - TOLERANCE_MS:
            return None
        return f"this boot tells times {_seconds(self._floor_ms - ts_ms)} before those of an earlier boot"

    def _of_uptime(self, row: Row) -> str | None:
        """Rule 4."""
        lost_ms = self._highest_up_ms - row.up_ms
        return f"uptime went back {_seconds(lost_ms)} within one boot" if lost_ms > LONGEST_WAIT_MS else None


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f} s"
