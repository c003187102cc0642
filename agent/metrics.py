"""The agent's figures in the text format of Prometheus. Pure: answers of the local door in, text out.

Names are stable (`docs/metrics.md`): a figure is added, never renamed. What is not known is left out, never zero, so
that a graph shows a gap. Format: prometheus.io/docs/instrumenting/exposition_formats, version 0.0.4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
CODES: Final = {"green": 0, "yellow": 1, "red": 2}
CLOCKS: Final = ("sync", "hold", "unsync")

Labels = tuple[tuple[str, str], ...]
Sample = tuple[Labels, float]


@dataclass(frozen=True, slots=True)
class Family:
    """One figure: its name without the prefix, its type, its help."""

    name: str
    type: str
    help: str


_BUS: Final = (
    (Family("bus_connects_total", "counter", "Times the link of a bus was opened."), "connects"),
    (Family("bus_link_failures_total", "counter", "Times the link of a bus failed."), "link_failures"),
    (Family("bus_overruns_total", "counter", "Visits that came too late because the bus was full."), "overruns"),
    (Family("bus_noise_bytes_total", "counter", "Bytes on a line that belonged to no frame."), "noise_bytes"),
    (Family("bus_echoes_total", "counter", "Answers that were our own request."), "echoes"),
    (Family("bus_busy_ratio", "gauge", "Share of time something was under way on a bus, of late."), "busy"),
    (Family("bus_line_ratio", "gauge", "Share of time characters travelled on a line, of late."), "line"),
)
_DEVICE: Final = (
    (Family("device_requests_total", "counter", "Requests to a device."), "requests"),
    (Family("device_answers_total", "counter", "Sound answers of a device."), "answers"),
    (Family("device_timeouts_total", "counter", "Requests a device did not answer in time."), "timeouts"),
    (Family("device_bad_frames_total", "counter", "Answers with a wrong check sum or form."), "bad_frames"),
    (Family("device_strays_total", "counter", "Answers to another question, thrown away."), "strays"),
    (Family("device_age_seconds", "gauge", "Age of the last scan of a device, failed ones included."), "age_s"),
)
_OUTBOX: Final = (
    (Family("store_bytes", "gauge", "Bytes of the store in use."), "bytes"),
    (Family("store_limit_bytes", "gauge", "What the store may take."), "limit"),
    (Family("store_head_seq", "gauge", "Number of the last record of the chain."), "head"),
    (Family("backlog_records", "gauge", "Records that wait for delivery."), "waiting"),
    (Family("backlog_ratio", "gauge", "Share of the store that undelivered records take."), "waiting_share"),
    (Family("store_squeezed", "gauge", "1 while others have filled the disk."), "squeezed"),
)
_UPLINK: Final = (
    (Family("uplink_connected", "gauge", "1 while connected to the platform's broker."), "connected"),
    (Family("uplink_published_total", "counter", "Records handed to the broker."), "published"),
    (Family("uplink_acked_total", "counter", "Records the broker acknowledged."), "acked"),
    (Family("uplink_refused_total", "counter", "Records the broker refused."), "refused"),
    (Family("uplink_too_large_total", "counter", "Records too large for the broker."), "too_large"),
    (Family("uplink_outstanding", "gauge", "Records on the way, not acknowledged yet."), "outstanding"),
    (Family("uplink_parked", "gauge", "Records set aside because the broker refuses them."), "parked"),
    (Family("uplink_reconnects_total", "counter", "Times the link was made again."), "reconnects"),
    (Family("uplink_round_trip_seconds", "gauge", "Time from publishing to acknowledgement."), "rtt_s"),
)
_PROCESS: Final = (
    (Family("process_resident_bytes", "gauge", "Memory the agent holds."), "rss"),
    (Family("process_cpu_seconds_total", "counter", "Processor time of the agent."), "cpu_s"),
)
_UP: Final = Family("up", "gauge", "1 when the running agent answered this scrape.")
_INFO: Final = Family("info", "gauge", "Who this is; always 1.")
_CODE: Final = Family("health_code", "gauge", "0 green, 1 yellow, 2 red; line is empty for the whole plant.")
_CLOCK: Final = Family("clock_quality", "gauge", "1 for the quality the clock has now.")
_ALARMS: Final = Family("alarms_active", "gauge", "Active alarms by priority.")
_UNSEEN: Final = Family("alarms_unacknowledged", "gauge", "Alarms that ask for acknowledgement.")
_ESCALATED: Final = Family("alarms_escalated", "gauge", "Alarms escalated to the regulator.")
_ABSENT: Final = Family("device_absent", "gauge", "1 while a device does not answer.")
_EXCEPTIONS: Final = Family("device_exceptions_total", "counter", "Requests a device refused, by exception code.")
_VALUE: Final = Family("point_value", "gauge", "Last good value (flag N) of a point; left out while there is none.")
PRIORITIES: Final = ("critical", "high", "medium", "low")

FAMILIES: Final = (
    _UP,
    _INFO,
    _CODE,
    _CLOCK,
    _ALARMS,
    _UNSEEN,
    _ESCALATED,
    _ABSENT,
    _EXCEPTIONS,
    _VALUE,
    *(family for table in (_BUS, _DEVICE, _OUTBOX, _UPLINK, _PROCESS) for family, _ in table),
)
"""Every figure there is; a test compares with ``docs/metrics.md``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the agent answered to `status`, `watch` and `alarms`; empty where it did not."""

    status: Mapping[str, Any]
    watch: Mapping[str, Any]
    alarms: Mapping[str, Any]


def exposition(answers: Answers | None, gateway: str, units: Mapping[tuple[str, str], str] | None = None) -> str:
    """Return the text; ``None`` is an agent that is not to be asked. `units`: those of (device, point), with values."""
    base: Labels = (("gateway", gateway),)
    rows: dict[Family, list[Sample]] = {_UP: [(base, float(answers is not None))]}
    if answers is not None:
        for family, labels, value in _samples(answers, units):
            rows.setdefault(family, []).append((base + labels, value))
    return "".join(_block(family, rows[family]) for family in FAMILIES if family in rows)


def _samples(answers: Answers, units: Mapping[tuple[str, str], str] | None) -> Iterator[tuple[Family, Labels, float]]:
    health = _table(answers.status, "health")
    yield _INFO, (("software", str(answers.status.get("software", ""))),), 1.0
    yield from _codes(_table(answers.status, "code"))
    quality = answers.status.get("clock")
    if quality in CLOCKS:
        yield from ((_CLOCK, (("quality", one),), float(one == quality)) for one in CLOCKS)
    yield from _alarms(answers.alarms)
    yield from _buses(_table(answers.watch, "buses"))
    for name, told in _table(answers.watch, "devices").items():
        yield from _device(name, told, _table(answers.watch, "buses"), units)
    for table, fields in ((_OUTBOX, "outbox"), (_UPLINK, "uplink"), (_PROCESS, "process")):
        yield from _figures(table, _table(health, fields), ())


def _figures(
    table: tuple[tuple[Family, str], ...], told: Mapping[str, Any], labels: Labels
) -> Iterator[tuple[Family, Labels, float]]:
    for family, member in table:
        if (value := _number(told.get(member))) is not None:
            yield family, labels, value


def _codes(code: Mapping[str, Any]) -> Iterator[tuple[Family, Labels, float]]:
    colours = {"": code.get("plant"), **_table(code, "lines")}
    for line, colour in colours.items():
        if colour in CODES:
            yield _CODE, (("line", line),), float(CODES[colour])


def _alarms(told: Mapping[str, Any]) -> Iterator[tuple[Family, Labels, float]]:
    rows = told.get("alarms")
    if not isinstance(rows, list):
        return
    for priority in PRIORITIES:
        active = sum(bool(row.get("active")) for row in rows if row.get("priority") == priority)
        yield _ALARMS, (("priority", priority),), float(active)
    yield _UNSEEN, (), float(sum(row.get("status") in ("unacknowledged", "returned") for row in rows))
    yield _ESCALATED, (), float(sum(bool(row.get("escalated")) for row in rows))


def _buses(buses: Mapping[str, Any]) -> Iterator[tuple[Family, Labels, float]]:
    for name, told in buses.items():
        yield from _figures(_BUS, told, (("bus", name),))


def _device(
    name: str, told: Mapping[str, Any], buses: Mapping[str, Any], units: Mapping[tuple[str, str], str] | None
) -> Iterator[tuple[Family, Labels, float]]:
    bus = str(told.get("bus", ""))
    labels: Labels = (("bus", bus), ("device", name))
    yield _ABSENT, labels, float(name in (_table(buses, bus).get("absent") or ()))
    yield from _figures(_DEVICE, told, labels)
    for code, count in _table(told, "exceptions").items():
        if (value := _number(count)) is not None:
            yield _EXCEPTIONS, (*labels, ("code", str(code))), value
    for point, told_value in _table(told, "values").items() if units is not None else ():
        value = _number(told_value)
        if units is not None and value is not None and point not in _table(told, "flags"):
            yield _VALUE, (*labels, ("point", point), ("unit", units.get((name, point), ""))), value


def _table(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = told.get(name)
    return found if isinstance(found, dict) else {}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


# --- the format --------------------------------------------------------------------------------------------------


def _block(family: Family, samples: list[Sample]) -> str:
    name = f"plantgate_{family.name}"
    lines = [f"# HELP {name} {family.help}", f"# TYPE {name} {family.type}"]
    lines += [f"{name}{_labels(labels)} {_shown(value)}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def _labels(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{escaped(value)}"' for name, value in labels) + "}"


def escaped(value: str) -> str:
    r"""Return a label's value as the format wants it: ``\``, ``"``, line feeds escaped; other controls are blanks."""
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return "".join(one if one.isprintable() else " " for one in text)


def _shown(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)  # noqa: PLR2004 -- exact so far
