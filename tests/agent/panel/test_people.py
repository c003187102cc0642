"""The page of accounts and sessions."""

from __future__ import annotations

import errno

import pytest

from agent.panel.person import Role
from tests.agent.panel.rig import PASSWORD, Rig
from tests.agent.panel.test_login import audited

DEEDS = {
    "add": ("/people/add", {"user": "li", "role": "viewer", "password": PASSWORD}, "user-added", "li"),
    "role": ("/people/role", {"user": "wang", "role": "viewer"}, "user-changed", "wang"),
    "password": ("/people/reset", {"user": "wang", "password": "another password"}, "user-changed", "wang"),
    "remove": ("/people/remove", {"user": "wang"}, "user-removed", "wang"),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_an_installer_manages_accounts_and_it_is_recorded(rig: Rig, deed: str) -> None:
    """The record says who did it and to whom; the page says once what was done."""
    rig.account("wang", Role.OPERATOR)
    rig.login("installer")
    path, fields, event, account = DEEDS[deed]

    assert rig.post(path, **fields).status_code == 303
    assert f"{account}" in rig.get("/people").text.partition('class="note"')[2].partition("</p>")[0]
    (told,) = audited(rig, event)
    assert (told["user"], told["account"]) == ("installer", account)


@pytest.mark.parametrize("role", ["", "viewer", "operator"])
@pytest.mark.parametrize("deed", DEEDS)
def test_nobody_else_does(rig: Rig, deed: str, role: str) -> None:
    """Neither who is not in nor who may less."""
    rig.account("wang", Role.OPERATOR)
    if role:
        rig.login(role)
    before = rig.house.accounts.all()
    path, fields, _, _ = DEEDS[deed]

    assert rig.post(path, **fields).status_code == (403 if role else 401)
    assert rig.house.accounts.all() == before


REFUSED = {
    "there already": ("/people/add", {"user": "wang", "role": "viewer", "password": PASSWORD}, "已经存在"),
    "no name": ("/people/add", {"user": "W W", "role": "viewer", "password": PASSWORD}, "小写字母"),
    "short password": ("/people/add", {"user": "li", "role": "viewer", "password": "short"}, "12"),
    "no such role": ("/people/add", {"user": "li", "role": "root", "password": PASSWORD}, "没有这种权限"),
    "nobody": ("/people/remove", {"user": "nobody"}, "没有账号"),
    "last installer": ("/people/remove", {"user": "installer"}, "至少要留一个"),
    "last installer's role": ("/people/role", {"user": "installer", "role": "viewer"}, "至少要留一个"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_says_why(rig: Rig, case: str) -> None:
    """In the viewer's language, and nothing has changed."""
    rig.account("wang", Role.OPERATOR)
    rig.login("installer")
    before = rig.house.accounts.all()
    path, fields, reason = REFUSED[case]
    answer = rig.post(path, **fields)

    assert answer.status_code == 400
    assert reason in answer.text
    assert rig.house.accounts.all() == before


def test_a_session_is_shown_and_can_be_ended(rig: Rig) -> None:
    """Who, from where, since when; ending it logs that browser out."""
    rig.login("operator")
    operators = dict(rig.client.cookies)
    rig.client.cookies.clear()
    rig.login("installer")
    rig.clock.pass_s(120)
    page = rig.get("/people").text
    assert "2 分钟前" in page
    session = next(one for one in rig.house.sessions.of("operator"))
    assert session.id in page

    rig.post("/people/end-session", session=session.id)
    assert audited(rig, "session-revoked")[0]["account"] == "operator"
    rig.client.cookies.clear()
    for name, value in operators.items():
        rig.client.cookies.set(name, value)
    assert rig.get("/account").status_code == 303


def test_removing_ones_own_account_logs_out(rig: Rig) -> None:
    """Where another installer stays."""
    rig.account("boss", Role.INSTALLER)
    rig.login("installer")
    rig.post("/people/remove", user="installer")

    assert rig.get("/people").status_code == 303


def test_the_menu_shows_accounts_to_installers_only(rig: Rig) -> None:
    """Nobody is shown what would be refused."""
    rig.login("operator")
    assert 'href="/people"' not in rig.get("/account").text
    rig.post("/logout")
    rig.login("installer")
    assert 'href="/people" aria-current="page"' in rig.get("/people").text


def test_a_full_disk_is_told_and_changes_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page says why, and the accounts are as before."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    rig.login("installer")
    monkeypatch.setattr("agent.panel.accounts.keep", full)
    answer = rig.post("/people/add", user="wang", role="operator", password=PASSWORD)

    assert answer.status_code == 400
    assert "No space left on device" in answer.text
    assert [one.user for one in rig.house.accounts.all()] == ["installer"]


@pytest.mark.parametrize("content", ["{", "", '{"v": 1, "acc'], ids=["damaged", "empty", "half"])
def test_damaged_accounts_let_nobody_on_and_stop_nothing(rig: Rig, content: str) -> None:
    """Whoever was in is out until the file is mended; styles come, the login says that something failed."""
    rig.login("installer")
    file = rig.house.accounts._path
    whole = file.read_bytes()
    file.write_text(content)

    assert rig.get("/people").headers["location"].startswith("/login")
    assert rig.get("/static/panel.css").status_code == 200
    assert rig.get("/login").status_code == 500
    assert "</h1>" in rig.get("/login").text

    file.write_bytes(whole)
    assert rig.get("/people").status_code == 200
