"""Inspection tasks: what is to be done where and by when, answered on a phone at the place itself.

Each place has a sign with a code; a phone's camera opens the tasks of that place. The signs are printed here.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Route

from agent.panel import agenda, entries, places
from agent.panel.asking import ask_for
from agent.panel.house import house
from agent.panel.moments import midnight_after
from agent.panel.page import after, form, page, refusal
from agent.panel.person import Role, needs
from agent.panel.spoken import now_ms, spoken, zone_of
from agent.panel.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from agent.panel.agenda import TaskSeen

MOST_SIGNS: Final = 60
_PEN: Final = asyncio.Lock()
"""A sign is some work: one at a time, beside everything else."""
MORE_ROWS: Final = 4
_HERE_ONLY: Final = ("localhost", "127.0.0.1", "::1")


class Book:
    """The site and its tasks as they stand now."""

    def __init__(self, request: Request, site: Mapping[str, Any], book: Mapping[str, Any]) -> None:
        self.site = site
        self.zone = zone_of(site)
        self.now_ms = now_ms(request)
        self._midnight_ms = midnight_after(self.now_ms, self.zone)
        self._told = book["tasks"]
        self.tasks = agenda.tasks(book, self.now_ms, self._midnight_ms)
        self.places = places.places(self._told)

    def found(self, number: str) -> TaskSeen | None:
        """Return a task by its number."""
        told = next((one for one in self._told if one["id"] == number), None)
        return None if told is None else agenda.task(told, self.now_ms, self._midnight_ms)


async def _book(request: Request) -> Book:
    agency = house(request).agency
    return Book(request, await agency.site(), await agency.ask({"do": "book", "all": True}))


@needs(Role.VIEWER)
async def tasks(request: Request) -> Response:
    """Show the tasks, what is overdue first."""
    return await _tasks(request)


async def _tasks(request: Request, typed: Typed | None = None, refused: str | None = None) -> Response:
    book = await _book(request)
    fields = typed.fields if typed is not None else {}
    return page(
        request,
        "tasks.html",
        status=422 if typed is not None and (typed.problems or refused) else 200,
        tasks=book.tasks,
        places=book.places,
        form=typed or Typed({}, book.zone),
        is_open=typed is not None,
        refused=refused,
        rows=entries.rows(fields),
        most_rows=entries.MOST_ITEMS,
        item_kinds=entries.ITEM_KINDS,
        **spoken(request, book.site),
    )


@needs(Role.OPERATOR)
async def enter(request: Request) -> Response:
    """Enter a task; the button for more items only shows the form again with more of them."""
    fields = await form(request)
    typed = Typed(fields, zone_of(await house(request).agency.site()))
    if "more" in fields:
        grown = str(min(entries.MOST_ITEMS, entries.rows(fields) + MORE_ROWS))
        return await _tasks(request, Typed({**fields, "rows": grown}, typed.zone))
    words = entries.task(typed)
    refused = None if words is None else await ask_for(request, words)
    if words is None or refused:
        return await _tasks(request, typed, refused)
    return after(request, "/tasks", "tasks.entered")


@needs(Role.VIEWER)
async def at_place(request: Request) -> Response:
    """Show the tasks of one place: what its sign leads to. With one open task, that is it."""
    book, place = await _book(request), request.path_params["place"]
    here = {how: [one for one in found if one.told["place"] == place] for how, found in book.tasks.items()}
    waiting = [one for how in ("overdue", "today", "later") for one in here[how]]
    if len(waiting) == 1 and "list" not in request.query_params:
        return RedirectResponse(f"/tasks/{places.part(waiting[0].told['id'])}", 303)
    return page(request, "place.html", place=place, tasks=here, waiting=waiting, **spoken(request, book.site))


@needs(Role.VIEWER)
async def task(request: Request) -> Response:
    """Show one task, to be answered."""
    return await _task(request)


async def _task(request: Request, typed: Typed | None = None, refused: str | None = None) -> Response:
    book = await _book(request)
    found = book.found(request.path_params["number"])
    if found is None:
        return refusal(request, 404, "tasks.no_such")
    shown = typed or Typed({}, book.zone)
    status = 422 if typed is not None else 200
    about: dict[str, Any] = {"task": found, "form": shown, "refused": refused, "link": places.part(found.told["place"])}
    return page(request, "task.html", status=status, **about, **spoken(request, book.site))


@needs(Role.OPERATOR)
async def answer(request: Request) -> Response:
    """Take the answers of a task, all of them at once."""
    book = await _book(request)
    found = book.found(request.path_params["number"])
    if found is None:
        return refusal(request, 404, "tasks.no_such")
    typed = Typed(await form(request), book.zone)
    words = entries.answers(typed, found.told)
    refused = None if words is None else await ask_for(request, words)
    if words is None or refused:
        return await _task(request, typed, refused)
    return after(request, "/tasks", "tasks.answered")


@needs(Role.INSTALLER)
async def withdraw(request: Request) -> Response:
    """Withdraw a task that need not be done, with the reason."""
    typed = Typed(await form(request), zone_of(await house(request).agency.site()))
    words = entries.ending(typed, "withdraw-task", request.path_params["number"])
    refused = None if words is None else await ask_for(request, words)
    if words is None or refused:
        return await _task(request, typed, refused)
    return after(request, "/tasks", "tasks.withdrawn")


@needs(Role.VIEWER)
async def signs(request: Request) -> Response:
    """Show the signs of all places with tasks, and of those that are typed, to be printed."""
    book = await _book(request)
    more = request.query_params.get("more", "")[:2000]
    named = [*book.places, *(one.strip() for one in more.splitlines())]
    base = str(request.base_url)
    shown = list(dict.fromkeys(one[:100] for one in named if one and one.isprintable()))[:MOST_SIGNS]
    async with _PEN:
        drawn = [await asyncio.to_thread(_sign, base, place) for place in shown]
    about: dict[str, Any] = {"signs": drawn, "more": more, "base": base, "site": book.site}
    return page(request, "qr.html", is_only_here=request.url.hostname in _HERE_ONLY, **about)


def _sign(base: str, place: str) -> dict[str, str]:
    link = places.address(base, place)
    return {"place": place, "link": link, "svg": places.sign(link)}


ROUTES: list[BaseRoute] = [
    Route("/tasks", tasks),
    Route("/tasks", enter, methods=["POST"]),
    Route("/tasks/signs", signs),
    Route("/tasks/at/{place:path}", at_place),
    Route("/tasks/{number}", task),
    Route("/tasks/{number}", answer, methods=["POST"]),
    Route("/tasks/{number}/withdraw", withdraw, methods=["POST"]),
]
