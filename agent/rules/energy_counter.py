"""The counter of a meter that may pass the end of its register without anybody having been at it: rule W7."""

from __future__ import annotations

from typing import Final

from agent.rules.kinds.seq import Counter
from agent.totals import register_ends

_ENDS: Final = register_ends(1.0)
_SHARE: Final = 0.01


class EnergyCounter(Counter):
    """As `Counter`; but a fall is none where the rise through the end of a register is believable.

    That is: within the rate and the resolution; where the rate is not known, within a hundredth of the register.
    Memory: as `Counter`.
    """

    __slots__ = ()

    def _is_broken(self, last: float, counter: float, passed_s: float) -> bool:
        if counter >= last:
            return super()._is_broken(last, counter, passed_s)
        return all(self._is_far(counter + end - last, end, passed_s) for end in _ENDS if end >= last)

    def _is_far(self, rise: float, end: float, passed_s: float) -> bool:
        return rise > _SHARE * end if self._rate_per_h is None else super()._is_broken(0.0, rise, passed_s)
