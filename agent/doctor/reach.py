"""The way to the broker, step by step: name, TCP, TLS, MQTT. What each step gave, as facts.

Nothing is published and no will is left. The MQTT step is made under a client id of its own, and only while the running
agent is not connected itself: some brokers derive the client id from the user, and would throw the agent out.
"""

from __future__ import annotations

import secrets
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cryptography import x509

from agent.doctor.mqtt_probe import DISCONNECT, NotMqtt, connack, connect
from agent.uplink.dial import in_words, tls_context
from agent.uplink.endings import UNSUPPORTED_PROTOCOL, EndedError

if TYPE_CHECKING:
    from pathlib import Path

    from agent.doctor.mqtt_probe import Level
    from config.site import MqttUplink

STEP_S: Final = 5.0
_MOST: Final = 4096
_HUNG_UP: Final = "the broker hung up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One certificate: whose it is, who signed it, and when it is valid (milliseconds since 1970)."""

    subject: str
    issuer: str
    from_ms: int
    until_ms: int
    file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachFacts:
    """How far it went; a step that was not tried has no words. `code` is the broker's answer to CONNECT.

    `presented` is the certificate that the broker showed, also when it was refused; `ours` are those in the files of
    the site. `agent_connected`: the agent is connected itself (or may be, unless `agent_sure`), so that the last step
    was not made.
    """

    host: str
    port: int
    tls: bool
    address: str = ""
    name_error: str = ""
    tcp_error: str = ""
    tls_error: str = ""
    tls_version: str = ""
    presented: Certificate | None = None
    ours: tuple[Certificate, ...] = ()
    mqtt_error: str = ""
    level: int = 0
    code: int | None = None
    with_user: bool = False
    agent_connected: bool = False
    agent_sure: bool = True


def probe(uplink: MqttUplink, gateway: str, *, agent_connected: bool) -> ReachFacts:
    """Go as far as it goes."""
    facts = ReachFacts(
        host=uplink.host,
        port=uplink.port,
        tls=uplink.tls,
        ours=(*_in_file(uplink.ca_file), *_in_file(uplink.cert_file)),
        with_user=uplink.username is not None,
        agent_connected=agent_connected,
    )
    try:
        found = socket.getaddrinfo(uplink.host, uplink.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return replace(facts, name_error=in_words(error))
    return _from_tcp(facts, uplink, gateway, list(dict.fromkeys(str(one[4][0]) for one in found)))


def _from_tcp(facts: ReachFacts, uplink: MqttUplink, gateway: str, addresses: list[str]) -> ReachFacts:
    for address in addresses:
        try:
            plain = socket.create_connection((address, uplink.port), STEP_S)
        except OSError as error:
            facts = replace(facts, tcp_error=f"{address}: {in_words(error)}")
            continue
        with plain:
            facts = replace(facts, address=address, tcp_error="")
            return _from_tls(facts, uplink, gateway, plain) if uplink.tls else _from_mqtt(facts, uplink, gateway, plain)
    return facts


def _from_tls(facts: ReachFacts, uplink: MqttUplink, gateway: str, plain: socket.socket) -> ReachFacts:
    try:
        context = tls_context(uplink, clock_known=True)
        with context.wrap_socket(plain, server_hostname=uplink.host) as secured:
            shown = _described(secured.getpeercert(binary_form=True))
            facts = replace(facts, tls_version=secured.version() or "", presented=shown)
            return _from_mqtt(facts, uplink, gateway, secured)
    except EndedError as error:
        return replace(facts, tls_error=str(error))
    except ssl.SSLCertVerificationError as error:
        return replace(facts, tls_error=error.verify_message, presented=_shown_anyway(facts, uplink))
    except OSError as error:
        return replace(facts, tls_error=in_words(error))


def _shown_anyway(facts: ReachFacts, uplink: MqttUplink) -> Certificate | None:
    """Return the certificate that was refused. It is looked at and not trusted: nothing is sent on this connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        suppress(OSError),
        socket.create_connection((facts.address, uplink.port), STEP_S) as plain,
        context.wrap_socket(plain, server_hostname=uplink.host) as secured,
    ):
        return _described(secured.getpeercert(binary_form=True))
    return None


def _from_mqtt(facts: ReachFacts, uplink: MqttUplink, gateway: str, stream: socket.socket) -> ReachFacts:
    if facts.agent_connected:
        return facts
    try:
        password = None if uplink.password_file is None else uplink.password_file.read_bytes().strip(b"\r\n")
    except OSError as error:
        return replace(facts, mqtt_error=f"{uplink.password_file}: {in_words(error)}")
    facts = _introduce(facts, stream, gateway, uplink.username, password, 5)
    if facts.code != UNSUPPORTED_PROTOCOL and facts.mqtt_error != _HUNG_UP:
        return facts
    stream.close()
    return _introduce_anew(facts, uplink, gateway, password)


def _introduce_anew(facts: ReachFacts, uplink: MqttUplink, gateway: str, password: bytes | None) -> ReachFacts:
    """Try MQTT 3.1.1, as the agent does; a broker that knows no MQTT 5 says so, or hangs up."""
    with suppress(OSError, EndedError), socket.create_connection((facts.address, uplink.port), STEP_S) as plain:
        if not uplink.tls:
            return _introduce(facts, plain, gateway, uplink.username, password, 4)
        with tls_context(uplink, clock_known=True).wrap_socket(plain, server_hostname=uplink.host) as secured:
            return _introduce(facts, secured, gateway, uplink.username, password, 4)
    return facts


def _introduce(
    facts: ReachFacts, stream: socket.socket, gateway: str, user: str | None, password: bytes | None, level: Level
) -> ReachFacts:
    stream.settimeout(STEP_S)
    heard, code = b"", None
    try:
        stream.sendall(connect(f"{gateway}-doctor-{secrets.token_hex(3)}", level, user, password))
        while code is None and (more := stream.recv(_MOST)):
            heard += more
            code = connack(heard)
        if code == 0:
            stream.sendall(DISCONNECT)
    except NotMqtt:
        return replace(facts, mqtt_error="the answer is not MQTT", level=level, code=None)
    except ConnectionError:
        return replace(facts, mqtt_error=_HUNG_UP, level=level, code=None)
    except OSError as error:
        return replace(facts, mqtt_error=in_words(error), level=level, code=None)
    return replace(facts, code=code, level=level, mqtt_error="" if code is not None else _HUNG_UP)


# --- certificates ------------------------------------------------------------------------------------------------


def _in_file(path: Path | None) -> list[Certificate]:
    """Return the certificates in a PEM file; what cannot be read is the matter of `permissions`."""
    if path is None:
        return []
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError):
        return []
    return [replace(_certificate(one), file=str(path)) for one in found]


def _described(der: bytes | None) -> Certificate | None:
    if der is None:
        return None
    try:
        return _certificate(x509.load_der_x509_certificate(der))
    except ValueError:
        return None


def _certificate(one: x509.Certificate) -> Certificate:
    names: list[str] = []
    with suppress(x509.ExtensionNotFound, ValueError):
        alternatives = one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [str(name.value) for name in alternatives]
    subject = ", ".join([one.subject.rfc4514_string(), *names])
    return Certificate(
        subject=subject,
        issuer=one.issuer.rfc4514_string(),
        from_ms=round(one.not_valid_before_utc.timestamp() * 1000),
        until_ms=round(one.not_valid_after_utc.timestamp() * 1000),
    )
