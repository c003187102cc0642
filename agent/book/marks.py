"""Marks and declarations: what people say about the condition of the plant, of one facility, line or outlet.

A mark has a start, and an end or none yet. It never changes a reading: rules that respect it keep still while it is in
force, and other rules (P4, P5, E22) look at the marks themselves. Marks are declared by people or by the DCS, never by
the agent (standards: announcement 21 of 2022 rules them for four trades; elsewhere they are the plant's own word).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from agent.book.entries import EntryRefused
from agent.clock import ts
from config.site import Text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from agent.book.entries import Words

KINDS: Final = {
    "stopped": Text("停运", "stopped"),
    "starting": Text("启动", "starting"),
    "stopping": Text("停炉/停机", "stopping"),
    "drying": Text("烘炉", "drying"),
    "fault": Text("故障", "fault"),
    "maintenance": Text("维护", "maintenance"),
    "calibration": Text("校准", "calibration"),
    "communication": Text("通讯中断", "communication broken"),
    "producing": Text("申报生产", "declared production"),
    "night-permit": Text("夜间生产许可", "permit for night work"),
    "work-order": Text("工单", "work order"),
    "exempt": Text("豁免", "exempt"),
    "renewed": Text("更换耗材", "consumable renewed"),
}
EDGES: Final = ("stopped", "starting", "stopping", "producing")
"""Kinds whose beginning or end declares that production starts or stops."""
MOMENTS: Final = ("renewed",)
"""Kinds that tell of a moment, their start: there may be any number, and the last one is never forgotten."""
WHOLE_PLANT: Final = "plant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One mark on `object`: the name of a facility, line, outlet or instrument, or "plant".

    Moments are wall time in ms.
    """

    id: str
    kind: str
    object: str
    start_ms: int
    end_ms: int | None
    reason: str

    @property
    def is_moment(self) -> bool:
        """Whether it tells of a moment, and lasts for no time."""
        return self.kind in MOMENTS

    def is_in_force(self, wall_ms: int) -> bool:
        """Whether `wall_ms` falls into the mark."""
        return self.start_ms <= wall_ms and (self.end_ms is None or wall_ms < self.end_ms)

    def is_over(self, wall_ms: int) -> bool:
        """Whether it will not be in force from `wall_ms` on. What tells of a moment is never over."""
        return self.end_ms is not None and not self.is_moment and self.end_ms <= max(wall_ms, self.start_ms)


def read_mark(words: Words, number: str, objects: Collection[str], existing: Iterable[Mark]) -> Mark:
    """Return the mark that a request means; `objects` may be marked. Raises EntryRefused."""
    words.known("kind", "object", "start", "end", "reason")
    mark = Mark(
        id=number,
        kind=words.choice("kind", KINDS),
        object=words.choice("object", (WHOLE_PLANT, *objects), default=WHOLE_PLANT),
        start_ms=words.moment("start", default="now"),
        end_ms=words.moment("end") if words.has("end") else None,
        reason=words.needed("reason"),
    )
    if mark.end_ms is not None and mark.end_ms <= mark.start_ms:
        raise EntryRefused(f"the mark ends ({ts(mark.end_ms)}) before it starts ({ts(mark.start_ms)})")
    for other in existing:
        if (other.kind, other.object) == (mark.kind, mark.object) and not mark.is_moment and _meet(mark, other):
            until = "until it is ended" if other.end_ms is None else f"to {ts(other.end_ms)}"
            already = f"{other.object} is marked {other.kind} from {ts(other.start_ms)} {until}"
            raise EntryRefused(f"{already} ({other.id}); end that one first (mark end {other.id})")
    return mark


def _meet(one: Mark, other: Mark) -> bool:
    """Whether two marks have a moment in common. One that was ended before it began has none."""
    begun = max(one.start_ms, other.start_ms)
    return all(mark.end_ms is None or begun < mark.end_ms for mark in (one, other))


def ended(mark: Mark, at_ms: int) -> Mark:
    """Return the mark with its end at `at_ms`; its start where that is later: it never was. Raises EntryRefused."""
    if mark.end_ms is not None and at_ms >= mark.end_ms:
        raise EntryRefused(f"mark {mark.id} has ended already ({ts(mark.end_ms)})")
    return replace(mark, end_ms=max(at_ms, mark.start_ms))
