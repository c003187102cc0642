"""On-change reporting: what is news, and the heartbeat."""

from __future__ import annotations

from typing import Any

import pytest

from agent.change import OnChange
from tests.agent.plant import scan


@pytest.mark.parametrize(
    ("name", "scans", "expected"),
    [
        ("the first", [(0, 1.0, "NNNN")], [True]),
        ("the same again", [(0, 1.0, "NNNN"), (1, 1.0, "NNNN")], [True, False]),
        ("another value", [(0, 1.0, "NNNN"), (1, 1.5, "NNNN")], [True, True]),
        ("another flag", [(0, 1.0, "NNNN"), (1, 1.0, "TNNN")], [True, True]),
        ("gone and back", [(0, 1.0, "NNNN"), (1, None, "BNNN"), (2, 1.0, "NNNN")], [True, True, True]),
        (
            "the heartbeat",
            [(0, 1.0, "NNNN"), (9.9, 1.0, "NNNN"), (10, 1.0, "NNNN"), (11, 1.0, "NNNN")],
            [True, False, True, False],
        ),
        (
            "a change restarts the heartbeat",
            [(0, 1.0, "NNNN"), (9, 2.0, "NNNN"), (10, 2.0, "NNNN")],
            [True, True, False],
        ),
    ],
)
def test_on_change(name: str, scans: list[tuple[float, Any, str]], expected: list[bool]) -> None:
    """A record comes for any other value or flag than the last one told, and after the heartbeat."""
    teller = OnChange(10.0)

    assert [teller.tells(scan(second, load, flags=flags)) for second, load, flags in scans] == expected, name
