"""Logging in and out, the first set-up, one's own password, and how one likes to look: language and theme."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Final

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from agent.panel.accounts import LONGEST_PASSWORD, SHORTEST_PASSWORD, AccountRefused, Busy
from agent.panel.house import house
from agent.panel.page import THEMES, after, form, page, session_of, t
from agent.panel.person import Role, needs, person_of
from agent.panel.words import LANGUAGES

if TYPE_CHECKING:
    from starlette.requests import Request

    from agent.panel.accounts import Account
    from agent.panel.guard import Cookies

A_YEAR_S: Final = 365 * 86400


async def login_page(request: Request) -> Response:
    """Show the form, or go on for those who are in."""
    person, onward = person_of(request), beyond(request.query_params.get("next"))
    if person is not None and person.user:
        return RedirectResponse(onward, 303)
    return _login(request, onward)


async def login(request: Request) -> Response:
    """Let somebody in whose password is right."""
    words = await form(request)
    user, password, onward = words.get("user", "").strip().lower(), words.get("password", ""), beyond(words.get("next"))
    home, address = house(request), _address(request)
    if (wait_s := home.lockout.wait_s(user, address)) > 0:
        home.agency.note("login-refused", user=user, address=address)
        return _login(request, onward, 429, t(request, "login.wait", seconds=ceil(wait_s)))
    if home.lockout.begin(user, address):
        home.agency.note("locked", user=user, address=address)
    try:
        account = await home.accounts.checked(user, password[: LONGEST_PASSWORD + 1])
    except Busy:
        return _login(request, onward, 503, t(request, "login.busy"))
    if account is None:
        home.agency.note("login-refused", user=user, address=address)
        return _login(request, onward, 403, t(request, "login.wrong"))
    home.lockout.succeeded(user, address)
    home.agency.note("login", user=user, address=address)
    return _let_in(request, account, onward)


async def logout(request: Request) -> Response:
    """End the session."""
    session = session_of(request)
    response = RedirectResponse("/login", 303)
    if session is not None:
        house(request).sessions.revoke(session.id)
        house(request).agency.note("logout", user=session.user, address=_address(request))
    names: Cookies = request.scope["state"]["cookies"]
    names.set(response.headers, names.session, "", lasts_s=0)
    return response


async def setup_page(request: Request) -> Response:
    """Show what to do with a setup code, or where to get one."""
    return _setup(request)


async def set_up(request: Request) -> Response:
    """Make the first installer account."""
    words = await form(request)
    user, home, address = words.get("user", "").strip().lower(), house(request), _address(request)
    attempt = f"{SETUP} {address}"  # nobody guesses 74 bits from everywhere, but anybody could lock the owner out
    if (wait_s := home.lockout.wait_s(attempt, address)) > 0:
        return _setup(request, 429, t(request, "login.wait", seconds=ceil(wait_s)))
    if home.lockout.begin(attempt, address):
        home.agency.note("locked", user=SETUP, address=address)
    try:
        account = await home.accounts.set_up(words.get("code", ""), user, words.get("password", ""))
    except AccountRefused as why:
        home.lockout.succeeded(attempt, address)  # the code was right
        return _setup(request, 400, t(request, why.key, **why.fields))
    except Busy:
        return _setup(request, 503, t(request, "login.busy"))
    if account is None:
        home.agency.note("login-refused", user=SETUP, address=address)
        return _setup(request, 403, t(request, "setup.wrong"))
    home.lockout.succeeded(attempt, address)
    home.agency.note("setup", user=user, address=address)
    return _let_in(request, account, "/")


@needs(Role.VIEWER)
async def account_page(request: Request) -> Response:
    """Show one's own account."""
    return _account(request)


@needs(Role.VIEWER)
async def change_password(request: Request) -> Response:
    """Give somebody who knows the present password another."""
    words, home, person, address = await form(request), house(request), person_of(request), _address(request)
    if person is None or not person.user:
        return RedirectResponse("/login", 303)
    if (wait_s := home.lockout.wait_s(person.user, address)) > 0:
        return _account(request, 429, t(request, "login.wait", seconds=ceil(wait_s)))
    home.lockout.begin(person.user, address)
    try:
        if await home.accounts.checked(person.user, words.get("present", "")) is None:
            return _account(request, 403, t(request, "people.password-wrong"))
        home.lockout.succeeded(person.user, address)
        account = await home.accounts.change_password(person.user, words.get("password", ""))
    except AccountRefused as why:
        return _account(request, 400, t(request, why.key, **why.fields))
    except Busy:
        return _account(request, 503, t(request, "login.busy"))
    home.agency.note("user-changed", user=account.user, account=account.user, what="password", address=address)
    return _let_in(request, account, "/account", "account.changed")


async def look(request: Request) -> Response:
    """Remember the language and the theme, for this browser."""
    words = await form(request)
    response = RedirectResponse(local(words.get("next")), 303)
    names: Cookies = request.scope["state"]["cookies"]
    for name, known in (("language", LANGUAGES), ("theme", THEMES)):
        if words.get(name) in known:
            names.set(response.headers, name, words[name], lasts_s=A_YEAR_S)
    return response


def local(path: str | None) -> str:
    """Return where to go on: a path of ours, and nothing that a browser would take for another site."""
    is_ours = path is not None and path.startswith("/") and not path.startswith("//")
    return path if path is not None and is_ours and "\\" not in path and path.isprintable() else "/"


def beyond(path: str | None) -> str:
    """Return where to go on after a login."""
    onward = local(path)
    return "/" if onward.startswith(("/login", "/logout", "/setup")) else onward


SETUP: Final = "setup code"
"""What stands for the setup code where attempts are counted: no account is called so."""


def _let_in(request: Request, account: Account, onward: str, note: str | None = None) -> Response:
    home, before = house(request), session_of(request)
    if before is not None:
        home.sessions.revoke(before.id)
    token, session = home.sessions.begin(account, _address(request), home.mono_ns())
    request.scope["state"]["session"] = session
    response = after(request, onward, note)
    names: Cookies = request.scope["state"]["cookies"]
    names.set(response.headers, names.session, token)
    return response


def _login(request: Request, onward: str, status: int = 200, error: str | None = None) -> Response:
    accounts = house(request).accounts
    more = {"onward": onward, "error": error, "has_accounts": accounts.has_installer}
    return page(request, "login.html", status=status, awaits_setup=accounts.awaits_setup(), **more)


def _setup(request: Request, status: int = 200, error: str | None = None) -> Response:
    is_open = house(request).accounts.awaits_setup()
    return page(request, "setup.html", status=status, error=error, is_open=is_open, least=SHORTEST_PASSWORD)


def _account(request: Request, status: int = 200, error: str | None = None) -> Response:
    return page(request, "account.html", status=status, error=error, least=SHORTEST_PASSWORD)


def _address(request: Request) -> str:
    found: str = request.scope["state"]["address"]
    return found


ROUTES: Final = [
    Route("/login", login_page),
    Route("/login", login, methods=["POST"]),
    Route("/logout", logout, methods=["POST"]),
    Route("/setup", setup_page),
    Route("/setup", set_up, methods=["POST"]),
    Route("/account", account_page),
    Route("/account", change_password, methods=["POST"]),
    Route("/look", look, methods=["POST"]),
]
