"""Accounts and who is logged in: for installers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from starlette.routing import Route

from agent.panel.accounts import SHORTEST_PASSWORD, AccountRefused, Busy
from agent.panel.house import house
from agent.panel.page import after, form, page, t
from agent.panel.person import Role, needs, person_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    Deed = Callable[[Request, dict[str, str]], Awaitable[str]]

PAGE: Final = "/people"


@needs(Role.INSTALLER)
async def people(request: Request) -> Response:
    """Show all accounts and sessions."""
    return _shown(request)


async def add(request: Request, words: dict[str, str]) -> str:
    """Make an account."""
    user, role = words.get("user", "").strip().lower(), _role(words)
    await house(request).accounts.add(user, role, words.get("password", ""))
    _note(request, "user-added", user, role=role.word)
    return "people.added"


async def change_role(request: Request, words: dict[str, str]) -> str:
    """Give an account another role."""
    user, role = words.get("user", ""), _role(words)
    house(request).accounts.change_role(user, role)
    _note(request, "user-changed", user, what="role", role=role.word)
    return "people.changed"


async def reset(request: Request, words: dict[str, str]) -> str:
    """Give an account a new password."""
    user = words.get("user", "")
    await house(request).accounts.change_password(user, words.get("password", ""))
    _note(request, "user-changed", user, what="password")
    return "people.changed"


async def remove(request: Request, words: dict[str, str]) -> str:
    """Take an account away."""
    user = words.get("user", "")
    house(request).accounts.remove(user)
    _note(request, "user-removed", user)
    return "people.removed"


async def end_session(request: Request, words: dict[str, str]) -> str:
    """End one session."""
    session = house(request).sessions.revoke(words.get("session", ""))
    if session is not None:
        words["user"] = session.user
        _note(request, "session-revoked", session.user)
    return "people.ended"


def _does(deed: Deed) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint that does something with accounts and goes back to the page, which says what was done."""

    @needs(Role.INSTALLER)
    async def done(request: Request) -> Response:
        words = await form(request)
        try:
            key = await deed(request, words)
        except AccountRefused as why:
            return _shown(request, 400, t(request, why.key, **why.fields))
        except Busy:
            return _shown(request, 503, t(request, "login.busy"))
        return after(request, PAGE, key, user=words.get("user", "")[:32])

    return done


def _shown(request: Request, status: int = 200, error: str | None = None) -> Response:
    home = house(request)
    zone, now_ns, now_ms = ZoneInfo(home.settings.timezone), home.mono_ns(), home.wall_ms()
    sessions = [
        {
            "id": one.id,
            "user": one.user,
            "address": one.address,
            "since": _clock(now_ms - (now_ns - one.begun_ns) // 10**6, zone),
            "minutes": (now_ns - one.seen_ns) // (60 * 10**9),
        }
        for one in home.sessions.open(now_ns)
    ]
    about: dict[str, Any] = {"accounts": home.accounts.all(), "sessions": sessions, "roles": [one.word for one in Role]}
    return page(request, "people.html", status=status, error=error, least=SHORTEST_PASSWORD, **about)


def _clock(wall_ms: int, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(wall_ms / 1000, UTC).astimezone(zone):%Y-%m-%d %H:%M}"


def _role(words: dict[str, str]) -> Role:
    """Return the role a form names. Raises AccountRefused."""
    try:
        return Role[words.get("role", "").upper()]
    except KeyError:
        raise AccountRefused("people.bad-role") from None


def _note(request: Request, event: str, user: str, **members: object) -> None:
    person, address = person_of(request), request.scope["state"]["address"]
    who = None if person is None else person.user
    house(request).agency.note(event, user=who, account=user, address=address, **members)


ROUTES: Final = [
    Route(PAGE, people),
    Route(f"{PAGE}/add", _does(add), methods=["POST"]),
    Route(f"{PAGE}/role", _does(change_role), methods=["POST"]),
    Route(f"{PAGE}/reset", _does(reset), methods=["POST"]),
    Route(f"{PAGE}/remove", _does(remove), methods=["POST"]),
    Route(f"{PAGE}/end-session", _does(end_session), methods=["POST"]),
]
