"""Pages: templates filled in, with what all of them need: person, language, theme, words, CSRF token.

    return page(request, "alarms.html", rows=rows)          a whole page; the template extends layout.html
    return fragment(request, "alarms_rows.html", rows=rows) a part of one, for live.js
    words = await form(request)                             what a form sent; guard has checked size and CSRF
    return after(request, "/alarms", "alarms.acknowledged") after a POST: see other, with a note shown there once

In a template: t(key, **fields), said(label) for {"zh","en"} labels, asset("x.css"), person, csrf, lang ("zh"|"en"),
theme ("auto"|"light"|"dark"), path, here (path and query), kiosk, away (the agent cannot be reached), menu, notes,
gateway (its name, a label), can_operate, can_install.
"""

from __future__ import annotations

import hashlib
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from agent.panel.house import house
from agent.panel.person import Role, person_of
from agent.panel.words import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from agent.panel.sessions import Session
    from agent.panel.words import Language

STATIC: Final = Path(__file__).parent / "static"
THEMES: Final = ("auto", "light", "dark")
MENU: Final = (
    ("/", "menu.overview", Role.VIEWER),
    ("/alarms", "menu.alarms", Role.VIEWER),
    ("/values", "menu.values", Role.VIEWER),
    ("/trends", "menu.trends", Role.VIEWER),
    ("/orders", "menu.orders", Role.VIEWER),
    ("/tasks", "menu.tasks", Role.VIEWER),
    ("/system", "menu.system", Role.VIEWER),
    ("/people", "menu.people", Role.INSTALLER),
)
"""Where the menu leads, in order, for whom. A path without a page is left out."""

_ENVIRONMENT: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """Return a template filled in."""
    body = _ENVIRONMENT.get_template(template).render(_shared(request) | context)
    return HTMLResponse(body, status)


def fragment(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """Return a part of a page: a template that does not extend the layout."""
    return page(request, template, status=status, **context)


def refusal(request: Request, status: int, key: str, **fields: object) -> Response:
    """Return an error page that says `key`; for fragments a line of the same."""
    said = t(request, key, **fields)
    if "part" in request.query_params:
        return PlainTextResponse(said, status)
    return page(request, "error.html", status=status, code=status, reason=said)


def away(request: Request, reason: object) -> Response:
    """Return the page for an agent that cannot be reached (503). The app also shows it for an `Away` nobody caught."""
    return refusal(request, 503, "error.away", reason=reason)


def after(request: Request, path: str, key: str | None = None, **fields: object) -> RedirectResponse:
    """Return "see other", after something was done; what `key` says is shown there, once."""
    session = session_of(request)
    if key is not None and session is not None:
        session.note(key, fields)
    return RedirectResponse(path, 303)


async def form(request: Request) -> dict[str, str]:
    """Return what a form sent, the last value of each name, without the CSRF token."""
    return cast("dict[str, str]", request.scope["state"]["form"])


def language(request: Request) -> Language:
    """Return the language: the viewer's choice, else the gateway's."""
    chosen = request.cookies.get("language")
    return chosen if chosen in LANGUAGES else house(request).settings.language


def theme(request: Request) -> str:
    """Return the theme: the viewer's choice, else the one of the device."""
    chosen = request.cookies.get("theme", "")
    return chosen if chosen in THEMES else THEMES[0]


def said(request: Request, label: Mapping[str, str]) -> str:
    """Return a label ({"zh","en"}) in the viewer's language."""
    return label[language(request)]


def t(request: Request, key: str, **fields: object) -> str:
    """Return a text in the viewer's language."""
    return house(request).words.said(language(request), key, **fields)


def is_kiosk(request: Request) -> bool:
    """Whether the page is for a screen on the wall: no menus, big type, read-only."""
    return "kiosk" in request.query_params


def session_of(request: Request) -> Session | None:
    """Return the session of whoever is logged in."""
    return cast("Session | None", request.scope["state"].get("session"))


def is_still_in(request: Request) -> bool:
    """Whether whoever asked may still look: for streams, which outlive the check at their beginning."""
    session = session_of(request)
    if session is None:
        return person_of(request) is not None
    return house(request).sessions.is_open(session, house(request).mono_ns())


@cache
def asset(name: str) -> str:
    """Return the URL of a file in ``static/``, with the hash of what is in it: browsers keep it for long."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def _shared(request: Request) -> dict[str, Any]:
    """Return what every template may use."""
    home, person, session = house(request), person_of(request), session_of(request)
    chosen, path = language(request), request.url.path
    notes = [] if session is None else session.notes
    if session is not None and "part" not in request.query_params:
        session.notes = []
    return {
        "t": partial(home.words.said, chosen),
        "said": lambda label: label[chosen],
        "asset": asset,
        "person": person,
        "csrf": request.scope["state"]["csrf"],
        "lang": chosen,
        "theme": theme(request),
        "path": path,
        "here": path + (f"?{request.url.query}" if request.url.query else ""),
        "kiosk": is_kiosk(request),
        "away": home.agency.live.board is None,
        "menu": _menu(request, path),
        "notes": [home.words.said(chosen, key, **fields) for key, fields in notes],
        "gateway": home.settings.name,
        "can_operate": person is not None and person.may(Role.OPERATOR),
        "can_install": person is not None and person.may(Role.INSTALLER),
    }


def _menu(request: Request, path: str) -> list[dict[str, Any]]:
    person = person_of(request)
    return [
        {"path": where, "key": key, "here": path == where or (where != "/" and path.startswith(f"{where}/"))}
        for where, key, role in MENU
        if person is not None and person.may(role) and where in request.app.state.paths
    ]
