"""Places where tasks are done, and the signs there: a code that a phone's camera opens the place's page with. Pure."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import segno

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_ADDRESS: Final = 1000


def address(base: str, place: str) -> str:
    """Return where the tasks of a place are listed; `base` is the panel's own address."""
    return f"{base.rstrip('/')}/tasks/at/{part(place)}"


def part(name: str) -> str:
    """Return a name as one part of an address."""
    return quote(name, safe="")


@lru_cache(maxsize=256)
def sign(link: str) -> str:
    """Return an address as a QR code, SVG for the markup of a page. Raises ValueError for one that is too long."""
    if len(link) > LONGEST_ADDRESS:
        raise ValueError(f"an address of {len(link)} characters is too long for a sign")
    out = io.BytesIO()
    segno.make(link, error="m", micro=False).save(
        out, kind="svg", xmldecl=False, svgns=False, omitsize=True, border=4, dark="#000", light="#fff", nl=False
    )
    return out.getvalue().decode()


def places(tasks: Iterable[dict[str, Any]]) -> list[str]:
    """Return the places of tasks, each once, in order."""
    return sorted({str(task["place"]) for task in tasks})
