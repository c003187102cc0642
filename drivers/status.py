"""What an instrument's own status says about the quality of its values: fault, maintenance, calibration, stopped.

Pure. A judgement only ever takes away: a flag may become worse, never better; a value may become unknown, never
another. Every status is judged as it was read, so the order of the rules does not matter.

Worst first the flags are B D F M C S T N. The more a flag says against there being a measurement at all, the worse it
is: nothing came, the device is broken, it stands still, somebody works on it, it measures its reference gas, a person
set the number, the number is measured but beyond its range. The letters are HJ 212's, the order is ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from drivers.reading import Quality, Scan

if TYPE_CHECKING:
    from drivers.reading import Value
    from drivers.spec import StatusSpec

WORST_FIRST: Final = "BDFMCSTN"
_NORMAL: Final = Quality.NORMAL.value
_FAULT: Final = Quality.FAULT.value


def worse(a: str, b: str) -> str:
    """Return the worse of two flags."""
    return a if WORST_FIRST.index(a) <= WORST_FIRST.index(b) else b


def judged(scan: Scan, statuses: tuple[StatusSpec, ...]) -> Scan:
    """Return the scan with what its statuses decide, `scan` itself when that changes nothing.

    Where a status is not known, neither is what it decides about: those values are ``None``, with its flag.
    """
    verdicts = [(status, verdict) for status in statuses if (verdict := _verdict(scan, status))]
    if not verdicts:
        return scan
    values, flags = list(scan.values), list(scan.flags)
    for status, (flag, is_void) in verdicts:
        for index in status.decides:
            flags[index] = worse(flags[index], flag)
            if is_void:
                values[index] = None
    letters = "".join(flags)
    if letters == scan.flags and tuple(values) == scan.values:
        return scan
    return Scan(scan.device, scan.wall_ms, scan.mono_ns, tuple(values), letters, scan.fault)


def _verdict(scan: Scan, status: StatusSpec) -> tuple[str, bool] | None:
    """Return the flag that a status gives and whether the values are void, ``None`` when it has nothing to say."""
    value = _masked(scan.values[status.point], status.mask)
    if value is None:
        flag = scan.flags[status.point]
        return (_FAULT if flag == _NORMAL else flag), True
    if value not in status.when or status.flag == _NORMAL:
        return None
    return status.flag, status.void


def _masked(value: Value, mask: int | None) -> Value:
    """Return what is compared: ``value & mask``. Of what is no whole number no bits are known."""
    if mask is None:
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value & mask if isinstance(value, int) else None
