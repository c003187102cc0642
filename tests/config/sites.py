"""Small site files for tests: a good one, and ways to spoil it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config.load import load
from config.problem import Problem, SiteProblems

if TYPE_CHECKING:
    from pathlib import Path

MARK = "#!"
"""Stands at the end of the line that a test expects to be reported."""

TABLES: dict[str, list[str]] = {
    "[gateway]": ['id = "box-1"', 'state_dir = "state"'],
    "[uplink.mqtt]": ['url = "mqtt://127.0.0.1:1883"'],
    "[buffer]": ['keep = "30d"'],
    "[[bus]]": ['name = "dcs"', 'type = "tcp"', 'host = "127.0.0.1"'],
    "[[device]]": ['name = "boiler"', 'bus = "dcs"', "address = 1", 'poll = "1s"', 'report = "on-scan"'],
    "[[device.point]]": ['name = "load"', 'register = "holding"', "at = 100", 'type = "float32"', 'unit = "%"'],
    "[[limit]]": ['point = "boiler.load"', "high = 100.0", "low = 10.0", "deadband = 2.0"],
}


def site(changes: dict[str, list[str]] | None = None, more: str = "") -> str:
    """Return the good site file with some lines changed, and `more` behind it.

    A changed line replaces the one with the same key or is added; ``-key`` takes a line away; a bare mark goes to the
    header of the table, a bare ``-`` takes the whole table away.
    """
    text = "# a site file\n\n"
    for header, lines in TABLES.items():
        changed = (changes or {}).get(header, [])
        if "-" in changed:
            continue
        gone = {_key(line).lstrip("-") for line in changed}
        kept = [line for line in lines if _key(line) not in gone]
        added = [line for line in changed if line != MARK and not line.startswith("-")]
        text += f"{header}{'  ' + MARK if MARK in changed else ''}\n" + "\n".join([*kept, *added]) + "\n\n"
    return text + more


def _key(line: str) -> str:
    return line.split("=", maxsplit=1)[0].strip()


def marked_lines(text: str) -> list[int]:
    """Return the lines with a mark, from 1."""
    return [number for number, line in enumerate(text.split("\n"), 1) if line.endswith(MARK)]


def problems_of(folder: Path, text: str | bytes) -> tuple[Problem, ...]:
    """Return what `load` finds wrong with a file that holds `text`."""
    path = folder / "site.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(SiteProblems) as refused:
        load(path)
    return refused.value.problems
