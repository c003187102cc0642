"""System: how the box, its lines and its link do, what was changed, and who did what; and the support bundle."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from agent import __version__
from agent.panel import condition
from agent.panel.agency import Refused
from agent.panel.deeds import DOORS, deeds
from agent.panel.house import house
from agent.panel.moments import of_record
from agent.panel.page import page
from agent.panel.person import Role, needs, person_of
from agent.panel.spoken import now_ms, spoken, zone_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from agent.panel.agency import Agency
    from agent.panel.deeds import Deed

MOST_CHANGES: Final = 20
DEEDS_PER_PAGE: Final = 50
_RECORDS_AT_ONCE: Final = 200
_QUESTIONS: Final = 5
"""So often the agent is asked for one page: it looks through some records at a time, and may find none of them."""


@needs(Role.VIEWER)
async def system(request: Request) -> Response:
    """Show how everything does now, and the last changes of the configuration."""
    agency = house(request).agency
    site, board = await agency.site(), agency.live.board
    oldest_ms = of_record((board or {}).get("outbox", {}).get("oldest_ts"))
    refused: str | None = None
    changes: list[dict[str, Any]] = []
    try:
        changes = await _changes(agency)
    except Refused as reason:
        refused = str(reason)
    return page(
        request,
        "system.html",
        site=site,
        board=board or {},
        devices=condition.devices(site, board),
        buses=condition.buses(site, board),
        oldest_s=None if oldest_ms is None else (now_ms(request) - oldest_ms) / 1000,
        changes=changes,
        refused=refused,
        panel_software=f"plantgate {__version__}",
        **spoken(request, site),
    )


async def _changes(agency: Agency) -> list[dict[str, Any]]:
    """Return the last changes of the configuration. They are rare: it takes some looking, which has its end."""
    found: list[dict[str, Any]] = []
    before: int | None = None
    for _ in range(_QUESTIONS):
        answer = await agency.ask(_journal(["config"], before, MOST_CHANGES - len(found)))
        found += answer["records"]
        before = answer["next"]
        if before is None or len(found) >= MOST_CHANGES:
            break
    return found[:MOST_CHANGES]


@needs(Role.VIEWER)
async def audit(request: Request) -> Response:
    """Show who did what, the last first; ``?before=`` goes on from a record."""
    agency = house(request).agency
    before = request.query_params.get("before", "")
    site = await agency.site()
    is_number = before.isascii() and before.isdigit() and len(before) < 17  # noqa: PLR2004 -- below 2^53
    found, following = await _deeds(agency, int(before) if is_number else None)
    about: dict[str, Any] = {"deeds": found, "following": following, "doors": DOORS, "is_first": not is_number}
    return page(request, "audit.html", **about, **spoken(request, site))


async def _deeds(agency: Agency, before: int | None) -> tuple[list[Deed], int | None]:
    """Return at least a page of deeds where there are so many, and from where to go on."""
    found: list[Deed] = []
    for _ in range(_QUESTIONS):
        answer = await agency.ask(_journal(["event", "alarm"], before, _RECORDS_AT_ONCE))
        found += deeds(answer["records"])
        before = answer["next"]
        if before is None or len(found) >= DEEDS_PER_PAGE:
            break
    if len(found) > DEEDS_PER_PAGE:
        return found[:DEEDS_PER_PAGE], found[DEEDS_PER_PAGE - 1].seq
    return found, before


def _journal(kinds: list[str], before: int | None, limit: int) -> dict[str, Any]:
    return {"do": "journal", "kinds": kinds, "before": before, "limit": limit}


@needs(Role.INSTALLER)
async def support(request: Request) -> Response:
    """Return the support bundle; that it was taken is recorded."""
    agency, person = house(request).agency, person_of(request)
    assert person is not None
    site = await agency.site()
    answer = await agency.ask({"do": "support"})
    agency.note("download", user=person.user, what="support")
    at = datetime.fromtimestamp(now_ms(request) / 1000, zone_of(site))
    name = f"support-{site['gateway']}-{at:%Y%m%d-%H%M}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(bundle(answer["files"], at), headers=headers, media_type="application/zip")


def bundle(files: Mapping[str, str], at: datetime) -> bytes:
    """Return files as a zip, made in memory. `at` dates them."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in files.items():
            safe = name.replace("\\", "/").rsplit("/", 1)[-1] or "unnamed"
            packed.writestr(zipfile.ZipInfo(safe, at.timetuple()[:6]), text, zipfile.ZIP_DEFLATED)
    return out.getvalue()


ROUTES: list[BaseRoute] = [
    Route("/system", system),
    Route("/system/audit", audit),
    Route("/system/support", support, methods=["POST"]),
]
