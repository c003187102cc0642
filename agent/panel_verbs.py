"""What the panel's door does: a narrow table of verbs, and whoever acts is an account of the panel.

    {"do": "alarms"}                                                asking: as at the control door
    {"do": "acknowledge", "alarm": "rule.T1.paint", "user": "wang"}    acting: the same, and `user` says who
    {"do": "audit", "event": "login", "user": "wang", "address": "192.168.10.77"}    something happened at the panel

The panel is believed about who its accounts are, and about nothing else: what it sends is bounded in form and in rate,
its records name it (`by` has `door` and the number of the user as which it runs), and verbs that touch a line
(``read``, ``look``) or speak for the whole box are not here.

`looking` are the verbs that only look, for both doors.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from agent.caller import Later, Repeated, Request
from agent.control import Unwilling
from agent.intake import Ask
from agent.local_verbs import handed_over
from agent.look_back import WORDS as JOURNAL
from agent.look_back import journal
from agent.notices import NAMELESS
from agent.office import ACTING, ASKING
from agent.queries import looked_up
from agent.trend import WORDS as TREND
from agent.trend import trend

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agent.board import Board
    from agent.caller import Answer
    from agent.control import Outcome, Verb
    from agent.intake import Intake
    from agent.queries import Queries
    from buffer.history import History
    from buffer.journal import Journal
    from config.site import Device
    from drivers.reading import Clock

DOOR: Final = "panel"
LONGEST_NAME: Final = 64
MOST_A_MINUTE: Final = 120
"""Events that the panel may have recorded, and acts of its people, each: a record that is not a reading stays."""
_MINUTE_NS: Final = 60_000_000_000


def looking(
    site: Callable[[], Answer],
    board: Board,
    devices: Callable[[], Sequence[Device]],
    support: Callable[[], Answer],
    history: History,
    kept: Journal,
    queries: Queries,
) -> dict[str, Verb]:
    """Return the verbs that only look. `site` and `support` are called on the thread of the queries."""
    return {
        "site": _known(lambda _: looked_up(queries, site)),
        "follow": _known(lambda _: Repeated(board.line)),
        "trend": _known(lambda request: trend(request, devices(), history, queries), *TREND),
        "journal": _known(lambda request: journal(request, kept, queries), *JOURNAL),
        "support": _known(lambda _: looked_up(queries, support)),
    }


def _known(verb: Verb, *names: str) -> Verb:
    """Return a verb that refuses words it does not know: whoever mistypes one would be told something else."""

    def asked(request: Request) -> Outcome:
        strange = sorted(request.words.keys() - {"do", *names})
        if strange:
            raise Unwilling(f"{strange[0]!r} is not known here; known: {', '.join(names) or 'nothing'}")
        return verb(request)

    return asked


def panel_verbs(looks: Mapping[str, Verb], intake: Intake, clock: Clock) -> dict[str, Verb]:
    """Return the verbs of the panel's door."""
    desk = _Desk(intake, clock)
    return {
        **{do: _nobodys(verb) for do, verb in looks.items()},
        **{do: _nobodys(desk.asks) for do in ASKING},
        **dict.fromkeys(ACTING, desk.acts),
        "audit": desk.records,
    }


class Pace:
    """At most so many in any minute."""

    def __init__(self, most: int = MOST_A_MINUTE) -> None:
        self._admitted: deque[int] = deque(maxlen=most)

    def admits(self, now_ns: int) -> bool:
        """Whether there may be one more now; if so, it counts."""
        is_full = len(self._admitted) == self._admitted.maxlen
        if is_full and now_ns - self._admitted[0] < _MINUTE_NS:
            return False
        self._admitted.append(now_ns)
        return True


class _Desk:
    """Hands on what the panel asks of the pipeline. Used by the door's thread."""

    def __init__(self, intake: Intake, clock: Clock) -> None:
        self._intake, self._clock = intake, clock
        self._acts, self._events = Pace(), Pace()
        self._unrecorded = 0

    def asks(self, request: Request) -> Later:
        """Hand over a question."""
        return self._handed(request, None, request.words)

    def acts(self, request: Request) -> Later:
        """Hand over what a person does. Raises Unwilling."""
        user = named(request)
        if not self._acts.admits(self._clock.mono_ns()):
            raise Unwilling(f"more than {MOST_A_MINUTE} a minute; try again in a moment")
        return self._handed(request, user, request.words)

    def records(self, request: Request) -> Later:
        """Have an event recorded, with how many before it were refused for their number. Raises Unwilling."""
        user = request.words.get("user")
        user = None if request.words.get("event") in NAMELESS and not _is_name(user) else named(request)
        if "unrecorded" in request.words:
            raise Unwilling('"unrecorded" is the agent\'s own')
        if not self._events.admits(self._clock.mono_ns()):
            self._unrecorded += 1
            raise Unwilling(f"more than {MOST_A_MINUTE} events a minute; this one is only counted")
        unrecorded, self._unrecorded = self._unrecorded, 0
        later = self._handed(request, user, {**request.words, **({"unrecorded": unrecorded} if unrecorded else {})})

        def answer() -> Answer:
            try:
                return later.answer()
            except Unwilling:
                self._unrecorded += unrecorded
                raise

        return Later(later.futures, answer)

    def _handed(self, request: Request, user: str | None, words: Mapping[str, Any]) -> Later:
        rest = {word: value for word, value in words.items() if word not in ("do", "user")}
        return handed_over(
            Ask(request.words["do"], rest, {"who": user, "uid": request.uid, "door": DOOR}), self._intake
        )


def named(request: Request) -> str:
    """Return the account that a request is from. Raises Unwilling."""
    user = request.words.get("user")
    if user is None:
        raise Unwilling('who does it? "user" is missing')
    if not _is_name(user):
        raise Unwilling(f'"user" must be a name of 1 to {LONGEST_NAME} printable characters')
    return str(user)


def _is_name(user: object) -> bool:
    return isinstance(user, str) and 0 < len(user) <= LONGEST_NAME and user.isprintable() and user.strip() == user


def _nobodys(verb: Verb) -> Verb:
    """Return a verb that does not care who asks: a `user` must be one, and is left out."""

    def asked(request: Request) -> Any:
        if "user" in request.words:
            named(request)
        words = {word: value for word, value in request.words.items() if word != "user"}
        return verb(Request(words, request.uid))

    return asked
