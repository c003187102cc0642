"""Values: every point with what it says now, its quality, and how old that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.routing import BaseRoute, Route

from agent.panel.house import house
from agent.panel.page import page
from agent.panel.person import Role, needs
from agent.panel.readings import QUALITIES, devices
from agent.panel.spoken import now_ms, spoken

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

LONGEST_SEARCH = 100


@needs(Role.VIEWER)
async def values(request: Request) -> Response:
    """Show the points that match ``?q=``, all of them without; live.js keeps them moving."""
    agency = house(request).agency
    wanted = request.query_params.get("q", "").strip()[:LONGEST_SEARCH]
    site = await agency.site()
    seen = devices(site, agency.live.board, wanted)
    about: dict[str, Any] = {"wanted": wanted, "qualities": QUALITIES, "now_ms": now_ms(request)}
    return page(request, "values.html", devices=seen, **about, **spoken(request, site))


ROUTES: list[BaseRoute] = [Route("/values", values)]
