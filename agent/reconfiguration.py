"""What readings mean, as the chain was last told: the `config` record and what it is compared with.

Changing a scale factor is the cheapest lie, so every record carries the hash of the meaning (`cfg`), and every
change of it is a record with the difference. The first one is the difference to nothing: the whole meaning. Pure.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from agent.record import canonical, digest, expressible
from config.diff import diff

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MOST_BYTES: Final = 64 * 1024
"""Differences beyond this go into a further record, so that no broker refuses one for its size."""


def changed(before: bytes | None, now: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the `config` drafts when `now` differs from what was `remembered` (``None``: nothing yet)."""
    old = json.loads(before) if before else {}
    current = expressible(now)
    if before and digest(old) == digest(current):
        return []
    nothing: dict[str, Any] = {room: {} for room, content in current.items() if isinstance(content, dict)}
    parts = list(_parts(diff(old or nothing, current)))
    head = {"kind": "config", "hash": digest(current), "previous": digest(old) if before else None}
    numbered = len(parts) > 1
    return [
        {**head, "diff": part} | ({"part": number, "parts": len(parts)} if numbered else {})
        for number, part in enumerate(parts, 1)
    ]


def _parts(differences: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield the differences in records' worth; at least one, even if there are none."""
    part: list[dict[str, Any]] = []
    size = 0
    for difference in differences:
        added = len(canonical(difference))
        if part and size + added > MOST_BYTES:
            yield part
            part, size = [], 0
        part.append(difference)
        size += added
    yield part


def remembered(meaning: Mapping[str, Any]) -> bytes:
    """Return what `changed` must be given next time."""
    return canonical(expressible(meaning))
