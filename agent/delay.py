"""On-delay and off-delay: how far a condition has come towards being believed, or towards being believed gone.

Pure, constant time and memory, whatever the delays. What counts is the time between two evaluations in a row that know
the condition and agree; a delay passes only on evidence, at an evaluation, never by a timer. Delay 0 means at this
evaluation. An evaluation that does not know (``None``) freezes: the time around it does not count, what was counted
stays, nothing comes and nothing goes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a condition has come that is not simply normal (normal, with nothing counted, is ``None``).

    `counted_ns` of the delay towards the other side have passed; `last_ns` is the evaluation they were counted up to,
    ``None`` when nothing is being counted or the count is frozen. `since` dates the first violation, if time was known.
    """

    active: bool
    counting: bool
    counted_ns: int
    last_ns: int | None
    since: str | None


def step(
    progress: Progress | None, condition: bool | None, delays_ns: tuple[int, int], mono_ns: int, ts: str | None
) -> Progress | None:
    """Take one evaluation made at `mono_ns`, dated `ts`; `delays_ns` are the on-delay and the off-delay."""
    if condition is None:
        return freeze(progress)
    active = progress is not None and progress.active
    if condition == active:
        return _settled(progress, active=active)
    counted = _counted(progress, mono_ns)
    since = ts if progress is None else progress.since
    if counted < delays_ns[active]:
        return Progress(active=active, counting=True, counted_ns=counted, last_ns=mono_ns, since=since)
    if active:
        return None
    return Progress(active=True, counting=False, counted_ns=0, last_ns=None, since=since)


def freeze(progress: Progress | None) -> Progress | None:
    """Return the progress after an evaluation that says nothing."""
    if progress is None or progress.last_ns is None:
        return progress
    return replace(progress, last_ns=None)


def _settled(progress: Progress | None, *, active: bool) -> Progress | None:
    """Return the progress of a condition that stays on its side: nothing is counted any more."""
    if progress is None or not active:
        return None
    return replace(progress, counting=False, counted_ns=0, last_ns=None) if progress.counting else progress


def _counted(progress: Progress | None, mono_ns: int) -> int:
    """Return what has been counted up to now, with the time since the last evaluation that agreed."""
    if progress is None or not progress.counting:
        return 0
    return progress.counted_ns + (0 if progress.last_ns is None else max(0, mono_ns - progress.last_ns))
