"""A connection to the broker, made to find out whether the answers are right: the agent's own way, as far as SUBACK.

Name, TCP, TLS, CONNECT and its answer, and one subscription to the box's own commands, by the same code that the
publisher uses (`agent.uplink`). Nothing is published: we say goodbye, so the broker keeps our will to itself, and the
will would not be retained.

The box may be at work already under its id, and a second client of that id throws it out. So the trial adds ``-init``;
only a broker that refuses that name is asked once more with the id itself.
"""

from __future__ import annotations

import json
import select
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from agent.uplink.dial import Deadline, Resolver, connect, in_words, secure, tls_context
from agent.uplink.endings import Cause, EndedError, words_of
from agent.uplink.mqtt import Connection, Introduction, Will
from agent.uplink.retry import Dialect
from agent.uplink.topics import Topics
from agent.uplink.tuning import Tuning

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from config.site import MqttUplink
    from drivers.reading import Clock

MOST_TRIES: Final = 4
"""MQTT 5 and 3.1.1, each with and without ``-init``."""
REFUSED: Final = 0x80
"""SUBACK codes from here on are refusals (MQTT 5 section 3.9.3)."""
_NAME_REFUSED: Final = (0x85, 0x87)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of it: whether it connected, the reason in words where not, what to do in both languages."""

    ok: bool
    words: str
    zh: str = ""
    en: str = ""
    protocol: str = ""
    topic: str = ""


class Trial:
    """One trial. `said` hears what is being done, stage by stage."""

    def __init__(
        self,
        uplink: MqttUplink,
        gateway: str,
        *,
        clock: Clock,
        clock_known: bool,
        said: Callable[[str], None],
        tuning: Tuning | None = None,
    ) -> None:
        self._uplink, self._gateway = uplink, gateway
        self._clock, self._clock_known = clock, clock_known
        self._said = said
        self._tuning = tuning or Tuning()
        self._topics = Topics(uplink.prefix, gateway)
        self._wake_out, self._wake_in = socket.socketpair()

    def run(self) -> Verdict:
        """Try, in each protocol and under each name that the broker may want."""
        dialect, client = Dialect(), f"{self._gateway}-init"
        ending = EndedError(Cause.DROPPED, "not tried")
        try:
            for _ in range(MOST_TRIES):
                try:
                    return self._once(dialect, client)
                except EndedError as error:
                    ending = error
                level = dialect.level
                dialect.refused(ending, connack_awaited=ending.cause is not Cause.UNREACHABLE)
                if ending.code in _NAME_REFUSED and client != self._gateway:
                    client = self._gateway
                elif dialect.level == level and ending.cause is not Cause.CLOSED:
                    break
        finally:
            self._wake_out.close()
            self._wake_in.close()
        chinese, english = remedy(ending, self._uplink)
        return Verdict(ok=False, words=str(ending), zh=chinese, en=english)

    # --- one connection ----------------------------------------------------------------------------------------------

    def _once(self, dialect: Dialect, client: str) -> Verdict:
        connection = _Subscribing(self._connected(), self._introduction(dialect, client))
        try:
            self._until(connection, lambda: connection.terms is not None, self._tuning.connack_s, "no CONNACK")
            topic = self._topics.of("cmd")
            self._said(f"SUBSCRIBE {topic}")
            connection.subscribe(topic)
            self._until(connection, lambda: connection.granted is not None, self._tuning.connack_s, "no SUBACK")
        except EndedError:
            connection.close()
            raise
        connection.goodbye()
        return self._verdict(connection, topic)

    def _connected(self) -> socket.socket:
        uplink, tuning = self._uplink, self._tuning
        context = tls_context(uplink, clock_known=self._clock_known) if uplink.tls else None
        self._said(f"DNS {uplink.host}")
        resolver = Resolver(uplink.host, uplink.port, wake=self._wake)
        addresses = resolver.addresses(self._wait, Deadline(self._clock, tuning.resolve_s))
        name = f"{uplink.host}:{uplink.port}"
        self._said(f"TCP {name}")
        sock = connect(addresses, name, self._wait, Deadline(self._clock, tuning.connect_s))
        if context is None:
            return sock
        self._said(f"TLS {name}")
        return secure(sock, context, uplink.host, self._wait, Deadline(self._clock, tuning.handshake_s))

    def _introduction(self, dialect: Dialect, client: str) -> Introduction:
        farewell = json.dumps({"online": False, "reason": "init"}).encode()
        self._said(f"MQTT {'5' if dialect.level == 5 else '3.1.1'} CONNECT {client}")  # noqa: PLR2004  protocol level
        return Introduction(
            client_id=client,
            protocol=dialect.level,
            keepalive_s=int(self._uplink.keepalive_s),
            will=Will(topic=self._topics.status, payload=farewell, retain=False, delay_s=0),
            username=self._uplink.username,
            password=self._password(),
        )

    def _password(self) -> str | None:
        path = self._uplink.password_file
        try:
            return None if path is None else path.read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeError) as error:
            raise EndedError(Cause.LOCAL, f"cannot read the password file {path}: {in_words(error)}") from None

    def _verdict(self, connection: _Subscribing, topic: str) -> Verdict:
        version = "MQTT 5" if connection.protocol == 5 else "MQTT 3.1.1"  # noqa: PLR2004  protocol level
        granted = connection.granted if connection.granted is not None else REFUSED
        if granted < REFUSED:
            return Verdict(ok=True, words=version, protocol=version, topic=topic)
        return Verdict(
            ok=False,
            words=f"{version} connected, but the subscription to {topic} is refused: {words_of(granted)}",
            zh="请平台管理员允许此用户读写本网关的主题",
            en="ask the platform's administrator to let this user read and write the topics of this gateway",
        )

    # --- waiting -----------------------------------------------------------------------------------------------------

    def _until(self, connection: Connection, holds: Callable[[], bool], seconds: float, otherwise: str) -> None:
        deadline = Deadline(self._clock, seconds)
        while not holds():
            if connection.over is not None:
                raise connection.over
            if deadline.left_s() == 0:
                raise EndedError(Cause.SILENT, f"{otherwise} within {seconds:g} s")
            interest = connection.interest
            ready = self._wait(interest, deadline.left_s())
            connection.turn(readable=any(ready.get(fd, 0) & ~select.POLLOUT for fd in interest))

    def _wake(self) -> None:
        self._wake_in.send(b"w")

    def _wait(self, interest: Mapping[int, int], timeout_s: float) -> Mapping[int, int]:
        poll = select.poll()
        wake = self._wake_out.fileno()
        poll.register(wake, select.POLLIN)
        for fd, mask in interest.items():
            poll.register(fd, mask)
        ready = dict(poll.poll(1000.0 * min(timeout_s, self._tuning.turn_s)))
        if ready.pop(wake, 0):
            self._wake_out.recv(4096)
        return ready


class _Subscribing(Connection):
    """A connection that may also subscribe; the publisher's has no use for it. `granted` is SUBACK's code."""

    granted: int | None = None

    def subscribe(self, topic: str) -> None:
        """Send SUBSCRIBE, QoS 1."""
        self._client.on_subscribe = self._on_subscribe
        self._client.subscribe(topic, 1)
        self.flush()

    def _on_subscribe(self, _c: Any, _u: Any, _mid: int, codes: list[Any], _p: Any) -> None:
        self.granted = int(codes[0].value)


# --- what to do -------------------------------------------------------------------------------------------------------

_BY_WORDS: Final = (
    (
        ("self-signed", "self signed"),
        "服务器用自签名证书：向平台索取其 CA 证书文件，并填入 CA 文件",
        "its certificate is self-signed: get the platform's CA file and name it as CA file",
    ),
    (
        ("unable to get local issuer", "unable to verify"),
        "CA 文件不对或缺失：向平台索取签发该证书的 CA 证书",
        "the CA file is missing or another one: get that of the authority which issued the certificate",
    ),
    (
        ("has expired", "not yet valid"),
        "证书过期，或本机时钟不对：先核对日期（timedatectl）",
        "the certificate is out of date, or this box's clock is wrong: look at the date first (timedatectl)",
    ),
    (
        ("hostname mismatch", "ip address mismatch", "not valid for"),
        "证书不是签给该地址的：请用证书上的域名填写地址",
        "the certificate is for another name: write the address as the certificate has it",
    ),
    (
        ("wrong version number", "record layer failure", "unexpected eof", "http request"),
        "该端口不使用 TLS：改用 mqtt://，或换成 TLS 端口（通常 8883）",
        "that port speaks no TLS: write mqtt://, or the TLS port (mostly 8883)",
    ),
    (
        ("certificate required", "alert handshake failure", "bad certificate", "alert unknown ca"),
        "服务器要求客户端证书：在站点文件 [uplink.mqtt] 中填写 cert_file 和 key_file",
        "the broker wants a client certificate: write cert_file and key_file in [uplink.mqtt] of the site file",
    ),
    (
        ("cannot resolve",),
        "域名无法解析：检查拼写、网线和 DNS 设置",
        "the name is not known: check its spelling, the cable and the DNS settings",
    ),
    (
        ("connection refused",),
        "主机在，但该端口无服务：检查端口（1883，TLS 为 8883）",
        "the host is there, but nobody listens at that port: check it (1883, with TLS 8883)",
    ),
)

_BY_CAUSE: Final = {
    Cause.UNREACHABLE: (
        "没有应答：检查网线、路由、防火墙，以及地址和端口",
        "no answer: check the cable, the route, the firewall, the address and the port",
    ),
    Cause.DENIED: (
        "服务器拒绝登录：检查用户名和密码，以及网关编号是否已在平台登记",
        "it does not let us in: check user and password, and whether the platform knows this gateway id",
    ),
    Cause.CLOSED: (
        "一连上就被断开：该端口可能要求 TLS（mqtts://），或不是 MQTT",
        "it hangs up at once: that port may want TLS (mqtts://), or speak no MQTT",
    ),
    Cause.SILENT: (
        "已连上但无 MQTT 应答：该端口可能不是 MQTT",
        "connected, but no word of MQTT: that port may speak something else",
    ),
    Cause.BUSY: ("服务器忙：稍后再试", "the broker is busy: try again later"),
    Cause.LOCAL: ("检查证书和密码文件", "check the certificate and password files"),
}


def remedy(ending: EndedError, uplink: MqttUplink) -> tuple[str, str]:
    """Return what most likely mends it, in Chinese and in English."""
    words = str(ending).lower()
    for signs, chinese, english in _BY_WORDS:
        if any(sign in words for sign in signs):
            return chinese, english
    if ending.cause is Cause.DROPPED and not uplink.tls:
        return _BY_CAUSE[Cause.CLOSED]
    return _BY_CAUSE.get(ending.cause, ("", ""))
