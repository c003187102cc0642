"""What every part of a rule is made of: what it keeps over a restart, and how numbers look in evidence."""

from __future__ import annotations

from collections import deque
from typing import Any, ClassVar, Final

MIN_COV: Final = 0.75
"""A window with a smaller share of known samples says nothing [P, `min_cov` of the catalogue]."""


class Part:
    """A measure or an evaluator: keeps the attributes named in `KEPT` over a restart.

    Those are numbers, truth values, texts, ``None``, lists and deques of these, or parts. Without any, it has no
    memory. A `restore` that raises leaves the part in between: it is to be thrown away, not used.
    """

    __slots__ = ()
    KEPT: ClassVar[tuple[str, ...]] = ()

    def skip(self, count: int) -> None:
        """Note that `count` evaluations did not take place."""

    def evidence(self) -> dict[str, Any]:
        """Return what the last answer rests on."""
        return {}

    def ready_in_s(self) -> float:
        """Return how much more history is needed, in seconds."""
        return 0.0

    def snapshot(self) -> dict[str, Any]:
        """Return what is kept, JSON-able, exact."""
        return {name.lstrip("_"): _told(getattr(self, name)) for name in self.KEPT}

    def restore(self, state: Any) -> None:
        """Continue from a snapshot. Raises KeyError, TypeError or ValueError when it is none of this part."""
        if len(state) != len(self.KEPT):
            raise ValueError(
                f"not the state of {type(self).__name__}: {len(state)} members instead of {len(self.KEPT)}"
            )
        for name in self.KEPT:
            setattr(self, name, _taken(getattr(self, name), state[name.lstrip("_")]))


def _told(value: Any) -> Any:
    """Return the JSON-able form of something kept."""
    if isinstance(value, Part):
        return value.snapshot()
    if isinstance(value, (list, tuple, deque)):
        return [_told(one) for one in value]
    return value


def _taken(own: Any, value: Any) -> Any:
    """Return what stands for `own` after `value` was told: a part goes on in place, a row of parts one by one."""
    if isinstance(own, Part):
        own.restore(value)
        return own
    if isinstance(own, tuple):
        if len(own) != len(value):
            raise ValueError(f"{len(value)} parts instead of {len(own)}")
        return tuple(_taken(one, told) for one, told in zip(own, value, strict=True))
    if isinstance(own, (list, deque)) and not isinstance(value, list):
        raise TypeError(f"a list is kept here, not {value!r}")
    return deque(value, own.maxlen) if isinstance(own, deque) else value


def brief(value: Any) -> Any:
    """Return a number as evidence shows it: six significant digits; a row of them likewise; anything else as it is."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, (tuple, list)):
        return [brief(one) for one in value]
    return value


def samples(window_s: float, step_s: float) -> int:
    """Return how many evaluations a window holds, at least one. Raises ValueError unless both are above zero."""
    if not (window_s > 0 and step_s > 0):
        raise ValueError(f"a window of {window_s} s in steps of {step_s} s")
    return max(1, round(window_s / step_s))
