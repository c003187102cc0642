"""The pages of alarms: lists, one alarm, what people do, and how the agent's refusals come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.agent.panel.believable import NOW_MS, ROWS, TS, both

if TYPE_CHECKING:
    from tests.agent.panel.rig import Rig

T1 = "/alarms/rule.T1.paint"
SHELVED = "/alarms/limit.fan-1.current.low"
EVIL = "<img src=x onerror=alert(1)>"


def record(seq: int, **members: Any) -> dict[str, Any]:
    """Return a record of an alarm."""
    return {"v": 1, "seq": seq, "kind": "alarm", "ts": TS, **ROWS[0], "state": "raised", "object": "paint", **members}


def journal(count: int) -> Any:
    """Return an answer to verb journal: `count` records, the newest has that number, every tenth is an escalation."""

    def answer(words: dict[str, Any]) -> dict[str, Any]:
        top = min(count, (words.get("before") or count + 1) - 1)
        low = max(0, top - words["limit"])
        told = [record(seq, state="raised" if seq % 10 else "escalated") for seq in range(top, low, -1)]
        return {"records": told, "next": low + 1 if low else None}

    return answer


# --- who sees and who acts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/alarms", "/alarms/shelved", "/alarms/history", "/alarms/figures", T1])
@pytest.mark.parametrize("role", ["viewer", "operator", "installer"])
def test_everybody_who_may_look_sees_every_page(rig: Rig, path: str, role: str) -> None:
    """All pages of alarms are for all roles."""
    rig.login(role)
    assert rig.get(path).status_code == 200


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        ("viewer", f"{T1}/acknowledge", 403),
        ("viewer", "/alarms/acknowledge-all", 403),
        ("viewer", f"{T1}/shelve", 403),
        ("operator", f"{T1}/acknowledge", 303),
        ("operator", "/alarms/acknowledge-all", 303),
        ("operator", f"{SHELVED}/unshelve", 303),
        ("operator", f"{T1}/reset", 303),
        ("operator", f"{T1}/take-out", 403),
        ("operator", f"{T1}/put-back", 403),
        ("installer", f"{T1}/take-out", 303),
        ("installer", f"{T1}/put-back", 303),
    ],
)
def test_who_may_do_what(rig: Rig, role: str, path: str, status: int) -> None:
    """Operators act; only installers take an alarm out of service. What is not allowed never reaches the agent."""
    rig.login(role)
    before = len(rig.door.heard)
    assert rig.post(path, note="seen").status_code == status
    acts = [words for words in rig.door.heard[before:] if "user" in words and words["do"] != "audit"]
    assert len(acts) == (status == 303)


def test_only_what_one_may_do_is_offered(rig: Rig) -> None:
    """A viewer finds no form, an operator no button of installers."""
    rig.login("viewer")
    assert 'method="post" action="/alarms' not in rig.get(T1).text
    rig.login("operator")
    page = rig.get(T1).text
    assert f'action="{T1}/shelve"' in page
    assert "take-out" not in page
    rig.login("installer")
    assert f'action="{T1}/take-out"' in rig.get(T1).text


# --- doing -----------------------------------------------------------------------------------------------------------


def test_acknowledging_with_a_note(rig: Rig) -> None:
    """A plain form: the agent is told who and why, and the next page says that it is done, once."""
    rig.login("operator")
    answer = rig.post(f"{T1}/acknowledge", note="  fan tripped ", **{"from": "active"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/alarms")
    assert rig.door.asked("acknowledge") == [
        {"do": "acknowledge", "alarm": "rule.T1.paint", "note": "fan tripped", "user": "operator"}
    ]
    assert "已确认。" in rig.get("/alarms").text
    assert "已确认。" not in rig.get("/alarms").text


def test_acknowledging_everything(rig: Rig) -> None:
    """One verb of the agent, so that nothing that comes meanwhile is acknowledged unseen by one request for each."""
    rig.login("operator")
    rig.post("/alarms/acknowledge-all", note="night shift")
    assert rig.door.asked("acknowledge")[-1]["alarm"] == "all"
    assert "已确认 3 条报警。" in rig.get("/alarms").text


@pytest.mark.parametrize(("word", "for_s"), [("1800", 1800), ("7200", 7200), ("28800", 28800), ("shift", 5400)])
def test_shelving_for_a_time(rig: Rig, word: str, for_s: int) -> None:
    """The choices of the form, the end of the shift among them, reach the agent in seconds."""
    rig.login("operator")
    assert rig.post(f"{T1}/shelve", note="probe", once="1", **{"for": word}).status_code == 303
    asked = rig.door.asked("shelve")[-1]
    assert asked["for_s"] == pytest.approx(for_s, abs=2)
    assert (asked["once"], asked["note"], asked["user"]) == (True, "probe", "operator")


@pytest.mark.parametrize("word", ["", "0", "99999999", "-1", "forever"])
def test_shelving_for_no_such_time(rig: Rig, word: str) -> None:
    """A time that is no choice never reaches the agent; the page says what is missing."""
    rig.login("operator")
    answer = rig.post(f"{T1}/shelve", **{"for": word})
    assert answer.status_code == 409
    assert "请选择搁置多久。" in answer.text
    assert rig.door.asked("shelve") == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_refusal_is_said_on_the_page(rig: Rig, language: str) -> None:
    """What the agent will not do stands on the page of the alarm, in the viewer's language."""
    said = {"zh": "它已经被确认。", "en": "It is acknowledged already."}[language]
    rig.login("operator")
    rig.client.cookies.set("language", language)
    rig.door.answers["acknowledge"] = {"error": "rule.T1.paint: it is acknowledged already"}
    answer = rig.post(f"{T1}/acknowledge")
    assert answer.status_code == 409
    assert said in answer.text
    assert ROWS[0]["text"][language] in answer.text


def test_a_long_note_is_cut(rig: Rig) -> None:
    """Notes are as long as the form allows, also for those who do not use the form."""
    rig.login("operator")
    rig.post(f"{T1}/acknowledge", note="x" * 10_000)
    assert len(rig.door.asked("acknowledge")[-1]["note"]) == 500


def test_an_agent_that_is_gone_is_said_so(rig: Rig) -> None:
    """Nothing pretends to be done."""
    rig.login("operator")
    rig.door.close()
    assert rig.post(f"{T1}/acknowledge").status_code == 503


# --- lists -----------------------------------------------------------------------------------------------------------


def test_lists_keep_apart_what_is_shown_and_what_is_hidden(rig: Rig) -> None:
    """Active alarms in one list; shelved, suppressed and out of service in the other, with who did it."""
    rig.login("viewer")
    active, hidden = rig.get("/alarms").text, rig.get("/alarms/shelved").text
    texts = [row["text"]["zh"] for row in ROWS]
    assert [text in active for text in texts] == [True, True, False]
    assert [text in hidden for text in texts] == [False, False, True]
    assert "wang 搁置至 15:00: 检修" in hidden


@pytest.mark.parametrize("tab", ["active", "shelved"])
def test_a_list_alone(rig: Rig, tab: str) -> None:
    """live.js fetches a list alone, from what the agent has told already: many viewers ask the agent nothing."""
    rig.login("viewer")
    before = len(rig.door.asked("alarms"))
    part = rig.get(f"/alarms/{tab}?part=1").text
    assert "<html" not in part
    assert 'class="cards"' in part
    assert len(rig.door.asked("alarms")) == before


def test_figures_stand_beside_their_targets(rig: Rig) -> None:
    """Each figure with its target and a verdict in words."""
    rig.login("viewer")
    page = rig.get("/alarms/figures").text
    assert "0.431" in page
    assert "≤ 6" in page
    assert 'data-is="good">达标' in page
    assert "limit.cems-1.nmhc.high" in page


# --- one alarm -------------------------------------------------------------------------------------------------------


def test_one_alarm_tells_everything(rig: Rig) -> None:
    """Evidence, advice, the marks, the chart around its beginning, and its whole story with who and note."""
    by = {"who": "wang", "uid": 991, "note": "电工已到场"}
    told = [record(9, state="acknowledged", by=by), record(8, evidence={"states": [2, 0]}, first_out=True)]
    rig.door.answers["journal"] = {"records": told, "next": None}
    rig.login("viewer")
    page = rig.get(T1).text
    for text in ("检查焚烧炉电源和风机。", "运行, 停止", "首出", "电工已到场", "wang", "/trends/data.json?"):
        assert text in page, text
    assert rig.door.asked("journal")[-1]["alarm"] == "rule.T1.paint"


def test_the_chart_shows_the_hour_before(rig: Rig) -> None:
    """The points of what the alarm is about, from an hour before it began until now."""
    rig.login("viewer")
    page = rig.get("/alarms/limit.cems-1.nmhc.high").text
    link = page.partition('data-trend="')[2].partition('"')[0].replace("&amp;", "&")
    query = parse_qs(urlsplit(link).query)
    assert query["p"] == ["cems-1.nmhc"]
    assert query["from"] == ["2026-07-01T05:17:26Z"]
    assert query["to"][0] == "2026-07-01T06:30:00Z"


def test_who_was_first_is_named(rig: Rig) -> None:
    """An alarm that followed another one of its group leads there."""
    first, other = ROWS[0] | {"group": "paint"}, ROWS[1] | {"group": "paint"}
    rig.door.answers["alarms"] = {"alarms": [first, other], "figures": {}, "code": {}}
    rig.login("viewer")
    assert f'href="{T1}"' in rig.get("/alarms/limit.cems-1.nmhc.high").text


def test_an_alarm_that_is_gone_keeps_its_story(rig: Rig) -> None:
    """When its limit was removed, the page says so and still tells what was."""
    rig.door.answers |= {"alarms": {"alarms": [], "figures": {}, "code": {}}, "journal": journal(3)}
    rig.login("installer")
    page = rig.get(T1).text
    assert "已不在现场文件中" in page
    assert ROWS[0]["text"]["zh"] in page


def test_no_such_alarm(rig: Rig) -> None:
    """What never was is not found."""
    rig.door.answers["journal"] = {"records": [], "next": None}
    rig.login("viewer")
    assert rig.get("/alarms/rule.X.y").status_code == 404


def test_notes_and_texts_are_escaped(rig: Rig) -> None:
    """What people and devices wrote is text, wherever it stands."""
    told = [record(9, by={"who": EVIL, "note": EVIL}, text=both(EVIL, EVIL), reason=EVIL)]
    row = ROWS[0] | {"text": both(EVIL, EVIL), "evidence": {EVIL: EVIL}}
    rig.door.answers |= {"journal": {"records": told, "next": None}, "alarms": {"alarms": [row], "figures": {}}}
    rig.login("operator")
    for path in (T1, "/alarms", "/alarms/history"):
        page = rig.get(path).text
        assert EVIL not in page, path
        assert "&lt;img" in page, path


# --- history ---------------------------------------------------------------------------------------------------------


def test_history_goes_on_where_the_page_ends(rig: Rig) -> None:
    """Fifty lines a page; the next page begins right after, and no record is told twice or left out."""
    rig.door.answers["journal"] = journal(120)
    rig.login("viewer")
    path, counts = "/alarms/history", []
    for _ in range(3):
        page = rig.get(path).text
        counts.append(page.count('<td class="when">'))
        found = page.partition('href="/alarms/history?before=')[2].partition('"')[0]
        path = f"/alarms/history?before={found}"
    assert counts == [50, 50, 20]
    assert found == ""


def test_a_search_looks_through_more_than_one_answer(rig: Rig) -> None:
    """Finds are gathered over several questions to the agent, but not over any number of them."""
    rig.door.answers["journal"] = journal(10_000)
    rig.login("viewer")
    page = rig.get("/alarms/history?kind=escalated").text
    assert page.count('<td class="when">') == 50
    rig.door.heard.clear()
    none = rig.get("/alarms/history?q=nowhere").text
    assert none.count('<td class="when">') == 0
    assert len(rig.door.asked("journal")) == 10
    assert "before=8001" in none


def test_a_period_is_asked_for(rig: Rig) -> None:
    """The first date bounds what the agent must look through."""
    rig.door.answers["journal"] = journal(5)
    rig.login("viewer")
    page = rig.get("/alarms/history?from=2026-07-01&to=2026-07-01").text
    assert rig.door.asked("journal")[-1]["since_ms"] == NOW_MS - 52_200_000
    assert page.count('<td class="when">') == 5
    assert rig.get("/alarms/history?to=2026-06-30").text.count('<td class="when">') == 0


@pytest.mark.parametrize("query", ["before=x", "before=-1", "before=%F0%9F%98%80", "kind=sang", "from=soon&to=never"])
def test_a_strange_search_is_no_error(rig: Rig, query: str) -> None:
    """What cannot be read asks for nothing."""
    rig.login("viewer")
    assert rig.get(f"/alarms/history?{query}").status_code == 200
