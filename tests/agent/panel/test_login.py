"""Logging in and out, the first set-up, one's own password, language and theme."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from agent.panel.accounts import Busy
from agent.panel.person import Role
from tests.agent.panel.rig import PASSWORD, Rig, rigged

if TYPE_CHECKING:
    from pathlib import Path


def audited(rig: Rig, event: str) -> list[dict[str, Any]]:
    """Return the events of a kind that the agent was told, once it was told one."""

    def told() -> list[dict[str, Any]]:
        return [one for one in rig.door.asked("audit") if one["event"] == event]

    rig.wait_for(told)
    return told()


def test_whoever_is_not_in_is_led_to_the_login_and_back(rig: Rig) -> None:
    """The login page, and then the page that was wanted."""
    answer = rig.get("/people?x=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fpeople%3Fx%3D1")

    page = rig.get(answer.headers["location"])
    assert 'name="next" value="/people?x=1"' in page.text


def test_a_login_is_let_in_and_recorded(rig: Rig) -> None:
    """The agent is told who came from where."""
    rig.account("wang", Role.OPERATOR)
    answer = rig.post("/login", user=" Wang ", password=PASSWORD)

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "wang" in rig.get("/account").text
    assert audited(rig, "login") == [{"do": "audit", "event": "login", "user": "wang", "address": "testclient"}]


def test_nobody_can_tell_a_wrong_name_from_a_wrong_password(rig: Rig) -> None:
    """The same page comes, word for word but for the token, from the first attempt to the lock."""
    rig.account("wang", Role.OPERATOR)
    answers = {}
    for user in ("wang", "nobody"):
        rig.client.cookies.clear()
        rig.csrf()
        answers[user] = [rig.post("/login", user=user, password="wrong password!") for _ in range(5)]
        rig.house.lockout.succeeded("elsewhere", "testclient")  # the address is judged elsewhere

    shown = [[(one.status_code, one.text.replace(rig.csrf(), "")) for one in some] for some in answers.values()]
    assert [status for status, _ in shown[0]] == [status for status, _ in shown[1]] == [403] * 5
    assert len({text.partition("<main")[2].partition("csrf")[0] for some in shown for _, text in some}) == 1


def test_after_five_failures_an_account_waits(rig: Rig) -> None:
    """Also the right password must wait; the agent is told of the lock, and of the refusals together."""
    rig.account("wang", Role.OPERATOR)
    for _ in range(5):
        assert rig.post("/login", user="wang", password="wrong password!").status_code == 403
    refused = rig.post("/login", user="wang", password=PASSWORD)
    assert refused.status_code == 429
    assert "30" in refused.text
    assert audited(rig, "locked")[0]["user"] == "wang"
    rig.hand_on()
    assert sum(one.get("count", 1) for one in audited(rig, "login-refused")) == 6

    rig.clock.pass_s(31)
    assert rig.post("/login", user="wang", password=PASSWORD).status_code == 303


def test_what_people_type_is_shown_and_recorded_harmlessly(rig: Rig) -> None:
    """Neither a page nor a record is broken by a strange name."""
    answer = rig.post("/login", user="<script>\r\nx\x00" + "a" * 200, password="b" * 500)

    assert answer.status_code == 403
    assert "<script>\r" not in answer.text
    rig.post("/login", user="", password="")
    rig.hand_on()
    (told,) = audited(rig, "login-refused")
    assert told["user"].isprintable()
    assert len(told["user"]) <= 64
    assert told["count"] == 2


def test_when_too_many_log_in_they_are_told_to_come_back(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for ever, and it is no failure of theirs."""

    async def busy(user: str, password: str) -> None:
        raise Busy

    monkeypatch.setattr(type(rig.house.accounts), "checked", lambda _, user, password: busy(user, password))

    assert rig.post("/login", user="wang", password=PASSWORD).status_code == 503


def test_without_the_agent_people_can_log_in(tmp_path: Path) -> None:
    """What is to be recorded waits; the page says that there is nothing live."""
    with rigged(tmp_path, is_agent_there=False) as rig:
        rig.login("operator")
        page = rig.get("/account")
        assert page.status_code == 200
        assert "data-away hidden" not in page.text
        assert [note.members["event"] for note in rig.house.agency._notes.values()] == ["login"]


def test_looking_without_login_is_the_sites_choice(rig: Rig, open_rig: Rig) -> None:
    """With ``open`` anybody may look; nobody may act or manage."""
    assert rig.get("/account").status_code == 303
    assert open_rig.get("/account").status_code == 200
    assert open_rig.get("/people").status_code == 303


ROLES = {"viewer": 403, "operator": 403, "installer": 200}


@pytest.mark.parametrize("role", ROLES)
def test_a_page_says_when_a_role_is_not_enough(rig: Rig, role: str) -> None:
    """Whoever is in but may not gets a page that says so."""
    rig.login(role)

    assert rig.get("/people").status_code == ROLES[role]


def test_a_screen_on_the_wall_asks_for_no_login_and_offers_nothing(rig: Rig, open_rig: Rig) -> None:
    """?kiosk: no menus, no forms; where looking needs a login it says so instead of asking for one."""
    closed = rig.get("/account?kiosk")
    assert closed.status_code == 401
    assert "open = true" in closed.text

    page = open_rig.get("/no-such-page?kiosk").text
    assert "data-kiosk" in page
    assert "<nav" not in page
    assert "/login" not in page


def test_a_screen_on_the_wall_is_read_only(rig: Rig) -> None:
    """Even where an installer is logged in."""
    rig.login("installer")

    assert rig.get("/people").status_code == 200
    assert rig.get("/people?kiosk").status_code in (401, 403)


# --- the first set-up --------------------------------------------------------------------------------------------


def test_a_new_box_is_set_up_with_a_code(rig: Rig) -> None:
    """The code makes an installer, who is logged in at once; then it is of no use any more."""
    assert "panel setup" in rig.get("/setup").text
    code = rig.house.accounts.new_setup_code()
    assert "/setup" in rig.get("/login").text

    answer = rig.post("/setup", code=code, user="boss", password=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert rig.get("/people").status_code == 200
    assert audited(rig, "setup")[0]["user"] == "boss"

    rig.post("/logout")
    assert rig.post("/setup", code=code, user="second", password=PASSWORD).status_code == 403


def test_setup_codes_cannot_be_tried_for_long(rig: Rig) -> None:
    """Five wrong ones, and there is a wait."""
    code = rig.house.accounts.new_setup_code()
    statuses = [rig.post("/setup", code="AAAAA", user="boss", password=PASSWORD).status_code for _ in range(5)]

    assert statuses == [403] * 5
    assert rig.post("/setup", code=code, user="boss", password=PASSWORD).status_code == 429
    assert rig.house.accounts.all() == []


def test_strangers_who_try_codes_do_not_lock_the_owner_out(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each address has its own attempts: nobody guesses 74 bits, from however many."""
    code = rig.house.accounts.new_setup_code()
    for _ in range(8):
        rig.post("/setup", code="AAAAA", user="boss", password=PASSWORD)
    monkeypatch.setattr(rig.client._transport, "client", ("10.0.0.7", 50000))

    assert rig.post("/setup", code=code, user="boss", password=PASSWORD).status_code == 303


def test_a_poor_password_at_the_set_up_is_told(rig: Rig) -> None:
    """And the code can be used again, however often."""
    code = rig.house.accounts.new_setup_code()
    for _ in range(8):
        answer = rig.post("/setup", code=code, user="boss", password="short")
        assert answer.status_code == 400
        assert "12" in answer.text

    assert rig.post("/setup", code=code, user="boss", password=PASSWORD).status_code == 303


# --- one's own account -------------------------------------------------------------------------------------------


def test_people_change_their_own_password(rig: Rig) -> None:
    """Knowing the present one; they stay in, with a new session, and are told so once."""
    rig.login("operator")
    wrong = rig.post("/account", present="wrong password!", password="another password")
    assert wrong.status_code == 403

    before = dict(rig.client.cookies)
    assert rig.post("/account", present=PASSWORD, password="another password").status_code == 303
    assert dict(rig.client.cookies) != before
    assert "密码已修改" in rig.get("/account").text
    assert "密码已修改" not in rig.get("/account").text
    assert audited(rig, "user-changed")[0] | {"address": ""} == {
        "do": "audit", "event": "user-changed", "user": "operator", "account": "operator", "what": "password",
        "address": "",
    }  # fmt: skip


# --- language and theme ------------------------------------------------------------------------------------------


def test_the_language_is_the_gateways_until_somebody_chooses(rig: Rig) -> None:
    """The choice is the browser's, and the page says its language."""
    assert '<html lang="zh-CN" data-theme="auto">' in rig.get("/login").text
    answer = rig.post("/look", language="en", next="/setup")
    assert answer.headers["location"] == "/setup"

    page = rig.get("/login").text
    assert '<html lang="en"' in page
    assert "Log in" in page


def test_the_theme_is_chosen_too(rig: Rig) -> None:
    """Automatic, light or dark, and nothing else."""
    rig.post("/look", theme="dark")
    assert 'data-theme="dark"' in rig.get("/login").text
    rig.post("/look", theme='"><script>')
    assert 'data-theme="dark"' in rig.get("/login").text
    rig.client.cookies.set("theme", '"><script>', domain="panel.local")
    assert "><script>" not in rig.get("/login").text
