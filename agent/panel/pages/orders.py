"""Orders and marks: what is demanded of which line until when, whether we comply, and what people declare.

Both are entered and ended here; the agent judges them, records them signed with who did it, and has the last word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.routing import BaseRoute, Route

from agent.panel import agenda, entries
from agent.panel.asking import ask_for
from agent.panel.house import house
from agent.panel.page import after, form, page, said
from agent.panel.person import Role, needs
from agent.panel.spoken import now_ms, spoken, zone_of
from agent.panel.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

ACTIONS = {"stop": "orders.action.stop", "reduce": "orders.action.reduce", "hours": "orders.action.hours"}


@needs(Role.VIEWER)
async def orders(request: Request) -> Response:
    """Show what is in force, to come and past."""
    return await _orders(request)


async def _orders(request: Request, **wrong: Any) -> Response:
    """Show the page; `wrong` holds a form that was not taken (order, mark or ending), and what the agent said of it."""
    agency = house(request).agency
    site, book = await agency.site(), await agency.ask({"do": "book", "all": True})
    now = now_ms(request)
    return page(
        request,
        "orders.html",
        status=422 if wrong else 200,
        orders=agenda.orders(book, agency.live.board, now),
        marks=agenda.marks(book, now),
        lines={line["name"]: said(request, line["label"]) for line in site["lines"]},
        objects=_objects(request, site),
        plant=entries.PLANT,
        order_kinds=agenda.ORDER_KINDS,
        mark_kinds=agenda.MARK_KINDS,
        actions=ACTIONS,
        blank=Typed({}, zone_of(site)),
        wrong=wrong,
        **spoken(request, site),
    )


def _objects(request: Request, site: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return what may be marked, by sort: the names with their labels."""
    sorts = ("lines", "facilities", "outlets", "devices")
    return {sort: {one["name"]: said(request, one["label"]) for one in site[sort]} for sort in sorts}


@needs(Role.OPERATOR)
async def enter_order(request: Request) -> Response:
    """Enter an order."""
    site = await house(request).agency.site()
    typed = Typed(await form(request), zone_of(site))
    words = entries.order(typed, [line["name"] for line in site["lines"]])
    refused = None if words is None else await ask_for(request, words)
    if words is None or refused:
        return await _orders(request, order=typed, refused=refused)
    return after(request, "/orders", "orders.entered")


@needs(Role.OPERATOR)
async def enter_mark(request: Request) -> Response:
    """Enter a mark."""
    site = await house(request).agency.site()
    typed = Typed(await form(request), zone_of(site))
    objects = {entries.PLANT, *(name for sort in _objects(request, site).values() for name in sort)}
    words = entries.mark(typed, objects)
    refused = None if words is None else await ask_for(request, words)
    if words is None or refused:
        return await _orders(request, mark=typed, refused=refused)
    return after(request, "/orders", "orders.marked")


@needs(Role.OPERATOR)
async def end_order(request: Request) -> Response:
    """End an order before its time."""
    return await _end(request, "end-order", "orders.ended")


@needs(Role.OPERATOR)
async def end_mark(request: Request) -> Response:
    """End a mark."""
    return await _end(request, "end-mark", "orders.mark_ended")


async def _end(request: Request, do: str, done: str) -> Response:
    number = request.path_params["number"]
    typed = Typed(await form(request), zone_of(await house(request).agency.site()))
    words = entries.ending(typed, do, number)
    refused = None if words is None else await ask_for(request, words)
    if words is None or refused:
        return await _orders(request, ending=typed, number=number, refused=refused)
    return after(request, "/orders", done)


ROUTES: list[BaseRoute] = [
    Route("/orders", orders),
    Route("/orders", enter_order, methods=["POST"]),
    Route("/orders/{number}/end", end_order, methods=["POST"]),
    Route("/marks", enter_mark, methods=["POST"]),
    Route("/marks/{number}/end", end_mark, methods=["POST"]),
]
