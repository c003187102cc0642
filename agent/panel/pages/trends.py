"""Trends: up to eight points over an hour or a year, as charts, as a table, and as a file for spreadsheets.

The address holds the whole choice, so that it can be kept as a bookmark. The charts are drawn by trend.js from
``/trends/data.json``; everything else works without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from agent.panel import csv_export
from agent.panel.agency import Refused
from agent.panel.house import house
from agent.panel.moments import for_field
from agent.panel.page import page, refusal, said, t
from agent.panel.person import Role, needs, person_of
from agent.panel.series import HOUR_MS, MOST_POINTS, RANGES, amount_unit, charts, chosen, drawn, figures, periods
from agent.panel.spoken import now_ms, spoken, zone_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.requests import Request

    from agent.panel.agency import Agency
    from agent.panel.series import Choice

ROWS_PER_PAGE: Final = 100
LEVELS: Final = {"minute": 24, "ten": 7 * 24, "hour": 30 * 24, "day": 400 * 24}
"""Hours of one question for a file: about 1500 rows a point at most."""
LONGEST_FILE_MS: Final = {"minute": 31 * 24 * HOUR_MS}
"""More minutes than that are asked for in several files."""
LEVEL_WORDS: Final = {
    "minute": "trends.level.minute",
    "ten": "trends.level.ten",
    "hour": "trends.level.hour",
    "day": "trends.level.day",
}
_LIMITS: Final = {
    "high_high": "trends.limit.high_high",
    "high": "trends.limit.high",
    "low": "trends.limit.low",
    "low_low": "trends.limit.low_low",
}


class Asked:
    """A request for trends: what is chosen, and what the site says of it."""

    def __init__(self, request: Request, site: Mapping[str, Any]) -> None:
        self.site = site
        self.points: dict[str, dict[str, Any]] = {
            f"{device['name']}.{point['name']}": {**point, "device": device["label"]}
            for device in site["devices"]
            for point in device["points"]
            if point["number"]
        }
        self.units: dict[str, str] = {name: point["unit"] or "" for name, point in self.points.items()}
        query = request.query_params
        self.choice, self.problems = chosen(query.getlist("p"), query, self.points, now_ms(request), zone_of(site))

    def limits(self, request: Request, points: tuple[str, ...]) -> list[dict[str, Any]]:
        """Return the limits of points, as lines of a chart."""
        found = [
            {"point": one["point"], "value": one[name], "word": t(request, key)}
            for one in self.site["limits"]
            for name, key in _LIMITS.items()
            if one["point"] in points and one.get(name) is not None
        ]
        factors = (factor for outlet in self.site["outlets"] for factor in outlet["factors"])
        return found + [
            {"point": factor["point"], "value": factor["limit"], "word": t(request, "trends.limit.permit")}
            for factor in factors
            if factor["point"] in points and factor.get("limit") is not None
        ]

    def named(self, request: Request, point: str) -> str:
        """Return a point as people know it."""
        about = self.points[point]
        return f"{said(request, about['device'])} · {said(request, about['label'])}"


async def _asked(request: Request) -> Asked:
    return Asked(request, await house(request).agency.site())


async def _series(agency: Agency, choice: Choice, level: str | None = None) -> tuple[str | None, dict[str, Any]]:
    if not choice.points:
        return None, {}
    answer = await agency.ask(choice.request(level))
    return answer["level"], answer["series"]


@needs(Role.VIEWER)
async def trends(request: Request) -> Response:
    """Show the choice, its charts and the figures of each point."""
    asked = await _asked(request)
    refused: str | None = None
    level: str | None = None
    series: dict[str, Any] = {}
    try:
        level, series = await _series(house(request).agency, asked.choice)
    except Refused as reason:
        refused = str(reason)
    choice = asked.choice
    shown = {point: figures(one, choice.from_ms, choice.to_ms) for point, one in series.items()}
    return _page(request, "trends.html", asked, figures=shown, level=level, refused=refused)


def _page(request: Request, template: str, asked: Asked, **context: Any) -> Response:
    choice = asked.choice
    return page(
        request,
        template,
        choice=choice,
        points=asked.points,
        amount_units={point: amount_unit(asked.units[point]) for point in choice.points},
        named={point: asked.named(request, point) for point in choice.points},
        devices=[one for one in asked.site["devices"] if any(point["number"] for point in one["points"])],
        ranges=RANGES,
        levels=LEVEL_WORDS,
        most=MOST_POINTS,
        form={"fields": _typed(request, asked), "problems": asked.problems},
        **spoken(request, asked.site),
        **context,
    )


def _typed(request: Request, asked: Asked) -> dict[str, str]:
    """Return what the fields for the time hold: what was typed while it is wrong, else what is shown."""
    if asked.problems.keys() & {"from", "to"}:
        return dict(request.query_params)
    if asked.choice.span is not None:
        return {}
    zone = zone_of(asked.site)
    return {"from": for_field(asked.choice.from_ms, zone), "to": for_field(asked.choice.to_ms, zone)}


@needs(Role.VIEWER)
async def table(request: Request) -> Response:
    """Show the periods as a table, a page at a time, the newest first."""
    asked = await _asked(request)
    level, series = await _series(house(request).agency, asked.choice)
    rows = periods(series)[::-1]
    last = max(1, -(-len(rows) // ROWS_PER_PAGE))
    number = request.query_params.get("page", "1")
    at = min(last, max(1, int(number))) if number.isdecimal() and len(number) < 6 else 1  # noqa: PLR2004
    shown = rows[(at - 1) * ROWS_PER_PAGE : at * ROWS_PER_PAGE]
    return _page(request, "trends_table.html", asked, rows=shown, level=level, at_page=at, last_page=last)


@needs(Role.VIEWER)
async def data(request: Request) -> Response:
    """Return what trend.js draws."""
    asked = await _asked(request)
    try:
        level, series = await _series(house(request).agency, asked.choice)
    except Refused as reason:
        return JSONResponse({"error": str(reason)}, 422)
    told = [_chart(request, asked, points, series) for points in charts(asked.choice.points, asked.units)]
    span = {"from": asked.choice.from_ms / 1000, "to": asked.choice.to_ms / 1000}
    return JSONResponse({"level": level, "timezone": asked.site["timezone"], **span, "charts": told})


def _chart(request: Request, asked: Asked, points: tuple[str, ...], series: Mapping[str, Any]) -> dict[str, Any]:
    lines = [
        {
            "point": point,
            "label": asked.named(request, point),
            "unit": asked.units[point],
            "decimals": asked.points[point].get("decimals"),
            "at": asked.choice.points.index(point),
            **drawn(series[point]),
        }
        for point in points
    ]
    return {
        "units": list(dict.fromkeys(line["unit"] for line in lines)),
        "lines": lines,
        "limits": asked.limits(request, points),
    }


@needs(Role.OPERATOR)
async def export(request: Request) -> Response:
    """Return the choice as a file for spreadsheets; who took it is recorded."""
    asked = await _asked(request)
    level = request.query_params.get("level", "")
    wrong = _no_file(asked, level)
    if wrong is not None:
        return refusal(request, 422, wrong)
    agency, choice = house(request).agency, asked.choice
    pieces = _pieces(agency, asked, level)
    first = await anext(pieces)  # what the agent refuses, it refuses before a file has begun
    person = person_of(request)
    assert person is not None
    about = {
        "what": "trend",
        "points": list(choice.points),
        "level": level,
        "from_ms": choice.from_ms,
        "to_ms": choice.to_ms,
    }
    agency.note("download", user=person.user, **about)
    name = f"trend-{asked.site['gateway']}-{level}-{choice.from_ms // 1000}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingResponse(_after(first, pieces), headers=headers, media_type="text/csv; charset=utf-8")


def _no_file(asked: Asked, level: str) -> str | None:
    """Return why there is no file of this, as a key of the words."""
    if not asked.choice.points or asked.problems:
        return "trends.nothing_to_export"
    if level not in LEVELS:
        return "trends.no_such_level"
    longest_ms = LONGEST_FILE_MS.get(level)
    if longest_ms is not None and asked.choice.to_ms - asked.choice.from_ms > longest_ms:
        return "trends.file_too_long"
    return None


async def _pieces(agency: Agency, asked: Asked, level: str) -> AsyncIterator[str]:
    """Yield the file, a stretch of time after the other."""
    choice, zone = asked.choice, zone_of(asked.site)
    told = csv_export.head(choice.points, asked.units)
    step_ms = LEVELS[level] * HOUR_MS
    for from_ms in range(choice.from_ms, choice.to_ms, step_ms):
        span = {"from_ms": from_ms, "to_ms": min(choice.to_ms, from_ms + step_ms)}
        answer = await agency.ask(choice.request(level) | span)
        yield told + csv_export.lines(choice.points, answer["series"], zone)
        told = ""


async def _after(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for piece in rest:
        yield piece


ROUTES: list[BaseRoute] = [
    Route("/trends", trends),
    Route("/trends/table", table),
    Route("/trends/data.json", data),
    Route("/trends/export.csv", export),
]
