"""Looking at points that no site names, through the running agent: ``{"do": "look", "device": …, "points": […]}``.

What `plantgate identify` asks for. Each look is one errand of the bus's thread, so that polling waits for one visit at
most; the points travel as JSON, and what comes back says why when nothing came.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final

from agent.caller import Answer, Later
from agent.control import Unwilling
from agent.errands import NoVisit
from drivers.errors import DriverError, LinkDown, NoAnswer
from drivers.reading import Scan
from drivers.spec import FactorSpec, FieldSpec, ItemSpec, PointSpec, Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Future

    from agent.caller import Request
    from agent.control_client import Visit
    from agent.poller import Poller
    from drivers.spec import AnyPoint

MOST_POINTS: Final = 32
"""Of one look: its request is one line of limited length, and the bus has other things to do."""
KINDS: Final = {"table": PointSpec, "item": ItemSpec, "factor": FactorSpec, "field": FieldSpec}
"""The kinds of points by the key that only they have."""


def packed(point: AnyPoint) -> dict[str, Any]:
    """Return a point as JSON can hold it: what differs from the usual."""
    said = {one.name: getattr(point, one.name) for one in fields(point)}
    return {one.name: said[one.name] for one in fields(point) if said[one.name] != one.default}


def unpacked(words: Any) -> AnyPoint:
    """Return the point that was `packed`. Raises Unwilling."""
    kind: Any = next((kind for key, kind in KINDS.items() if isinstance(words, dict) and key in words), None)
    if kind is None or not all(isinstance(words.get(key, ""), str) for key in ("name", "item", "type", "order")):
        raise Unwilling('"points" is a list of points like {"name":"v","table":"holding","at":0,"type":"uint16"}')
    told = {key: tuple(value) if isinstance(value, list) else value for key, value in words.items()}
    try:
        if "table" in told:
            told["table"] = Table(words["table"])
        point: AnyPoint = kind(**told)
    except (TypeError, ValueError) as error:
        raise Unwilling(f"not a point: {error}") from None
    return point


def look(request: Request, pollers: Sequence[Poller]) -> Later:
    """Ask for one visit of a device that reads other points than the site's. Raises Unwilling."""
    name, points = request.words.get("device"), request.words.get("points")
    homes = {device.spec.name: (poller, device) for poller in pollers for device in poller.devices}
    if not isinstance(name, str) or name not in homes:
        raise Unwilling(f"the running agent has no device {name!r}")
    if not isinstance(points, list) or not 0 < len(points) <= MOST_POINTS:
        raise Unwilling(f'"points" is a list of 1 to {MOST_POINTS} points')
    poller, device = homes[name]
    future = poller.look(replace(device.spec, points=tuple(map(unpacked, points)), statuses=()))
    return Later([future], lambda: _told(future))


def _told(future: Future[Scan]) -> Answer:
    if not future.done() or future.cancelled():
        return {"nothing": "the bus was too busy for one more visit"}
    error = future.exception()
    if error is None:
        scan = future.result()
        return {"values": list(scan.values), "flags": scan.flags, "fault": scan.fault}
    return {"nothing": str(error), "down": isinstance(error, LinkDown | NoVisit)}


def looked(agent: Visit, device: str, points: Sequence[AnyPoint]) -> Scan:
    """Have the running agent look; the other side of `look`. Raises DriverError, and what `Visit.ask` raises."""
    values: list[Any] = []
    flags = ""
    for start in range(0, len(points), MOST_POINTS):
        part = [packed(point) for point in points[start : start + MOST_POINTS]]
        said = agent.ask({"do": "look", "device": device, "points": part})
        if "nothing" in said:
            raise _error(said)
        values += said["values"]
        flags += said["flags"]
    return Scan(device, 0, 0, tuple(values), flags)


def _error(said: Mapping[str, Any]) -> DriverError:
    return (LinkDown if said.get("down") else NoAnswer)(said["nothing"])
