"""Sessions: how they begin, last and end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from agent.panel.accounts import Accounts
from agent.panel.person import Person, Role
from agent.panel.sessions import LONGEST_S, MOST, MOST_OF_ONE, Sessions
from tests.agent.panel.rig import CHEAP, PASSWORD, HandClock, Rig, rigged

if TYPE_CHECKING:
    from pathlib import Path

IDLE_S = 1800.0
COOKIE = "plantgate"


class Bench:
    """Accounts, sessions, and time that moves by hand."""

    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        self.accounts = Accounts(folder, self.clock, CHEAP)
        self.sessions = Sessions(self.accounts, IDLE_S)

    def begin(self, user: str = "wang") -> str:
        """Log somebody in, who gets an account if there is none; return the token."""
        account = self.accounts.get(user) or asyncio.run(self.accounts.add(user, Role.OPERATOR, PASSWORD))
        return self.sessions.begin(account, "10.0.0.5", self.clock.ns)[0]

    def person(self, token: str, *, is_activity: bool = True) -> Person | None:
        """Return who a token stands for."""
        found = self.sessions.find(token, self.clock.ns, is_activity=is_activity)
        return None if found is None else found[1]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return an empty bench."""
    return Bench(tmp_path)


def test_a_token_stands_for_its_person(bench: Bench) -> None:
    """And no other token does."""
    token = bench.begin()

    assert bench.person(token) == Person("wang", Role.OPERATOR)
    assert bench.person("") is None
    assert bench.person(token[:-1]) is None


def test_tokens_are_long_and_not_kept(bench: Bench) -> None:
    """256 bits; what is in memory is a hash."""
    token = bench.begin()

    assert len(token) >= 43
    assert token not in repr(bench.sessions._sessions)


def test_a_session_ends_when_nothing_happens_in_it(bench: Bench) -> None:
    """Activity keeps it; what a page fetches by itself does not."""
    token = bench.begin()
    for _ in range(5):
        bench.clock.pass_s(IDLE_S - 1)
        assert bench.person(token) is not None
    bench.clock.pass_s(IDLE_S - 1)
    assert bench.person(token, is_activity=False) is not None
    bench.clock.pass_s(2)
    assert bench.person(token) is None


def test_a_session_ends_after_twelve_hours_in_any_case(bench: Bench) -> None:
    """However busy somebody is."""
    token = bench.begin()
    minutes = 0
    while bench.person(token) is not None:
        bench.clock.pass_s(60)
        minutes += 1

    assert minutes == LONGEST_S / 60 + 1 == 721


ENDS = {
    "password": lambda accounts: accounts.reset_password("wang", "another password"),
    "role": lambda accounts: accounts.change_role("wang", Role.VIEWER),
    "removal": lambda accounts: accounts.remove("wang"),
}


@pytest.mark.parametrize("change", ENDS)
def test_sessions_end_when_their_account_changes(bench: Bench, change: str) -> None:
    """Those of others go on."""
    token, other = bench.begin(), bench.begin("li")
    ENDS[change](bench.accounts)

    assert bench.person(token) is None
    assert bench.person(other) is not None


def test_an_account_made_anew_does_not_inherit_sessions(bench: Bench) -> None:
    """The version is another one."""
    token = bench.begin()
    bench.accounts.remove("wang")
    asyncio.run(bench.accounts.add("wang", Role.INSTALLER, PASSWORD))

    assert bench.person(token) is None


def test_a_session_can_be_revoked(bench: Bench) -> None:
    """By the id that may be shown; a stream that asks learns of it."""
    token = bench.begin()
    (session,) = bench.sessions.open(bench.clock.ns)
    assert bench.sessions.is_open(session, bench.clock.ns)

    assert bench.sessions.revoke(session.id) is session
    assert bench.sessions.revoke(session.id) is None
    assert bench.person(token) is None
    assert not bench.sessions.is_open(session, bench.clock.ns)


def test_sessions_are_bounded(bench: Bench) -> None:
    """One account has ten, the oldest gives way; all together are bounded as well."""
    tokens = []
    for _ in range(MOST_OF_ONE + 3):
        tokens.append(bench.begin())
        bench.clock.pass_s(1)
    assert [bench.person(token) is not None for token in tokens] == [False] * 3 + [True] * MOST_OF_ONE

    for number in range(60):
        for _ in range(4):
            bench.begin(f"user{number}")
            bench.clock.pass_s(1)
    assert len(bench.sessions.open(bench.clock.ns)) == MOST


# --- cookies -----------------------------------------------------------------------------------------------------


def cookie(rig: Rig, name: str) -> str:
    """Return the header that set a cookie, when somebody logged in."""
    rig.account("wang", Role.OPERATOR)
    answer = rig.post("/login", user="wang", password=PASSWORD)
    headers: list[str] = answer.headers.get_list("set-cookie")
    return next(one for one in headers if one.startswith(f"{name}="))


def test_the_cookie_is_for_us_alone(rig: Rig) -> None:
    """No script reads it, no other site's request carries it, it is gone with the browser."""
    parts = cookie(rig, COOKIE).split("; ")

    assert parts[1:] == ["Path=/", "HttpOnly", "SameSite=Strict"]


def test_with_tls_the_cookie_is_bound_to_it(tmp_path: Path) -> None:
    """``__Host-`` and Secure: it never travels in clear text, and nobody else sets it."""
    with rigged(tmp_path, tls=True) as rig:
        parts = cookie(rig, f"__Host-{COOKIE}").split("; ")

    assert parts[1:] == ["Path=/", "HttpOnly", "SameSite=Strict", "Secure"]


def test_a_token_from_before_the_login_is_worth_nothing_after_it(rig: Rig) -> None:
    """Whoever plants a cookie gets no session by it (session fixation)."""
    rig.client.cookies.set(COOKIE, "planted")
    token = cookie(rig, COOKIE).partition("=")[2].partition(";")[0]

    assert token != "planted"
    rig.client.cookies.clear()
    rig.client.cookies.set(COOKIE, "planted")
    assert rig.get("/account").status_code == 303


def test_logging_out_ends_the_session_on_the_server(rig: Rig) -> None:
    """A cookie kept aside is of no use any more."""
    rig.login("operator")
    kept = dict(rig.client.cookies)
    rig.post("/logout")
    for name, value in kept.items():
        rig.client.cookies.set(name, value)

    assert rig.get("/account").status_code == 303


def test_what_pages_fetch_by_themselves_keeps_nobody_logged_in(rig: Rig) -> None:
    """A page left open on the alarm list does not keep its session for ever."""
    rig.login("operator")
    for _ in range(4):
        rig.clock.pass_s(IDLE_S / 3)
        rig.get("/account?part=1")

    assert rig.get("/account").status_code == 303
