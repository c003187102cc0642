"""Orders and marks: what is shown, who may enter and end them, and what is said of mistakes."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from agent.panel import agenda, entries
from agent.panel.typed import Typed
from tests.agent.panel.believable import BOOK, FOLLOW, NOW_MS
from tests.agent.panel.hostile import harm, poisoned

if TYPE_CHECKING:
    from tests.agent.panel.rig import Rig

SHANGHAI = ZoneInfo("Asia/Shanghai")
GOOD = {"kind": "emergency", "action": "stop", "end": "2026-07-02T08:00", "source": "Bureau 17"}

ORDERS: dict[str, tuple[dict[str, str], dict[str, Any] | set[str]]] = {
    "a stop, from now, on all lines": (
        {},
        {"kind": "emergency", "lines": ["paint", "oven"], "stop": True, "start": "now", "end": "2026-07-02T00:00:00Z"},
    ),
    "a line and a remark": ({"line:oven": "1", "remark": "fax"}, {"lines": ["oven"], "reason": "Bureau 17: fax"}),
    "a reduction in hours": (
        {"action": "reduce", "reduce": "３０", "first": "06:00", "last": "22:00"},
        {"reduce": 30.0, "hours": "06:00-22:00"},
    ),
    "hours only": ({"action": "hours", "first": "22:00", "last": "06:00"}, {"hours": "22:00-06:00"}),
    "grades and a load for safety": (
        {"exempt": "A，B、A", "minimum": "12.5"},
        {"exempt": ["A", "B"], "minimum": 12.5},
    ),
    "no end": ({"end": ""}, {"end"}),
    "no source": ({"source": " "}, {"source"}),
    "backwards": ({"start": "2026-07-03T08:00"}, {"end"}),
    "no percentage": ({"action": "reduce"}, {"reduce"}),
    "nothing to reduce": ({"action": "reduce", "reduce": "0"}, {"reduce"}),
    "too much": ({"action": "reduce", "reduce": "101"}, {"reduce"}),
    "no hours": ({"action": "hours"}, {"first"}),
    "half of the hours": ({"first": "06:00"}, {"last"}),
    "no time of the day": ({"first": "25:00", "last": "06:00"}, {"first"}),
    "everything wrong at once": (
        {"kind": "x", "action": "y", "end": "z", "source": "", "minimum": "a lot"},
        {"kind", "action", "end", "source", "minimum"},
    ),
}


@pytest.mark.parametrize("name", ORDERS)
def test_a_form_is_an_order_or_tells_all_its_mistakes(name: str) -> None:
    """What is typed becomes what the agent takes, or every mistake is told at its field."""
    fields, expected = ORDERS[name]
    typed = Typed(GOOD | fields, SHANGHAI)

    words = entries.order(typed, ["paint", "oven"])

    if isinstance(expected, set):
        assert words is None
        assert expected <= set(typed.problems)
    else:
        assert words is not None
        assert words | expected == words


def test_orders_are_arranged_by_time_with_the_verdict_of_the_agent() -> None:
    """In force, to come, past; whether each line complies is the agent's word, and unknown is not yes."""
    one = BOOK["orders"][0]
    book = {
        "orders": [
            one,
            one | {"id": "next", "start": "2026-07-02T00:00:00.000Z", "end": "2026-07-03T00:00:00.000Z"},
            one | {"id": "gone", "start": "2026-06-02T00:00:00.000Z", "end": "2026-06-03T00:00:00.000Z"},
        ]
    }

    found = agenda.orders(book, FOLLOW, NOW_MS)

    assert {when: [entry.told["id"] for entry in found[when]] for when in agenda.WHENS} == {
        "now": ["O1"],
        "coming": ["next"],
        "past": ["gone"],
    }
    assert found["now"][0].verdict == "no"
    assert agenda.orders(book, None, NOW_MS)["now"][0].verdict == "unknown"


def test_an_order_is_shown_with_its_line_and_verdict(rig: Rig) -> None:
    """People see what is demanded, of which line, until when by their clock, and that they do not comply."""
    rig.login("viewer")

    page = rig.get("/orders").text

    for text in ("减负荷 30 %", "喷涂线: 未遵守", "2026-07-01 15:30", "黄色预警", "换皮带"):
        assert text in page
    assert 'action="/orders"' not in page, "viewers enter nothing"


@pytest.mark.parametrize("path", ["/orders", "/orders/O1/end", "/marks", "/marks/M1/end"])
def test_viewers_change_nothing(rig: Rig, path: str) -> None:
    """What changes the book needs an operator; the agent is not even asked."""
    rig.login("viewer")

    assert rig.post(path, reason="x").status_code == 403
    assert not any(rig.door.asked(do) for do in ("order", "end-order", "mark", "end-mark"))


ACTS: dict[str, tuple[str, dict[str, str], dict[str, Any]]] = {
    "order": (
        "/orders",
        GOOD,
        {"stop": True, "lines": ["paint"], "reason": "Bureau 17", "end": "2026-07-02T00:00:00Z"},
    ),
    "end-order": ("/orders/O1/end", {"reason": "lifted"}, {"id": "O1", "reason": "lifted"}),
    "mark": (
        "/marks",
        {"kind": "maintenance", "object": "fan-1", "end": "2026-07-01T18:00", "reason": "belt"},
        {"kind": "maintenance", "object": "fan-1", "start": "now", "end": "2026-07-01T10:00:00Z", "reason": "belt"},
    ),
    "end-mark": ("/marks/M1/end", {"reason": "done"}, {"id": "M1", "reason": "done"}),
}


@pytest.mark.parametrize("do", ACTS)
def test_operators_enter_and_end(rig: Rig, do: str) -> None:
    """What an operator sends reaches the agent with the operator's name; then the page is shown with a note."""
    path, fields, expected = ACTS[do]
    rig.login("operator")

    answer = rig.post(path, **fields)

    assert (answer.status_code, answer.headers["location"]) == (303, "/orders")
    asked = rig.door.asked(do)[-1]
    assert asked | expected | {"user": "operator"} == asked
    assert 'class="note"' in rig.get("/orders").text


@pytest.mark.parametrize("do", ACTS)
def test_a_refusal_keeps_what_was_typed(rig: Rig, do: str) -> None:
    """What the agent refuses is told in words, with the form as it was."""
    path, fields, _ = ACTS[do]
    rig.login("operator")
    rig.door.answers[do] = {"error": "not <today>"}

    answer = rig.post(path, **fields)

    assert answer.status_code == 422
    assert "not &lt;today&gt;" in answer.text
    assert f'value="{fields.get("source", fields.get("reason"))}"' in answer.text


@pytest.mark.parametrize("do", ACTS)
def test_mistakes_are_told_at_the_field(rig: Rig, do: str) -> None:
    """An empty form is not sent on; its fields say what is missing."""
    rig.login("operator")

    answer = rig.post(ACTS[do][0])

    assert answer.status_code == 422
    assert 'class="field-error"' in answer.text
    assert rig.door.asked(do) == []


def test_hostile_reasons_stay_text(rig: Rig) -> None:
    """Reasons, kinds, numbers and names are text, whatever they hold; so is what somebody typed."""
    rig.login("operator")
    rig.door.answers["book"] = poisoned(copy.deepcopy(BOOK), "start", "end", "due")

    assert harm(rig.get("/orders").text) == []
    typed = '"><script>alert(1)</script>{{ 7*7 }}'
    assert harm(rig.post("/orders", source=typed, kind=typed, remark=typed).text) == []
    assert harm(rig.post("/marks", reason=typed, object=typed, start=typed).text) == []
