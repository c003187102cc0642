"""The `config` record."""

from __future__ import annotations

import json
from typing import Any

from agent.reconfiguration import MOST_BYTES, changed, remembered
from agent.record import canonical, digest

MEANING: dict[str, Any] = {"devices": {"press-1": {"points": {"power": {"at": 0, "scale": 0.1}}}}, "limits": {}}


def scaled(scale: float) -> dict[str, Any]:
    """Return the meaning with another scale factor."""
    copy: dict[str, Any] = json.loads(json.dumps(MEANING))
    copy["devices"]["press-1"]["points"]["power"]["scale"] = scale
    return copy


def test_the_first_record_tells_the_whole_meaning() -> None:
    """A chain begins with what its readings mean."""
    (draft,) = changed(None, MEANING)

    assert draft["previous"] is None
    assert draft["hash"] == digest(MEANING)
    assert draft["diff"] == [{"path": "devices.press-1", "old": None, "new": MEANING["devices"]["press-1"]}]


def test_nothing_changed_tells_nothing() -> None:
    """A restart with the same site file leaves no record."""
    assert changed(remembered(MEANING), MEANING) == []


def test_a_changed_scale_factor_shows_with_old_and_new() -> None:
    """The cheapest lie is visible: which number, from what, to what, and both hashes."""
    (draft,) = changed(remembered(MEANING), scaled(0.01))

    assert draft["diff"] == [{"path": "devices.press-1.points.power.scale", "old": 0.1, "new": 0.01}]
    assert (draft["previous"], draft["hash"]) == (digest(MEANING), digest(scaled(0.01)))


def test_a_large_meaning_comes_in_several_records_without_loss() -> None:
    """Two hundred devices do not make one record that a broker refuses."""
    points = {f"p{number}": {"at": number, "scale": 1.5, "type": "float32"} for number in range(50)}
    large = {"devices": {f"d{number}": {"points": points} for number in range(200)}}

    drafts = changed(None, large)

    assert [draft["part"] for draft in drafts] == list(range(1, len(drafts) + 1))
    assert all(draft["parts"] == len(drafts) for draft in drafts)
    assert all(len(canonical(draft["diff"])) < MOST_BYTES * 2 for draft in drafts)
    assert sorted(entry["path"] for draft in drafts for entry in draft["diff"]) == sorted(
        f"devices.{name}" for name in large["devices"]
    )
