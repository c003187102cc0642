"""Overview: two seconds must suffice. The health code, each line as a drawing, the most severe alarms, the box."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.routing import BaseRoute, Route

from agent.panel.cards import SHOWN
from agent.panel.diagram import drawings, others
from agent.panel.house import house
from agent.panel.live import edition_now
from agent.panel.page import fragment, is_kiosk, page
from agent.panel.person import Role, needs
from agent.panel.readers import reader

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

MOST_CARDS: Final = 4
MOST_CARDS_KIOSK: Final = 3


@needs(Role.VIEWER)
async def overview(request: Request) -> Response:
    """Show the page; with ``?part=alarms`` its alarms alone, for live.js."""
    site = await house(request).agency.site()
    alarms = await _alarms(request)
    if request.query_params.get("part") == "alarms":
        return fragment(request, "overview_alarms.html", edition=edition_now(request, site), **alarms)
    return page(
        request,
        "overview.html",
        edition=edition_now(request, site),
        lines=drawings(site),
        others=others(site),
        **alarms,
    )


async def _alarms(request: Request) -> dict[str, Any]:
    board = house(request).agency.live.board
    rows = [row for row in board["alarms"]["rows"] if row["status"] in SHOWN] if board else []
    cards = (await reader(request)).cards(rows)
    most = MOST_CARDS_KIOSK if is_kiosk(request) else MOST_CARDS
    return {"cards": cards[:most], "more": max(0, len(cards) - most), "is_known": board is not None}


ROUTES: list[BaseRoute] = [Route("/", overview)]
