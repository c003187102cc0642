"""The overview: what somebody must see within two seconds, and what a browser must load for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.agent.panel.believable import FOLLOW, RULES, SITE, both

if TYPE_CHECKING:
    from tests.agent.panel.rig import Rig

MOST_BYTES = 150_000


def calm(_: Any) -> dict[str, Any]:
    """Return a board on which all is well."""
    alarms = {"version": 1, "active": 0, "unacknowledged": 0, "escalated": 0, "rows": []}
    return FOLLOW | {"alarms": alarms, "code": {"plant": "green", "lines": {"paint": "green"}}}


def filled(page: str, key: str) -> tuple[str, str | None]:
    """Return the text and the state of the first element that a key fills."""
    (element, text) = re.findall(rf'<(\w+[^>]*data-text="{re.escape(key)}"[^>]*)>([^<]*)<', page)[0]
    state = re.search(r'data-is="([^"]*)"', element)
    return text, state[1] if state else None


@pytest.mark.parametrize(
    ("key", "text", "state"),
    [
        ("code", "红码 严重", "red"),
        ("line:paint", "红码 严重", "red"),
        ("facility:press-1", "运行", "run"),
        ("facility:rto-1", "未知", "unknown"),
        ("value:press-1.power", "87.4", "N"),
        ("value:rto-1.power", "—", "B"),
        ("value:cems-1.nmhc", "52.3", "N"),
        ("ladder:limit.cems-1.nmhc.high", "78 分钟后报告生态环境部门", "counting"),
        ("clock", "14:30 已同步", None),
    ],
)
def test_what_stands_on_it(open_rig: Rig, key: str, text: str, state: str | None) -> None:
    """The page is whole without any script: each key is filled when it is made."""
    assert filled(open_rig.get("/").text, key) == (text, state)


def test_active_alarms_come_with_what_to_do(open_rig: Rig) -> None:
    """The most severe first, with what to check; what is shelved is not there."""
    page = open_rig.get("/").text
    first, second = (page.index(row["text"]["zh"]) for row in FOLLOW["alarms"]["rows"][:2])
    assert first < second
    assert "检查焚烧炉电源和风机。" in page
    assert "风机电流 低" not in page


def test_words_of_the_catalogue_are_shown(open_rig: Rig) -> None:
    """What a rule means comes from the agent's catalogue, asked for once for a configuration."""
    rule = RULES["rules"][0] | {"means": both("污染物未经处理排放。", "…"), "check": both("看风机。", "…")}
    open_rig.door.answers["rules"] = {"rules": [rule]}
    assert "污染物未经处理排放。" in open_rig.get("/").text
    open_rig.get("/")
    assert len(open_rig.door.asked("rules")) == 1


def test_a_calm_plant_says_so(open_rig: Rig) -> None:
    """No alarms are words, not an empty space."""
    open_rig.door.answers["follow"] = calm
    open_rig.wait_for(lambda: not open_rig.board()["alarms"]["active"])
    page = open_rig.get("/").text
    assert "没有报警" in page
    assert filled(page, "code")[1] == "green"


def test_the_alarms_alone(open_rig: Rig) -> None:
    """live.js fetches only the alarms, and gets no page around them."""
    part = open_rig.get("/?part=alarms").text
    assert FOLLOW["alarms"]["rows"][0]["text"]["zh"] in part
    assert "<html" not in part


def test_strings_of_others_are_escaped(open_rig: Rig) -> None:
    """A label or an error with markup in it is text on the page."""
    evil = "<script>alert(1)</script>"
    device = FOLLOW["devices"]["rto-1"] | {"error": evil}
    rows = [FOLLOW["alarms"]["rows"][0] | {"text": both(evil, evil), "advice": both(evil, evil)}]
    board = FOLLOW | {"devices": FOLLOW["devices"] | {"rto-1": device}, "alarms": FOLLOW["alarms"] | {"rows": rows}}
    lines = [SITE["lines"][0] | {"label": both(evil, evil)}]
    open_rig.door.answers |= {"follow": board | {"cfg": "new"}, "site": SITE | {"lines": lines, "cfg": "new"}}
    open_rig.wait_for(lambda: open_rig.board()["cfg"] == "new")
    page = open_rig.get("/").text
    assert page.count("&lt;script&gt;alert(1)") >= 4
    assert evil not in page


def test_a_site_without_lines_says_what_to_write(open_rig: Rig) -> None:
    """An installer who has described no line yet is told how."""
    open_rig.door.answers |= {"follow": FOLLOW | {"cfg": "b"}, "site": SITE | {"lines": [], "cfg": "b"}}
    open_rig.wait_for(lambda: open_rig.board()["cfg"] == "b")
    page = open_rig.get("/").text
    assert "[[facility]]" in page
    assert "rto-1.power" in page  # facilities are shown all the same


def test_nobody_sees_it_without_login(rig: Rig) -> None:
    """Unless the site file opens it, the page asks for a login, and the part says 401."""
    assert rig.get("/").headers["location"].startswith("/login")
    assert rig.get("/?part=alarms").status_code == 401


def test_the_wall_screen_offers_nothing_to_click(open_rig: Rig) -> None:
    """With ?kiosk there is no menu, and alarms lead nowhere."""
    page = open_rig.get("/?kiosk").text
    assert "data-kiosk" in page
    assert 'href="/alarms/rule' not in page
    assert "/?part=alarms&amp;kiosk" in page or "/?part=alarms&kiosk" in page


def test_all_it_loads_is_small(open_rig: Rig) -> None:
    """The page, its styles, scripts and sign are below 150 KB, before any compression."""
    page = open_rig.get("/").text
    files = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page))
    loaded = [open_rig.get(name).content for name in files]
    assert len(files) >= 4
    assert len(page.encode()) + sum(map(len, loaded)) < MOST_BYTES


def test_no_style_or_script_stands_in_the_page(open_rig: Rig) -> None:
    """The content security policy forbids both, so nothing relies on them."""
    page = open_rig.get("/").text
    assert not re.search(r"<[^>]*\sstyle=", page)
    assert not re.search(r"<[^>]*\son\w+=", page)
    assert not re.search(r"<script(?![^>]*\ssrc=)", page)
    assert "<style" not in page
