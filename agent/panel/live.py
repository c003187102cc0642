"""What viewers see move: server-sent events, one stream for each viewer, one edition a second for each language.

    GET /live            hello {words}, then board {at, text, state, gone, alarms} whole, then only what has changed;
                         away {} when the agent is gone or says nothing, again and again for as long as that lasts
    POST /live/silence   somebody has silenced the sound of their browser: recorded, and acknowledges nothing. Whoever
                         may acknowledge alarms silences the plant's horn with it; lookers-on cannot

All viewers share one connection to the agent (`agent.panel.agency.Live`). Each line is put into words once for each
language that is being read, and encoded once; a viewer who missed one gets the whole edition. A stream ends with its
session.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import orjson
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from agent.panel.agency import Away, Refused
from agent.panel.edition import BLANK, Edition, Press
from agent.panel.house import house
from agent.panel.page import is_still_in, language, refusal
from agent.panel.person import Role, needs, person_of
from agent.panel.spoken import zone_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.requests import Request

    from agent.panel.agency import Board
    from agent.panel.words import Language, Words

QUIET_S: Final = 4.0
"""An agent that says nothing for so long is shown as gone; gone, it is shown so again after as long."""
MOST_STREAMS: Final = 400
"""As many as there may be connections: the gate shares those out fairly."""
_HELLO_WORDS: Final = {
    "sound_on": "live.sound_on",
    "silence": "live.silence",
    "silenced": "live.silenced",
    "stale": "live.stale",
    "stale_age": "live.stale_age",
}
"""What live.js says by itself."""


class Desk:
    """The editions of one language. `number` counts them."""

    def __init__(self, language: Language, words: Words) -> None:
        self._language: Language = language
        self._words = words
        self._board: Board | None = None
        self._site: Mapping[str, Any] | None = None
        self._press: Press | None = None
        self._changes = self._whole = b""
        self.number = 0
        self.edition = BLANK

    def take(self, board: Board, site: Mapping[str, Any]) -> Edition:
        """Put a line of the agent into words, unless that is done already; return the edition."""
        if self._press is None or site is not self._site:
            say = partial(self._words.said, self._language)
            self._site, self._press = site, Press.of_site(site, say, zone_of(site))
        if board is not self._board:
            before, self.edition = self.edition, self._press.edition(board)
            self._board, self._whole = board, b""
            self._changes = told("board", self.edition.since(before))
            self.number += 1
        return self.edition

    def news(self, number: int) -> bytes:
        """Return what is told to a viewer whose edition has `number`: nothing, what has changed since, or the whole."""
        if number == self.number:
            return b""
        if number and number == self.number - 1:
            return self._changes
        if not self._whole:
            self._whole = told("board", self.edition.since(BLANK))
        return self._whole


class Newsroom:
    """The desks of all languages, and how many streams there are."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._desks: dict[Language, Desk] = {}
        self.streams = 0

    def desk(self, language: Language) -> Desk:
        """Return the desk of a language."""
        if language not in self._desks:
            self._desks[language] = Desk(language, self._words)
        return self._desks[language]


def newsroom(request: Request) -> Newsroom:
    """Return the newsroom of this panel."""
    state = request.app.state
    if not hasattr(state, "newsroom"):
        state.newsroom = Newsroom(house(request).words)
    found: Newsroom = state.newsroom
    return found


def edition_now(request: Request, site: Mapping[str, Any]) -> Edition:
    """Return the present edition in the viewer's language; a blank one while nothing is known of the present."""
    board = house(request).agency.live.board
    return BLANK if board is None else newsroom(request).desk(language(request)).take(board, site)


@needs(Role.VIEWER)
async def live(request: Request) -> Response:
    """Answer GET /live."""
    room = newsroom(request)
    if room.streams >= MOST_STREAMS:
        return refusal(request, 503, "live.full")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(request), media_type="text/event-stream", headers=headers)


async def _stream(request: Request) -> AsyncIterator[bytes]:
    room, words, reads = newsroom(request), house(request).words, language(request)
    room.streams += 1
    try:
        hello = {name: words.said(reads, key) for name, key in _HELLO_WORDS.items()}
        yield b"retry: 1000\n" + told("hello", {"words": hello})
        desk, number = room.desk(reads), 0
        async for board in _boards(request):
            site = await _site(request, board)
            if board is None or site is None:
                number = 0
                yield told("away", {})
                continue
            desk.take(board, site)
            news, number = desk.news(number), desk.number
            if news:
                yield news
    finally:
        room.streams -= 1


async def _boards(request: Request) -> AsyncIterator[Board | None]:
    """Yield each new board, ``None`` while there is none; end with the session."""
    boards = aiter(house(request).agency.live.subscribe())
    awaited: asyncio.Future[Board | None] | None = None
    try:
        while is_still_in(request):
            awaited = awaited or asyncio.ensure_future(anext(boards))
            await asyncio.wait({awaited}, timeout=QUIET_S)
            if not awaited.done():
                yield None
                continue
            board, awaited = awaited.result(), None
            yield board
    except StopAsyncIteration:
        return
    finally:
        if awaited is not None:
            awaited.cancel()


async def _site(request: Request, board: Board | None) -> Mapping[str, Any] | None:
    try:
        return None if board is None else await house(request).agency.site()
    except (Away, Refused):
        return None


@needs(Role.VIEWER)
async def silence(request: Request) -> Response:
    """Answer POST /live/silence: quiet the horn, if the person may, and have it recorded."""
    person, tower = person_of(request), house(request).tower
    if tower is not None and person is not None and person.may(Role.OPERATOR):
        tower.silence()
    house(request).agency.note("silence", user=person.user if person else "", address=request.scope["state"]["address"])
    return Response(status_code=204)


def told(event: str, data: Mapping[str, Any]) -> bytes:
    """Return one server-sent event (WHATWG HTML 9.2): JSON has no line ends, so its data is one line."""
    return b"event: " + event.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"


ROUTES: list[BaseRoute] = [Route("/live", live), Route("/live/silence", silence, methods=["POST"])]
