"""Whether the panel answers where the site file says it listens."""

from __future__ import annotations

import socket
import ssl
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent.doctor.finding import find
from agent.uplink.dial import in_words

if TYPE_CHECKING:
    from agent.doctor.case import Case
    from agent.doctor.finding import Finding

STEP_S: Final = 3.0
_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}
_WORD: Final = b"HTTP/"


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelFacts:
    """What was seen: why nobody answered (`error`), whether it was HTTP that answered, and over TLS."""

    host: str
    port: int
    error: str = ""
    is_http: bool = False
    is_tls: bool = False


def read(host: str, port: int) -> PanelFacts:
    """Ask for the head of the first page."""
    asked, error = (_ANYWHERE.get(host, host), port), ""
    try:
        answer = _head(asked, tls=True)
        return PanelFacts(host=host, port=port, is_http=answer.startswith(_WORD), is_tls=True)
    except ssl.SSLError:
        pass  # it speaks plainly
    except OSError as trouble:
        error = in_words(trouble)
    try:
        answer = _head(asked, tls=False)
    except OSError as trouble:
        return PanelFacts(host=host, port=port, error=error or in_words(trouble))
    return PanelFacts(host=host, port=port, is_http=answer.startswith(_WORD))


def _head(address: tuple[str, int], *, tls: bool) -> bytes:
    """Return the first bytes of an answer. The certificate is not judged: it is our own, and nothing secret is sent."""
    stream: socket.socket = socket.create_connection(address, STEP_S)
    with closing(stream):
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            stream = context.wrap_socket(stream)
        with closing(stream):
            stream.sendall(b"HEAD /login HTTP/1.0\r\nHost: localhost\r\n\r\n")
            return stream.recv(64)


def judge(facts: PanelFacts) -> list[Finding]:
    """Return what is to be said of the panel."""
    where = f"{facts.host}:{facts.port}"
    if facts.error:
        return [find("panel-silent", where, error=facts.error)]
    if not facts.is_http:
        return [find("panel-foreign", where, port=facts.port)]
    is_here = facts.host.startswith("127.") or facts.host in ("::1", "localhost")
    name = "panel-fine" if facts.is_tls or is_here else "panel-plain"
    return [find(name, where, scheme="https" if facts.is_tls else "http")]


def look(case: Case) -> list[Finding]:
    """Read and judge. Without a ``[panel]`` in the site file there is none to look for."""
    panel = None if case.site is None else case.site.panel
    return [] if panel is None else judge(read(panel.host, panel.port))
