"""Whether the platform's broker can be reached and would let us in, and until when the certificates are good."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from agent.doctor.finding import find, part
from agent.doctor.reach import ReachFacts, probe
from agent.uplink.endings import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.doctor.case import Case
    from agent.doctor.finding import Finding
    from agent.doctor.reach import Certificate

SOON_MS: Final = 30 * 86_400_000
_NOT_THIS_ID: Final = 0x85
_PASSWORD: Final = frozenset({0x86, 0x87})


def judge(facts: ReachFacts, wall_ms: int) -> list[Finding]:
    """Return what is to be said of the way to the broker."""
    where = f"{facts.host}:{facts.port}"
    found = [*_way(facts, where), *_dates(facts, wall_ms, where)]
    if facts.address and not facts.tls:
        found.append(find("broker-plain", where))
    return found


def _way(facts: ReachFacts, where: str) -> Iterator[Finding]:
    told = {"host": facts.host, "port": facts.port}
    if facts.name_error:
        yield find("broker-name", where, error=facts.name_error, **told)
    elif not facts.address:
        yield find("broker-silent", where, error=facts.tcp_error, **told)
    elif facts.tls_error:
        yield _untrusted(facts, where, told)
    elif facts.agent_connected and not facts.agent_sure:
        yield find("broker-not-tried", where, address=facts.address, tls=facts.tls_version or "TCP")
    elif facts.agent_connected:
        yield find("broker-fine-agent", where, address=facts.address, tls=facts.tls_version or "TCP")
    elif facts.code is None:
        yield find("broker-no-mqtt", where, error=facts.mqtt_error, **told)
    elif facts.code == _NOT_THIS_ID:
        yield find("broker-own-id-only", where)
    elif facts.code:
        name = "broker-password" if facts.code in _PASSWORD else "broker-refused"
        yield find(name, where, reason=words_of(facts.code), **told)
    else:
        level = "5" if facts.level == 5 else "3.1.1"  # noqa: PLR2004 -- the protocol level of CONNECT
        yield find("broker-fine", where, address=facts.address, tls=facts.tls_version or "TCP", level=level)


def _untrusted(facts: ReachFacts, where: str, told: dict[str, Any]) -> Finding:
    shown = facts.presented
    if shown is None:
        return find("broker-tls", where, error=facts.tls_error, **told)
    return find(
        "broker-certificate",
        where,
        error=facts.tls_error,
        subject=shown.subject,
        issuer=shown.issuer,
        since=_day(shown.from_ms),
        until=_day(shown.until_ms),
        **told,
    )


def _dates(facts: ReachFacts, wall_ms: int, where: str) -> Iterator[Finding]:
    if facts.presented is not None and not facts.tls_error:
        yield from _date(facts.presented, wall_ms, where, ("broker-certificate-over", "broker-certificate-soon"))
    for one in facts.ours:
        yield from _date(one, wall_ms, one.file, ("certificate-over", "certificate-soon"))


def _date(one: Certificate, wall_ms: int, where: str, names: tuple[str, str]) -> Iterator[Finding]:
    told = {"subject": one.subject, "until": _day(one.until_ms), "since": _day(one.from_ms)}
    if wall_ms < one.from_ms:
        yield find("certificate-early", where, **told)
    elif wall_ms >= one.until_ms:
        yield find(names[0], where, **told)
    elif one.until_ms - wall_ms < SOON_MS:
        yield find(names[1], where, days=(one.until_ms - wall_ms) // 86_400_000, **told)


def _day(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d}"


def look(case: Case) -> list[Finding]:
    """Go the way and judge it."""
    if case.site is None:
        return []
    if case.site.uplink is None:
        return [find("broker-none", case.path)]
    answers = case.answers
    is_sure = answers.status is not None or answers.is_gone
    connected = part(answers.status, "health", "uplink").get("connected") is True
    facts = probe(case.site.uplink, case.site.gateway.id, agent_connected=connected or not is_sure)
    return judge(replace(facts, agent_sure=is_sure), case.machine.wall_ms)
