"""First-out: which alarm of a group came first, since the group was last all normal (ISA-18.1, sequence F).

A group is a line or a device: when a fan trips, ten alarms follow within seconds, and the first one names the cause. It
stays the first, also when it has cleared and is acknowledged, until every alarm of the group is normal again. Alarms
that are suppressed by design have not been raised, and those out of service are being worked on: they take no part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agent.lifecycle import Life


class Groups:
    """The groups that are not normal, and the first alarm of each."""

    def __init__(self) -> None:
        """Start with everything normal."""
        self._standing: dict[str, set[str]] = {}
        self._first: dict[str, str] = {}

    @classmethod
    def restore(cls, members: Iterable[tuple[str | None, str, Life]], first: Mapping[str, str]) -> Groups:
        """Return the groups of these alarms (group, alarm, life), and of those that stand what `snapshot` knew."""
        groups = cls()
        for group, alarm, life in members:
            if group is not None and group in first and _takes_part(life):
                groups._first[group] = first[group]
            groups.note(group, alarm, life)
        return groups

    def note(self, group: str | None, alarm: str, life: Life) -> None:
        """Take notice of what has become of an alarm."""
        if group is None:
            return
        if _takes_part(life):
            self._standing.setdefault(group, set()).add(alarm)
            self._first.setdefault(group, alarm)
            return
        standing = self._standing.get(group)
        if standing is None:
            return
        standing.discard(alarm)
        if not standing:
            del self._standing[group], self._first[group]

    def is_first(self, group: str | None, alarm: str) -> bool:
        """Whether this alarm was the first one out of its group."""
        return group is not None and self._first.get(group) == alarm

    def snapshot(self) -> dict[str, str]:
        """Return the first alarm of each group that is not normal."""
        return dict(self._first)


def _takes_part(life: Life) -> bool:
    return life.is_standing and life.out is None
