"""The panel's doorman, in front of every page (an ASGI middleware).

What it lets through has passed all of this:

1. The Host is one of ours. A page elsewhere whose name is made to lead here (DNS rebinding) brings a foreign one.
2. The method is GET, HEAD or POST. An OPTIONS is a foreign page asking for permission (CORS): nobody has any.
3. A GET brings no body.
4. A POST comes from a page of ours (Origin, Sec-Fetch-Site), not too often from one address, is a form of at most
   64 KiB that arrives in time, and carries the CSRF token of its session.

It puts ``person``, ``session``, ``csrf``, ``body`` and ``address`` into ``scope["state"]``, and security headers on
every answer. What is refused here gets one line of plain text and a closed connection.
"""

from __future__ import annotations

import asyncio
import hmac
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

from agent.log import get
from agent.panel.agency import asker
from agent.panel.limits import Rates, who
from agent.panel.person import Person, Role
from agent.panel.sessions import pre_session, pre_session_csrf

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from agent.panel.house import House
    from agent.panel.sessions import Session

MOST_BODY: Final = 64 * 1024
BODY_S: Final = 10.0
"""How long a form may take to arrive."""
FORM: Final = "application/x-www-form-urlencoded"
MOST_FIELDS: Final = 500
POSTS: Final = (60.0, 2.0)
"""Forms of one address: so many at once, so many a second after that."""
MOST_INSIDE: Final = 100
"""Requests of one address under way, without streams: who hangs up and asks again still waits for the first answer."""

log = get(__name__)

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Nothing leaks to other sites. With "no-referrer" browsers would send "Origin: null" with our own forms too.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), usb=()",
}


class Refusal(Exception):
    """A request that goes no further."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


@dataclass(frozen=True, slots=True)
class Cookies:
    """The names of our cookies. With TLS browsers keep others from setting them (``__Host-``)."""

    session: str
    visit: str
    secure: bool

    def set(self, headers: MutableHeaders, name: str, value: str, *, lasts_s: int | None = None) -> None:
        """Set a cookie that scripts cannot read and that no other site's request carries."""
        parts = [f"{name}={value}", "Path=/", "HttpOnly", "SameSite=Strict"]
        parts += [f"Max-Age={lasts_s}"] if lasts_s is not None else []
        parts += ["Secure"] if self.secure else []
        headers.append("set-cookie", "; ".join(parts))


def cookies(*, tls: bool) -> Cookies:
    """Return the names with or without TLS."""
    prefix = "__Host-" if tls else ""
    return Cookies(f"{prefix}plantgate", f"{prefix}plantgate-visit", tls)


class Guard:
    """Lets through what may come in."""

    def __init__(self, app: ASGIApp, house: House) -> None:
        self._app = app
        self._house = house
        self._cookies = cookies(tls=house.settings.panel.tls)
        self._posts = Rates(*POSTS)
        self._inside: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge one request, and pass it on."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        state: dict[str, Any] = scope.setdefault("state", {})
        state["address"] = who(scope["client"][0] if scope.get("client") else "")
        state["cookies"] = self._cookies
        send = _with_headers(send, state)
        try:
            self._judge(scope, headers)
            self._recognise(scope, headers, state)
            if scope["method"] == "POST":
                self._judge_post(scope, headers, state)
                state["body"] = await _body(receive, headers)
                _judge_token(headers, state)
            async with self._within(scope, state["address"]):
                await self._app(scope, _replayed(state["body"], receive) if "body" in state else receive, send)
        except Refusal as refusal:
            answer = PlainTextResponse(f"{refusal.reason}\n", refusal.status, {"connection": "close"})
            await answer(scope, receive, send)

    @asynccontextmanager
    async def _within(self, scope: Scope, address: str) -> AsyncIterator[None]:
        """Count a request while it is under way, and let the agency know for whom it asks. Raises Refusal."""
        asker.set(address)
        counted = [] if scope["path"] == "/live" else [address]
        if counted and self._inside[address] >= MOST_INSIDE:
            raise Refusal(429, "too many requests; wait a minute")
        self._inside.update(counted)
        try:
            yield
        finally:
            self._inside.subtract(counted)
            self._inside += Counter()  # forgets those who are at nought

    def _judge(self, scope: Scope, headers: Headers) -> None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._house.is_ours(hosts[0]):
            raise Refusal(421, "this panel does not go by that name; see [panel] hosts in the site file")
        if scope["method"] == "OPTIONS":
            raise Refusal(403, "other sites have no permission here")
        if scope["method"] not in ("GET", "HEAD", "POST"):
            raise Refusal(405, "GET, HEAD and POST only")
        if "transfer-encoding" in headers and "content-length" in headers:  # RFC 9112 6.1: a smuggler's, or a mistake
            raise Refusal(400, "one length is enough")
        has_body = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
        if scope["method"] != "POST" and has_body:
            raise Refusal(413, "a GET brings nothing")

    def _recognise(self, scope: Scope, headers: Headers, state: dict[str, Any]) -> None:
        """Find out who asks."""
        sent = _cookies_of(headers)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=None))
        is_activity = "part" not in query and scope["path"] != "/live"
        session, person = self._found(sent.get(self._cookies.session, ""), is_activity=is_activity) or (None, None)
        if person is None and self._house.settings.panel.open:
            person = Person("", Role.VIEWER)
        if "kiosk" in query and person is not None:
            person = Person(person.user, Role.VIEWER)
        state |= {"session": session, "person": person, "csrf": self._token(session, sent, state)}

    def _found(self, token: str, *, is_activity: bool) -> tuple[Session, Person] | None:
        """Return the session of a token and its person; nobody while the accounts cannot be read."""
        try:
            return self._house.sessions.find(token, self._house.mono_ns(), is_activity=is_activity)
        except (OSError, ValueError) as error:
            log.warning("nobody is let in: the accounts cannot be read", error=error)
            return None

    def _token(self, session: Session | None, sent: Mapping[str, str], state: dict[str, Any]) -> str:
        """Return the CSRF token of a session, or of a visitor, who gets a cookie for it."""
        if session is not None:
            return session.csrf
        visit = sent.get(self._cookies.visit, "")
        if not visit:
            visit = state["visit"] = pre_session()
        return pre_session_csrf(visit)

    def _judge_post(self, scope: Scope, headers: Headers, state: dict[str, Any]) -> None:
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        ours = f"{scope['scheme']}://{headers['host']}".lower()
        if (site is None and origin is None) or site not in (None, "same-origin"):
            raise Refusal(403, "forms are sent from the panel's own pages only")
        if origin is not None and origin.lower() != ours:
            raise Refusal(403, "forms are sent from the panel's own pages only")
        if not self._posts.take(state["address"], self._house.mono_ns()):
            raise Refusal(429, "too many requests; wait a minute")
        if headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            raise Refusal(415, f"forms are sent as {FORM}")


def _judge_token(headers: Headers, state: dict[str, Any]) -> None:
    try:
        fields = parse_qsl(state["body"].decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise Refusal(400, "this is no form") from None
    state["form"] = {name: value for name, value in fields if name != "csrf"}
    token = headers.get("x-csrf") or dict(fields).get("csrf", "")
    if not hmac.compare_digest(token.encode("utf-8", "replace"), state["csrf"].encode()):
        raise Refusal(403, "the form is out of date: load the page again")


async def _body(receive: Receive, headers: Headers) -> bytes:
    """Return the body, whole. Raises Refusal when it is too long, too slow, or never ends."""
    said = headers.get("content-length")
    if said is not None and (not said.isascii() or not said.isdigit() or len(said) > len(str(MOST_BODY)) + 1):
        raise Refusal(413, "too long")
    if said is not None and int(said) > MOST_BODY:
        raise Refusal(413, "too long")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refusal(400, "gone")
                body += message.get("body", b"")
                if len(body) > MOST_BODY:
                    raise Refusal(413, "too long")
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise Refusal(408, "too slow") from None


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that tells the body once more, and then what comes."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _with_headers(send: Send, state: dict[str, Any]) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
            if "visit" in state and headers.get("content-type", "").startswith("text/html"):
                names: Cookies = state["cookies"]
                names.set(headers, names.visit, state["visit"])
        await send(message)

    return sent


def _cookies_of(headers: Headers) -> dict[str, str]:
    """Return the cookies; the first of a name, which browsers send for the longest path."""
    found: dict[str, str] = {}
    for header in headers.getlist("cookie"):
        for pair in header.split(";"):
            name, _, value = pair.strip().partition("=")
            found.setdefault(name, value[:256])
    return found
