"""What the panel's doorman lets through, and what not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from agent.panel.addresses import Names, bare
from agent.panel.guard import CSP, MOST_BODY
from agent.panel.page import STATIC, asset
from agent.panel.person import Role
from tests.agent.panel.rig import HOST, PASSWORD, HandClock, Rig, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

ORIGIN = f"http://{HOST}"
FORM = "application/x-www-form-urlencoded"


def send(rig: Rig, path: str = "/look", method: str = "POST", body: Any = None, **headers: Any) -> Any:
    """Send a request as a browser does from our page, but for the headers that are given (``None``: without it)."""
    ours: dict[str, str | None] = {"origin": ORIGIN, "content-type": FORM, "x-csrf": rig.csrf()}
    ours |= {name.replace("_", "-"): value for name, value in headers.items()}
    said = {name: value for name, value in ours.items() if value is not None}
    return rig.client.request(method, path, content=b"theme=dark" if body is None else body, headers=said)


# --- Host (DNS rebinding) ----------------------------------------------------------------------------------------

HOSTS = {
    HOST: 200,
    f"{HOST}:8080": 200,
    "PANEL.local.": 200,
    "localhost:8080": 200,
    "127.0.0.1": 200,
    "[::1]:8080": 200,
    "box": 200,
    "evil.example": 421,
    "panel.local.evil.example": 421,
    "panel.local@evil.example": 421,
    "169.254.1.1": 421,
    "": 421,
    "[::1": 421,
    "panel.local:port": 421,
    "x" * 300: 421,
}


@pytest.mark.parametrize("host", HOSTS)
def test_only_our_own_names_are_answered(rig: Rig, host: str) -> None:
    """A foreign name that is made to lead here (DNS rebinding) gets nothing, not even a page."""
    assert rig.get("/login", host=host).status_code == HOSTS[host]


def test_a_request_with_two_hosts_is_refused(rig: Rig) -> None:
    """Nobody can have one checked and the other used."""
    answer = rig.client.get("/login", headers=[("host", HOST), ("host", "evil.example")])

    assert answer.status_code == 421


def test_an_address_the_box_got_since_is_ours() -> None:
    """Addresses change with the network; the box looks again, but not for every foreign name."""
    own, looks, clock = ["10.0.0.5"], [], HandClock()

    def look() -> list[str]:
        looks.append(1)
        return own

    names = Names(settings().panel, clock.mono_ns, own=look)
    own.append("10.0.0.9")
    clock.pass_s(11)

    assert names.is_ours("10.0.0.9:8080")
    assert not any(names.is_ours(f"evil{number}.example") for number in range(100))
    assert len(looks) == 2


NONSENSE = [
    "a:b:c",
    "ａ.local",
    "a\tb:x",
    ":80",
    "127.0.0.1%@evil.example",
    '127.0.0.1%"><script>',
    "[127.0.0.1]",
    "[::1%25eth0]",
    "[::1]x",
    "[::1",
    "localhost:80a",
    "localhost:٣",
    "localhost/x",
    "localhost..",
    "x@localhost",
    "localhost\n",
]


@pytest.mark.parametrize("host", NONSENSE)
def test_nonsense_is_no_host(host: str) -> None:
    """What is no name with a port behind it names nothing of ours."""
    assert bare(host) is None or not Names(settings().panel, HandClock().mono_ns, own=list).is_ours(host)


# --- methods, CORS -----------------------------------------------------------------------------------------------

METHODS = {"OPTIONS": 403, "PUT": 405, "DELETE": 405, "PATCH": 405, "TRACE": 405, "CONNECT": 405, "PROPFIND": 405}


@pytest.mark.parametrize("method", METHODS)
def test_other_methods_are_refused(rig: Rig, method: str) -> None:
    """There is reading and there are forms, nothing else."""
    assert send(rig, method=method, body=b"").status_code == METHODS[method]


def test_a_foreign_page_that_asks_for_permission_gets_none(rig: Rig) -> None:
    """A CORS preflight is refused, and no answer has a header that would let another site read it."""
    asks = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    preflight = rig.client.options("/alarms/acknowledge", headers=asks)

    assert preflight.status_code == 403
    for answer in (preflight, rig.get("/login", origin="https://evil.example"), rig.get("/no-such-page")):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


# --- forms from elsewhere (CSRF) ---------------------------------------------------------------------------------

ORIGINS: dict[str, tuple[dict[str, Any], int]] = {
    "ours": ({}, 303),
    "ours, told twice": ({"sec_fetch_site": "same-origin"}, 303),
    "told by the browser only": ({"origin": None, "sec_fetch_site": "same-origin"}, 303),
    "a foreign page": ({"origin": "https://evil.example"}, 403),
    "a foreign page, told by the browser only": ({"origin": None, "sec_fetch_site": "cross-site"}, 403),
    "another port of this box": ({"origin": f"{ORIGIN}:9000"}, 403),
    "a name below ours": ({"sec_fetch_site": "same-site"}, 403),
    "another scheme": ({"origin": f"https://{HOST}"}, 403),
    "a sandboxed frame": ({"origin": "null"}, 403),
    "nobody says": ({"origin": None}, 403),
    "typed in": ({"origin": None, "sec_fetch_site": "none"}, 403),
}


@pytest.mark.parametrize("case", ORIGINS)
def test_forms_come_from_our_own_pages(rig: Rig, case: str) -> None:
    """Where a form comes from is told by the browser, which a foreign page cannot change."""
    headers, status = ORIGINS[case]

    assert send(rig, **headers).status_code == status


TOKENS: dict[str, tuple[str | None, int]] = {
    "none": (None, 403),
    "empty": ("", 403),
    "of somebody else": ("0" * 64, 403),
    "not even a token": ("; &&", 403),
}


@pytest.mark.parametrize("role", ["", "operator"])
@pytest.mark.parametrize("case", TOKENS)
def test_a_form_without_the_token_of_its_session_is_refused(rig: Rig, case: str, role: str) -> None:
    """Also before the login: nobody can be logged in as somebody else by a foreign page."""
    if role:
        rig.login(role)
    token, status = TOKENS[case]

    assert send(rig, x_csrf=token).status_code == status


def test_the_token_changes_with_the_login(rig: Rig) -> None:
    """A token from before is worth nothing after, nor one of another session."""
    before = rig.csrf()
    rig.login("operator")
    first = rig.csrf()
    rig.post("/logout")
    rig.login("operator")

    assert len({before, first, rig.csrf()}) == 3
    for token in (before, first):
        assert send(rig, x_csrf=token).status_code == 403


def test_a_form_may_bring_its_token_itself(rig: Rig) -> None:
    """As forms do; scripts put it into the header."""
    answer = send(rig, x_csrf=None, body=f"csrf={rig.csrf()}&theme=dark".encode())

    assert answer.status_code == 303


# --- bodies ------------------------------------------------------------------------------------------------------


def chunks(size: int) -> Iterator[bytes]:
    """Yield a body in parts, whose length is told nowhere."""
    for _ in range(size // 1024):
        yield b"a" * 1024


BODIES: dict[str, tuple[Any, dict[str, Any], int]] = {
    "just short enough": (b"a=" + b"b" * (MOST_BODY - 2), {}, 303),
    "one too many": (b"a" * (MOST_BODY + 1), {}, 413),
    "chunked, too long": (lambda: chunks(MOST_BODY + 1024), {}, 413),
    "no form": (b"{}", {"content_type": "application/json"}, 415),
    "a file": (b"--x--", {"content_type": "multipart/form-data; boundary=x"}, 415),
    "plain text": (b"a=b", {"content_type": "text/plain"}, 415),
    "nothing said": (b"a=b", {"content_type": None}, 415),
    "no UTF-8": (b"a=\xff", {}, 400),
    "no UTF-8, escaped": (b"a=%ff", {}, 400),
    "thousands of fields": (b"&".join(b"a=b" for _ in range(1000)), {}, 400),
}


@pytest.mark.parametrize("case", BODIES)
def test_bodies_are_small_forms(rig: Rig, case: str) -> None:
    """64 KiB at most, whether the length is told or not, and a form."""
    body, headers, status = BODIES[case]

    assert send(rig, body=body() if callable(body) else body, **headers).status_code == status


def test_a_get_brings_nothing(rig: Rig) -> None:
    """A body behind a GET is not read, and the connection ends."""
    answer = send(rig, method="GET", path="/login", body=b"x" * 100)

    assert answer.status_code == 413
    assert answer.headers["connection"] == "close"


def test_one_address_sends_only_so_many_forms(rig: Rig) -> None:
    """A burst goes through, then two a second."""
    token = rig.csrf()
    statuses = [send(rig, x_csrf=token).status_code for _ in range(70)]
    assert statuses.count(303) == 60
    assert set(statuses[60:]) == {429}
    rig.clock.pass_s(1)
    assert [send(rig, x_csrf=token).status_code for _ in range(3)] == [303, 303, 429]


# --- headers -----------------------------------------------------------------------------------------------------

PAGES = ("/login", "/", "/no-such-page", "/static/panel.css", "/static/nothing", "/setup")


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_has_the_security_headers(rig: Rig, path: str) -> None:
    """Whatever is answered, browsers are told what to refuse."""
    headers = rig.get(path).headers

    assert headers["content-security-policy"] == CSP
    assert "unsafe" not in CSP
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert "server" not in headers


def test_refusals_have_them_too(rig: Rig) -> None:
    """Also what goes no further than the door."""
    headers = rig.get("/login", host="evil.example").headers

    assert headers["content-security-policy"] == CSP
    assert headers["cache-control"] == "no-store"


def test_pages_are_not_kept_and_hashed_files_are(rig: Rig) -> None:
    """What a shared computer's browser keeps are styles and scripts, for long, by the hash of what is in them."""
    assert rig.get("/login").headers["cache-control"] == "no-store"
    assert "immutable" in rig.get(asset("panel.css")).headers["cache-control"]
    assert rig.get("/static/panel.css").headers["cache-control"] == "no-cache"
    assert "immutable" not in rig.get("/static/nothing?v=1").headers["cache-control"]


def test_no_page_has_script_or_style_in_it() -> None:
    """The policy forbids both; a template with one would break silently."""
    guilty = [
        path.name
        for path in (STATIC.parent / "templates").glob("*.html")
        if re.search(
            r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)", path.read_text("utf-8"), re.IGNORECASE
        )
    ]

    assert guilty == []


def test_nothing_is_fetched_from_elsewhere() -> None:
    """The plant has no internet: every address in templates, styles and scripts is our own."""
    files = [*(STATIC.parent / "templates").glob("*.html"), *STATIC.glob("*.css"), *STATIC.glob("*.js")]
    foreign = re.compile(r"(?:src|href|action)=[\"']?(?:https?:)?//|url\([\"']?(?:https?:)?//|@import|fetch\([\"']http")

    assert [path.name for path in files if foreign.search(path.read_text("utf-8"))] == []


# --- paths -------------------------------------------------------------------------------------------------------

TRICKS = [
    "/static/../app.py",
    "/static/..%2fapp.py",
    "/static/%2e%2e/app.py",
    "/static/..%5capp.py",
    "/static//etc/passwd",
    "/static/%2fetc%2fpasswd",
    "/static/....//app.py",
    "/static/%00",
    "/static/panel.css%00.html",
    "/static/.",
    "/static/",
    "/static/%c0%ae%c0%ae/app.py",
    "/static/" + "../" * 20 + "etc/passwd",
    "/static/" + "a" * 5000,
    "//etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/templates/layout.html",
    "/accounts.json",
]


@pytest.mark.parametrize("path", TRICKS)
@pytest.mark.parametrize("role", ["", "installer"])
def test_tricks_with_paths_lead_nowhere(rig: Rig, path: str, role: str) -> None:
    """Files beside the static ones, and the machine's own, cannot be had."""
    if role:
        rig.login(role)
    answer = rig.client.request("GET", path)

    assert answer.status_code in (404, 405)
    assert "root:" not in answer.text
    assert "import" not in answer.text


ONWARD = {
    "/alarms": "/alarms",
    "/alarms?x=1": "/alarms?x=1",
    "//evil.example": "/",
    "/\\evil.example": "/",
    "https://evil.example": "/",
    "javascript:alert(1)": "/",
    "/a\r\nset-cookie: x=1": "/",
    "/login": "/",
    "": "/",
}


@pytest.mark.parametrize("onward", ONWARD)
def test_a_login_leads_on_to_our_own_pages_only(rig: Rig, onward: str) -> None:
    """A link to the login page cannot send anybody to another site."""
    rig.account("wang", Role.OPERATOR)
    answer = rig.post("/login", user="wang", password=PASSWORD, next=onward)

    assert answer.status_code == 303
    assert answer.headers["location"] == ONWARD[onward]
    assert answer.headers.get("set-cookie", "").count("x=1") == 0
