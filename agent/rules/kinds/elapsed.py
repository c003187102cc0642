"""Time that has passed for an evaluator, counted on over restarts of the agent and of the box."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from agent.rules.kinds.part import Part

if TYPE_CHECKING:
    from typing import Any

    from agent.rules.rule import Moment

_NS: Final = 1_000_000_000
_MS: Final = 1_000_000
_AGREE_NS: Final = 5 * _NS
"""Wall and monotonic time that passed this nearly alike were of one boot: then the monotonic one is the better."""


class Elapsed(Part):
    """A clock of one's own, in seconds since the first evaluation: never steps, never runs backwards.

    It follows the monotonic time of the moments. Over a restart it goes on by wall time when that is known on both
    sides and tells of another boot, else by monotonic time if that went forward, else as if no time had passed.
    """

    __slots__ = ("_is_restored", "_mono_ns", "_now_ns", "_wall_ms")
    KEPT: ClassVar[tuple[str, ...]] = ("_now_ns", "_mono_ns", "_wall_ms")

    def __init__(self) -> None:
        self._now_ns = 0
        self._mono_ns: int | None = None
        self._wall_ms: int | None = None
        self._is_restored = False

    @property
    def now_s(self) -> float:
        """The time at the last moment taken."""
        return self._now_ns / _NS

    def advance(self, at: Moment) -> float:
        """Go on to a moment; return the seconds passed since the first one."""
        mono_ns = at.mono_ns
        if self._is_restored:
            self._now_ns += self._passed_ns(at)
            self._is_restored = False
        elif self._mono_ns is not None and mono_ns > self._mono_ns:
            self._now_ns += mono_ns - self._mono_ns
        self._mono_ns = mono_ns
        self._wall_ms = at.wall_ms
        return self._now_ns / _NS

    def restore(self, state: Any) -> None:
        """Continue; how much time passed meanwhile, the next moment tells."""
        super().restore(state)
        self._is_restored = True

    def _passed_ns(self, at: Moment) -> int:
        """Return the time from the snapshot to the first moment after it."""
        if self._mono_ns is None:
            return 0
        mono_ns = at.mono_ns - self._mono_ns
        if at.wall_ms is None or self._wall_ms is None:
            return max(0, mono_ns)
        wall_ns = (at.wall_ms - self._wall_ms) * _MS
        return max(0, mono_ns if abs(wall_ns - mono_ns) <= _AGREE_NS else wall_ns)
