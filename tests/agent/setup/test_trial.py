"""The broker's trial: what a failure most likely means, in both languages. Live brokers are in tests/e2e."""

from __future__ import annotations

import pytest

from agent.cli.init_deeds import uplink_of
from agent.setup.trial import remedy
from agent.uplink.endings import Cause, EndedError

PLAIN = {"url": "mqtt://h", "prefix": "x"}
TLS = {"url": "mqtts://h", "prefix": "x"}
ENDINGS: dict[str, tuple[Cause, str, dict[str, str], str, str]] = {
    "own certificate": (
        Cause.UNTRUSTED,
        "certificate of h refused: self-signed certificate",
        TLS,
        "CA 文件",
        "CA file",
    ),
    "other authority": (
        Cause.UNTRUSTED,
        "certificate of h refused: unable to get local issuer certificate",
        TLS,
        "CA 证书",
        "CA file is missing",
    ),
    "expired": (Cause.UNTRUSTED, "certificate of h refused: certificate has expired", TLS, "时钟", "clock"),
    "another name": (Cause.UNTRUSTED, "certificate of h refused: Hostname mismatch, …", TLS, "域名", "another name"),
    "no TLS there": (Cause.DROPPED, "TLS with h failed: wrong version number", TLS, "mqtt://", "speaks no TLS"),
    "client certificate": (Cause.UNTRUSTED, "… alert certificate required", TLS, "cert_file", "cert_file"),
    "unknown name": (Cause.UNREACHABLE, "cannot resolve h: …", PLAIN, "DNS", "DNS"),
    "nobody listens": (Cause.UNREACHABLE, "cannot reach h:1883: connection refused", PLAIN, "端口", "1883"),
    "no answer": (Cause.UNREACHABLE, "cannot reach h:1883: no answer", PLAIN, "防火墙", "firewall"),
    "wrong password": (Cause.DENIED, "refused: bad user name or password (0x86)", PLAIN, "密码", "password"),
    "TLS wanted": (Cause.CLOSED, "the broker closed the connection", PLAIN, "mqtts://", "mqtts://"),
    "not MQTT": (Cause.DROPPED, "the broker sent what is not MQTT: …", PLAIN, "不是 MQTT", "no MQTT"),
    "silent": (Cause.SILENT, "no CONNACK within 5 s", PLAIN, "不是 MQTT", "no word of MQTT"),
}


@pytest.mark.parametrize(("cause", "words", "table", "chinese", "english"), ENDINGS.values(), ids=ENDINGS)
def test_every_failure_is_explained(
    tmp_path_factory: pytest.TempPathFactory,
    cause: Cause,
    words: str,
    table: dict[str, str],
    chinese: str,
    english: str,
) -> None:
    """What most likely mends it."""
    said = remedy(EndedError(cause, words), uplink_of(table, tmp_path_factory.getbasetemp()))

    assert chinese in said[0]
    assert english in said[1]
