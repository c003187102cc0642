"""Alarms: what is active, what is hidden by people, what has been; one alarm with its evidence; what people do to it.

    GET  /alarms  /alarms/shelved  /alarms/history  /alarms/figures     the four lists; the first two move by themselves
    GET  /alarms/active?part=1  /alarms/shelved?part=1                  only the list, for live.js
    GET  /alarms/A                                                      one alarm, and its whole story
    POST /alarms/acknowledge-all   /alarms/A/acknowledge  …/shelve  …/unshelve  …/reset      operators
    POST /alarms/A/take-out  /alarms/A/put-back                                              installers

Everything works without a script: a form is sent, done, and the page shown anew. What the agent refuses is said on the
page of the alarm.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from starlette.routing import BaseRoute, Route

from agent.panel.agency import Refused
from agent.panel.cards import SHOWN, USUAL_SHELF_S, shelf_times
from agent.panel.evidence import Teller, points_of
from agent.panel.history import HAPPENINGS, Wanted, line, period
from agent.panel.house import house
from agent.panel.live import edition_now
from agent.panel.moments import of_record
from agent.panel.page import after, form, fragment, language, page, refusal
from agent.panel.person import Person, Role, needs, person_of
from agent.panel.readers import reader
from agent.panel.refusals import refused
from agent.panel.series import HOUR_MS, Choice
from agent.panel.spoken import now_ms, zone_of
from agent.panel.targets import rows as figure_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from agent.panel.cards import Row

MOST_LINES: Final = 50
"""Lines of history on one page."""
MOST_SEARCHED: Final = 10
"""Questions to the agent for one page of history, of 200 records each."""
A_QUESTION: Final = 200
LONGEST_NOTE: Final = 500
LONGEST_SEARCH: Final = 100
_BEFORE_MS: Final = HOUR_MS
_AFTER_MS: Final = 2 * HOUR_MS
"""The chart shows so much before an alarm began, and so much after, as far as there is any."""


# --- lists -----------------------------------------------------------------------------------------------------------


async def _told(request: Request, *, everything: bool = False) -> dict[str, Any]:
    return await house(request).agency.ask({"do": "alarms", "all": everything})


def _list(tab: str, is_in: Callable[[Row], bool]) -> Callable[[Request], Any]:
    """Return the endpoint of a list that moves by itself."""

    @needs(Role.VIEWER)
    async def shown(request: Request) -> Response:
        site = await house(request).agency.site()
        board = house(request).agency.live.board
        is_part = "part" in request.query_params
        rows = board["alarms"]["rows"] if board and is_part else (await _told(request))["alarms"]
        cards = (await reader(request)).cards(row for row in rows if is_in(row))
        draw = partial(fragment, request, "alarm_list.html") if is_part else partial(page, request, "alarms.html")
        return draw(tab=tab, cards=cards, edition=edition_now(request, site))

    return shown


active = _list("active", lambda row: row["status"] in SHOWN)
shelved = _list("shelved", lambda row: row["status"] not in (*SHOWN, "normal"))


@needs(Role.VIEWER)
async def figures(request: Request) -> Response:
    """Show the figures of the alarm system against their targets."""
    site, told = await house(request).agency.site(), (await _told(request))["figures"]
    edition = edition_now(request, site)
    return page(request, "alarm_figures.html", tab="figures", figures=told, rows=figure_rows(told), edition=edition)


@needs(Role.VIEWER)
async def history(request: Request) -> Response:
    """Show what has been, the newest first: what is looked for, page by page."""
    query = {name: text.strip()[:LONGEST_SEARCH] for name, text in request.query_params.items()}
    site = await house(request).agency.site()
    zone = zone_of(site)
    from_ms, to_ms = period(query, zone)
    wanted = Wanted(
        text=query.get("q", ""),
        rule=query.get("rule", ""),
        thing=query.get("object", ""),
        happened=query.get("kind", "") if query.get("kind") in HAPPENINGS else "",
        from_ms=from_ms,
        to_ms=to_ms,
    )
    records, older = await _search(request, wanted, _number(query.get("before")))
    asked = {name: query[name] for name in ("q", "rule", "object", "kind", "from", "to") if query.get(name)}
    return page(
        request,
        "alarm_history.html",
        tab="history",
        edition=edition_now(request, site),
        lines=[line(record, language(request), zone) for record in records],
        asked=asked,
        kinds=HAPPENINGS,
        older=None if older is None else urlencode({**asked, "before": older}),
        is_first="before" not in query,
        newest=urlencode(asked),
    )


async def _search(request: Request, wanted: Wanted, before: int | None) -> tuple[list[dict[str, Any]], int | None]:
    """Return a page of records and where the next begins, ``None``: there is no more. Bounded, whatever is sought."""
    found: list[dict[str, Any]] = []
    for _ in range(MOST_SEARCHED):
        records, next_before = await _journal(request, before=before, since_ms=wanted.from_ms)
        for record in records:
            if wanted.is_over(record):
                return found, None
            if wanted.takes(record):
                found.append(record)
                if len(found) == MOST_LINES:
                    return found, record["seq"]
        before = next_before
        if before is None:
            break
    return found, before


async def _journal(request: Request, **asked: Any) -> tuple[list[dict[str, Any]], int | None]:
    """Return records of alarms, the newest first, and where to go on."""
    words = {"do": "journal", "kinds": ["alarm"], "limit": A_QUESTION}
    given = {name: value for name, value in asked.items() if value is not None}
    told = await house(request).agency.ask(words | given)
    return [record for record in told["records"] if record.get("kind") == "alarm"], told.get("next")


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < len(str(2**53)) else None


# --- one alarm -------------------------------------------------------------------------------------------------------


@needs(Role.VIEWER)
async def alarm(request: Request) -> Response:
    """Show one alarm: its evidence, advice, chart, and what happened to it."""
    return await _alarm(request)


async def _alarm(request: Request, status: int = 200, said_no: str | None = None) -> Response:
    agency, name = house(request).agency, request.path_params["alarm"]
    site = await agency.site()
    rows = (await _told(request, everything=True))["alarms"]
    row = next((row for row in rows if row["alarm"] == name), None)
    story, older = await _journal(request, alarm=name, before=_number(request.query_params.get("before")))
    if row is None and not story:
        return refusal(request, 404, "alarms.unknown")
    told = row if row is not None else _ended(story[0])
    sees, zone = await reader(request), zone_of(site)
    teller = Teller(sees.say, house(request).words.texts, zone)
    choice = _around(told, story, site, now_ms(request))
    return page(
        request,
        "alarm.html",
        status=status,
        said_no=said_no,
        card=sees.card(told),
        is_gone=row is None,
        facts=teller.facts(_evident(told, story)),
        trend=choice.query(fixed=True) if choice else None,
        story=[line(record, language(request), zone) for record in story],
        older=older,
        first=_first_out(told, rows),
        shelf_times=shelf_times(now_ms(request), zone, told.get("longest_shelf_s") or USUAL_SHELF_S),
        edition=edition_now(request, site),
        tab="active" if told["status"] in SHOWN else "shelved",
    )


def _ended(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of an alarm whose limit or rule is gone, from its last record."""
    return {**record, "status": "normal", "active": False, "escalated": False, "shelved_by": None, "out_by": None}


def _evident(told: Row, story: list[dict[str, Any]]) -> Row:
    """Return what tells the evidence: the alarm as it is; of one that is normal, how it was raised last."""
    if told.get("evidence") or told.get("value") is not None:
        return told
    return next((record for record in story if record.get("state") == "raised"), told)


def _around(told: Row, story: list[dict[str, Any]], site: Mapping[str, Any], now: int) -> Choice | None:
    """Return what the chart shows: the points concerned around the moment the alarm began; ``None`` when not known."""
    points = points_of(told, site)
    raised = next((record for record in story if record.get("state") == "raised"), {})
    began = of_record(told.get("since")) or of_record(raised.get("since")) or of_record(raised.get("ts"))
    if not points or began is None or began > now:
        return None
    return Choice(points=tuple(points), span=None, from_ms=began - _BEFORE_MS, to_ms=min(now, began + _AFTER_MS))


def _first_out(told: Row, rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the alarm that was the first of its group, when that is another one."""
    group = told.get("group")
    if not group or told["status"] == "normal" or told.get("first_out"):
        return None
    return next((row for row in rows if row.get("group") == group and row.get("first_out")), None)


# --- what people do --------------------------------------------------------------------------------------------------


def _act(do: str, role: Role) -> Callable[[Request], Any]:
    """Return the endpoint of something that people do to one alarm."""

    @needs(role)
    async def done(request: Request) -> Response:
        sent, name = await form(request), request.path_params["alarm"]
        words = {"do": do, "alarm": name, "note": sent.get("note", "").strip()[:LONGEST_NOTE], "user": _user(request)}
        try:
            if do == "shelve":
                words |= await _shelf(request, sent)
            await house(request).agency.ask(words)
        except Refused as reason:
            return await _alarm(request, 409, refused(reason, (await reader(request)).say))
        return after(request, _back(sent, name), f"alarms.done.{do}")

    return done


async def _shelf(request: Request, sent: Mapping[str, str]) -> dict[str, Any]:
    """Return for how long, and whether only once. Raises Refused when the form says neither."""
    zone = zone_of(await house(request).agency.site())
    times = shelf_times(now_ms(request), zone)
    if sent.get("for") not in times:
        raise Refused("shelve it for some time")
    return {"for_s": times[sent["for"]][0], "once": sent.get("once") == "1"}


@needs(Role.OPERATOR)
async def acknowledge_all(request: Request) -> Response:
    """Acknowledge everything that asks for somebody."""
    sent = await form(request)
    words = {"do": "acknowledge", "alarm": "all", "note": sent.get("note", "").strip()[:LONGEST_NOTE]}
    try:
        told = await house(request).agency.ask({**words, "user": _user(request)})
    except Refused as reason:
        return after(request, "/alarms", "alarms.not_done", reason=refused(reason, (await reader(request)).say))
    return after(request, "/alarms", "alarms.done.all", n=len(told["done"]))


def _user(request: Request) -> str:
    person: Person | None = person_of(request)
    return person.user if person is not None else ""


def _back(sent: Mapping[str, str], name: str) -> str:
    """Return where to go when it is done: the list it was done from, else the alarm."""
    lists = {"active": "/alarms", "shelved": "/alarms/shelved"}
    return lists.get(sent.get("from", ""), f"/alarms/{quote(name, safe='')}")


_ACTS: Final = {
    "acknowledge": Role.OPERATOR,
    "shelve": Role.OPERATOR,
    "unshelve": Role.OPERATOR,
    "reset": Role.OPERATOR,
    "take-out": Role.INSTALLER,
    "put-back": Role.INSTALLER,
}

ROUTES: list[BaseRoute] = [
    Route("/alarms", active),
    Route("/alarms/active", active),
    Route("/alarms/shelved", shelved),
    Route("/alarms/history", history),
    Route("/alarms/figures", figures),
    Route("/alarms/acknowledge-all", acknowledge_all, methods=["POST"]),
    Route("/alarms/{alarm}", alarm),
    *(Route(f"/alarms/{{alarm}}/{do}", _act(do, role), methods=["POST"]) for do, role in _ACTS.items()),
]
