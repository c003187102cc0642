"""The box: who it is, where its records go, where its panel listens, which rules apply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from agent.setup import readers
from agent.setup.dialogue import Ask, Do, Known, Tell
from config import values
from config.site import PACKS

if TYPE_CHECKING:
    from collections.abc import Generator

    from agent.setup.dialogue import Event
    from agent.setup.document import Document

    Step = Generator[Event, Any, Document]

MQTT: Final = ("uplink", "mqtt")


def gateway(timezone: str, language: str, host: str) -> Step:
    """Ask who the box is. The machine's own time zone, language and name are proposed."""
    yield Tell(key="step.gateway", step=1)
    speaks = yield Ask(
        key="gateway.language",
        path=("gateway", "language"),
        read=readers.one_of("zh", "en"),
        proposal=language,
        choices=("zh", "en"),
    )
    table: Document = dict((yield Known(("gateway",))) or {})
    table["id"] = yield Ask(key="gateway.id", path=("gateway", "id"), read=readers.gateway_id, proposal=host or None)
    name = yield Ask(key="gateway.name", path=("gateway", "name"), read=readers.label, optional=True)
    zone = yield Ask(
        key="gateway.timezone",
        path=("gateway", "timezone"),
        read=readers.checked(values.timezone),
        proposal=timezone,
    )
    table |= {"name": name, "timezone": zone, "language": speaks}
    return _written(table)


def broker(gateway_id: str) -> Step:
    """Ask for the broker until it answers, or the person goes on without."""
    yield Tell(key="step.broker", step=2)
    is_again = False
    while True:
        table: Document = yield from _broker_questions(fresh=is_again)
        if not table:
            return {}
        result = yield from _tried(table, gateway_id)
        if result["ok"]:
            yield Tell(key="broker.connected", fields=result)
            return table
        yield Tell(key="broker.failed", fields=result)
        choices = ("again", "change", "keep")
        then = yield Ask(
            key="broker.then", read=readers.one_of(*choices), proposal="change", choices=choices, fresh=True
        )
        if then == "keep":
            return table
        is_again = then == "change"


def _tried(table: Document, gateway_id: str) -> Step:
    wants = {"gateway": gateway_id, **{key: value for key, value in table.items() if isinstance(value, str)}}
    result: Document = yield Do(what="broker", wants=wants)
    return result


def _broker_questions(*, fresh: bool) -> Step:
    """Ask for the address, and for what such an address needs."""
    url = yield Ask(
        key="broker.url", path=(*MQTT, "url"), read=readers.broker_url, optional=True, proposal=None, fresh=fresh
    )
    if url is None:
        yield Tell(key="broker.none")
        return {}
    table: Document = dict((yield Known(MQTT)) or {})
    prefix = yield Ask(
        key="broker.prefix",
        path=(*MQTT, "prefix"),
        read=readers.checked(values.topic_prefix),
        proposal="plantgate",
        fresh=fresh,
    )
    user = yield Ask(key="broker.username", path=(*MQTT, "username"), optional=True, fresh=fresh)
    table |= {"url": url, "prefix": prefix, "username": user, "password_file": None, "ca_file": None}
    if user is not None:
        path = (*MQTT, "password_file")
        table["password_file"] = yield Ask(key="broker.password", path=path, secret=True, optional=True, fresh=fresh)
    if values.broker(url).tls:
        table["ca_file"] = yield Ask(key="broker.ca_file", path=(*MQTT, "ca_file"), optional=True, fresh=fresh)
    elif table["password_file"] is not None:
        yield Tell(key="broker.clear_text")
    return _written(table)


def packs() -> Generator[Event, Any, Document]:
    """Ask which groups of rules apply; all of them need no table."""
    yield Tell(key="step.packs", step=8)
    chosen = yield Ask(
        key="rules.packs",
        path=("rules", "packs"),
        read=readers.several(PACKS),
        proposal=list(PACKS),
        choices=PACKS,
    )
    return {} if set(chosen) == set(PACKS) else {"packs": chosen}


def panel() -> Step:
    """Ask where the panel listens."""
    yield Tell(key="step.panel", step=9)
    table: Document = dict((yield Known(("panel",))) or {})
    listen = yield Ask(
        key="panel.listen",
        path=("panel", "listen"),
        read=readers.checked(values.listen_address),
        proposal="127.0.0.1:8080",
        optional=True,
    )
    return {} if listen is None else {**table, "listen": listen}


def _written(table: Document) -> Document:
    """Return what is written of a table: what was left out is not."""
    return {key: value for key, value in table.items() if value is not None}
