"""Where those who follow see how things stand, and the pipeline puts it. While nobody looks, nothing is put there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent.log import get

if TYPE_CHECKING:
    from agent.clock import SystemClock
    from agent.judgement import Judgement
    from agent.sight import Sight

LOOKED_NS: Final = 5_000_000_000
"""For so long after somebody has looked, how things stand goes on being shown."""

log = get(__name__)


class Window:
    """One whole `Sight` at a time, replaced and never changed."""

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock
        self._looked_ns: int | None = None
        self._sight: Sight | None = None

    def look(self) -> Sight | None:
        """Return what is shown, ``None`` when there was nobody to show it to. From any thread."""
        self._looked_ns = self._clock.mono_ns()
        return self._sight

    def show(self, judgement: Judgement, now_ns: int) -> None:
        """Show how things stand, if somebody looks. Called by the pipeline about once a second."""
        looked_ns = self._looked_ns
        is_looked_at = looked_ns is not None and now_ns - looked_ns < LOOKED_NS
        self._sight = self._seen(judgement, now_ns) if is_looked_at else None

    def _seen(self, judgement: Judgement, now_ns: int) -> Sight | None:
        """Return how things stand. A mistake of ours costs those who look their view, and nobody a record."""
        try:
            return judgement.look(now_ns, self._clock.wall_of, self._sight)
        except Exception as error:
            log.error("nothing can be shown", error=repr(error), exc_info=error)  # noqa: TRY400 -- it is our log
            return None
