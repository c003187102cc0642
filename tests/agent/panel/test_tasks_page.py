"""Inspection tasks: the list, one task on a phone, the signs, entering and withdrawing."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from agent.panel import agenda, entries, places
from agent.panel.moments import midnight_after
from agent.panel.typed import Typed
from tests.agent.panel.believable import BOOK, NOW_MS
from tests.agent.panel.hostile import NAME, harm, poisoned

if TYPE_CHECKING:
    from tests.agent.panel.rig import Rig

SHANGHAI = ZoneInfo("Asia/Shanghai")
GOOD = {"place": "stack-1", "due": "2026-07-01T20:00", "item1:text": "smell", "item1:kind": "text"}
SECOND = {"item2:text": "pressure", "item2:kind": "number"}

TASKS: dict[str, tuple[dict[str, str], dict[str, Any] | set[str]]] = {
    "one item": ({}, {"place": "stack-1", "due": "2026-07-01T12:00:00Z", "items": [{"text": "smell", "kind": "text"}]}),
    "a number with limits": (
        SECOND | {"item2:low": "0", "item2:high": "３", "item2:unit": "kPa"},
        {
            "items": [
                {"text": "smell", "kind": "text"},
                {"text": "pressure", "kind": "number", "low": 0.0, "high": 3.0, "unit": "kPa"},
            ]
        },
    ),
    "choices between commas of any width": (
        {"item1:kind": "choice", "item1:choices": "正常，异常、停机"},
        {"items": [{"text": "smell", "kind": "choice", "choices": ["正常", "异常", "停机"]}]},
    ),
    "nothing to check": ({"item1:text": ""}, {"item1:text"}),
    "limits without a text": ({"item3:low": "5"}, {"item3:text"}),
    "one choice": ({"item1:kind": "choice", "item1:choices": "ok"}, {"item1:choices"}),
    "no choices": ({"item1:kind": "choice"}, {"item1:choices"}),
    "limits the wrong way round": (SECOND | {"item2:low": "5", "item2:high": "1"}, {"item2:high"}),
    "no place, no time": ({"place": "", "due": "soon"}, {"place", "due"}),
}


@pytest.mark.parametrize("name", TASKS)
def test_a_form_is_a_task_or_tells_all_its_mistakes(name: str) -> None:
    """What is typed becomes what the agent takes, or every mistake is told at its field; empty rows are left out."""
    fields, expected = TASKS[name]
    typed = Typed(GOOD | fields, SHANGHAI)

    words = entries.task(typed)

    if isinstance(expected, set):
        assert (words, set(typed.problems)) == (None, expected)
    else:
        assert words is not None
        assert words | expected == words


def test_overdue_comes_first_and_today_ends_at_midnight_of_the_site() -> None:
    """Tasks stand by what they ask of people now; the day is the one on the clock of the site."""
    one = BOOK["tasks"][0]
    due = {
        "overdue": "2026-07-01T06:30:00.000Z",
        "today": "2026-07-01T15:59:00.000Z",
        "later": "2026-07-01T16:00:00.000Z",
    }
    book = {"tasks": [one | {"id": how, "due": ts} for how, ts in due.items()]}
    book["tasks"].append(one | {"id": "done", "answers": {"dp": 9}, "answered": "2026-07-01T06:00:00.000Z"})
    book["tasks"].append(one | {"id": "withdrawn", "withdrawn": True})

    found = agenda.tasks(book, NOW_MS, midnight_after(NOW_MS, SHANGHAI))

    assert {how: [task.told["id"] for task in found[how]] for how in agenda.HOWS} == {how: [how] for how in agenda.HOWS}


def test_the_sign_of_a_place_leads_to_its_tasks(rig: Rig) -> None:
    """What a camera reads is an address of this panel; with one open task there, that task is shown."""
    rig.login("viewer")
    page = rig.get("/tasks/signs?more=%E8%BD%A6%E9%97%B4%20A%2F1").text

    link = places.address("http://panel.local", "车间 A/1")
    assert link in page
    assert page.count("<svg") == 2
    assert rig.get(link.removeprefix("http://panel.local")).status_code == 200
    assert rig.get("/tasks/at/stack-1").headers["location"] == "/tasks/T1"
    assert "巡检排口" in rig.get("/tasks/at/stack-1?list=1").text


def test_signs_say_where_they_would_not_work(rig: Rig) -> None:
    """A sign with the address of this machine alone leads no phone anywhere: the page says so."""
    rig.login("viewer")

    assert 'class="warning"' not in rig.get("/tasks/signs").text
    assert 'class="warning"' in rig.get("/tasks/signs", host="localhost").text


def test_a_task_is_answered_as_a_whole(rig: Rig) -> None:
    """Every kind of item has its control; the answers reach the agent as numbers and words."""
    rig.login("operator")
    page = rig.get("/tasks/T1").text
    assert 'type="radio" name="answer:smell" value="no"' in page
    assert 'name="answer:dp" type="text" inputmode="decimal"' in page

    answer = rig.post("/tasks/T1", **{"answer:smell": "no", "answer:dp": "２.５"})

    assert answer.status_code == 303
    expected = {"do": "answer-task", "id": "T1", "answers": {"smell": "no", "dp": 2.5}, "user": "operator"}
    assert rig.door.asked("answer-task") == [expected]


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"answer:smell": "no"}, "wrong-answer:dp"),
        ({"answer:smell": "perhaps", "answer:dp": "1"}, "wrong-answer:smell"),
        ({"answer:smell": "no", "answer:dp": "much"}, "wrong-answer:dp"),
    ],
)
def test_a_wrong_answer_is_told_at_its_item(rig: Rig, given: dict[str, str], wrong: str) -> None:
    """What is missing or no answer is told where it stands; what was typed stays, and nothing is sent on."""
    rig.login("operator")

    answer = rig.post("/tasks/T1", **given)

    assert answer.status_code == 422
    assert f'id="{wrong}"' in answer.text
    assert rig.door.asked("answer-task") == []


def test_who_may_do_what_with_tasks(rig: Rig) -> None:
    """Viewers look; operators enter and answer; installers withdraw."""
    rig.login("viewer")
    assert [rig.post(path).status_code for path in ("/tasks", "/tasks/T1", "/tasks/T1/withdraw")] == [403] * 3
    assert "以操作员身份登录" in rig.get("/tasks/T1").text
    rig.login("operator")
    assert rig.post("/tasks", **GOOD).status_code == 303
    assert rig.post("/tasks/T1/withdraw", reason="x").status_code == 403
    rig.login("installer")
    assert rig.post("/tasks/T1/withdraw").status_code == 422
    assert rig.post("/tasks/T1/withdraw", reason="gone").status_code == 303
    assert rig.door.asked("withdraw-task") == [
        {"do": "withdraw-task", "id": "T1", "reason": "gone", "user": "installer"}
    ]


def test_more_items_keep_what_was_typed(rig: Rig) -> None:
    """Without JavaScript, a button shows the form again with more rows; nothing is entered, nothing is lost."""
    rig.login("operator")

    answer = rig.post("/tasks", **GOOD, rows="4", more="1")

    assert answer.status_code == 200
    assert 'name="item8:text"' in answer.text
    assert 'value="smell"' in answer.text
    assert rig.door.asked("task") == []


def test_a_task_that_is_gone_is_said(rig: Rig) -> None:
    """A number that the book does not have gets an error page."""
    rig.login("operator")

    assert rig.get("/tasks/nothing").status_code == 404
    assert rig.post("/tasks/nothing").status_code == 404


def test_a_refused_answer_keeps_what_was_typed(rig: Rig) -> None:
    """What the agent refuses is told in the viewer's language, with the answers as they were."""
    rig.login("operator")
    rig.door.answers["answer-task"] = {"error": "task T1 is answered already (2026-07-01T06:00:00.000Z)"}

    answer = rig.post("/tasks/T1", **{"answer:smell": "no", "answer:dp": "2.5"})

    assert answer.status_code == 422
    assert "任务 T1 已于 2026-07-01 14:00 完成" in answer.text
    assert 'value="2.5"' in answer.text


def test_hostile_tasks_stay_text(rig: Rig) -> None:
    """Places, titles, items, choices and answers are text on every page, and harmless in addresses and signs."""
    rig.login("installer")
    book: dict[str, Any] = poisoned(copy.deepcopy(BOOK), "start", "end", "due", "kind", "id")
    done = copy.deepcopy(book["tasks"][0]) | {"id": "T2", "who": NAME, "answered": "2026-07-01T06:00:00.000Z"}
    book["tasks"].append(done | {"answers": {"smell": NAME, "dp": 9.0}, "findings": ["dp"]})
    rig.door.answers["book"] = book

    for path in (
        "/tasks",
        "/tasks/T1",
        "/tasks/T2",
        "/tasks/signs",
        f"/tasks/at/{places.part('stack-1' + NAME)}?list=1",
    ):
        page = rig.get(path)
        assert page.status_code == 200
        assert harm(page.text) == []
    assert harm(rig.post("/tasks", place=NAME, title=NAME, due=NAME).text) == []
    assert harm(rig.post("/tasks/T1", **{"answer:dp": NAME, "answer:smell": NAME}).text) == []
