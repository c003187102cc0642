"""Who is looking: an account and its role, and what an endpoint needs of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import wraps
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    Endpoint = Callable[[Request], Awaitable[Response]]


class Role(IntEnum):
    """What somebody may do; each may all that the one before may."""

    VIEWER = 1
    OPERATOR = 2
    INSTALLER = 3

    @property
    def word(self) -> str:
        """Return the name as stored and told: viewer, operator, installer."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is let in. `user` is "" for those who look without logging in (``[panel].open``)."""

    user: str
    role: Role

    def may(self, role: Role) -> bool:
        """Whether the person may do what needs `role`."""
        return self.role >= role


def person_of(request: Request) -> Person | None:
    """Return who asks, ``None`` where nobody may look without logging in and nobody has."""
    found: Person | None = request.scope["state"].get("person")
    return found


def needs(role: Role) -> Callable[[Endpoint], Endpoint]:
    """Return a decorator for endpoints: who is not logged in goes to the login page, who may not gets a 403 page."""

    def guarded(endpoint: Endpoint) -> Endpoint:
        @wraps(endpoint)
        async def checked(request: Request) -> Response:
            person = person_of(request)
            if person is not None and person.may(role):
                return await endpoint(request)
            from agent.panel.page import refusal  # noqa: PLC0415 -- pages need persons, and persons this one page

            if person is not None and person.user:
                return refusal(request, 403, "error.role")
            if "kiosk" in request.query_params:
                return refusal(request, 401, "error.kiosk")
            if request.method in ("GET", "HEAD") and "part" not in request.query_params:
                return RedirectResponse(f"/login?next={quote(_here(request), safe='')}", 303)
            return refusal(request, 401, "error.login")

        return checked

    return guarded


def _here(request: Request) -> str:
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")
