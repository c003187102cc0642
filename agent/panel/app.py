"""The panel's web application: every page, the files beside them, and the doorman in front."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from agent.log import get
from agent.panel import live, pages
from agent.panel.agency import Away, Refused
from agent.panel.guard import Guard
from agent.panel.page import STATIC, away, refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Scope

    from agent.panel.house import House

LONG: Final = "public, max-age=31536000, immutable"
"""How long browsers keep a file whose URL has the hash of what is in it."""
SAID: Final = {401: "error.login", 403: "error.role", 404: "error.not-found", 405: "error.method"}

log = get(__name__)


def application(house: House) -> ASGIApp:
    """Return the application of a house."""
    routes = collected()
    app = Starlette(
        routes=[*routes, Mount("/static", Files(directory=STATIC))],
        exception_handlers={HTTPException: _http, Away: _away, Refused: _refused, 500: _failed},
        lifespan=lambda _: _living(house),
    )
    app.router.redirect_slashes = False  # one page, one path
    app.state.house = house
    app.state.paths = {route.path for route in routes if isinstance(route, Route)}
    return Guard(app, house)


def collected() -> list[BaseRoute]:
    """Return the routes of all pages."""
    found: list[BaseRoute] = list(live.ROUTES)
    for module in iter_modules(pages.__path__, f"{pages.__name__}."):
        found += getattr(import_module(module.name), "ROUTES", [])
    return found


class Files(StaticFiles):
    """The files of ``static/``. With the hash in the URL they are kept for long."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file."""
        response = await super().get_response(path, scope)
        is_hashed = scope["query_string"].startswith(b"v=") and response.status_code < 400  # noqa: PLR2004
        response.headers["cache-control"] = LONG if is_hashed else "no-cache"
        return response


@asynccontextmanager
async def _living(house: House) -> AsyncIterator[None]:
    """Follow the agent, and let light and horn follow it, for as long as the application runs."""
    tasks = [asyncio.create_task(house.agency.run())]
    if house.tower is not None:
        tasks.append(asyncio.create_task(house.tower.run(house.agency.live.subscribe())))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _http(request: Request, error: Any) -> Response:
    key = SAID.get(error.status_code, "error.other")
    return refusal(request, error.status_code, key)


async def _away(request: Request, reason: Any) -> Response:
    return away(request, reason)


async def _refused(request: Request, reason: Any) -> Response:
    return refusal(request, 409, "error.refused", reason=reason)


async def _failed(request: Request, error: Any) -> Response:
    log.error("a page failed", path=request.url.path, error=repr(error), exc_info=error)
    return refusal(request, 500, "error.failed")
