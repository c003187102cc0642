"""What the control door does, for people of this machine: one function for each verb, over the pollers that run now.

{"do": "status"}                               one line: who this is and how it goes
{"do": "read", "devices": ["press-1", …]}      one more visit of each (of all, when none is named)
{"do": "look", "device": "press-1", "points": […]}    one visit that reads other points (`agent.looks`)
{"do": "watch"}                                everything, at once and then every second

What concerns alarms, rules and the book is handed over to the pipeline, whose they are (`agent.office`); verbs that
only look are those of the panel's door, too (`agent.panel_verbs.looking`). Who asks is known by the user's number, so
nobody may say ``user`` here.
"""

from __future__ import annotations

import difflib
import pwd
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, Final

from agent.caller import Answer, Later, Repeated
from agent.control import Unwilling
from agent.errands import NoVisit
from agent.intake import Ask
from agent.live import View, joined, report, unanswered
from agent.looks import look
from agent.office import VERBS, Refused
from config.visits import visits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from agent.caller import Request
    from agent.control import Outcome, Verb
    from agent.intake import Intake
    from agent.poller import Poller
    from config.site import Device
    from drivers.reading import Clock, Scan


PANELS: Final = ("audit",)
"""What only the panel may ask of the pipeline."""


def local_verbs(
    pollers: Callable[[], Sequence[Poller]],
    status: Callable[[], Mapping[str, Any]],
    clock: Clock,
    intake: Intake,
    looks: Mapping[str, Verb],
) -> dict[str, Verb]:
    """Return the verbs of a running agent; `looks` are those of both doors. A later one is one more row."""
    view = View(pollers, clock)
    verbs: dict[str, Verb] = {do: lambda request: hand_over(request, intake) for do in VERBS if do not in PANELS}
    verbs |= {
        "status": lambda _: dict(status()),
        "read": lambda request: read(request, pollers()),
        "look": lambda request: look(request, pollers()),
        "watch": lambda _: Repeated(view.line),
        **looks,
    }
    return {do: _by_number(verb) for do, verb in verbs.items()}


def _by_number(verb: Verb) -> Verb:
    """Return a verb that refuses to be told who asks."""

    def asked(request: Request) -> Outcome:
        if "user" in request.words:
            raise Unwilling('"user" means nothing here: who asks is known by the number of the user')
        return verb(request)

    return asked


def read(request: Request, pollers: Sequence[Poller]) -> Later:
    """Ask for one visit of each device that is wanted. Raises Unwilling."""
    homes = {device.spec.name: (poller, device) for poller in pollers for device in poller.devices}
    asked: list[tuple[Device, list[tuple[Device, Future[Scan]]]]] = []
    for poller, device in (homes[name] for name in _wanted(request, homes)):
        asked.append((device, [(visit, poller.ask(visit.spec.name)) for visit in visits(device)]))

    def answer() -> Answer:
        return {"devices": {device.spec.name: joined(device, [_told(*one) for one in each]) for device, each in asked}}

    return Later([future for _, each in asked for _, future in each], answer)


def hand_over(request: Request, intake: Intake) -> Later:
    """Have the pipeline do it, between two scans."""
    words = {word: value for word, value in request.words.items() if word != "do"}
    return handed_over(Ask(request.words["do"], words, {"who": user(request.uid), "uid": request.uid}), intake)


def handed_over(ask: Ask, intake: Intake) -> Later:
    """Return the answer that the pipeline will give."""
    intake.tell(ask)

    def answer() -> Answer:
        try:
            return ask.answer.result(0)
        except Refused as reason:
            raise Unwilling(str(reason)) from None
        except CancelledError:
            raise Unwilling("the pipeline is busy; nothing was done, try again") from None
        except TimeoutError:
            raise Unwilling("the pipeline is still at it; look whether it was done before you ask again") from None

    return Later([ask.answer], answer)


def user(uid: int) -> str:
    """Return the name of a user of this machine, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _wanted(request: Request, homes: Mapping[str, object]) -> list[str]:
    names = request.words.get("devices", list(homes))
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Unwilling('"devices" is a list of names')
    for name in names:
        if name not in homes:
            near = difflib.get_close_matches(name, homes, 1)
            raise Unwilling(f"the running agent has no device {name!r}" + (f"; it has {near[0]!r}" if near else ""))
    return list(dict.fromkeys(names))


def _told(visit: Device, future: Future[Scan]) -> Answer:
    if not future.done() or future.cancelled():
        return unanswered(visit, "the bus was too busy for one more visit")
    error = future.exception()
    return unanswered(visit, str(error)) if isinstance(error, NoVisit) else report(visit, future.result())
